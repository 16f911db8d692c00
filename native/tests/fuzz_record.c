/*
 * The record builder under libFuzzer: the input is a list of calls, with what they are given. Whatever they are, the record that
 * comes of it is whole, within its limits, and its fields add up.
 */
#include "journal/record.h"
#include "tests/check.h"

#define REQUIRE(condition) do { \
	if (!(condition)) { \
		fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} \
} while (0)

static const unsigned char key[SENTRY_KEY_SIZE];

struct input {
	const unsigned char *at;
	size_t left;
};

static unsigned take(struct input *in) {
	if (!in->left) return 0;
	in->left--;
	return *in->at++;
}

static size_t take16(struct input *in) {
	size_t low = take(in);
	return low | (size_t) take(in) << 8;
}

/* up to `most` bytes of the input, where they stand */
static const unsigned char *some(struct input *in, size_t *len) {
	const unsigned char *from = in->at;
	if (*len > in->left) *len = in->left;
	in->at += *len;
	in->left -= *len;
	return from;
}

static void check_whole(struct sentry_record *record) {
	static unsigned char flat[SENTRY_RECORD_MAX + 1];
	size_t total = 0;
	REQUIRE(record->pieces >= 1 && record->pieces <= SENTRY_RECORD_PIECES);
	for (int i = 0; i < record->pieces; i++) {
		REQUIRE(record->piece[i].iov_len <= SENTRY_RECORD_MAX - total);
		memcpy(flat + total, record->piece[i].iov_base, record->piece[i].iov_len);
		total += record->piece[i].iov_len;
	}
	REQUIRE(total == record->length && total <= SENTRY_RECORD_MAX);
	REQUIRE(record->scratch_used <= sizeof(record->scratch));
	REQUIRE(whole_record(flat, total, key) == total);
	size_t len;
	if (!field_of(flat, "never there", &len)) {
		/* the walk has come to the end, or the fields do not add up */
		size_t at = SENTRY_RECORD_HEAD;
		while (at < total) {
			REQUIRE(flat[at] && at + 5 + flat[at] <= total);
			size_t value = get32(flat + at + 1 + flat[at]);
			REQUIRE(value <= total - at - 5 - flat[at]);
			at += 5 + flat[at] + value;
		}
		REQUIRE(at == total);
	}
}

static void check_encoded(const char *name, const unsigned char *value, size_t len, size_t room) {
	unsigned char *to = malloc(room ? room : 1);	/* of exactly that size: a byte beyond it is found */
	size_t need = sentry_field_put(to, room, name, value, len);
	REQUIRE(need == 5 + strlen(name) + len);
	if (need <= room) REQUIRE(!memcmp(to + need - len, value, len));
	free(to);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
	static const unsigned char large[SENTRY_RECORD_MAX];
	struct input in = {data, size};
	struct sentry_record record;
	sentry_record_begin(&record, (enum sentry_kind) take(&in), (enum sentry_process) take(&in), (uint32_t) take16(&in), (uint16_t) take16(&in), (uint16_t) take16(&in));
	sentry_crc_by_instruction = sentry_crc_by_instruction ? 0 : 1;
#ifndef __x86_64__
	sentry_crc_by_instruction = 0;
#endif
	while (in.left) {
		char name[300];
		unsigned what = take(&in);
		size_t name_len = 1 + take(&in) % (what & 0x80 ? 260 : 20), len = take16(&in), key_len = take(&in) * 5u;
		memset(name, 'n', name_len);
		name[name_len] = 0;
		const unsigned char *value = large;
		if (what >> 4 == 4) {	/* a few of them are beyond what one record holds */
			len *= 64;
			if (len > sizeof(large)) len = sizeof(large);
		}
		else value = some(&in, &len);
		switch (what % 8) {
			case 0: case 1:
				sentry_record_field(&record, name, value, len);
				break;
			case 2: {
				const unsigned char *pair_key = some(&in, &key_len);
				sentry_record_pair(&record, name, (const char *) pair_key, key_len, value, len);
				break;
			}
			case 3: {
				uint64_t number = (uint64_t) len << (key_len % 48);
				if (key_len & 1) sentry_record_pair_number(&record, name, name, number);
				else sentry_record_number(&record, name, number);
				break;
			}
			case 4:
				if (name_len <= 255) check_encoded(name, value, len, key_len + len);
				break;
			case 5:
				sentry_record_fold(&record, sentry_hash_template(SENTRY_HASH_START, (const char *) value, len), sentry_hash(SENTRY_HASH_START, value, len));
				break;
			case 6: {
				/* fields that are encoded already, as a handler's are */
				static unsigned char encoded[4096];
				size_t need = sentry_field_put(encoded, sizeof(encoded), "e", value, len);
				if (need <= sizeof(encoded)) sentry_record_fields(&record, encoded, need);
				if (need <= sizeof(encoded)) goto sealed;	/* the bytes must stay until the append */
				break;
			}
			default:
				break;
		}
	}
sealed:
	sentry_record_seal(&record, key);
	check_whole(&record);
	/* sealed again, as for a second round of an append, it is the same record */
	unsigned char head[SENTRY_RECORD_HEAD];
	memcpy(head, record.head, sizeof(head));
	sentry_record_seal(&record, key);
	REQUIRE(!memcmp(head, record.head, sizeof(head)));
	sentry_record_make_brief(&record);
	sentry_record_seal(&record, key);
	check_whole(&record);
	REQUIRE(record.length == SENTRY_RECORD_HEAD);
	return 0;
}
