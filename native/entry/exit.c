/*
 * The exit of every process that has the plugin: it notes how it ended for the master, and reports a start that failed.
 */
#include "entry/entry.h"

#include <signal.h>

static int is_told_to_stop(void) {
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	return sentry_in_handler_of(signals, 4);
}

static void report(const char *text, int code) {
	struct sentry_boot what = {.text = text, .code = code};
	sentry_boot_report(&what);
}

static int is_accepting(void) {
	return uwsgi.workers && uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc && uwsgi.workers[uwsgi.mywid].accepting;
}

/* a mule, a spooler and the application's own children have our handler too, and may end with any code */
static int is_worker_that_loads(void) {
	return uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc && getpid() == uwsgi.mypid && !uwsgi.muleid && !uwsgi.i_am_a_spooler && !is_accepting();
}

static void report_end(int code, int is_reload) {
	const char *hook = sentry_failed_hook();
	struct sentry_boot what = {
		.text = hook ? hook : !sentry.served ? "the server ended before it served" : is_reload ? "the reload failed and ended the server" : "the server ended while it served",
		.code = code, .serving = sentry.served, .reason = hook || sentry.served ? NULL : sentry_startup_output_last(), .hook = hook ? "stops" : NULL,
	};
	sentry_boot_report(&what);
}

static void report_missing(const char *text, int code) {
	if (!sentry_boot_claim()) return;
	report(text, code);
	sentry_boot_claim_reported();
}

/* at the exit of the process that read the configuration, or of a worker that could not load its application */
static void report_exit(int code) {
	if (!sentry.captured || !code || is_told_to_stop()) return;
	int is_main = getpid() == sentry.main;
	if (code == UWSGI_FAILED_APP_CODE && !is_main) {
		if (is_worker_that_loads()) report_missing(uwsgi.need_app ? sentry_need_app : "no application was loaded", code);
	}
	else if (code == UWSGI_FAILED_APP_CODE && uwsgi.need_app) {
		/* a worker of lazy-apps may do so at any reload; the master ends after it, and with the same code */
		if ((!sentry.served || !uwsgi.master_process) && !is_accepting()) report_missing(sentry_need_app, code);
	}
	else if (is_main && (!sentry.served || sentry_failed_hook())) report_end(code, 0);
	/* a reload replaces the process, and does not exit with a code; a stop exits with 0, unless the emperor is lost */
	else if (is_main && uwsgi.master_process && !uwsgi_instance_is_dying) report_end(code, uwsgi_instance_is_reloading);
}

/*
 * An option that uWSGI cannot use ends it while the options are still being read, when only the plugin's load
 * has run. What this server is then comes from the options that were read, and from those that are written and were not reached.
 */
static int is_ready(int code) {
	if (sentry.configured) return 1;
	if (!code || getpid() != sentry.starter || is_told_to_stop() || sentry_is_crashing()) return 0;
	sentry.ending = 1;
	sentry_options_written();
	if (!sentry.dsn && !sentry.capture) return 0;	/* with `strict` uWSGI reads no line below the one that it does not know */
	sentry_configure();
	return 1;
}

/* a server that ends before it could start its agent (an app that does not load, need-app) still reports */
static void at_exit(int code, void *nothing) {
	SENTRY_ENTRY;
	(void) nothing;
	if (!is_ready(code)) return;
#ifdef __GLIBC__
	sentry_note_exit(code);
#endif
	if (!sentry_is_crashing()) sentry_watchdog_at_exit();
	sentry_writer_close();
	if (code == UWSGI_FAILED_APP_CODE || getpid() == sentry.main) report_exit(code);
	if (getpid() != sentry.main || sentry_is_crashing()) return;
	sentry_last_drops(!sentry_writer_gave_up());
	sentry_agent_last(code);
}

#ifndef __GLIBC__
static void at_exit_unknown(void) {
	at_exit(0, NULL);
}
#endif

/* as soon as the plugin is there */
void sentry_boot_watch_exit(void) {
#ifdef __GLIBC__
	on_exit(at_exit, NULL);
#else
	atexit(at_exit_unknown);
#endif
}
