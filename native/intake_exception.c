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
#include "sentry.h"

#include <dlfcn.h>

#define LANGUAGES 8
#define RUBY_RAISE 0x80	/* RUBY_EVENT_RAISE */

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

/*
 * A Ruby exception's message may be made by Ruby code that raises and rescues (NameError does). The rack plugin asks for it where
 * nothing catches what is raised, and the worker dies of it; Ruby's own rb_protect makes such a place.
 */
static struct {
	uintptr_t (*protect)(uintptr_t (*)(uintptr_t), uintptr_t, int *);
	uintptr_t (*errinfo)(void);
	void (*set_errinfo)(uintptr_t);
	uintptr_t (*is_kind_of)(uintptr_t, uintptr_t);
	uintptr_t *exception;
	uintptr_t (*raised)(void *);
	void *(*argument)(uintptr_t);
	uintptr_t (*eval)(const char *, int *);
	int found;
} ruby;

static void find_ruby(void) {
	*(void **) &ruby.protect = dlsym(RTLD_DEFAULT, "rb_protect");
	*(void **) &ruby.errinfo = dlsym(RTLD_DEFAULT, "rb_errinfo");
	*(void **) &ruby.set_errinfo = dlsym(RTLD_DEFAULT, "rb_set_errinfo");
	*(void **) &ruby.is_kind_of = dlsym(RTLD_DEFAULT, "rb_obj_is_kind_of");
	ruby.exception = dlsym(RTLD_DEFAULT, "rb_eException");
	ruby.found = ruby.protect && ruby.errinfo && ruby.set_errinfo && ruby.is_kind_of && ruby.exception;
}

/* what is there may be nil, or the mark of a throw or of a thread that ends: neither has a message, nor may it be set again */
static int is_raised_in_ruby(void) {
	return ruby.found && ruby.is_kind_of(ruby.errinfo(), *ruby.exception) != 0;	/* Qfalse is 0 everywhere */
}

