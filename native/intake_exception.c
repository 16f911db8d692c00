/*
 * exception-handler = sentry:OPTIONS.
 *
 * uWSGI hands an exception to one thread of the master through a socket that loses most of a burst, and not at all with
 * reload-on-exception. So the exception is taken where it is raised: the function by which a language plugin logs it, called in
 * the worker, in the request, is wrapped; and if all languages can be wrapped, our handlers are taken out of uWSGI's list, so
 * that it does not do the work for nothing. Where one cannot, its exceptions come by uWSGI's way.
 */
#include "sentry.h"

#include <dlfcn.h>

#define LANGUAGES 8

static struct {
	struct uwsgi_plugin *plugin;
	void (*log)(struct wsgi_request *);
} wrapped[LANGUAGES];
static int languages;
static int by_packet;	/* some language could not be wrapped */

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
} ruby;

static void find_ruby(void) {
	*(void **) &ruby.protect = dlsym(RTLD_DEFAULT, "rb_protect");
	*(void **) &ruby.errinfo = dlsym(RTLD_DEFAULT, "rb_errinfo");
	*(void **) &ruby.set_errinfo = dlsym(RTLD_DEFAULT, "rb_set_errinfo");
}

/*
 * Python's are read by python.c: uWSGI's own functions leak the message, and end the worker if the exception's __str__ raises.
 * Where that cannot be, the type is all that is asked for.
 */
static void get_texts_safely(struct texts *t, int from_python) {
	if (from_python) return;
	if (!strcmp(t->plugin->name, "python")) t->type = text(t->plugin->exception_class, t->req);
	else if (strcmp(t->plugin->name, "rack")) get_texts((uintptr_t) t);
	else if (ruby.protect && ruby.errinfo && ruby.set_errinfo) {
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

static void take(struct wsgi_request *req, struct uwsgi_plugin *plugin) {
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
		sentry_lines(&record, 20, &lines);
		sentry_append(&record);
		free(lines);
	}
	free(frames);
	if (texts.backtrace) uwsgi_buffer_destroy(texts.backtrace);
	if (type) uwsgi_buffer_destroy(type);
	if (value) uwsgi_buffer_destroy(value);
	if (repr) uwsgi_buffer_destroy(repr);
}

static void logged(int n, struct wsgi_request *req) {
	if (req && req->uh) take(req, wrapped[n].plugin);
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
	if (!plugin->exception_log || languages == LANGUAGES) {
		by_packet = 1;
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
	if (!by_packet) leave_the_list();
}

/* ---- uWSGI's own way: one thread of the master ---- */

static void packet_value(char *key, uint16_t key_len, char *value, uint16_t len, void *data) {
	static const struct {
		const char *key, *field;
	} known[] = {{"vars", "request.vars"}, {"backtrace", "exception.backtrace"}, {"class", "exception.type"}, {"msg", "exception.value"}, {"repr", "exception.repr"}};
	struct sentry_record *record = data;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!uwsgi_strncmp(key, key_len, (char *) known[i].key, (int) strlen(known[i].key))) sentry_record_field(record, known[i].field, value, len);
	}
}

struct origin {
	uint64_t pid, worker, core;
	char *type;
	size_t type_len;
};

static void packet_origin(char *key, uint16_t key_len, char *value, uint16_t len, void *data) {
	struct origin *origin = data;
	if (!uwsgi_strncmp(key, key_len, "pid", 3)) origin->pid = (uint64_t) uwsgi_str_num(value, len);
	else if (!uwsgi_strncmp(key, key_len, "wid", 3)) origin->worker = (uint64_t) uwsgi_str_num(value, len);
	else if (!uwsgi_strncmp(key, key_len, "core", 4)) origin->core = (uint64_t) uwsgi_str_num(value, len);
	else if (!uwsgi_strncmp(key, key_len, "class", 5)) {
		origin->type = value;
		origin->type_len = len;
	}
}

/* uWSGI's own log takes a failure of a handler's: there is none to tell it of */
int sentry_exception(struct uwsgi_exception_handler_instance *instance, char *packet, size_t len) {
	if (!by_packet) return 0;
	struct sentry_handler *handler = NULL;
	struct uwsgi_string_list *usl;
	uwsgi_foreach(usl, uwsgi.exception_handlers_instance) {
		if (usl->custom_ptr != instance) continue;
		for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
			if (h->source == usl->value) handler = h;
		}
	}
	if (!handler) return 0;
	struct origin origin = {0, 0, SENTRY_NO_CORE, NULL, 0};
	uwsgi_hooked_parse(packet, len, packet_origin, &origin);
	/* a language that is wrapped has told of it in the worker */
	if (origin.worker > 0 && origin.worker <= (uint64_t) uwsgi.numproc && origin.core < (uint64_t) uwsgi.cores) {
		struct uwsgi_header *head = uwsgi.workers[origin.worker].cores[origin.core].req.uh;	/* none between two requests */
		struct uwsgi_plugin *plugin = head ? uwsgi.p[head->modifier1] : NULL;
		for (int i = 0; i < languages; i++) {
			if (plugin && wrapped[i].plugin == plugin) return 0;
		}
	}
	struct sentry_record record;
	sentry_record_begin(&record, SENTRY_EXCEPTION, SENTRY_PROCESS_WORKER, (uint32_t) origin.pid, (uint16_t) origin.worker, (uint16_t) origin.core);
	uint64_t fold = sentry_fold_start(handler, SENTRY_EXCEPTION);
	sentry_record_fold(&record, handler->hash, origin.type ? sentry_hash(fold, origin.type, origin.type_len) : fold);
	sentry_record_fields(&record, handler->fields, handler->fields_len);
	uwsgi_hooked_parse(packet, len, packet_value, &record);
	sentry_append(&record);
	return 0;
}
