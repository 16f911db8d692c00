/* Option values of any text under libFuzzer. */
#include "server/option_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
	char *text = malloc(size + 1);	/* of exactly that size: a byte beyond it is found */
	if (!text) return 0;
	memcpy(text, data, size);
	text[size] = 0;
	const char *fault = sentry_dsn_fault(text);
	if (fault && (strlen(fault) > 120 || strchr(fault, '\n'))) abort();
	/* one that is let through has all its parts */
	if (!fault && (!strchr(text, '@') || (strncmp(text, "http://", 7) && strncmp(text, "https://", 8)))) abort();
	size_t len;
	const char *name = sentry_unset_variable(text, &len);
	if (name && (name != text + 2 || len == 0 || name[len] != ')' || name[len + 1])) __builtin_trap();
	uint64_t bytes = sentry_parse_size(text, 64u << 10);
	if (bytes && (bytes < 64u << 10 || strspn(text, "0123456789kKmMgG") != strlen(text))) abort();
	free(text);
	return 0;
}
