#include "hash.h"

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
