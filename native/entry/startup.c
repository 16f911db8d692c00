/*
 * The start: the configuration is read, the handlers get the fields of their records, the state directory is opened. The first of
 * uWSGI's calls that needs this does it, once.
 */
#include "entry/entry.h"

#include <sys/mman.h>

static void open_journal(void) {
	char why[1024];
	uid_t owner;
	gid_t group;
	sentry.state = sentry_state_directory(sentry.dir, &owner, &group, why, sizeof(why));
	uint64_t wanted = sentry.journal.max;
	if (sentry.state && sentry_journal_open(&sentry.journal, sentry.state, owner, group, why, sizeof(why)) == 0) {
		uwsgi_add_safe_fd(sentry.journal.dir);
		/* a path means something else after chroot: then only the descriptor finds the directory */
		if (uwsgi.chroot || uwsgi.pivot_root) sentry.journal.path[0] = 0;
		if (sentry.journal.max < wanted) {
			sentry_say("the volume of %s has little room: %llu KiB of records may wait for the agent, not %llu (sentry-journal-max)", sentry.state,
				(unsigned long long) sentry.journal.max >> 10, (unsigned long long) wanted >> 10);
		}
		return;
	}
	sentry.journal.path[0] = 0;
	sentry_say("%s. The server runs on; no event is recorded", why);
}

/* once, of the first handler that has no destination */
static void say_if_kept_locally(void) {
	const char *env = getenv("SENTRY_DSN");
	if (sentry.dsn || (env && *env)) return;
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		char *dsn = sentry_option(h->options, "dsn");
		int none = !dsn || !*dsn;
		free(dsn);
		if (!none) continue;
		sentry_say("%s has no dsn, and there is no sentry-dsn: events without one are kept locally, see `uwsgi-sentry events --dir %s`", h->name,
			sentry.state ? sentry.state : "DIR");
		return;
	}
}

/* The one line of a good start. Its words are few: a user's alarm-log looks for patterns in the log */
static void say_ready(void) {
	if (sentry.journal.dir < 0) return;	/* the reason is logged already */
	const char *dsn = sentry.dsn ? sentry.dsn : getenv("SENTRY_DSN");
	const char *host = dsn ? strchr(dsn, '@') : NULL, *secret = dsn ? strstr(dsn, "://") : NULL;
	char to[300];
	if (host && secret && secret < host && !sentry_dsn_fault(dsn)) {
		snprintf(to, sizeof(to), "to %.*s***%s", (int) (secret + 3 - dsn), dsn, host);
		to[strcspn(to, "?#")] = 0;
	}
	else snprintf(to, sizeof(to), "no sentry-dsn");
	sentry_say(SENTRY_PLUGIN_VERSION ": capture %s, %s, state in %s; `uwsgi-sentry status` shows more", sentry.capture ? sentry.capture : sentry.dsn ? "all" : "none", to, sentry.state);
}

/* idempotent: the first hook may come before the jail callback */
void sentry_configure(void) {
	if (sentry.configured) return;
	sentry.configured = 1;
	sentry.main = getpid();
	sentry.started = time(NULL);
	sentry.journal.counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sentry.journal.counters == MAP_FAILED) sentry.journal.counters = uwsgi_calloc(sizeof(struct sentry_counters));
	sentry_take_carried_drops();

	sentry_options_read();
	sentry_defaults_prepare();
	sentry_handlers_find();
	sentry_capture_prepare();
	sentry_vassals_prepare();
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		sentry_handler_check(h);
		sentry_handler_ready(h);
	}
	open_journal();
	say_ready();
	say_if_kept_locally();
}

/* the master, or without one the process that read the configuration */
static pid_t main_process(void) {
	return uwsgi.workers && uwsgi.workers[0].pid > 0 ? uwsgi.workers[0].pid : getpid();
}

/* only the number that the master's own records need: the alarm thread may be copying the rest */
void sentry_refresh_main(void) {
	sentry.main = main_process();
}

/* uWSGI becomes another process with daemonize, and again with daemonize2: records name the one that serves */
int sentry_refresh(void) {
	if (sentry.main == main_process()) return 0;
	sentry.main = main_process();
	sentry_defaults_prepare();
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		free(h->fields);
		sentry_handler_ready(h);
	}
	return 1;
}
