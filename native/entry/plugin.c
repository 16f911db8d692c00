/*
 * Registration. Everything that needs uWSGI's structs is behind the check in sentry_load(): a plugin that was built for another
 * uWSGI loads without a word and then writes to the wrong places, so it must find out itself and do nothing then.
 */
#include "entry/entry.h"

#include <dlfcn.h>
#include <limits.h>

/* the C flags of the uWSGI that this is built for: they name its version and all that changes its structs */
#ifdef SENTRY_BUILT_IN
#define SENTRY_BUILT_FOR_CFLAGS flags	/* it cannot be another one */
#elif !defined(SENTRY_BUILT_FOR_CFLAGS)
#error "SENTRY_BUILT_FOR_CFLAGS is missing: build with uwsgi --build-plugin, which runs uwsgiplugin.py"
#endif

static int inert;

/* where this very file is: the agent's jar is its tail. Resolved now, before uWSGI changes directory or root */
static char *own_path(void) {
	Dl_info info;
	char path[PATH_MAX];
	if (!dladdr(sentry_options, &info) || !info.dli_fname || !realpath(info.dli_fname, path)) return NULL;
	return strdup(path);
}

static void sentry_load(void) {
	SENTRY_ENTRY;
	char *flags = uwsgi_get_cflags();
	inert = !flags || strcmp(flags, SENTRY_BUILT_FOR_CFLAGS);
	free(flags);
	if (!inert) {
		sentry.plugin = own_path();
		sentry.starter = getpid();
		sentry_startup_output_begin();
		sentry_boot_watch_exit();
		sentry_hooks_wrap();
		uwsgi_register_alarm("sentry", sentry_alarm_init, sentry_alarm);
		uwsgi_register_hook("sentry", sentry_hook);
		uwsgi_register_hook("sentry-watchdog", sentry_watchdog_hook);
#ifdef UWSGI_ROUTING
		uwsgi_register_router("sentry", sentry_route_parse);
#endif
		uwsgi_register_exception_handler("sentry", sentry_exception);
		return;
	}
	sentry_say("this plugin was built for another uWSGI (or another build of it) and does nothing: no event will be reported. "
		"Rebuild it: run `uwsgi --build-plugin .` (or `./run build`) in its sources with the uWSGI that runs here");
	sentry_version_mismatch_register();
}

/* called in every server once all options are known, while it is still root, before any chroot; on a reload too */
static void sentry_jail(int (*start)(void *), char **argv) {
	SENTRY_ENTRY;
	(void) start;
	(void) argv;
	if (inert) {
		if (!sentry_strict()) return;
		sentry_say("strict: not starting with a plugin that does nothing");
		exit(1);
	}
	sentry_hooks_wrap();	/* the hooks of plugins that were loaded after this one */
	sentry_configure();
	sentry_log_pipe_widen();	/* while this is root, it may be wider */
}

/* uWSGI calls none of the following before the one above; if another caller does, nothing is done */
static int is_ready(void) {
	return !inert && sentry.configured;
}

static int sentry_init(void) {
	SENTRY_ENTRY;
	if (!is_ready()) return 0;
	sentry_refresh();
	sentry_agent_prepare();
	return 0;
}

static void sentry_post_init(void) {
	SENTRY_ENTRY;
	if (!is_ready()) return;
	sentry_refresh();
	sentry_capture_start();
	if (sentry.watch || sentry.crash_alarms) sentry_deaths_prepare();
	sentry_exceptions_wrap();
	sentry_language_errors_find();
	sentry_python_excepthooks();
	sentry_watchdog_prepare();
	sentry_write_handlers();
	if (!uwsgi.master_process) sentry_agent_detached(0);
}

/* once a second: a cycle comes with each line of the log */
static int is_another_second(void) {
	static uint64_t last;
	uint64_t now = sentry_seconds();
	int is = now != last;
	last = now;
	return is;
}

/* work that touches files, or waits for room in the journal: the writer's, if there is one */
static void keep_up(void) {
	if (sentry_writer_runs()) sentry_writer_wake();
	else sentry_writer_duties();
}

static void sentry_master_cycle(void) {
	SENTRY_ENTRY;
	if (!is_ready()) return;
	sentry_refresh_main();
	if (getpid() != sentry.main || !uwsgi.workers) return;
	sentry.agent_started = 1;
	sentry_startup_output_end();
	int another_second = is_another_second();
	if (another_second) sentry_writer_start();
	if (another_second) sentry_log_pipe_widen();
	sentry_boot_served();
	sentry_agent_cycle();
	sentry_watch_cycle();
	if (another_second) keep_up();
}

/* at the exit of a child of the master's too, that failed before it became a worker */
static void sentry_master_cleanup(void) {
	SENTRY_ENTRY;
	if (!is_ready() || getpid() != sentry.main) return;
	sentry_late_crashes(1);
	sentry_writer_close();
	sentry_carry_drops(!sentry_writer_gave_up());
	sentry_agent_stop();
}

static void sentry_post_fork(void) {
	SENTRY_ENTRY;
	if (!is_ready()) return;
	if (sentry_refresh() && !uwsgi.master_process) {	/* the agent follows a process that is gone */
		sentry.agent_started = 0;
		sentry_agent_detached(0);
	}
	sentry_startup_output_end();
	sentry_boot_forked();
	sentry_agent_forked();
	sentry_log_peek_prepare();
	sentry_request_errors_prepare();
	sentry_client_watch();
	sentry_python_frameworks_forked();
	sentry_watchdog_start();
}

static void sentry_spooler_init(void) {
	SENTRY_ENTRY;
	if (!is_ready()) return;
	sentry_refresh();
	sentry_watchdog_hook(NULL);
}

static void sentry_init_apps(void) {
	SENTRY_ENTRY;
	if (!is_ready()) return;
	sentry_boot_loaded();
}

/* the last that uWSGI calls in a worker before it serves: with lazy-apps all applications are loaded, those of mounts too */
static void sentry_hijack_worker(void) {
	SENTRY_ENTRY;
	if (!is_ready()) return;
	if (uwsgi.lazy || uwsgi.lazy_apps) sentry_python_frameworks();
	else sentry_python_frameworks_again();
}

static void sentry_postinit_apps(void) {
	SENTRY_ENTRY;
	if (!is_ready()) return;
	sentry_boot_apps();
	sentry_python_loaded();
	sentry_python_frameworks();
}

static void sentry_on_harakiri(int worker) {
	SENTRY_ENTRY;
	if (!is_ready()) return;
	sentry_harakiri(worker);
}

struct uwsgi_plugin sentry_plugin = {
	.name = "sentry",
	.options = sentry_options,
	.on_load = sentry_load,
	.jail = sentry_jail,
	.init = sentry_init,
	.post_init = sentry_post_init,
	.init_apps = sentry_init_apps,
	.postinit_apps = sentry_postinit_apps,
	.post_fork = sentry_post_fork,
	.hijack_worker = sentry_hijack_worker,
	.spooler_init = sentry_spooler_init,
	.master_cycle = sentry_master_cycle,
	.master_cleanup = sentry_master_cleanup,
	.harakiri = sentry_on_harakiri,
};
