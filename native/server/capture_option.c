/* sentry-capture: the kinds of what is reported without a handler, by name, and which of them are on. */
#include "server/server.h"

const char *const sentry_capture_name[SENTRY_CAPTURES] = {"exceptions", "failed", "crashes", "harakiri", "slow", "backlog", "boot", "daemons", "logged", "clients", "cut", "refused"};

int sentry_capturing(enum sentry_capture what) {
	return sentry.captured >> what & 1;
}

/* on where the user asked for events by sentry-dsn or sentry-capture; SENTRY_DSN alone may be an SDK's in the app */
void sentry_capture_read(void) {
	const unsigned all = ((1u << SENTRY_CAPTURES) - 1) & ~(1u << SENTRY_CAPTURE_LOGGED) & ~(1u << SENTRY_CAPTURE_CLIENTS) & ~(1u << SENTRY_CAPTURE_REFUSED);
	if (!sentry.capture) {
		sentry.captured = sentry.dsn ? all : 0;
		return;
	}
	for (const char *at = sentry.capture; *at;) {
		size_t len = strcspn(at, ", \t");
		int known = !len;
		if (len == 3 && !strncmp(at, "all", 3)) sentry.captured |= all, known = 1;
		else if (len == 4 && !strncmp(at, "none", 4)) sentry.captured = 0, known = 1;
		for (int i = 0; i < SENTRY_CAPTURES; i++) {
			if (len == strlen(sentry_capture_name[i]) && !strncmp(at, sentry_capture_name[i], len)) sentry.captured |= 1u << i, known = 1;
		}
		if (!known) sentry_mistake("sentry-capture: %.*s is none of: exceptions, failed, crashes, harakiri, slow, backlog, boot, daemons, logged, clients, cut, refused, all, none", (int) len, at);
		at += len;
		at += strspn(at, ", \t");
	}
}
