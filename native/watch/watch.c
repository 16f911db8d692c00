/*
 * The master's look, about once a second and before it collects its dead: at the listen queue, and at its children, whose memory is
 * still there.
 */
#include "watch/watch.h"

void sentry_watch_cycle(void) {
	sentry_new_cycle();
	int is_captured = sentry.captured && sentry.watch;
	if ((!is_captured && !sentry.crash_alarms) || getpid() != sentry.main) return;
	if (is_captured) sentry_look_at_backlog();
	sentry_look_at_children();
	sentry_late_crashes(0);
}
