/* The server as all parts of the plugin know it, and how they log. Nothing in here needs another part. */
#include "server/server.h"

struct sentry_server sentry = {.journal = {.dir = -1}};

static void say(const char *format, va_list ap) {
	char line[2048];
	vsnprintf(line, sizeof(line), format, ap);
	uwsgi_log("[uwsgi-sentry] %s\n", line);
}

void sentry_say(const char *format, ...) {
	va_list ap;
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

/* by the option's name: the struct may not be the one that we were built for */
int sentry_strict(void) {
	char *value = uwsgi_get_exported_opt("strict");
	return value && strcmp(value, "false") && strcmp(value, "0");
}

void sentry_mistake(const char *format, ...) {
	va_list ap;
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	if (sentry_strict() && !sentry.ending) exit(1);
}

const char *sentry_instance_name(void) {
	if (sentry.instance && *sentry.instance) return sentry.instance;
	/* %n of a configuration: the file's name without its extension; a vassal is called so too */
	char *file = uwsgi.magic_table['n'];
	return file && *file ? file : "uwsgi";
}

/*
 * uWSGI's own mark is not enough. A hook that fails while applications are loaded sets it before there is any process to stop, and a worker
 * whose fork is under way at that moment is not signalled: in both cases the server serves on with the mark. If it really stops or
 * reloads, every living worker and mule was told to go.
 */
int sentry_stopping(void) {
	if (!uwsgi_instance_is_dying && !uwsgi_instance_is_reloading) return 0;
	for (int i = 1; uwsgi.workers && i <= uwsgi.numproc; i++) {
		if (uwsgi.workers[i].pid > 0 && !uwsgi.workers[i].cursed_at && !uwsgi.workers[i].cheaped) return 0;
	}
	for (int i = 0; uwsgi.mules && i < uwsgi.mules_cnt; i++) {
		if (uwsgi.mules[i].pid > 0 && !uwsgi.mules[i].cursed_at) return 0;
	}
	return 1;
}

/* the longest that the master stands still in one cycle, for whatever reason and for all processes together */
#define WAIT_MS 60
static int waits = WAIT_MS;

int sentry_may_wait(void) {
	return waits > 0 && waits--;
}

void sentry_new_cycle(void) {
	waits = WAIT_MS;
}
