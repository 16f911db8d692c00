/*
 * route = PATTERN sentry:OPTIONS, in every table of rules. Runs in a worker, in the request; with threads many at once.
 *
 * The options are split when the configuration is read and each value is translated on its own, so that what a request holds
 * stays inside the one value that asked for it. Where events go and how they are sent is never translated.
 */
#include "entry/entry.h"

#ifdef UWSGI_ROUTING

#define PARTS 64

struct part {
	const char *field;	/* option, tag, extra, user, fingerprint */
	char *key;		/* NULL: none */
	char *value;
};

struct rule {
	struct sentry_handler *handler;
	int parts;
	struct part part[PARTS];
};

static void add_part(struct rule *rule, const char *field, const char *key, size_t key_len, const char *value) {
	if (rule->parts == PARTS) return;
	struct part *part = &rule->part[rule->parts++];
	part->field = field;
	part->key = key ? uwsgi_concat2n((char *) key, (int) key_len, "", 0) : NULL;
	part->value = uwsgi_str((char *) value);
}

/* key:value;key:value, quotes respected; only if something of it is to be translated */
static void add_list(struct rule *rule, const char *options, const char *option, const char *field, int keyed) {
	char *list = sentry_option(options, option);
	if (list && strchr(list, '$')) {
		size_t n = 0;
		char **items = uwsgi_split_quoted(list, strlen(list), ";", &n);
		for (size_t i = 0; i < n; i++) {
			char *colon = keyed ? strchr(items[i], ':') : NULL;
			if (colon) add_part(rule, field, items[i], (size_t) (colon - items[i]), colon + 1);
			else if (!keyed) add_part(rule, field, NULL, 0, items[i]);
			free(items[i]);
		}
		free(items);
	}
	free(list);
}

static void add_parts(struct rule *rule, const char *options) {
	static const char *const plain[] = {"level", "logger", "message", "platform", "culprit", "transaction", "server_name", "release", "environment",
		"dist", "exception_type", "exception_value"};
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		char *value = sentry_option(options, plain[i]);
		if (value && strchr(value, '$')) add_part(rule, "option", plain[i], strlen(plain[i]), value);
		free(value);
	}
	add_list(rule, options, "tags", "tag", 1);
	add_list(rule, options, "extra", "extra", 1);
	add_list(rule, options, "user", "user", 1);
	add_list(rule, options, "fingerprint", "fingerprint", 0);
}

static int in_table(struct uwsgi_route *table, struct uwsgi_route *ur) {
	for (; table; table = table->next) {
		if (table == ur) return 1;
	}
	return 0;
}

/* the rule as it stands in the configuration: "route ^/help", "final-route-status 500"; NULL: made by uwsgi.route() */
static char *rule_name(struct uwsgi_route *ur) {
	static const struct {
		const char *subject, *suffix;
	} subjects[] = {{"http_host", "-host"}, {"request_uri", "-uri"}, {"query_string", "-qs"}, {"remote_addr", "-remote-addr"},
		{"user_agent", "-user-agent"}, {"referer", "-referer"}, {"remote_user", "-remote-user"}};
	const char *table = in_table(uwsgi.routes, ur) ? "route" : in_table(uwsgi.final_routes, ur) ? "final-route" :
		in_table(uwsgi.error_routes, ur) ? "error-route" : in_table(uwsgi.response_routes, ur) ? "response-route" : NULL;
	if (!table) return NULL;
	char name[512];
	if (ur->if_status) snprintf(name, sizeof(name), "%s-status %d", table, ur->if_status);
	else if (ur->if_func) snprintf(name, sizeof(name), "%s-if%s %s:%s", table, ur->if_negate ? "-not" : "", ur->orig_route, ur->subject_str);
	else if (!ur->subject) snprintf(name, sizeof(name), "%s-run", table);
	else {
		const char *suffix = "";
		for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
			if (!strcmp(ur->subject_str, subjects[i].subject)) suffix = subjects[i].suffix;
		}
		snprintf(name, sizeof(name), "%s%s %s", table, suffix, ur->regexp);
	}
	return uwsgi_str(name);
}

static void rule_free(struct uwsgi_route *ur) {
	SENTRY_ENTRY;
	struct rule *rule = ur->data;
	for (int i = 0; i < rule->parts; i++) {
		free(rule->part[i].key);
		free(rule->part[i].value);
	}
	sentry_handler_free(rule->handler);
	free(rule);
}

static int sentry_route(struct wsgi_request *req, struct uwsgi_route *ur) {
	SENTRY_ENTRY;
	struct rule *rule = ur->data;
	struct uwsgi_buffer *translated[PARTS];
	/*
	 * uWSGI applies the match's groups without a look at whether there are any: with none, its $0 reads through NULL. It finds
	 * the groups itself for a condition; a rule without pattern (run, if) has no subject at all; and a rule made by
	 * uwsgi.route() has none of the tables that the translation reads, so it goes untranslated.
	 */
	int tables = req && ur->condition_ub && ur->ovn && ur->ovector;
	char *subject = NULL;
	uint16_t subject_len = 0;
	if (tables && ur->subject && ur->ovn[req->async_id] > 0 && ur->ovector[req->async_id]) {
		subject = *(char **) ((char *) req + ur->subject);
		subject_len = *(uint16_t *) ((char *) req + ur->subject_len);
	}
	struct sentry_record record;
	sentry_begin(&record, SENTRY_ROUTE, rule->handler, req);
	uint64_t fold = sentry_fold_start(rule->handler, SENTRY_ROUTE);
	for (int i = 0; i < rule->parts; i++) {
		struct part *part = &rule->part[i];
		struct uwsgi_buffer *ub = NULL;
		if (tables && strchr(part->value, '$')) ub = uwsgi_routing_translate(req, ur, subject, subject_len, part->value, strlen(part->value));
		translated[i] = ub;
		const char *value = ub ? ub->buf : part->value;
		size_t len = ub ? ub->pos : strlen(part->value);
		if (part->key) sentry_record_pair(&record, part->field, part->key, strlen(part->key), value, len);
		else {
			sentry_record_field(&record, part->field, value, len);
			/* only fingerprints have no key: the user says that these are different issues */
			fold = sentry_hash(sentry_hash(fold, value, len), "", 1);
		}
	}
	sentry_record_fold(&record, rule->handler->hash, fold);
	sentry_add_request(&record, req);
	sentry_append(&record);
	for (int i = 0; i < rule->parts; i++) {
		if (translated[i]) uwsgi_buffer_destroy(translated[i]);
	}
	return UWSGI_ROUTE_NEXT;
}

/* called while options are still being read: instance and defaults are not known yet, but for uwsgi.route() */
int sentry_route_parse(struct uwsgi_route *ur, char *args) {
	SENTRY_ENTRY;
	char *name = rule_name(ur);
	struct rule *rule = uwsgi_calloc(sizeof(struct rule));
	if (name) {
		rule->handler = sentry_handler_add(name, args, NULL);
		free(name);
	}
	else {
		sentry_configure();
		rule->handler = sentry_handler_new("uwsgi.route", args, NULL);
		sentry_handler_ready(rule->handler);
		ur->free = rule_free;
	}
	add_parts(rule, args);
	ur->data = rule;
	ur->func = sentry_route;
	return 0;
}

#endif
