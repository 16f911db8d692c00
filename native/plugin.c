/*
 * Registration. Everything that needs uWSGI's structs is behind the check in sentry_load(): a plugin that was built for another
 * uWSGI loads without a word and then writes to the wrong places, so it must find out by itself and keep its hands off.
 */
#include "sentry.h"

#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>

/* the C flags of the uWSGI that this is built for: they name its version and all that changes its structs */
#ifndef SENTRY_BUILT_FOR_CFLAGS
#error "SENTRY_BUILT_FOR_CFLAGS is missing: build with uwsgi --build-plugin, which runs uwsgiplugin.py"
#endif

struct sentry_server sentry = {.journal = {.dir = -1}};

static int inert;

void sentry_say(const char *format, ...) {
	char line[2048];
	va_list ap;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	uwsgi_log("[uwsgi-sentry] %s\n", line);
}

/* by the option's name, since the struct that holds it may not be the one that we know */
int sentry_strict(void) {
	char *value = uwsgi_get_exported_opt("strict");
	return value && strcmp(value, "false") && strcmp(value, "0");
}

static struct uwsgi_option sentry_options[] = {
	{"sentry-dsn", required_argument, 0, "where events go whose handler names no dsn", uwsgi_opt_set_str, &sentry.dsn, 0},
	{"sentry-environment", required_argument, 0, "environment of every event (default: SENTRY_ENVIRONMENT)", uwsgi_opt_set_str, &sentry.environment, 0},
	{"sentry-release", required_argument, 0, "release of every event (default: SENTRY_RELEASE)", uwsgi_opt_set_str, &sentry.release, 0},
	{"sentry-server-name", required_argument, 0, "server_name of every event (default: the host's name)", uwsgi_opt_set_str, &sentry.server_name, 0},
	{"sentry-tags", required_argument, 0, "tags of every event, key:value;key:value", uwsgi_opt_set_str, &sentry.tags, 0},
	{"sentry-dir", required_argument, 0, "the state directory (default: /var/lib/uwsgi-sentry/UID, or below the user's home)", uwsgi_opt_set_str, &sentry.dir, 0},
	{"sentry-instance", required_argument, 0, "this server's name in events (default: the name of its configuration file)", uwsgi_opt_set_str, &sentry.instance, 0},
	{"sentry-agent", required_argument, 0, "auto: this server starts the agent; external: somebody else does (default: auto)", uwsgi_opt_set_str, &sentry.agent, 0},
	{"sentry-java", required_argument, 0, "the java that runs the agent (default: JAVA_HOME, then PATH)", uwsgi_opt_set_str, &sentry.java, 0},
	{"sentry-fold", required_argument, 0, "how many events of one fault are sent in a minute, further ones are counted; 0: all are sent (default: 5)", uwsgi_opt_set_str, &sentry.fold, 0},
	{"sentry-max-events-per-minute", required_argument, 0, "how many events of a minute are sent to one destination, further ones are discarded and counted; 0: no limit (default: 0)", uwsgi_opt_set_str, &sentry.max_events_per_minute, 0},
	{"sentry-journal-max", required_argument, 0, "bytes that may wait for the agent, with k, m or g (default: 64m)", uwsgi_opt_set_str, &sentry.journal_max, 0},
	{"sentry-drain", required_argument, 0, "seconds that the agent goes on delivering once the server has stopped (default: 2)", uwsgi_opt_set_str, &sentry.drain, 0},
	{"sentry-outbox-max", required_argument, 0, "bytes of events that the agent keeps until they are sent, with k, m or g (default: 256m)", uwsgi_opt_set_str, &sentry.outbox_max, 0},
	{"sentry-outbox-age", required_argument, 0, "how long an event waits to be sent, with s, m, h or d (default: 7d)", uwsgi_opt_set_str, &sentry.outbox_age, 0},
	{"sentry-outbox-entries", required_argument, 0, "how many events may wait for one destination (default: 250000)", uwsgi_opt_set_str, &sentry.outbox_entries, 0},
	{"sentry-event-max", required_argument, 0, "bytes of one event, with k or m (default: 1m)", uwsgi_opt_set_str, &sentry.event_max, 0},
	{"sentry-history", required_argument, 0, "how long and how many bytes of delivered events are kept (default: 7d,50m)", uwsgi_opt_set_str, &sentry.history, 0},
	{"sentry-lanes", required_argument, 0, "how many requests to Sentry are under way at once, to all destinations together (default: 64)", uwsgi_opt_set_str, &sentry.lanes, 0},
	{"sentry-ca", required_argument, 0, "a file of certificates (PEM) to trust beside the system's", uwsgi_opt_set_str, &sentry.ca, 0},
	{"sentry-proxy", required_argument, 0, "HTTP proxy to the destinations, http://[USER:PASSWORD@]HOST:PORT, or none (default: the environment's)", uwsgi_opt_set_str, &sentry.proxy, 0},
	{"sentry-capture", required_argument, 0, "what is reported without a handler: all, none, or some of exceptions, crashes, harakiri, slow, backlog, boot, daemons (default: all if there is a sentry-dsn)", uwsgi_opt_set_str, &sentry.capture, 0},
	{"sentry-send-default-pii", no_argument, 0, "send cookies, authorization, user and client address of requests too", uwsgi_opt_true, &sentry.send_default_pii, 0},
	{"sentry-scrub", required_argument, 0, "further names whose values are not sent, separated by commas", uwsgi_opt_set_str, &sentry.scrub, 0},
	{"sentry-locals", required_argument, 0, "send the local variables of a Python exception's frames (default: true)", uwsgi_opt_set_str, &sentry.locals, 0},
	{"sentry-slow-request", required_argument, 0, "seconds after which a request is reported as slow (default: half of harakiri, else off)", uwsgi_opt_set_str, &sentry.slow_request, 0},
	{"sentry-breadcrumbs", required_argument, 0, "how many of the log's last lines go with an event (default: 50; needs log-master)", uwsgi_opt_set_str, &sentry.breadcrumbs, 0},
	{NULL, 0, 0, NULL, NULL, NULL, 0},
};

