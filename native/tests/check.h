/* The smallest test frame: CHECK says where, and the program ends with 'N passed, N failed'. One in a loop counts once. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks_passed, checks_failed;
static const char *check_case;

#define CASE(name) check_case = name
#define CHECK(condition) do { \
	static int check_counted; \
	if (condition) checks_passed += !__atomic_exchange_n(&check_counted, 1, __ATOMIC_RELAXED); \
	else { \
		checks_failed++; \
		fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, check_case, #condition); \
	} \
} while (0)

static inline int check_result(const char *name) {
	printf("%s: %d passed, %d failed\n", name, checks_passed, checks_failed);
	return checks_failed ? 1 : 0;
}

static inline uint32_t get32(const unsigned char *p) {
	return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

/* a record at `p` that is whole and not damaged: its length; else 0 */
static inline size_t whole_record(const unsigned char *p, size_t room, const unsigned char key[SENTRY_KEY_SIZE]) {
	if (room < SENTRY_RECORD_HEAD || memcmp(p, "\xa7US\x01", 4)) return 0;
	size_t len = get32(p + 8);
	if (len < SENTRY_RECORD_HEAD || len > room || len > SENTRY_RECORD_MAX) return 0;
	uint32_t crc = sentry_crc32c(sentry_crc32c(sentry_crc32c(0, key, SENTRY_KEY_SIZE), p, 4), p + 8, len - 8);
	return crc == get32(p + 4) ? len : 0;
}

/* the first value of that name; NULL if there is none, or if the fields do not add up */
static inline const unsigned char *field_of(const unsigned char *record, const char *name, size_t *len) {
	size_t total = get32(record + 8), at = SENTRY_RECORD_HEAD;
	while (at < total) {
		size_t name_len = record[at];
		if (!name_len || at + 5 + name_len > total) return NULL;
		size_t value_len = get32(record + at + 1 + name_len);
		if (value_len > total - at - 5 - name_len) return NULL;
		if (name_len == strlen(name) && !memcmp(record + at + 1, name, name_len)) {
			*len = value_len;
			return record + at + 5 + name_len;
		}
		at += 5 + name_len + value_len;
	}
	return NULL;
}

#endif
