/*
 * The master's look, about once a second and before it collects its dead: at its children, whose memory is still there, and at
 * the listen queue.
 */
#include "watch.h"

/* for whatever it waits, and for however many processes at once: the master does not stand still for longer than this in a cycle */
#define WAIT_MS 60
static int waits = WAIT_MS;

int sentry_may_wait(void) {
	return waits > 0 && waits--;
}

void sentry_watch_cycle(void) {
	waits = WAIT_MS;
	if (!sentry.captured || !sentry.watch || getpid() != sentry.main) return;
	sentry_look_at_children();
	sentry_look_at_backlog();
}
