/*
 * What of a text varies from one occurrence of a fault to the next. The agent makes one message, and so Sentry one issue, of texts
 * that differ in that only (its MessageTemplate); the fold key must agree, or a storm of one issue is not folded. The rules are
 * the same in both, one after the other; testdata/templates.tsv holds them together.
 *
 * Bytes beyond ASCII count as letters.
 */
#include "journal/record.h"

#include <string.h>

struct text {
	const char *bytes;
	size_t len;
};

/* a NUL behind the end: it fits no rule */
static char at(const struct text *t, size_t i) {
	return i < t->len ? t->bytes[i] : 0;
}

static int is_digit(char c) {
	return c >= '0' && c <= '9';
}

static int is_hex(char c) {
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int is_letter(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char) c >= 0x80;
}

static int is_word(char c) {
	return is_digit(c) || is_letter(c) || c == '_';
}

/*
 * Where a text of that shape ends, 0: there is none. In a shape 9 stands for a digit, A for a capital, a for a small letter, h for
 * a hexadecimal digit; all else for itself.
 */
static size_t shaped(const struct text *t, size_t i, const char *shape) {
	for (; *shape; shape++, i++) {
		char c = at(t, i);
		int fits = *shape == '9' ? is_digit(c) : *shape == 'A' ? c >= 'A' && c <= 'Z' : *shape == 'a' ? c >= 'a' && c <= 'z' : *shape == 'h' ? is_hex(c) : c == *shape;
		if (!fits) return 0;
	}
	return i;
}

static size_t digits(const struct text *t, size_t i, size_t most) {
	size_t n = 0;
	while (n < most && is_digit(at(t, i + n))) n++;
	return n;
}

/* the longest of the ends at which no word goes on */
static void offer(const struct text *t, size_t end, size_t *best) {
	if (end > *best && !is_word(at(t, end))) *best = end;
}

static void offer_fraction(const struct text *t, size_t end, size_t *best) {
	offer(t, end, best);
	size_t n = at(t, end) == '.' || at(t, end) == ',' ? digits(t, end + 1, t->len) : 0;
	if (n) offer(t, end + 1 + n, best);
}

static size_t fraction(const struct text *t, size_t end) {
	size_t n = at(t, end) == '.' || at(t, end) == ',' ? digits(t, end + 1, t->len) : 0;
	return n ? end + 1 + n : end;
}

static void offer_zone(const struct text *t, size_t end, size_t *best) {
	offer(t, end, best);
	size_t zone = end + (at(t, end) == ' ');
	if (at(t, zone) == 'Z') offer(t, zone + 1, best);
	if (at(t, zone) != '+' && at(t, zone) != '-') return;
	size_t far = shaped(t, zone + 1, "99:99");
	if (!far) far = shaped(t, zone + 1, "9999");
	if (far) offer(t, far, best);
}

static size_t date_end(const struct text *t, size_t i) {
	size_t best = 0, end, time, more;
	if ((end = shaped(t, i, "9999-99-99"))) {
		offer(t, end, &best);
		if ((at(t, end) == 'T' || at(t, end) == ' ') && (time = shaped(t, end + 1, "99:99"))) {
			offer_zone(t, time, &best);
			if ((more = shaped(t, time, ":99"))) {
				offer_zone(t, more, &best);
				offer_zone(t, fraction(t, more), &best);
			}
		}
	}
	static const char *const days[] = {"99/Aaa/9999", "9/Aaa/9999", "99/99/9999", "9/99/9999"};
	for (size_t n = 0; n < 4; n++) {
		if (!(end = shaped(t, i, days[n]))) continue;
		offer(t, end, &best);
		if ((at(t, end) != ':' && at(t, end) != ' ') || !(time = shaped(t, end + 1, "99:99:99"))) continue;
		offer(t, time, &best);
		if ((more = shaped(t, time, " +9999")) || (more = shaped(t, time, " -9999"))) offer(t, more, &best);
	}
	if ((end = shaped(t, i, "9999/99/99"))) {
		offer(t, end, &best);
		if ((time = shaped(t, end, " 99:99:99"))) offer(t, time, &best);
	}
	if ((time = shaped(t, i, "99:99:99")) || (time = shaped(t, i, "9:99:99"))) offer_fraction(t, time, &best);
	return best;
}

/* one of names that are three letters long */
static int named(const struct text *t, size_t i, const char *names) {
	for (; *names; names += 3) {
		if (i + 3 <= t->len && !memcmp(t->bytes + i, names, 3)) return 1;
	}
	return 0;
}

static size_t spaces(const struct text *t, size_t i) {
	size_t n = 0;
	while (at(t, i + n) == ' ') n++;
	return n;
}