/* ---- inert: for a uWSGI that we do not know ---- */

static void inert_alarm_init(struct uwsgi_alarm_instance *uai) {
	(void) uai;
}

static void inert_alarm(struct uwsgi_alarm_instance *uai, char *msg, size_t len) {
	(void) uai;
	(void) msg;
	(void) len;
}

static int inert_hook(char *arg) {
	(void) arg;
	return 0;
}

static int inert_exception(struct uwsgi_exception_handler_instance *uehi, char *msg, size_t len) {
	(void) uehi;
	(void) msg;
	(void) len;
	return 0;
}

/*
 * A rule must be given its function, and the place for it in struct uwsgi_route differs between versions. So uWSGI shows it to
 * us: it is made to run a rule of which every word is the address of another function; the one that it calls tells the place.
 */
#define PLACES 24
static void **probed;
static int place = -1;

static int inert_route(struct wsgi_request *req, struct uwsgi_route *ur) {
	(void) req;
	(void) ur;
	return UWSGI_ROUTE_NEXT;
}

static int probe_hit(int n) {
	place = n;
	for (int i = 0; i < PLACES; i++) probed[i] = NULL;
	return 0;
}

#define PROBE(n) static int probe_##n(void) { return probe_hit(n); }
PROBE(0) PROBE(1) PROBE(2) PROBE(3) PROBE(4) PROBE(5) PROBE(6) PROBE(7) PROBE(8) PROBE(9) PROBE(10) PROBE(11)
PROBE(12) PROBE(13) PROBE(14) PROBE(15) PROBE(16) PROBE(17) PROBE(18) PROBE(19) PROBE(20) PROBE(21) PROBE(22) PROBE(23)
static int (*const probes[PLACES])(void) = {probe_0, probe_1, probe_2, probe_3, probe_4, probe_5, probe_6, probe_7, probe_8, probe_9, probe_10, probe_11,
	probe_12, probe_13, probe_14, probe_15, probe_16, probe_17, probe_18, probe_19, probe_20, probe_21, probe_22, probe_23};

