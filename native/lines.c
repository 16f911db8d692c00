/*
 * The last lines of the server's log, in a ring that all its processes share: breadcrumbs of what comes next. Written by the one
 * thread of the master that reads the log, read by all, as possibly torn.
 */
#include "sentry.h"

/* one writer: whichever thread of the master reads the log. Our own lines, and those about alarms, would be of no use */
void sentry_line(const char *text, size_t len) {
	struct sentry_watch *watch = sentry.watch;
	if (!watch || !watch->lines_max || !len) return;
	struct sentry_line *line = &watch->line[watch->lines % (uint64_t) watch->lines_max];
	__atomic_store_n(&line->time, 0, __ATOMIC_RELEASE);
	if (len > SENTRY_LINE_MAX) len = SENTRY_LINE_MAX;
	memcpy(line->text, text, len);
	line->len = (uint32_t) len;
	__atomic_store_n(&line->time, sentry_now_us(), __ATOMIC_RELEASE);
	__atomic_add_fetch(&watch->lines, 1, __ATOMIC_RELEASE);
}

/* a copy, since the lines go on moving; each is time NUL text, oldest first. If they are too many bytes the oldest stay out */
void sentry_lines(struct sentry_record *record, int most) {
	struct sentry_watch *watch = sentry.watch;
	if (!watch || !watch->lines_max) return;
	static __thread unsigned char copy[16384];
	size_t at = sizeof(copy);
	uint64_t end = __atomic_load_n(&watch->lines, __ATOMIC_ACQUIRE);
	uint64_t n = end < (uint64_t) watch->lines_max ? end : (uint64_t) watch->lines_max;
	if (n > (uint64_t) most) n = (uint64_t) most;
	for (uint64_t i = end; i > end - n; i--) {	/* from the newest back, filling the copy from its end */
		struct sentry_line *line = &watch->line[(i - 1) % (uint64_t) watch->lines_max];
		char value[SENTRY_LINE_MAX + 32];
		uint64_t time = __atomic_load_n(&line->time, __ATOMIC_ACQUIRE);
		uint32_t len = line->len;
		if (!time || len > SENTRY_LINE_MAX) continue;
		int digits = snprintf(value, sizeof(value), "%llu", (unsigned long long) time);
		memcpy(value + digits + 1, line->text, len);
		if (__atomic_load_n(&line->time, __ATOMIC_ACQUIRE) != time) continue;	/* overwritten meanwhile */
		size_t need = sentry_field_put(NULL, 0, "log", value, (size_t) digits + 1 + len);
		if (need > at) break;
		at -= need;
		sentry_field_put(copy + at, need, "log", value, (size_t) digits + 1 + len);
	}
	sentry_record_fields(record, copy + at, sizeof(copy) - at);
}
