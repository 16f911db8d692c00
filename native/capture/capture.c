/*
 * What is reported without a handler, and how each kind is plugged into uWSGI. If uWSGI has a way of its own (alarms,
 * after-request hooks), ours is entered there as if it stood in the configuration. Nothing that costs the server something (a
 * master, the log pipe) is switched on unless its user has.
 */
#include "capture/capture.h"

#include <sys/mman.h>

#define CRASH_ALARM "uwsgi-sentry-crash"
#define LINES_ALARM "uwsgi-sentry-lines"

/* the alarm of that name is a sentry handler: it reports the incident already, and one incident is one event */
static int alarm_is_ours(const char *name) {
	char *full = uwsgi_concat2("alarm ", (char *) name);
	struct sentry_handler *handler = sentry_handler_by_name(full);
	free(full);
	return handler != NULL;
}

static int count_ours(struct uwsgi_string_list *alarms) {
	int ours = 0;
	struct uwsgi_string_list *usl;
	uwsgi_foreach(usl, alarms) ours += alarm_is_ours(usl->value);
	return ours;
}

/* with all options known, and before uWSGI has made its alarms of them */
void sentry_capture_prepare(void) {
	if (uwsgi.master_process) sentry.crash_alarms = count_ours(uwsgi.alarm_segfault);
	/* then the user's handlers report exceptions, but not the failed requests of languages that raise none */
	if (sentry.exception_handlers && sentry_capturing(SENTRY_CAPTURE_EXCEPTIONS)) sentry.own_exceptions = 1;
	if (count_ours(uwsgi.alarm_backlog)) sentry.captured &= ~(1u << SENTRY_CAPTURE_BACKLOG);
	for (int i = 0; i < SENTRY_CAPTURES; i++) {
		if (!sentry_capturing(i) || i == SENTRY_CAPTURE_CLIENTS) continue;	/* of exceptions and slow requests: no kind of its own */
		char *name = uwsgi_concat2("capture ", (char *) sentry_capture_name[i]);
		sentry.capture_handler[i] = sentry_handler_add(name, "", NULL);
		free(name);
	}
	if (sentry_capturing(SENTRY_CAPTURE_SLOW) || sentry_capturing(SENTRY_CAPTURE_FAILED) || sentry_capturing(SENTRY_CAPTURE_EXCEPTIONS) || sentry.exception_handlers) {
		uwsgi_string_new_list(&uwsgi.after_request_hooks, "sentry_after_request");
	}
	if (!sentry.captured) return;

	if (uwsgi.master_process) {
		/* uWSGI keeps an alarm's last text in a block of the one size, and copies into it up to the other */
		int fits = uwsgi.log_master_bufsize >= uwsgi.alarm_msg_size;
		if (sentry_capturing(SENTRY_CAPTURE_CRASHES) && !sentry.crash_alarms && !fits) {
			sentry_say("log-master-bufsize is below alarm-msg-size, which can crash uWSGI's alarms: crashes are reported without their stack");
		}
		else if (sentry_capturing(SENTRY_CAPTURE_CRASHES) && !sentry.crash_alarms) {
			uwsgi_string_new_list(&uwsgi.alarm_list, CRASH_ALARM " sentry:");
			uwsgi_string_new_list(&uwsgi.alarm_segfault, CRASH_ALARM);
		}
		if (sentry_capturing(SENTRY_CAPTURE_REFUSED) && (!uwsgi.log_master || uwsgi.alarm_cheap)) {
			sentry_say("sentry-capture: refused requests are not reported: they are found in the log alone, which needs log-master and no alarm-cheap");
		}
#ifdef UWSGI_PCRE
		/*
		 * Only where the log goes through the master anyway: its pipe can fail the application's own writes. And not with
		 * alarm-cheap, which would send every line through one more pipe.
		 */
		int wanted = sentry.lines > 0 || sentry_capturing(SENTRY_CAPTURE_REFUSED);
		if (uwsgi.log_master && !uwsgi.alarm_cheap && wanted) {
			uwsgi_string_new_list(&uwsgi.alarm_list, LINES_ALARM " sentry:");
			uwsgi_string_new_list(&uwsgi.alarm_logs_list, LINES_ALARM " .");
		}
#endif
	}
	if (sentry_capturing(SENTRY_CAPTURE_DAEMONS)) uwsgi_string_new_list(&uwsgi.hook_as_mule, uwsgi_str("sentry-watchdog:"));	/* uWSGI writes into it */
}

/* once the number of workers is known */
void sentry_capture_start(void) {
	sentry_python_find();
	if (!sentry.captured || sentry.watch) return;
	int stacks = uwsgi.numproc + 1 + uwsgi.mules_cnt;
	for (struct uwsgi_spooler *spooler = uwsgi.spoolers; spooler; spooler = spooler->next) stacks++;
	size_t size = sizeof(struct sentry_watch) + sizeof(struct sentry_stack) * (size_t) stacks;
	/* pages that are never written cost nothing */
	struct sentry_watch *watch = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (watch == MAP_FAILED) return;
	watch->lines_max = sentry.lines;
	watch->stacks = stacks;
	sentry.watch = watch;
}
