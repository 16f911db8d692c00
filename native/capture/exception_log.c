/*
 * exception-handler = sentry:OPTIONS.
 *
 * uWSGI hands an exception to one thread of the master through a socket that loses most of a burst, and not at all with
 * reload-on-exception. So the exception is taken where it is raised: the function by which a language plugin logs it, called in
 * the worker, in the request, is wrapped (a language without one is given one), and our handlers are taken out of uWSGI's list,
 * so that it does not do the work for nothing.
 *
 * uWSGI calls that function for whatever it calls an exception, also where the language has raised none: with
 * disable-write-exception for each client that leaves, from a plugin without a request. The languages' own log functions bear
 * that. The functions that name an exception do not: they read through NULL, and uWSGI calls them only if a handler is configured.
 * So nothing is asked of a language before it says that something is raised.
 */
#include "capture/capture.h"

#define LANGUAGES 8

static struct {
	struct uwsgi_plugin *plugin;
	void (*log)(struct wsgi_request *);
} wrapped[LANGUAGES];
static int languages;

static struct uwsgi_buffer *text(struct uwsgi_buffer *(*get)(struct wsgi_request *), struct wsgi_request *req) {
	return get ? get(req) : NULL;
}

static void field(struct sentry_record *record, const char *name, struct uwsgi_buffer *ub) {
	if (ub) sentry_record_field(record, name, ub->buf, ub->pos);
}

struct texts {
	struct uwsgi_plugin *plugin;
	struct wsgi_request *req;
	struct uwsgi_buffer *type, *value, *repr, *backtrace;
};

static uintptr_t get_texts(uintptr_t data) {
	struct texts *t = (struct texts *) data;
	t->type = text(t->plugin->exception_class, t->req);
	t->value = text(t->plugin->exception_msg, t->req);
	t->repr = text(t->plugin->exception_repr, t->req);
	t->backtrace = text(t->plugin->backtrace, t->req);
	return 0;
}

/* a language that cannot be asked is believed */
static int is_raised(const struct uwsgi_plugin *plugin) {
	if (!strcmp(plugin->name, "python")) return sentry_python_is_raised();
	if (!strcmp(plugin->name, "rack")) return sentry_ruby_is_raised();
	return 1;
}

/*
 * Python's are read by python.c: uWSGI's own functions leak the message, and end the worker if the exception's __str__ raises.
 * Where that cannot be, the type is all that is asked for.
 */
static void get_texts_safely(struct texts *t, int from_python) {
	if (from_python) return;
	if (!strcmp(t->plugin->name, "python")) t->type = text(t->plugin->exception_class, t->req);
	else if (strcmp(t->plugin->name, "rack")) get_texts((uintptr_t) t);
	else sentry_ruby_protected(get_texts, (uintptr_t) t);
}

/* file, line and function of the first of uWSGI's frames, each after its length in two bytes */
static uint64_t hash_first_frame(uint64_t hash, struct uwsgi_buffer *backtrace) {
	size_t at = 0;
	for (int i = 0; backtrace && i < 3 && at + 2 <= backtrace->pos; i++) {
		const unsigned char *length = (const unsigned char *) backtrace->buf + at;
		size_t len = length[0] | (size_t) length[1] << 8;
		at += 2;
		if (len > backtrace->pos - at) break;
		hash = sentry_hash(hash, backtrace->buf + at, len);
		at += len;
	}
	return hash;
}

/* reported by its framework's signal, or left to an SDK in the application */
static int is_reported_elsewhere(struct wsgi_request *req, struct uwsgi_plugin *plugin) {
	struct sentry_request_error *error = sentry_request_error_of(req);
	if (error && error->reported) return 1;
	if (!strcmp(plugin->name, "rack") && sentry_ruby_left_to_sdk()) {
		sentry_request_error_reported(req, NULL);
		return 1;
	}
	if (strcmp(plugin->name, "python") || !sentry_python_error_left_to_sdk()) return 0;
	sentry_request_error_reported(req, NULL);
	return 1;
}

