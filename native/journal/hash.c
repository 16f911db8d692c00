#define _GNU_SOURCE
#include "journal/record.h"

#include <string.h>

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

/* ---- where an exception was raised ---- */

#define MOST_FUNCTIONS 128

struct raised {
	uint64_t hash;
	uint64_t function[MOST_FUNCTIONS];	/* of the application, hashed: a recursion counts once, however deep */
	int functions;
	const unsigned char *last, *own;	/* the innermost frame of all, and of the application's */
	size_t last_len, own_len;
};

/* the standard library, what was installed, what has no file; the rules are those of the agent's ScriptFrames */
static int is_library(const unsigned char *file, size_t len) {
	if (!len || file[0] == '<' || memmem(file, len, "/site-packages/", 15) || memmem(file, len, "/dist-packages/", 15)) return 1;
	/* /lib/python3.11/, /lib64/python3/, /python311.zip/ */
	for (const unsigned char *at = file; (at = memmem(at, len - (size_t) (at - file), "/python", 7));) {
		int in_lib = (at - file >= 4 && !memcmp(at - 4, "/lib", 4)) || (at - file >= 6 && !memcmp(at - 6, "/lib64", 6));
		at += 7;
		while (at < file + len && (is_digit((char) *at) || *at == '.')) at++;
		size_t left = len - (size_t) (at - file);
		if ((in_lib && left && *at == '/') || (left >= 4 && !memcmp(at, "zip/", 4))) return 1;
	}
	return 0;
}

/* file NUL line NUL function NUL module */
static void take_frame(struct raised *r, const unsigned char *frame, size_t len) {
	const unsigned char *line = memchr(frame, 0, len), *function = line ? memchr(line + 1, 0, len - (size_t) (line + 1 - frame)) : NULL;
	r->last = frame;
	r->last_len = len;
	if (!function || is_library(frame, (size_t) (line - frame))) return;
	r->own = frame;
	r->own_len = len;
	uint64_t one = sentry_hash(sentry_hash(SENTRY_HASH_START, frame, (size_t) (line + 1 - frame)), function, len - (size_t) (function - frame));
	for (int i = 0; i < r->functions; i++) {
		if (r->function[i] == one) return;
	}
	if (r->functions < MOST_FUNCTIONS) r->function[r->functions++] = one;
}

static void end_exception(struct raised *r) {
	if (r->functions) r->hash = sentry_hash(r->hash, r->function, (size_t) r->functions * sizeof(r->function[0]));
	if (r->own) r->hash = sentry_hash(r->hash, r->own, r->own_len);
	if (r->last && r->last != r->own) r->hash = sentry_hash(r->hash, r->last, r->last_len);
	r->last = r->own = NULL;
	r->functions = 0;
}

/* relation NUL module NUL type NUL value: all but the value */
static size_t without_value(const unsigned char *value, size_t len) {
	size_t at = 0;
	for (int parts = 0; at < len && parts < 3; at++) parts += !value[at];
	return at;
}

uint64_t sentry_hash_raised(uint64_t hash, const unsigned char *fields, size_t len) {
	static const char frame_name[] = "python.frame", exception_name[] = "python.exception";
	struct raised r = {.hash = hash};
	int exceptions = 0;
	for (size_t at = 0; at < len;) {
		size_t name_len = fields[at];
		if (len - at < 1 + name_len + 4) break;
		const unsigned char *name = fields + at + 1, *length = name + name_len, *value = length + 4;
		size_t value_len = length[0] | (size_t) length[1] << 8 | (size_t) length[2] << 16 | (size_t) length[3] << 24;
		if (len - at - 5 - name_len < value_len) break;
		if (name_len == sizeof(exception_name) - 1 && !memcmp(name, exception_name, name_len)) {
			end_exception(&r);
			/* the first one's type is with the caller, who has it where Python's frames are not */
			if (exceptions++) r.hash = sentry_hash(r.hash, value, without_value(value, value_len));
		}
		if (name_len == sizeof(frame_name) - 1 && !memcmp(name, frame_name, name_len)) take_frame(&r, value, value_len);
		at += 5 + name_len + value_len;
	}
	end_exception(&r);
	return r.hash;
}
