/* The handlers: every place of the configuration that says `sentry:`, as it is found and by name. */
#include "server/server.h"

#define LONGEST_NAME 200	/* a route's pattern is part of its name */

/* one value of an option string, split as uWSGI splits it; the caller frees it; NULL if there is none */
char *sentry_option(const char *options, const char *key) {
	char *value = NULL;
	char *copy = uwsgi_str((char *) options);
	uwsgi_kvlist_parse(copy, strlen(copy), ',', '=', (char *) key, &value, NULL);
	free(copy);
	return value;
}

struct sentry_handler *sentry_handler_by_name(const char *name) {
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		if (!strcmp(h->name, name)) return h;
	}
	return NULL;
}

/* it has that name, or is a further one of it ("NAME #2") */
int sentry_handler_named(struct sentry_handler *h, const char *name) {
	size_t len = strlen(name);
	return !strncmp(h->name, name, len) && (!h->name[len] || !strncmp(h->name + len, " #", 2));
}

/* the user's exception handlers, else capture's: one incident is one event */
int sentry_reports_exceptions(struct sentry_handler *h) {
	return (!sentry.own_exceptions && h == sentry.capture_handler[SENTRY_CAPTURE_EXCEPTIONS]) || sentry_handler_named(h, "exception-handler");
}

/* a handler that is not in the list of the configuration: name and options are copied */
struct sentry_handler *sentry_handler_new(const char *name, const char *options, const char *source) {
	struct sentry_handler *h = uwsgi_calloc(sizeof(struct sentry_handler));
	h->name = strndup(name, LONGEST_NAME);
	if (!h->name) exit(1);
	h->options = uwsgi_str((char *) options);
	h->source = source;
	return h;
}

struct sentry_handler *sentry_handler_add(const char *name, const char *options, const char *source) {
	struct sentry_handler *h = sentry_handler_new(name, options, source);
	char *numbered = NULL;
	for (int n = 2; sentry_handler_by_name(numbered ? numbered : name); n++) {
		free(numbered);
		numbered = uwsgi_malloc(strlen(name) + 16);
		snprintf(numbered, strlen(name) + 16, "%s #%d", name, n);
	}
	if (numbered) {
		free(h->name);
		h->name = numbered;
	}
	struct sentry_handler **last = &sentry.handlers;
	while (*last) last = &(*last)->next;
	*last = h;
	return h;
}

void sentry_handler_free(struct sentry_handler *h) {
	free(h->name);
	free(h->options);
	free(h->fields);
	free(h);
}

void sentry_handler_check(struct sentry_handler *h) {
	char *dsn = sentry_option(h->options, "dsn");
	size_t len;
	const char *name = dsn ? sentry_unset_variable(dsn, &len) : NULL;
	if (name) sentry_say("%s: its DSN %s counts as not given: the environment has no %.*s", h->name, dsn, (int) len, name);
	const char *fault = dsn && *dsn && !name ? sentry_dsn_fault(dsn) : NULL;
	free(dsn);
	if (fault) sentry_mistake("%s: its DSN %s; its events are kept until it is fixed", h->name, fault);
}

/* what stands behind "sentry:" in the action of an option; NULL if the action is not ours */
static char *ours(char *action) {
	if (*action == '!') action++;
	return strncmp(action, "sentry:", 7) ? NULL : action + 7;
}

static void find_alarms(void) {
	struct uwsgi_string_list *usl;
	uwsgi_foreach(usl, uwsgi.alarm_list) {
		char *space = strchr(usl->value, ' ');
		char *options = space ? ours(space + 1) : NULL;
		if (!options) continue;
		char *name = uwsgi_concat2n("alarm ", 6, usl->value, (int) (space - usl->value));
		sentry_handler_add(name, options, NULL);
		free(name);
	}
}

/* those of which uWSGI ignores a failure go on */
static const struct sentry_phase phases[] = {
	{"hook-asap", &uwsgi.hook_asap, 0}, {"hook-pre-jail", &uwsgi.hook_pre_jail, 0}, {"hook-post-jail", &uwsgi.hook_post_jail, 0},
	{"hook-in-jail", &uwsgi.hook_in_jail, 0}, {"hook-as-root", &uwsgi.hook_as_root, 0}, {"hook-as-user", &uwsgi.hook_as_user, 0},
	{"hook-as-user-atexit", &uwsgi.hook_as_user_atexit, 1}, {"hook-pre-app", &uwsgi.hook_pre_app, 0}, {"hook-post-app", &uwsgi.hook_post_app, 0},
	{"hook-post-fork", &uwsgi.hook_post_fork, 0}, {"hook-accepting", &uwsgi.hook_accepting, 0}, {"hook-accepting1", &uwsgi.hook_accepting1, 0},
	{"hook-accepting-once", &uwsgi.hook_accepting_once, 0}, {"hook-accepting1-once", &uwsgi.hook_accepting1_once, 0},
	{"hook-master-start", &uwsgi.hook_master_start, 0}, {"hook-emperor-start", &uwsgi.hook_emperor_start, 0},
	{"hook-emperor-stop", &uwsgi.hook_emperor_stop, 1}, {"hook-emperor-reload", &uwsgi.hook_emperor_reload, 1},
	{"hook-emperor-lost", &uwsgi.hook_emperor_lost, 1}, {"hook-as-vassal", &uwsgi.hook_as_vassal, 0}, {"hook-as-emperor", &uwsgi.hook_as_emperor, 1},
	{"hook-as-mule", &uwsgi.hook_as_mule, 0}, {"hook-as-gateway", &uwsgi.hook_as_gateway, 0}, {"hook-touch", &uwsgi.hook_touch, 1},
};

size_t sentry_phases(const struct sentry_phase **to) {
	*to = phases;
	return sizeof(phases) / sizeof(phases[0]);
}

static void find_hooks(void) {
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		struct uwsgi_string_list *usl;
		uwsgi_foreach(usl, *phases[i].list) {
			char *action = usl->value;
			if (phases[i].list == &uwsgi.hook_touch) {	/* "file action" */
				action = strchr(action, ' ');
				if (!action) continue;
				action++;
			}
			char *options = ours(action);
			if (options) sentry_handler_add(phases[i].name, options, options);
		}
	}
}

static void find_exception_handlers(void) {
	struct uwsgi_string_list *usl;
	uwsgi_foreach(usl, uwsgi.exception_handlers_instance) {
		char *options = strcmp(usl->value, "sentry") ? ours(usl->value) : "";
		if (!options) continue;
		sentry_handler_add("exception-handler", options, usl->value);
		sentry.exception_handlers++;
	}
}

void sentry_handlers_find(void) {
	find_alarms();
	find_hooks();
	find_exception_handlers();
}
