/*
 * The options of the ini and what each may say. A value that cannot be used is logged, with what is used instead; with `strict`
 * the server does not start.
 */
#include "server/server.h"

#define DEFAULT_JOURNAL_MAX (64ull << 20)
#define USUAL_LINES 50

struct uwsgi_option sentry_options[] = {
	{"sentry-dsn", required_argument, 0, "where events go whose handler names no dsn", uwsgi_opt_set_str, &sentry.dsn, 0},
	{"sentry-environment", required_argument, 0, "environment of every event (default: SENTRY_ENVIRONMENT)", uwsgi_opt_set_str, &sentry.environment, 0},
	{"sentry-release", required_argument, 0, "release of every event (default: SENTRY_RELEASE)", uwsgi_opt_set_str, &sentry.release, 0},
	{"sentry-server-name", required_argument, 0, "server_name of every event (default: the host's name)", uwsgi_opt_set_str, &sentry.server_name, 0},
	{"sentry-tags", required_argument, 0, "tags of every event, key:value;key:value", uwsgi_opt_set_str, &sentry.tags, 0},
	{"sentry-dir", required_argument, 0, "the state directory (default: $STATE_DIRECTORY/uwsgi-sentry, /var/lib/uwsgi-sentry/USER, or below the user's home)", uwsgi_opt_set_str, &sentry.dir, 0},
	{"sentry-instance", required_argument, 0, "this server's name in events (default: the name of its configuration file)", uwsgi_opt_set_str, &sentry.instance, 0},
	{"sentry-agent", required_argument, 0, "auto: this server starts the agent; external: somebody else does (default: auto)", uwsgi_opt_set_str, &sentry.agent, 0},
	{"sentry-java", required_argument, 0, "the java that runs the agent (default: JAVA_HOME, then PATH)", uwsgi_opt_set_str, &sentry.java, 0},
	{"sentry-jar", required_argument, 0, "the agent's jar (default: the plugin's own tail, then /usr/local/share/uwsgi-sentry and /usr/share/uwsgi-sentry)", uwsgi_opt_set_str, &sentry.jar, 0},
	{"sentry-fold", required_argument, 0, "how many events of one fault are sent in a minute, further ones are counted; 0: all are sent (default: 5)", uwsgi_opt_set_str, &sentry.fold, 0},
	{"sentry-max-events-per-minute", required_argument, 0, "how many events of a minute are sent to one destination, further ones are discarded and counted; 0: no limit (default: 0)", uwsgi_opt_set_str, &sentry.max_events_per_minute, 0},
	{"sentry-journal-max", required_argument, 0, "bytes that may wait for the agent, with k, m or g (default: 64m)", uwsgi_opt_set_str, &sentry.journal_max, 0},
	{"sentry-drain", required_argument, 0, "seconds that the agent goes on delivering once the server has stopped (default: 2)", uwsgi_opt_set_str, &sentry.drain, 0},
	{"sentry-outbox-max", required_argument, 0, "bytes of events that the agent keeps until they are sent, with k, m or g (default: 256m)", uwsgi_opt_set_str, &sentry.outbox_max, 0},
	{"sentry-outbox-age", required_argument, 0, "how long an event waits to be sent, with s, m, h or d (default: 7d)", uwsgi_opt_set_str, &sentry.outbox_age, 0},
	{"sentry-outbox-entries", required_argument, 0, "how many events may wait for one destination (default: 250000)", uwsgi_opt_set_str, &sentry.outbox_entries, 0},
	{"sentry-event-max", required_argument, 0, "bytes of one event, with k or m (default: 1m)", uwsgi_opt_set_str, &sentry.event_max, 0},
	{"sentry-history", required_argument, 0, "how long and how many bytes of delivered events are kept (default: 7d,50m)", uwsgi_opt_set_str, &sentry.history, 0},
	{"sentry-max-requests", required_argument, 0, "how many requests to Sentry are under way at once, to all destinations together (default: 64)", uwsgi_opt_set_str, &sentry.max_requests, 0},
	{"sentry-ca", required_argument, 0, "a file of certificates (PEM) to trust beside the system's", uwsgi_opt_set_str, &sentry.ca, 0},
	{"sentry-proxy", required_argument, 0, "HTTP proxy to the destinations, http://[USER:PASSWORD@]HOST:PORT, or none (default: the environment's)", uwsgi_opt_set_str, &sentry.proxy, 0},
	{"sentry-capture", required_argument, 0, "what is reported without a handler: all, none, or some of exceptions, failed, crashes, harakiri, slow, backlog, boot, daemons, cut, logged, clients, refused (default: all if there is a sentry-dsn, which leaves out the last three)", uwsgi_opt_set_str, &sentry.capture, 0},
	{"sentry-failed-status", required_argument, 0, "answers that are reported as failed requests, from 400 to 599: 500-599 or 500,502-504 (default: 500-599)", uwsgi_opt_set_str, &sentry.failed_status, 0},
	{"sentry-with-sdk", no_argument, 0, "report Python's exceptions also where a Sentry SDK in the application does", uwsgi_opt_true, &sentry.with_sdk, 0},
	{"sentry-send-default-pii", no_argument, 0, "send cookies, authorization, user and client address of requests too", uwsgi_opt_true, &sentry.send_default_pii, 0},
	{"sentry-scrub", required_argument, 0, "further names whose values are not sent, separated by commas", uwsgi_opt_set_str, &sentry.scrub, 0},
	{"sentry-ignore", required_argument, 0, "what is not reported: TYPE, TYPE: MESSAGE or TYPE, TYPE, with * and ?; may be given often", uwsgi_opt_add_string_list, &sentry.ignore, 0},
	{"sentry-locals", required_argument, 0, "send the local variables of a Python exception's frames (default: true)", uwsgi_opt_set_str, &sentry.locals, 0},
	{"sentry-slow-request", required_argument, 0, "seconds after which a request is reported as slow (default: half of harakiri, else off)", uwsgi_opt_set_str, &sentry.slow_request, 0},
	{"sentry-breadcrumbs", required_argument, 0, "how many of the log's last lines go with an event (default: 50; needs log-master)", uwsgi_opt_set_str, &sentry.breadcrumbs, 0},
	{NULL, 0, 0, NULL, NULL, NULL, 0},
};