/* of a language that cannot be asked it is believed */
static int is_raised(const struct uwsgi_plugin *plugin) {
	if (!strcmp(plugin->name, "python")) return sentry_python_is_raised();
	if (!strcmp(plugin->name, "rack")) return is_raised_in_ruby();
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
	else {
		uintptr_t error = ruby.errinfo();
		int state = 0;
		ruby.protect(get_texts, (uintptr_t) t, &state);
		ruby.set_errinfo(error);
	}
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

/*
 * Rails, Sinatra and other frameworks answer an exception themselves. Ruby tells of each that is raised, rescued later or not: the last
 * one of a request that then ends as 5xx is why (requests.c). The object is kept until then; one request at a time.
 */
static uintptr_t last_raised;
static uint64_t last_raised_in;

static void ruby_raised(uintptr_t point, void *nothing) {
	SENTRY_ENTRY;
	(void) nothing;
	struct wsgi_request *req = uwsgi.cores == 1 && uwsgi.workers && uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc ? uwsgi.wsgi_req : NULL;
	if (!req || !req->uh || !uwsgi.workers[uwsgi.mywid].cores[0].in_request) return;
	void *argument = ruby.argument(point);
	last_raised = argument ? ruby.raised(argument) : 0;
	last_raised_in = req->start_of_request;
}

static void watch_ruby(void) {
	uintptr_t (*new_point)(uintptr_t, uint32_t, void (*)(uintptr_t, void *), void *);
	uintptr_t (*enable)(uintptr_t);
	void (*keep)(uintptr_t *);
	static uintptr_t point;
	*(void **) &new_point = dlsym(RTLD_DEFAULT, "rb_tracepoint_new");
	*(void **) &enable = dlsym(RTLD_DEFAULT, "rb_tracepoint_enable");
	*(void **) &keep = dlsym(RTLD_DEFAULT, "rb_gc_register_address");
	*(void **) &ruby.raised = dlsym(RTLD_DEFAULT, "rb_tracearg_raised_exception");
	*(void **) &ruby.argument = dlsym(RTLD_DEFAULT, "rb_tracearg_from_tracepoint");
	*(void **) &ruby.eval = dlsym(RTLD_DEFAULT, "rb_eval_string_protect");
	if (point || !ruby.found || !new_point || !enable || !keep || !ruby.raised || !ruby.argument || !ruby.eval) return;
	keep(&last_raised);
	keep(&point);
	point = new_point(0, RUBY_RAISE, ruby_raised, NULL);	/* all threads: 0 is false */
	enable(point);
}

/* sentry-ruby in the application */
static int is_left_to_rubys_sdk(void) {
	int state = 0;
	if (sentry.with_sdk) return 0;
	uintptr_t is = ruby.eval("defined?(::Sentry) && ::Sentry.respond_to?(:initialized?) && ::Sentry.initialized? ? Exception : nil", &state);
	return !state && is == *ruby.exception;
}

/* reported by its framework's signal, or left to an SDK in the application */
static int is_reported_elsewhere(struct wsgi_request *req, struct uwsgi_plugin *plugin) {
	struct sentry_answered *answered = sentry_answered_of(req);
	if (answered && answered->reported) return 1;
	if (!strcmp(plugin->name, "rack") && ruby.eval && is_left_to_rubys_sdk()) {
		sentry_answered_reported(req, NULL);
		return 1;
	}
	if (strcmp(plugin->name, "python") || !sentry_python_error_left_to_sdk()) return 0;
	sentry_answered_reported(req, NULL);
	return 1;
}

static void take(struct wsgi_request *req, struct uwsgi_plugin *plugin) {
	if (is_reported_elsewhere(req, plugin)) return;
	sentry_answered_reported(req, NULL);
	struct texts texts = {plugin, req, NULL, NULL, NULL, NULL};
	size_t frames_len = 0;
	const char *python_type = NULL;
	unsigned char *frames = strcmp(plugin->name, "python") ? NULL : sentry_python_exception(&frames_len, sentry.with_locals, &python_type);
	get_texts_safely(&texts, python_type != NULL);	/* where there is no memory, uWSGI's own functions end the worker */
	struct uwsgi_buffer *type = texts.type, *value = texts.value, *repr = texts.repr;
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		if (!sentry_tells_exceptions(h)) continue;
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
		if (frames) sentry_record_fields(&record, frames, frames_len);
		else field(&record, "exception.backtrace", texts.backtrace);
		sentry_request_fields(&record, req);
		sentry_lines(&record, 40, &lines);
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
int sentry_exception_answered(struct wsgi_request *req, struct uwsgi_plugin *plugin) {
	if (strcmp(plugin->name, "rack") || !last_raised || last_raised_in != req->start_of_request) return 0;
	uintptr_t before = ruby.errinfo(), exception = last_raised;
	last_raised = 0;
	if (!ruby.is_kind_of(exception, *ruby.exception)) return 0;
	if (is_left_to_rubys_sdk()) return 1;
	ruby.set_errinfo(exception);
	take(req, plugin);
	ruby.set_errinfo(before);
	return 1;
}

/* what was raised in it need not live longer */
void sentry_exception_ended(void) {
	last_raised = 0;
}

static void logged(int n, struct wsgi_request *req) {
	SENTRY_ENTRY;
	if (req && req->uh && is_raised(wrapped[n].plugin)) take(req, wrapped[n].plugin);
	errno = errno_before;
	if (!wrapped[n].log) return;
	sentry_python_printing(1);
	wrapped[n].log(req);
	sentry_python_printing(0);
}

#define WRAPPER(n) static void wrapper_##n(struct wsgi_request *req) { logged(n, req); }
WRAPPER(0) WRAPPER(1) WRAPPER(2) WRAPPER(3) WRAPPER(4) WRAPPER(5) WRAPPER(6) WRAPPER(7)
static void (*const wrappers[LANGUAGES])(struct wsgi_request *) = {wrapper_0, wrapper_1, wrapper_2, wrapper_3, wrapper_4, wrapper_5, wrapper_6, wrapper_7};

static void wrap(struct uwsgi_plugin *plugin) {
	for (int i = 0; i < languages; i++) {
		if (wrapped[i].plugin == plugin) return;	/* one plugin may serve several modifiers */
	}
	if (languages == LANGUAGES) {
		sentry_say("exceptions of %s are not reported: %d languages are all that one server is thought to have", plugin->name, LANGUAGES);
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
	find_ruby();
	watch_ruby();
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
