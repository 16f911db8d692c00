/* What an option's value must look like. No uWSGI in here: the same code is fuzzed. */
#include "server/option_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *sentry_dsn_fault(const char *dsn) {
	const char *rest;
	if (!strncmp(dsn, "https://", 8)) rest = dsn + 8;
	else if (!strncmp(dsn, "http://", 7)) rest = dsn + 7;
	else return "does not begin with http:// or https://";
	for (const char *c = dsn; *c; c++) {
		if ((unsigned char) *c <= ' ') return "contains a blank or a control character";
	}
	size_t authority = strcspn(rest, "/?#");
	const char *at = memchr(rest, '@', authority);
	if (!at || at == rest || *rest == ':') return "has no public key: https://KEY@HOST/PROJECT";
	if (memchr(at + 1, '@', authority - (size_t) (at + 1 - rest))) return "holds a second @";
	const char *host = at + 1;
	if (host == rest + authority || *host == ':') return "has no host: https://KEY@HOST/PROJECT";
	const char *end = rest + authority, *port = memchr(host, ':', (size_t) (end - host));
	if (*host == '[') {
		const char *bracket = memchr(host, ']', (size_t) (end - host));
		if (!bracket) return "has an address whose bracket does not close";
		port = bracket + 1 < end ? bracket + 1 : NULL;
		if (port && *port != ':') return "has something behind its address that is no port";
	}
	else {
		for (const char *c = host; c < (port ? port : end); c++) {
			if ((unsigned char) *c > 0x7e) return "has a host name with a letter that is not ASCII";
		}
	}
	if (port) {
		long number = 0;
		for (const char *c = port + 1; c < end; c++) number = *c >= '0' && *c <= '9' && number < 100000 ? number * 10 + *c - '0' : 100000;
		if (number < 1 || number > 65535) return "has a port that is not between 1 and 65535";
	}
	size_t path = strcspn(rest + authority, "?#");
	while (path && rest[authority + path - 1] == '/') path--;
	if (!path) return "has no project: https://KEY@HOST/PROJECT";
	return NULL;
}

uint64_t sentry_parse_size(const char *text, uint64_t least) {
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	int shift = 0;
	if (*end == 'k' || *end == 'K') shift = 10, end++;
	else if (*end == 'm' || *end == 'M') shift = 20, end++;
	else if (*end == 'g' || *end == 'G') shift = 30, end++;
	/* strtoull itself would take blanks and a minus in front */
	if (errno || *end || text[0] < '0' || text[0] > '9' || end - text > 18 || n > (UINT64_MAX >> shift) || (n << shift) < least) return 0;
	return (uint64_t) n << shift;
}

const char *sentry_unset_variable(const char *value, size_t *len) {
	size_t all = strlen(value);
	if (all < 4 || strncmp(value, "$(", 2) || value[all - 1] != ')') return NULL;
	*len = all - 3;
	return memchr(value + 2, '(', *len) || memchr(value + 2, ')', *len) ? NULL : value + 2;
}