static int is_number(const char *text, size_t most_digits) {
	size_t len = strlen(text);
	return len > 0 && len <= most_digits && strspn(text, "0123456789") == len;
}

/* the plugin's own options that are written and not read yet; for the others a default will do in a server that does not start */
void sentry_options_written(void) {
	for (struct uwsgi_option *option = sentry_options; option->name; option++) {
		char **to = option->data;
		if (option->func == uwsgi_opt_set_str && !*to) *to = uwsgi_get_exported_opt((char *) option->name);
	}
	/* the owner of the state directory */
	char *user = uwsgi_get_exported_opt("uid");
	if (!user || uwsgi.uid || uwsgi.uidname) return;
	if (is_number(user, 9)) uwsgi.uid = (uid_t) atoi(user);
	else uwsgi.uidname = user;
}

/* "7d": up to six digits and a unit; the rest of the text in *rest */
static int is_age(const char *text, const char **rest) {
	size_t digits = strspn(text, "0123456789");
	*rest = text + digits + 1;
	return digits > 0 && digits <= 6 && text[digits] && strchr("smhd", text[digits]) != NULL;
}

static int is_outbox_size(const char *text) {
	return sentry_parse_size(text, 1 << 20) > 0;
}

static int is_waiting_age(const char *text) {
	const char *rest;
	return is_age(text, &rest) && !*rest && strpbrk(text, "123456789") != NULL;
}

static int is_entries(const char *text) {
	return is_number(text, 9) && strlen(text) >= 2 && *text != '0';
}

