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

#define MOST_COPIED 16384

/* as a field: time NUL text. 0: it is being written */
static size_t room_for(const struct sentry_line *line) {
	char digits[24];
	uint64_t time = __atomic_load_n(&line->time, __ATOMIC_ACQUIRE);
	uint32_t len = line->len;
	if (!time || len > SENTRY_LINE_MAX) return 0;
	return sentry_field_put(NULL, 0, "log", NULL, (size_t) snprintf(digits, sizeof(digits), "%llu", (unsigned long long) time) + 1 + len);
}

/*
 * A copy, since the lines go on moving, to be freed after the append; oldest first. If they are too many bytes the oldest stay out.
 * As small as can be, and neither on the stack nor thread-local: where memory is short, and threads have small stacks, an event is
 * to go without its lines, and glibc ends a process that cannot have its thread-local memory.
 */
void sentry_lines(struct sentry_record *record, int most, unsigned char **copy) {
	struct sentry_watch *watch = sentry.watch;
	*copy = NULL;
	if (!watch || !watch->lines_max) return;
	uint64_t end = __atomic_load_n(&watch->lines, __ATOMIC_ACQUIRE);
	uint64_t n = end < (uint64_t) watch->lines_max ? end : (uint64_t) watch->lines_max;
	if (n > (uint64_t) most) n = (uint64_t) most;
	size_t room = 0;
	for (uint64_t i = end; i > end - n; i--) {
		size_t need = room_for(&watch->line[(i - 1) % (uint64_t) watch->lines_max]);
		if (room + need > MOST_COPIED) break;
		room += need;
	}
	if (!room || !(*copy = malloc(room))) return;
	size_t at = room;
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
		sentry_field_put(*copy + at, need, "log", value, (size_t) digits + 1 + len);
	}
	sentry_record_fields(record, *copy + at, room - at);
}
