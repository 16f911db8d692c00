#define _GNU_SOURCE
#include "journal/record.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static void put16(unsigned char *to, uint16_t v) {
	to[0] = (unsigned char) v;
	to[1] = (unsigned char) (v >> 8);
}

static void put32(unsigned char *to, uint32_t v) {
	put16(to, (uint16_t) v);
	put16(to + 2, (uint16_t) (v >> 16));
}

static void put64(unsigned char *to, uint64_t v) {
	put32(to, (uint32_t) v);
	put32(to + 4, (uint32_t) (v >> 32));
}

void sentry_record_process(struct sentry_record *r, enum sentry_process process) {
	r->head[SENTRY_AT_PROCESS] = (unsigned char) process;
}

void sentry_record_begin(struct sentry_record *r, enum sentry_kind kind, enum sentry_process process, uint32_t pid, uint16_t worker, uint16_t core) {
	memset(r->head, 0, sizeof(r->head));
	memcpy(r->head + SENTRY_AT_MAGIC, "\xa7US", 3);
	r->head[SENTRY_AT_VERSION] = SENTRY_RECORD_VERSION;
	r->head[SENTRY_AT_KIND] = (unsigned char) kind;
	sentry_record_process(r, process);
	put32(r->head + SENTRY_AT_PID, pid);
	put16(r->head + SENTRY_AT_WORKER, worker);
	put16(r->head + SENTRY_AT_CORE, core);
	r->piece[0].iov_base = r->head;
	r->piece[0].iov_len = sizeof(r->head);
	r->pieces = 1;
	r->length = sizeof(r->head);
	r->scratch_used = 0;
}

void sentry_record_fold(struct sentry_record *r, uint64_t handler_hash, uint64_t fold_key) {
	put64(r->head + SENTRY_AT_HANDLER, handler_hash);
	put64(r->head + SENTRY_AT_FOLD, fold_key);
}

static void cut(struct sentry_record *r) {
	r->head[SENTRY_AT_FLAGS] |= SENTRY_FLAG_CUT;
}

static void piece(struct sentry_record *r, const void *base, size_t len) {
	if (!len) return;
	r->piece[r->pieces].iov_base = (void *) base;
	r->piece[r->pieces].iov_len = len;
	r->pieces++;
	r->length += len;
}

void sentry_record_fields(struct sentry_record *r, const void *encoded, size_t len) {
	if (r->pieces >= SENTRY_RECORD_PIECES || len > SENTRY_RECORD_MAX - r->length) {
		cut(r);
		return;
	}
	piece(r, encoded, len);
}

void sentry_record_pair(struct sentry_record *r, const char *name, const char *key, size_t key_len, const void *value, size_t len) {
	size_t name_len = strlen(name);
	size_t key_part = key ? key_len + 1 : 0;
	size_t head = 1 + name_len + 4 + key_part;
	if (name_len > 255 || key_len > 1024 || head > sizeof(r->scratch) - r->scratch_used || r->pieces + 2 > SENTRY_RECORD_PIECES ||
	    head > SENTRY_RECORD_MAX - r->length) {
		cut(r);
		return;
	}
	if (len > SENTRY_RECORD_MAX - r->length - head) {
		len = SENTRY_RECORD_MAX - r->length - head;
		cut(r);
	}
	unsigned char *to = r->scratch + r->scratch_used;
	to[0] = (unsigned char) name_len;
	memcpy(to + 1, name, name_len);
	put32(to + 1 + name_len, (uint32_t) (key_part + len));
	if (key) {
		memcpy(to + 5 + name_len, key, key_len);
		to[5 + name_len + key_len] = 0;
	}
	r->scratch_used += head;
	piece(r, to, head);
	piece(r, value, len);
}

void sentry_record_field(struct sentry_record *r, const char *name, const void *value, size_t len) {
	sentry_record_pair(r, name, NULL, 0, value, len);
}

/* all of the field in the record's own memory */
static void copied(struct sentry_record *r, const char *name, const char *key, const void *value, size_t len) {
	if (len > sizeof(r->scratch) - r->scratch_used) {
		cut(r);
		return;
	}
	unsigned char *to = r->scratch + r->scratch_used;
	memcpy(to, value, len);
	r->scratch_used += len;
	sentry_record_pair(r, name, key, key ? strlen(key) : 0, to, len);
}