static int is_event_size(const char *text) {
	uint64_t size = sentry_parse_size(text, 16 << 10);
	return size > 0 && size <= 1 << 20;
}

static int is_history(const char *text) {
	const char *size;
	if (!strcmp(text, "0")) return 1;
	return is_age(text, &size) && *size == ',' && (!strcmp(size + 1, "0") || sentry_parse_size(size + 1, 1));
}

static int is_requests(const char *text) {
	return is_number(text, 3) && *text != '0' && atoi(text) >= 2 && atoi(text) <= 256;
}

/* The same rows, with the same checks, as those with a `Bound` in the agent's InstanceOption. */
const struct sentry_bound sentry_bounds[] = {
	{"outbox-max", &sentry.outbox_max, is_outbox_size, "is not a size of at least 1m: write for example 256m (used: 256m)"},
	{"outbox-age", &sentry.outbox_age, is_waiting_age, "is not an age: write for example 7d or 12h (used: 7d)"},
	{"outbox-entries", &sentry.outbox_entries, is_entries, "is not a number from 10 to 999999999 (used: 250000)"},
	{"event-max", &sentry.event_max, is_event_size, "is not a size from 16k to 1m: write for example 200k (used: 1m)"},
	{"history", &sentry.history, is_history, "is neither AGE,SIZE nor 0: write for example 7d,50m (used: 7d,50m)"},
	{"max-requests", &sentry.max_requests, is_requests, "is not a number from 2 to 256: write for example 64 (used: 64)"},
	{NULL, NULL, NULL, NULL},
};

static void check_bounds(void) {
	for (const struct sentry_bound *bound = sentry_bounds; bound->name; bound++) {
		if (!*bound->value || bound->fits(*bound->value)) continue;
		sentry_mistake("sentry-%s = %s %s", bound->name, *bound->value, bound->fault);
		*bound->value = NULL;
	}
}

static void check_agent(void) {
	if (sentry.agent && strcmp(sentry.agent, "auto") && strcmp(sentry.agent, "external")) {
		sentry_mistake("sentry-agent = %s is neither auto nor external (used: auto)", sentry.agent);
		sentry.agent = "auto";
	}
	if (sentry.drain && !is_number(sentry.drain, 4)) {
		sentry_mistake("sentry-drain = %s is not a number of seconds (used: 2)", sentry.drain);
		sentry.drain = NULL;
	}
}

static void check_journal(void) {
	sentry.journal.max = DEFAULT_JOURNAL_MAX;
	if (!sentry.journal_max) return;
	uint64_t max = sentry_parse_size(sentry.journal_max, SENTRY_SMALLEST_JOURNAL);
	if (max) sentry.journal.max = max;
	else sentry_mistake("sentry-journal-max = %s is not a size of at least 64k: write for example 64m (used: 64m)", sentry.journal_max);
}

static void check_storms(void) {
	if (sentry.fold && !is_number(sentry.fold, 9)) {
		sentry_mistake("sentry-fold = %s is not a whole number (used: 5)", sentry.fold);
		sentry.fold = NULL;
	}
	if (sentry.max_events_per_minute && !is_number(sentry.max_events_per_minute, 9)) {
		sentry_mistake("sentry-max-events-per-minute = %s is not a whole number (used: 0, no limit)", sentry.max_events_per_minute);
		sentry.max_events_per_minute = NULL;
	}
}

static void check_destination(void) {
	const char *fault = sentry.dsn ? sentry_dsn_fault(sentry.dsn) : NULL;
	if (fault) sentry_mistake("sentry-dsn %s; events that need it are kept until it is fixed", fault);
	const char *env = sentry.dsn ? NULL : getenv("SENTRY_DSN");
	fault = env && *env ? sentry_dsn_fault(env) : NULL;
	if (fault) sentry_say("SENTRY_DSN of the environment %s; events that need it are kept until it is fixed", fault);
	if (sentry.ca && *sentry.ca != '/') sentry_mistake("sentry-ca = %s is not an absolute path: write it from /", sentry.ca);
	if (sentry.proxy && strcmp(sentry.proxy, "none") && (strncmp(sentry.proxy, "http://", 7) || !sentry.proxy[7])) {
		sentry_mistake("sentry-proxy does not begin with http:// and is not none: write http://[USER:PASSWORD@]HOST:PORT");
	}
}

