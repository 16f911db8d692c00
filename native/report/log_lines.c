/*
 * The last lines of the server's log, in a ring that all its processes share: breadcrumbs of what comes next. Written by the one
 * thread of the master that reads the log, read by all, as possibly torn.
 *
 * What a process has just logged is still on its way to that thread (log_peek.c): the line that says why a request fails is written
 * microseconds before the event of it. So an event takes first what is still unread, then the ring, into which the rest has come meanwhile.
 */
#include "report/report.h"

#include <sched.h>

/* one writer: whichever thread of the master reads the log. Our own lines, and those about alarms, would be of no use */
void sentry_note_log_line(const char *text, size_t len) {
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
#define ACTIVE_US 2000
#define MOMENT_US 100

/* as a field: time NUL text. 0: it is being written */
static size_t room_for(const struct sentry_line *line) {
	char digits[24];
	uint64_t time = __atomic_load_n(&line->time, __ATOMIC_ACQUIRE);
	uint32_t len = line->len;
	if (!time || len > SENTRY_LINE_MAX) return 0;
	return sentry_field_put(NULL, 0, "log", NULL, (size_t) snprintf(digits, sizeof(digits), "%llu", (unsigned long long) time) + 1 + len);
}

/* the copy is filled from its end */
struct copy {
	unsigned char *bytes;
	size_t at;
	int lines, most;
};

static int add(struct copy *copy, const char *name, uint64_t time, const char *text, size_t len) {
	char value[SENTRY_LINE_MAX + 32];
	int digits = snprintf(value, sizeof(value), "%llu", (unsigned long long) time);
	memcpy(value + digits + 1, text, len);
	size_t need = sentry_field_put(NULL, 0, name, value, (size_t) digits + 1 + len);
	if (need > copy->at || copy->lines == copy->most) return 0;
	copy->at -= need;
	copy->lines++;
	sentry_field_put(copy->bytes + copy->at, need, name, value, (size_t) digits + 1 + len);
	return 1;
}

/* read since the look at what was unread */
static int was_peeked(const struct sentry_log_peek *peek, const char *text, size_t len) {
	for (int i = 0; peek && i < peek->count; i++) {
		if (peek->line[i].len == len && !memcmp(peek->line[i].text, text, len)) return 1;
	}
	return 0;
}

static void add_read(struct copy *copy, const struct sentry_log_peek *peek, uint64_t looked) {
	struct sentry_watch *watch = sentry.watch;
	uint64_t end = __atomic_load_n(&watch->lines, __ATOMIC_ACQUIRE), most = (uint64_t) watch->lines_max;
	uint64_t n = end < most ? end : most;
	for (uint64_t i = end; i > end - n; i--) {	/* from the newest back */
		struct sentry_line *line = &watch->line[(i - 1) % most];
		char text[SENTRY_LINE_MAX];
		uint64_t time = __atomic_load_n(&line->time, __ATOMIC_ACQUIRE);
		uint32_t len = line->len;
		if (!time || len > SENTRY_LINE_MAX) continue;
		memcpy(text, line->text, len);
		if (__atomic_load_n(&line->time, __ATOMIC_ACQUIRE) != time) continue;	/* overwritten meanwhile */
		if (time >= looked && was_peeked(peek, text, len)) continue;
		if (!add(copy, "log", time, text, len)) break;
	}
}

static size_t room_for_all(const struct sentry_log_peek *peek, int most) {
	struct sentry_watch *watch = sentry.watch;
	uint64_t end = __atomic_load_n(&watch->lines, __ATOMIC_ACQUIRE), n = end < (uint64_t) watch->lines_max ? end : (uint64_t) watch->lines_max;
	size_t room = 0;
	for (int i = 0; peek && i < peek->count; i++) room += peek->line[i].len + 48;
	if (n > (uint64_t) most) n = (uint64_t) most;
	for (uint64_t i = end; i > end - n && room < MOST_COPIED; i--) room += room_for(&watch->line[(i - 1) % (uint64_t) watch->lines_max]);
	return room < MOST_COPIED ? room : MOST_COPIED;
}

static int has_own(const struct sentry_log_peek *peek) {
	for (int i = 0; peek && i < peek->count; i++) {
		if (peek->line[i].own) return 1;
	}
	return 0;
}

/*
 * A line that the master has just read is neither in the pipe nor in the ring. Where lines come at all, it has a moment to put it
 * there: a fraction of what the event itself takes, and never more.
 */
static void let_reader_finish(uint64_t since) {
	struct sentry_watch *watch = sentry.watch;
	uint64_t before = __atomic_load_n(&watch->lines, __ATOMIC_ACQUIRE), last = before ? watch->line[(before - 1) % (uint64_t) watch->lines_max].time : 0;
	if (getpid() == sentry.main || last + ACTIVE_US < since) return;
	while (__atomic_load_n(&watch->lines, __ATOMIC_ACQUIRE) == before && sentry_now_us() < since + MOMENT_US) sched_yield();
}

/*
 * A copy, since the lines go on moving, to be freed after the append; oldest first. If they are too many bytes the oldest stay out.
 * As small as can be, and neither on the stack nor thread-local: where memory is short, and threads have small stacks, an event is
 * to go without its lines, and glibc ends a process that cannot have its thread-local memory.
 */
void sentry_add_log_lines(struct sentry_record *record, int most, unsigned char **copy) {
	struct sentry_watch *watch = sentry.watch;
	*copy = NULL;
	if (!watch || !watch->lines_max) return;
	uint64_t looked = sentry_now_us();
	struct sentry_log_peek *peek = sentry_peek_at_log();
	if (!has_own(peek)) let_reader_finish(looked);
	if (most > watch->lines_max) most = watch->lines_max;
	size_t room = room_for_all(peek, most);
	struct copy all = {.bytes = room ? malloc(room) : NULL, .at = room, .most = most};
	if (all.bytes) {
		for (int i = peek ? peek->count : 0; i > 0; i--) {
			const struct sentry_peeked_line *line = &peek->line[i - 1];
			if (!add(&all, line->own ? "log.own" : "log", looked, line->text, line->len)) break;
		}
		add_read(&all, peek, looked);
		sentry_record_fields(record, all.bytes + all.at, room - all.at);
	}
	free(peek);
	*copy = all.bytes;
}