void sentry_record_copy(struct sentry_record *r, const char *name, const void *value, size_t len) {
	copied(r, name, NULL, value, len);
}

size_t sentry_digits(char to[20], uint64_t value) {
	char digits[20];
	size_t n = sizeof(digits);
	do {
		digits[--n] = (char) ('0' + value % 10);
		value /= 10;
	} while (value);
	memcpy(to, digits + n, sizeof(digits) - n);
	return sizeof(digits) - n;
}

static void number(struct sentry_record *r, const char *name, const char *key, uint64_t value) {
	char digits[20];
	size_t len = sentry_digits(digits, value);
	copied(r, name, key, digits, len);
}

void sentry_record_number(struct sentry_record *r, const char *name, uint64_t value) {
	number(r, name, NULL, value);
}

void sentry_record_pair_number(struct sentry_record *r, const char *name, const char *key, uint64_t value) {
	number(r, name, key, value);
}

void sentry_record_resume(struct sentry_record *r, const unsigned char *bytes, size_t len) {
	memcpy(r->head, bytes, sizeof(r->head));
	r->piece[0].iov_base = r->head;
	r->piece[0].iov_len = sizeof(r->head);
	r->pieces = 1;
	r->length = sizeof(r->head);
	r->scratch_used = 0;
	if (len > sizeof(r->head)) piece(r, bytes + sizeof(r->head), len - sizeof(r->head));
}

void sentry_record_make_brief(struct sentry_record *r) {
	r->head[SENTRY_AT_FLAGS] |= SENTRY_FLAG_BRIEF;
	r->pieces = 1;
	r->length = sizeof(r->head);
}

/* An id that no other record has. The kernel's generator does not block once the machine is up; before that, the fallback holds. */
static void mint(unsigned char id[SENTRY_ID_SIZE], uint64_t now) {
	if (getrandom(id, SENTRY_ID_SIZE, GRND_NONBLOCK) != SENTRY_ID_SIZE) {
		static uint64_t turn;
		struct timespec ts = {0, 0};
		clock_gettime(CLOCK_MONOTONIC, &ts);
		uint64_t seed[4] = {now, (uint64_t) ts.tv_nsec, (uint64_t) getpid(), __atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED)};
		put64(id, sentry_hash(SENTRY_HASH_START, seed, sizeof(seed)));
		put64(id + 8, sentry_hash(~SENTRY_HASH_START, seed, sizeof(seed)));
	}
	id[6] = (unsigned char) ((id[6] & 0x0f) | 0x40);
	id[8] = (unsigned char) ((id[8] & 0x3f) | 0x80);
}

static int is_zero(const unsigned char *bytes, size_t len) {
	return !memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", len);
}

void sentry_record_stamp(struct sentry_record *r) {
	put64(r->head + SENTRY_AT_TIME, sentry_now_us());
}

void sentry_record_seal(struct sentry_record *r, const unsigned char key[SENTRY_KEY_SIZE]) {
	if (is_zero(r->head + SENTRY_AT_TIME, 8)) sentry_record_stamp(r);
	if (is_zero(r->head + SENTRY_AT_ID, SENTRY_ID_SIZE)) mint(r->head + SENTRY_AT_ID, sentry_now_us());
	put32(r->head + SENTRY_AT_LENGTH, (uint32_t) r->length);
	uint32_t crc = sentry_crc32c(0, key, SENTRY_KEY_SIZE);
	crc = sentry_crc32c(crc, r->head, SENTRY_AT_CRC);
	crc = sentry_crc32c(crc, r->head + SENTRY_AT_LENGTH, sizeof(r->head) - SENTRY_AT_LENGTH);
	for (int i = 1; i < r->pieces; i++) crc = sentry_crc32c(crc, r->piece[i].iov_base, r->piece[i].iov_len);
	put32(r->head + SENTRY_AT_CRC, crc);
}

size_t sentry_field_put(unsigned char *to, size_t room, const char *name, const void *value, size_t len) {
	size_t name_len = strlen(name);
	size_t need = 5 + name_len + len;
	if (name_len > 255 || len > SENTRY_RECORD_MAX || need > room) return need;
	to[0] = (unsigned char) name_len;
	memcpy(to + 1, name, name_len);
	put32(to + 1 + name_len, (uint32_t) len);
	if (len) memcpy(to + 5 + name_len, value, len);
	return need;
}
