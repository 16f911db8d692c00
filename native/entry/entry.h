/* Where uWSGI enters the plugin: registration, start and exit, and the handlers of the configuration. */
#ifndef SENTRY_ENTRY_H
#define SENTRY_ENTRY_H

#include "agent/agent.h"
#include "entry/startup_output.h"
#include "watch/watch.h"

/* ---- startup.c ---- */

void sentry_configure(void);
int sentry_refresh(void);		/* the server may have become another process since: 1 if it has */
void sentry_refresh_main(void);		/* the same where threads of ours run */

/* ---- exit.c ---- */

void sentry_boot_watch_exit(void);

/* ---- hook_failures.c: uWSGI's own hooks ---- */

void sentry_hooks_wrap(void);
const char *sentry_failed_hook(void);	/* after which the process exits; NULL: none failed */

/* ---- version_mismatch.c ---- */

void sentry_version_mismatch_register(void);

/* ---- the handlers: alarm.c, hook.c, route.c; exception handlers are capture/exception_log.c ---- */

void sentry_alarm_init(struct uwsgi_alarm_instance *);
void sentry_alarm(struct uwsgi_alarm_instance *, char *, size_t);
int sentry_hook(char *);
int sentry_route_parse(struct uwsgi_route *, char *);

#endif