static int probe_parse(struct uwsgi_route *ur, char *args) {
	(void) args;
	probed = (void **) ur;
	if (malloc_usable_size(ur) < PLACES * sizeof(void *)) return -1;
	for (int i = 0; i < PLACES; i++) probed[i] = *(void *const *) &probes[i];
	return 0;
}

static int inert_route_parse(struct uwsgi_route *ur, char *args) {
	(void) args;
	if (place < 0) {
		uwsgi_route_api_func(NULL, "sentry-probe", uwsgi_str(""));
		if (place < 0) return -1;
	}
	int (*func)(struct wsgi_request *, struct uwsgi_route *) = inert_route;
	memcpy((void **) ur + place, &func, sizeof(func));
	return 0;
}

/* ---- */

/* where this very file is: the agent's jar is its tail. Resolved now, before uWSGI changes directory or root */
static char *own_path(void) {
	Dl_info info;
	char path[PATH_MAX];
	if (!dladdr((void *) sentry_options, &info) || !info.dli_fname || !realpath(info.dli_fname, path)) return NULL;
	return strdup(path);
}

static void sentry_load(void) {
	char *flags = uwsgi_get_cflags();
	inert = !flags || strcmp(flags, SENTRY_BUILT_FOR_CFLAGS);
	free(flags);
	if (!inert) {
		sentry.plugin = own_path();
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
	uwsgi_register_alarm("sentry", inert_alarm_init, inert_alarm);
	uwsgi_register_hook("sentry", inert_hook);
	if (uwsgi_register_router && uwsgi_route_api_func) {
		uwsgi_register_router("sentry-probe", probe_parse);
		uwsgi_register_router("sentry", inert_route_parse);
	}
	uwsgi_register_exception_handler("sentry", inert_exception);
}

/* called in every server once all options are known, while it is still root, before any chroot; on a reload too */
static void sentry_jail(int (*start)(void *), char **argv) {
	(void) start;
	(void) argv;
	if (inert) {
		if (sentry_strict()) {
			sentry_say("strict: not starting with a plugin that does nothing");
			exit(1);
		}
		return;
	}
	sentry_configure();
}

static int sentry_init(void) {
	if (inert) return 0;
	sentry_refresh();
	sentry_agent_register();
	return 0;
}

static void sentry_post_init(void) {
	if (inert) return;
	sentry_refresh();
	sentry_capture_start();
	sentry_exceptions_wrap();
	sentry_python_outside();
	sentry_write_configuration();
	if (!uwsgi.master_process) sentry_agent_detached(0);
}

static void sentry_master_cycle(void) {
	if (inert) return;
	sentry.agent_started = 1;
	sentry_boot_served();
	sentry_watch_cycle();
	sentry_report_drops();
}

static void sentry_post_fork(void) {
	if (inert) return;
	sentry_boot_forked();
	sentry_watchdog_start();
}

static void sentry_spooler_init(void) {
	if (inert) return;
	sentry_watchdog_hook(NULL);
}

static void sentry_postinit_apps(void) {
	if (inert) return;
	sentry_boot_apps();
	sentry_python_loaded();
}

static void sentry_on_harakiri(int worker) {
	if (inert) return;
	sentry_harakiri(worker);
}

struct uwsgi_plugin sentry_plugin = {
	.name = "sentry",
	.options = sentry_options,
	.on_load = sentry_load,
	.jail = sentry_jail,
	.init = sentry_init,
	.post_init = sentry_post_init,
	.postinit_apps = sentry_postinit_apps,
	.post_fork = sentry_post_fork,
	.spooler_init = sentry_spooler_init,
	.master_cycle = sentry_master_cycle,
	.harakiri = sentry_on_harakiri,
};
