/*
 * sentry-ignore = TYPE | TYPE, TYPE | TYPE: MESSAGE, as often as there are rules. The agent applies them. Here they are only
 * checked, so that a mistake is logged where the option stands, and handed over. settings/IgnoreRule.java says what a rule is.
 */
#include "server/server.h"

#define LONGEST 512
#define LONGEST_TOGETHER 16384

static int ends_in_backslash(const char *rule, size_t len) {
	size_t backslashes = 0;
	while (backslashes < len && rule[len - 1 - backslashes] == '\\') backslashes++;
	return backslashes % 2 == 1;
}

static int is_blank(const char *text, size_t len) {
	return strspn(text, " \t") >= len;
}

static const char *fault(const char *rule) {
	size_t len = strlen(rule);
	const char *between = strstr(rule, ": ");
	size_t types = between ? (size_t) (between - rule) : len;
	if (is_blank(rule, len)) return "is empty";
	if (len > LONGEST) return "is longer than 512 characters";
	if (strpbrk(rule, "\n\r")) return "has a line break";
	if (ends_in_backslash(rule, len)) return "ends in a single backslash: write two";
	const char *comma = memchr(rule, ',', types);
	if (between && comma && !is_blank(rule, types)) return "has several types before a message: write a line for each";
	for (const char *at = rule;; at = comma + 1) {
		comma = memchr(at, ',', types - (size_t) (at - rule));
		size_t part = comma ? (size_t) (comma - at) : types - (size_t) (at - rule);
		if (is_blank(at, part)) return "lacks a type: write for example *: MESSAGE for any type";
		if (!comma) break;
	}
	if (strspn(rule, "*:, \t") == len) return "would ignore everything: name a type or a message";
	return NULL;
}

char *sentry_ignore_rules(void) {
	static char rules[LONGEST_TOGETHER];
	size_t used = 0;
	struct uwsgi_string_list *rule;
	rules[0] = 0;
	uwsgi_foreach(rule, sentry.ignore) {
		const char *why = fault(rule->value);
		size_t len = strlen(rule->value);
		if (!why && len + 2 > sizeof(rules) - used) why = "is one too many: all together may have 16384 characters";
		if (why) sentry_mistake("sentry-ignore = %s %s; it ignores nothing", rule->value, why);
		/* a rule with a mistake is handed over too, so that `status` shows it */
		if (len + 2 > sizeof(rules) - used || strpbrk(rule->value, "\n\r")) continue;
		memcpy(rules + used, rule->value, len);
		used += len;
		rules[used++] = '\n';
		rules[used] = 0;
	}
	return rules;
}
