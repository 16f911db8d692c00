#define _GNU_SOURCE
#include "record.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

uint64_t sentry_hash(uint64_t hash, const void *bytes, size_t len) {
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len; i++) {
		hash ^= p[i];
		hash *= 0x100000001b3ull;
	}
	return hash;
}

static int is_digit(char c) {
	return c >= '0' && c <= '9';
}

static int is_hex(char c) {
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

uint64_t sentry_hash_template(uint64_t hash, const char *text, size_t len) {
	size_t i = 0;
	while (i < len) {
		if (!is_digit(text[i])) {
			hash = sentry_hash(hash, text + i, 1);
			i++;
			continue;
		}
		int hex = text[i] == '0' && i + 1 < len && (text[i + 1] == 'x' || text[i + 1] == 'X');
		if (hex) i += 2;
		while (i < len && (hex ? is_hex(text[i]) : is_digit(text[i]))) i++;
		hash = sentry_hash(hash, "\0", 1);
	}
	return hash;
}

static int is_letter(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* a segment that is an id from end to end; the rules are those of the agent's TransactionName */
static int is_id(const char *s, size_t len) {
	size_t digits = 0, hex = 0, word = 0;
	if (len >= 60) return 1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '@' || s[i] == '%') return 1;
		digits += is_digit(s[i]) != 0;
		hex += is_hex(s[i]) != 0;
		word += is_digit(s[i]) || is_letter(s[i]) || s[i] == '_' || s[i] == '.' || s[i] == '~' || s[i] == '=' || s[i] == '-';
	}
	if (!digits) return 0;
	if (digits == len || (hex == len && len >= 8) || (word == len && len >= 20)) return 1;
	/* a date, with or without its day */
	if ((len != 7 && len != 10) || digits != (len == 7 ? 6 : 8)) return 0;
	return s[4] == '-' && (len == 7 || s[7] == '-');
}

static uint64_t hash_segment(uint64_t hash, const char *s, size_t len) {
	if (is_id(s, len)) return sentry_hash(hash, "\0", 1);
	for (size_t i = 0; i < len;) {
		size_t n = 0, digits = 0;
		while (i + n < len && is_hex(s[i + n])) digits += is_digit(s[i + n++]) != 0;
		if (n < 8 || !digits || (i && (is_digit(s[i - 1]) || is_letter(s[i - 1])))) {
			for (n = 0; i + n < len && is_digit(s[i + n]);) n++;
			if (n < 3) n = 0;
		}
		if (n) hash = sentry_hash(hash, "\0", 1);
		else hash = sentry_hash(hash, s + i, n = 1);
		i += n;
	}
	return hash;
}

uint64_t sentry_hash_path(uint64_t hash, const char *path, size_t len) {
	size_t end = 0, at = 0;
	while (end < len && path[end] != '?' && path[end] != '#' && path[end] != ';') end++;
	while (at < end) {
		size_t n = 0;
		while (at + n < end && path[at + n] != '/') n++;
		hash = hash_segment(hash, path + at, n);
		at += n;
		if (at < end) hash = sentry_hash(hash, path + at++, 1);
	}
	return hash;
}

uint64_t sentry_hash_raised(uint64_t hash, const unsigned char *fields, size_t len) {
	static const char frame_name[] = "python.frame", exception_name[] = "python.exception";
	const unsigned char *frame = NULL;
	size_t frame_len = 0;
	int exceptions = 0;
	for (size_t at = 0; at < len;) {
		size_t name_len = fields[at];
		if (len - at < 1 + name_len + 4) break;
		const unsigned char *name = fields + at + 1, *length = name + name_len;
		size_t value_len = length[0] | (size_t) length[1] << 8 | (size_t) length[2] << 16 | (size_t) length[3] << 24;
		if (len - at - 5 - name_len < value_len) break;
		if (name_len == sizeof(exception_name) - 1 && !memcmp(name, exception_name, name_len) && ++exceptions > 1) break;
		if (name_len == sizeof(frame_name) - 1 && !memcmp(name, frame_name, name_len)) {
			frame = length + 4;
			frame_len = value_len;
		}
		at += 5 + name_len + value_len;
	}
	return frame ? sentry_hash(hash, frame, frame_len) : hash;
}

/* CRC-32C, eight bytes a step: by tables, or by the instruction for it where the processor has it, which is some five times as fast */
static uint32_t crc_table[8][256];
int sentry_crc_by_instruction;