static void take(struct wsgi_request *req, struct uwsgi_plugin *plugin) {
	if (is_reported_elsewhere(req, plugin)) return;
	sentry_request_error_reported(req, NULL);
	struct texts texts = {plugin, req, NULL, NULL, NULL, NULL};
	size_t frames_len = 0;
	const char *python_type = NULL;
	unsigned char *frames = strcmp(plugin->name, "python") ? NULL : sentry_python_exception(&frames_len, sentry.with_locals, &python_type);
	get_texts_safely(&texts, python_type != NULL);	/* where there is no memory, uWSGI's own functions end the worker */
	struct uwsgi_buffer *type = texts.type, *value = texts.value, *repr = texts.repr;
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		if (!sentry_reports_exceptions(h)) continue;
		struct sentry_record record;
		unsigned char *lines;
		sentry_begin(&record, SENTRY_EXCEPTION, h, req);
		uint64_t fold = sentry_fold_start(h, SENTRY_EXCEPTION);
		if (type) fold = sentry_hash(fold, type->buf, type->pos);
		else if (python_type) fold = sentry_hash(fold, python_type, strlen(python_type));
		fold = frames ? sentry_hash_raised(fold, frames, frames_len) : hash_first_frame(fold, texts.backtrace);
		sentry_record_fold(&record, h->hash, fold);
		if (python_type && !frames) sentry_record_field(&record, "exception.type", python_type, strlen(python_type));
		field(&record, "exception.type", type);
		field(&record, "exception.value", value);
		field(&record, "exception.repr", repr);
		sentry_record_field(&record, "exception.plugin", plugin->name, strlen(plugin->name));
		if (frames) {
			sentry_record_fields(&record, frames, frames_len);
			sentry_add_python_path(&record);	/* by which the agent finds what is installed */
		}
		else field(&record, "exception.backtrace", texts.backtrace);
		sentry_add_request(&record, req);
		sentry_add_log_lines(&record, 40, &lines);
		sentry_append(&record);
		free(lines);
	}
	free(frames);
	if (texts.backtrace) uwsgi_buffer_destroy(texts.backtrace);
	if (type) uwsgi_buffer_destroy(type);
	if (value) uwsgi_buffer_destroy(value);
	if (repr) uwsgi_buffer_destroy(repr);
}

/* at the end of a request that failed: 1 if why is known */
int sentry_exception_of_answer(struct wsgi_request *req, struct uwsgi_plugin *plugin) {
	return !strcmp(plugin->name, "rack") && sentry_ruby_with_raised(req, plugin, take);
}

static void logged(int n, struct wsgi_request *req) {
	SENTRY_ENTRY;
	if (req && req->uh && is_raised(wrapped[n].plugin)) take(req, wrapped[n].plugin);
	errno = errno_before;
	if (!wrapped[n].log) return;
	struct sentry_request_error *error = sentry_request_error_of(req);
	sentry_python_prints_reported(1);
	sentry_exit_follows_exception(error && error->reported);
	wrapped[n].log(req);
	sentry_exit_follows_exception(0);
	sentry_python_prints_reported(0);
}

#define WRAPPER(n) static void wrapper_##n(struct wsgi_request *req) { logged(n, req); }
WRAPPER(0) WRAPPER(1) WRAPPER(2) WRAPPER(3) WRAPPER(4) WRAPPER(5) WRAPPER(6) WRAPPER(7)
static void (*const wrappers[LANGUAGES])(struct wsgi_request *) = {wrapper_0, wrapper_1, wrapper_2, wrapper_3, wrapper_4, wrapper_5, wrapper_6, wrapper_7};

static void wrap(struct uwsgi_plugin *plugin) {
	for (int i = 0; i < languages; i++) {
		if (wrapped[i].plugin == plugin) return;	/* one plugin may serve several modifiers */
	}
	if (languages == LANGUAGES) {
		sentry_say("exceptions of %s are not reported: a server may load at most %d languages", plugin->name, LANGUAGES);
		return;
	}
	wrapped[languages].plugin = plugin;
	wrapped[languages].log = plugin->exception_log;
	plugin->exception_log = wrappers[languages];
	languages++;
}

static void leave_the_list(void) {
	struct uwsgi_string_list **at = &uwsgi.exception_handlers_instance;
	while (*at) {
		struct uwsgi_exception_handler_instance *instance = (*at)->custom_ptr;
		if (instance && instance->handler && instance->handler->func == sentry_exception) *at = (*at)->next;
		else at = &(*at)->next;
	}
}

void sentry_exceptions_wrap(void) {
	if (!sentry.exception_handlers && !sentry_capturing(SENTRY_CAPTURE_EXCEPTIONS)) return;
	for (int i = 0; i < 256; i++) {
		struct uwsgi_plugin *plugin = uwsgi.p[i];
		if (plugin && (plugin->exception_class || plugin->exception_msg || plugin->exception_repr)) wrap(plugin);
	}
	sentry_ruby_find();
	leave_the_list();
}

/* what uWSGI asks of an exception handler; none of ours is left in its list once languages are wrapped */
int sentry_exception(struct uwsgi_exception_handler_instance *instance, char *packet, size_t len) {
	SENTRY_ENTRY;
	(void) instance;
	(void) packet;
	(void) len;
	return 0;
}