/* "Sun Nov 22 13:58:00 2026", "Sun, 22 Nov 2026 13:58:00 GMT" */
static size_t named_day_end(const struct text *t, size_t i) {
	size_t n, best = 0;
	if (named(t, i, "MonTueWedThuFriSatSun")) {
		i += 3;
		i += at(t, i) == ',';
		if (at(t, i++) != ' ') return 0;
	}
	if ((n = digits(t, i, 2))) {
		if (at(t, i + n) != ' ') return 0;
		i += n + 1;
	}
	if (!named(t, i, "JanFebMarAprMayJunJulAugSepOctNovDec")) return 0;
	i += 3;
	if (!(n = spaces(t, i))) return 0;
	i += n;
	if (!(n = digits(t, i, 4))) return 0;
	i += n;
	if (!(n = spaces(t, i))) return 0;
	i += n;
	size_t end = shaped(t, i, "99:99:99");
	if (!end) end = shaped(t, i, "9:99:99");
	if (!end) return 0;
	offer(t, end, &best);
	if (shaped(t, end, " GMT")) offer(t, end + 4, &best);
	n = spaces(t, end);
	size_t year = n ? shaped(t, end + n, "9999") : 0;
	if (!year) return best;
	offer(t, year, &best);
	if (shaped(t, year, " GMT")) offer(t, year + 4, &best);
	return best;
}

static size_t ipv4_end(const struct text *t, size_t i) {
	for (int part = 0; part < 4; part++) {
		size_t n = digits(t, i, 3);
		if (!n || (part < 3 && at(t, i + n) != '.')) return 0;
		i += n + (part < 3);
	}
	size_t port = at(t, i) == ':' ? digits(t, i + 1, 5) : 0;
	if (port && !is_word(at(t, i + 1 + port)) && !(at(t, i + 1 + port) == '.' && is_word(at(t, i + 2 + port)))) return i + 1 + port;
	return is_word(at(t, i)) || (at(t, i) == '.' && is_word(at(t, i + 1))) ? 0 : i;
}

/* two to seven groups of up to four digits, each with a colon behind it, then one more; a digit among the first forty characters */
static size_t ipv6_end(const struct text *t, size_t i) {
	size_t n = 0, best = 0;
	while (n < 40 && (at(t, i + n) == ':' || (is_hex(at(t, i + n)) && !is_digit(at(t, i + n))))) n++;
	if (!is_digit(at(t, i + n))) return 0;
	for (int groups = 0; groups <= 7; groups++) {
		for (n = 0; n < 4 && is_hex(at(t, i + n)); n++);
		if (groups >= 2 && !is_word(at(t, i + n)) && at(t, i + n) != ':') best = i + n;
		if (at(t, i + n) != ':') break;
		i += n + 1;
	}
	return best;
}

static size_t number_end(const struct text *t, size_t i) {
	size_t n = digits(t, i, 40);
	i += n;
	for (int parts = 0; n && parts < 8 && at(t, i) == '.' && (n = digits(t, i + 1, 40)); parts++) i += 1 + n;
	return i;
}

/* numbers with at most a short unit behind them, and words that look like an address or a hash */
static size_t word_end(const struct text *t, size_t i) {
	size_t end = i;
	int some_digits = 0, letters = 0, all_hex = 1, digit = is_digit(t->bytes[i]);
	for (; is_word(at(t, end)); end++) {
		char c = t->bytes[end];
		some_digits |= is_digit(c);
		letters |= !is_digit(c);
		all_hex &= is_hex(c);
	}
	if (end - i > 2 && t->bytes[i] == '0' && t->bytes[i + 1] == 'x') return end;
	if (all_hex && some_digits && (end - i >= 8 || (digit && letters))) return end;
	if (!digit) return i;
	size_t number = number_end(t, i), unit = number, characters = 0;
	for (; is_letter(at(t, unit)); unit++) characters += (t->bytes[unit] & 0xc0) != 0x80;
	return characters <= 3 && !is_word(at(t, unit)) ? number : end > number ? end : number;
}

/* where what varies and starts here ends; `i` if nothing does */
static size_t varying_end(const struct text *t, size_t i) {
	char c = t->bytes[i];
	size_t end = 0, other;
	if (is_digit(c) && ((end = date_end(t, i)) || (end = named_day_end(t, i)) || (end = ipv4_end(t, i)))) return end;
	if (c >= 'A' && c <= 'Z' && (end = named_day_end(t, i))) return end;
	if (is_hex(c) || c == ':') {
		end = shaped(t, i, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh");
		if (end && is_word(at(t, end))) end = 0;
		other = ipv6_end(t, i);
		if (end || other) return end > other ? end : other;
	}
	return is_hex(c) ? word_end(t, i) : i;
}

/* it belongs to the word before it; a point between two of its characters does, too */
static int in_word(const struct text *t, size_t i) {
	char c = t->bytes[i], before = t->bytes[i - 1];
	if (is_word(c)) return is_word(before) || (before == '.' && i >= 2 && is_word(t->bytes[i - 2]));
	return c == '.' && is_word(before) && is_word(at(t, i + 1));
}

uint64_t sentry_hash_template(uint64_t hash, const char *text, size_t len) {
	struct text t = {text, len};
	size_t i = 0;
	while (i < len) {
		size_t end = varying_end(&t, i);
		if (end > i) {
			hash = sentry_hash(hash, "\0", 1);
			i = end;
			continue;
		}
		do hash = sentry_hash(hash, text + i++, 1);
		while (i < len && in_word(&t, i));
	}
	return hash;
}