__attribute__((constructor)) static void crc_prepare(void) {
#ifdef __x86_64__
	__builtin_cpu_init();
	sentry_crc_by_instruction = __builtin_cpu_supports("sse4.2") != 0;
#endif
	for (uint32_t n = 0; n < 256; n++) {
		uint32_t crc = n;
		for (int k = 0; k < 8; k++) crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
		crc_table[0][n] = crc;
	}
	for (uint32_t n = 0; n < 256; n++) {
		uint32_t crc = crc_table[0][n];
		for (int k = 1; k < 8; k++) {
			crc = crc_table[0][crc & 0xff] ^ (crc >> 8);
			crc_table[k][n] = crc;
		}
	}
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_instruction(uint32_t crc, const unsigned char *p, size_t len) {
	uint64_t state = crc, eight;
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&eight, p, 8);
		state = __builtin_ia32_crc32di(state, eight);
	}
	crc = (uint32_t) state;
	while (len--) crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

uint32_t sentry_crc32c(uint32_t crc, const void *bytes, size_t len) {
	const unsigned char *p = bytes;
	crc = ~crc;
#ifdef __x86_64__
	if (sentry_crc_by_instruction) return ~crc_instruction(crc, p, len);
#endif
	while (len >= 8) {
		uint32_t low = (p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24) ^ crc;
		crc = crc_table[7][low & 0xff] ^ crc_table[6][(low >> 8) & 0xff] ^ crc_table[5][(low >> 16) & 0xff] ^ crc_table[4][low >> 24]
			^ crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
		p += 8;
		len -= 8;
	}
	while (len--) crc = crc_table[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

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

void sentry_record_begin(struct sentry_record *r, enum sentry_kind kind, enum sentry_process process, uint32_t pid, uint16_t worker, uint16_t core) {
	memset(r->head, 0, sizeof(r->head));
	r->head[0] = 0xa7;
	r->head[1] = 'U';
	r->head[2] = 'S';
	r->head[3] = SENTRY_RECORD_VERSION;
	r->head[28] = (unsigned char) kind;
	r->head[29] = (unsigned char) process;
	put32(r->head + 40, pid);
	put16(r->head + 44, worker);
	put16(r->head + 46, core);
	r->piece[0].iov_base = r->head;
	r->piece[0].iov_len = sizeof(r->head);
	r->pieces = 1;
	r->length = sizeof(r->head);
	r->scratch_used = 0;
}

void sentry_record_fold(struct sentry_record *r, uint64_t handler_hash, uint64_t fold_key) {
	put64(r->head + 48, handler_hash);
	put64(r->head + 56, fold_key);
}

static void cut(struct sentry_record *r) {
	r->head[30] |= SENTRY_FLAG_CUT;
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

void sentry_record_number(struct sentry_record *r, const char *name, uint64_t value) {
	char digits[20];
	size_t n = 0;
	do {
		digits[n++] = (char) ('0' + value % 10);
		value /= 10;
	} while (value);
	if (n > sizeof(r->scratch) - r->scratch_used) {
		cut(r);
		return;
	}
	unsigned char *to = r->scratch + r->scratch_used;
	for (size_t i = 0; i < n; i++) to[i] = (unsigned char) digits[n - 1 - i];
	r->scratch_used += n;
	sentry_record_field(r, name, to, n);
}

void sentry_record_make_brief(struct sentry_record *r) {
	r->head[30] |= SENTRY_FLAG_BRIEF;
	r->pieces = 1;
	r->length = sizeof(r->head);
}

/* 16 bytes that no other record has. The kernel's generator does not block once the machine is up; before that, the fallback holds. */
static void mint(unsigned char id[16], uint64_t now) {
	if (getrandom(id, 16, GRND_NONBLOCK) != 16) {
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

void sentry_record_seal(struct sentry_record *r, const unsigned char key[SENTRY_KEY_SIZE]) {
	if (!memcmp(r->head + 12, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16)) {
		struct timespec ts = {0, 0};
		clock_gettime(CLOCK_REALTIME, &ts);
		uint64_t now = (uint64_t) ts.tv_sec * 1000000u + (uint64_t) ts.tv_nsec / 1000u;
		put64(r->head + 32, now);
		mint(r->head + 12, now);
	}
	put32(r->head + 8, (uint32_t) r->length);
	uint32_t crc = sentry_crc32c(0, key, SENTRY_KEY_SIZE);
	crc = sentry_crc32c(crc, r->head, 4);
	crc = sentry_crc32c(crc, r->head + 8, sizeof(r->head) - 8);
	for (int i = 1; i < r->pieces; i++) crc = sentry_crc32c(crc, r->piece[i].iov_base, r->piece[i].iov_len);
	put32(r->head + 4, crc);
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