static double read_seconds(const char *text, const char *option) {
	char *end;
	double value = strtod(text, &end);
	if (end != text && !*end && value >= 0 && value < 1e6) return value;
	sentry_mistake("%s = %s is not a number of seconds", option, text);
	return 0;
}

static int read_lines(const char *text) {
	if (!is_number(text, 6)) {
		sentry_mistake("sentry-breadcrumbs = %s is not a number of log lines: write for example 50 (used: %d)", text, USUAL_LINES);
		return USUAL_LINES;
	}
	int lines = atoi(text);
	return lines < SENTRY_LINES_MAX ? lines : SENTRY_LINES_MAX;
}

/* local variables are personal: only a clear yes sends them */
static int read_locals(const char *text) {
	if (!strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcasecmp(text, "on") || !strcmp(text, "1")) return 1;
	if (strcasecmp(text, "false") && strcasecmp(text, "no") && strcasecmp(text, "off") && strcmp(text, "0")) {
		sentry_mistake("sentry-locals = %s is neither true nor false (used: false)", text);
	}
	return 0;
}

/* "500-599", "500,502-504"; 0 for anything else */
static int read_statuses(const char *text) {
	memset(sentry.failed, 0, sizeof(sentry.failed));
	for (const char *at = text;; at++) {
		char *end;
		if (*at < '0' || *at > '9') return 0;
		long from = strtol(at, &end, 10), to = from;
		if (*end == '-' && end[1] >= '0' && end[1] <= '9') to = strtol(end + 1, &end, 10);
		if (from < 400 || to > 599 || from > to) return 0;
		memset(sentry.failed + from - 400, 1, (size_t) (to - from + 1));
		at = end + strspn(end, " ");
		if (!*at) return 1;
		if (*at != ',') return 0;
		at += strspn(at + 1, " ");
	}
}

static void read_capture(void) {
	static const char usual[] = "500-599";
	if (!read_statuses(sentry.failed_status ? sentry.failed_status : usual)) {
		sentry_mistake("sentry-failed-status = %s is not a list of statuses from 400 to 599: write for example 500,502-504 (used: %s)", sentry.failed_status, usual);
		read_statuses(usual);
	}
	sentry_capture_read();
	sentry.lines = sentry.breadcrumbs ? read_lines(sentry.breadcrumbs) : USUAL_LINES;
	sentry.with_locals = !sentry.locals || read_locals(sentry.locals);
	if (!sentry_capturing(SENTRY_CAPTURE_SLOW)) return;
	if (sentry.slow_request) sentry.slow_us = (uint64_t) (read_seconds(sentry.slow_request, "sentry-slow-request") * 1e6);
	else sentry.slow_us = (uint64_t) uwsgi.harakiri_options.workers * 500000;
}

/* a variable that is not set means that there is no such option, also for a strict server */
static void forget_unset(void) {
	for (struct uwsgi_option *option = sentry_options; option->name; option++) {
		char **value = option->data;
		size_t len;
		const char *name = option->func == uwsgi_opt_set_str && *value ? sentry_unset_variable(*value, &len) : NULL;
		if (!name) continue;
		sentry_say("%s = %s counts as not given: the environment has no %.*s", option->name, *value, (int) len, name);
		*value = NULL;
	}
}

void sentry_options_read(void) {
	forget_unset();
	check_bounds();
	check_agent();
	check_journal();
	check_storms();
	check_destination();
	read_capture();
}
