/*
 * What uWSGI's own handler printed of a crash, kept for the report of the death that follows it. It comes through alarms: ours
 * (capture.c), or the user's own `alarm-segfault = NAME`. The death then has that alarm's handler: one incident is one event, with
 * the user's options and all that is known of the death.
 *
 * Written by the master's alarm thread, or without such alarms by its thread that reads the log; taken by its main thread.
 */
#include "watch/watch.h"

#define CRASHES 8
#define STALE_SECONDS 10	/* no report of a death will take it any more */
#define LATE_SECONDS 2		/* no death was reported: the alarm is, then */

enum { FREE, BEING_WRITTEN, THERE };

static struct {
	int state;
	pid_t pid;
	struct sentry_handler *handler;	/* of the user's alarm, or NULL */
	time_t at;
	uint32_t len;
	char text[8192];
} crashes[CRASHES];

static const char head[] = "*** backtrace of ";

int sentry_is_crash(const char *text, size_t len) {
	return len >= sizeof(head) && !memcmp(text, head, sizeof(head) - 1);
}

/* whether the report of its death will come for it */
static int is_watched(pid_t pid) {
	if (sentry.main != getpid() || sentry_stopping()) return 0;
	for (int i = 1; uwsgi.workers && i <= uwsgi.numproc; i++) {
		if (uwsgi.workers[i].pid == pid) return 1;
	}
	for (int i = 0; uwsgi.mules && i < uwsgi.mules_cnt; i++) {
		if (uwsgi.mules[i].pid == pid) return 1;
	}
	for (struct uwsgi_spooler *spooler = uwsgi.spoolers; spooler; spooler = spooler->next) {
		if (spooler->pid == pid) return 1;
	}
	return 0;
}

/* the user's alarm waits for the death, however long that takes */
static int take_slot(time_t now) {
	for (int i = 0; i < CRASHES; i++) {
		int is_free = FREE, is_old = THERE;
		if (__atomic_compare_exchange_n(&crashes[i].state, &is_free, BEING_WRITTEN, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return i;
		if (!crashes[i].handler && now - crashes[i].at > STALE_SECONDS &&
		    __atomic_compare_exchange_n(&crashes[i].state, &is_old, BEING_WRITTEN, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return i;
	}
	return -1;
}

int sentry_note_crash(const char *text, size_t len, struct sentry_handler *handler) {
	if (!sentry_is_crash(text, len)) return 0;
	char digits[16] = {0};
	memcpy(digits, text + sizeof(head) - 1, len - sizeof(head) + 1 < 15 ? len - sizeof(head) + 1 : 15);
	pid_t pid = (pid_t) strtol(digits, NULL, 10);
	if (handler && !is_watched(pid)) return 0;
	time_t now = time(NULL);
	int i = take_slot(now);
	if (i < 0) return 0;
	crashes[i].pid = pid;
	crashes[i].handler = handler;
	crashes[i].at = now;
	crashes[i].len = (uint32_t) (len < sizeof(crashes[i].text) ? len : sizeof(crashes[i].text));
	memcpy(crashes[i].text, text, crashes[i].len);
	__atomic_store_n(&crashes[i].state, THERE, __ATOMIC_RELEASE);
	return 1;
}

/* the next slot of that process's, -1: there is none */
static int next_of(pid_t pid, int from) {
	for (int i = from; i < CRASHES; i++) {
		if (__atomic_load_n(&crashes[i].state, __ATOMIC_ACQUIRE) == THERE && crashes[i].pid == pid) return i;
	}
	return -1;
}

static int count_of(pid_t pid) {
	int count = 0;
	for (int i = next_of(pid, 0); i >= 0; i = next_of(pid, i + 1)) count++;
	return count;
}

/* its messages are on their way through a pipe when it dies, one for each alarm: a few milliseconds are waited for them */
void sentry_await_crash(pid_t pid) {
	int wanted = sentry.crash_alarms > 1 ? sentry.crash_alarms : 1;
	for (int turn = 0; turn < 30 && count_of(pid) < wanted && sentry_may_wait(); turn++) sentry_pause();
}

int sentry_crash_of(pid_t pid, struct sentry_crash *crash) {
	int i = next_of(pid, 0);
	if (i < 0) return 0;
	*crash = (struct sentry_crash) {.text = crashes[i].text, .len = crashes[i].len, .handler = crashes[i].handler, .slot = i};
	return 1;
}

void sentry_crash_reported(const struct sentry_crash *crash) {
	__atomic_store_n(&crashes[crash->slot].state, FREE, __ATOMIC_RELEASE);
}

/* the process did not die of it, or the server stops and reports no deaths: then the user's alarm is reported as an alarm */
void sentry_late_crashes(int all) {
	time_t now = time(NULL);
	for (int i = 0; i < CRASHES; i++) {
		if (__atomic_load_n(&crashes[i].state, __ATOMIC_ACQUIRE) != THERE || !crashes[i].handler) continue;
		if (!all && now - crashes[i].at <= LATE_SECONDS) continue;
		sentry_alarm_report(crashes[i].handler, crashes[i].text, crashes[i].len);
		__atomic_store_n(&crashes[i].state, FREE, __ATOMIC_RELEASE);
	}
}
