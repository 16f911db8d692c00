/*
 * The master's look, about once a second and before it collects its dead: at the listen queue, and at its children, whose memory is
 * still there.
 */
#include "watch.h"

void sentry_watch_cycle(void) {
	sentry_new_cycle();
	if (!sentry.captured || !sentry.watch || getpid() != sentry.main) return;
	sentry_look_at_backlog();
	sentry_look_at_children();
}
