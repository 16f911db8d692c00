/*
 * Exceptions that a framework turns into a response: uWSGI never sees them. There are two ways, neither of which imports a module:
 *
 *   - Django and Flask say so with a signal, got_request_exception: what comes with it is reported at once.
 *   - Everything else that answers an exception with a 500 first logs it or formats its traceback, in the request: those two places
 *     of Python's library note it. If the request then ends as 5xx and none was reported, the noted one is (ended_requests.c).
 *
 * What is replaced are attributes of classes, so that the order of imports does not matter; each calls what was there before,
 * with the same arguments, and gives its result. It is done in the main interpreter, once the applications are loaded, and again
 * after another was: frameworks come with applications.
 */
#include "capture/capture.h"

#include <pthread.h>

#define ROUTE_MAX 512

/* ---- the request that this thread serves ---- */

static pthread_t serving_thread;

/* gevent and greenlet: uWSGI's own function complains in the log where a greenlet serves no request */
static struct wsgi_request *of_greenlet(Object *greenlet_module) {
	Object *current = py.PyObject_CallMethod(greenlet_module, "getcurrent", NULL);
	Object *number = current ? py.PyObject_GetAttrString(current, "uwsgi_wsgi_req") : NULL;
	int overflow = 0;
	struct wsgi_request *req = NULL;
	if (number && py_type_of(number) == py.PyLong_Type) req = (struct wsgi_request *) (intptr_t) py.PyLong_AsLongLongAndOverflow(number, &overflow);
	py_drop(number);
	py_drop(current);
	py.PyErr_Clear();
	return overflow ? NULL : req;
}

static Object *loaded(const char *name) {
	Object *modules = py.PySys_GetObject("modules");	/* borrowed */
	return modules && py_type_of(modules) == py.PyDict_Type ? py.PyDict_GetItemString(modules, name) : NULL;	/* borrowed */
}

/* NULL in a thread or greenlet of the application's own, and where no request is in flight */
struct wsgi_request *sentry_python_request(void) {
	struct wsgi_request *req = NULL;
	if (uwsgi.muleid || uwsgi.i_am_a_spooler || uwsgi.mywid < 1 || uwsgi.mywid > uwsgi.numproc) return NULL;
	if (uwsgi.current_wsgi_req == threaded_current_wsgi_req) req = pthread_getspecific(uwsgi.tur_key);
	else if (uwsgi.current_wsgi_req == simple_current_wsgi_req) req = pthread_equal(pthread_self(), serving_thread) ? uwsgi.wsgi_req : NULL;
	else {
		Object *greenlet = loaded("greenlet");
		if (greenlet) req = of_greenlet(greenlet);
	}
	if (!req || !req->uh || req->async_id < 0 || req->async_id >= uwsgi.cores) return NULL;
	return uwsgi.workers[uwsgi.mywid].cores[req->async_id].in_request ? req : NULL;
}

/* ---- an exception of that request ---- */

static size_t copied(Object *text, char *to, size_t room) {
	struct py_out out = PY_OUT;
	if (text && py_type_of(text) == py.PyUnicode_Type) py_add_str(&out, text, ROUTE_MAX / 4);
	size_t len = out.len < room ? out.len : room;
	if (len) memcpy(to, out.bytes, len);
	free(out.bytes);
	return len;
}

static void report(struct wsgi_request *req, Object *value, Object *traceback, const char *how, const char *route, size_t route_len) {
	struct sentry_request_error *slot = sentry_request_error_of(req);
	if (!slot || slot->reported) return;
	if (!sentry_python_left_to_sdk()) {
		struct sentry_python_exception_seen seen = {.req = req, .how = how, .type = py_type_name(py_type_of(value)), .route = route, .route_len = route_len};
		seen.fields = py_exception_fields(value, traceback, &seen.len, sentry.with_locals);
		sentry_python_report(&seen);
		free(seen.fields);
	}
	sentry_request_error_reported(req, value);
}

static void note(struct wsgi_request *req, Object *value, Object *traceback, const char *how, int as_error) {
	struct sentry_request_error *slot = sentry_request_error_of(req);
	if (!slot || slot->reported) return;
	if (slot->fields && slot->which == value) {	/* it passes several of these places */
		slot->as_error |= as_error;
		return;
	}
	size_t len = 0;
	unsigned char *fields = py_exception_fields(value, traceback, &len, sentry.with_locals);
	if (!fields) return;
	free(slot->fields);
	slot->fields = fields;
	slot->len = len;
	slot->which = value;
	slot->how = how;
	slot->as_error = as_error;
	slot->left_to_sdk = sentry_python_left_to_sdk();
	snprintf(slot->type, sizeof(slot->type), "%s", py_type_name(py_type_of(value)));
}

static Object *given(Object *keywords, const char *name) {
	return keywords ? py.PyDict_GetItemString(keywords, name) : NULL;	/* borrowed */
}

/* ---- Django ---- */

/* request.resolver_match.route: attributes that Django's own __init__ sets */
static size_t django_route(Object *request, char *to, size_t room) {
	Object *match = request ? py_attribute(request, "resolver_match") : NULL;
	Object *route = match && match != py._Py_NoneStruct ? py_attribute(match, "route") : NULL;
	size_t len = copied(route, to, room);
	py_drop(route);
	py_drop(match);
	return len;
}

/* what is handled just now: the signal is sent from an except clause, and sys.exc_info() is a function of Python's own */
static void django_signalled(Object *keywords) {
	struct wsgi_request *req = sentry_python_request();
	Object *sys = req ? loaded("sys") : NULL;
	Object *handled = sys ? py.PyObject_CallMethod(sys, "exc_info", NULL) : NULL;
	if (handled && py_type_of(handled) == py.PyTuple_Type && py.PyTuple_Size(handled) == 3) {
		char route[ROUTE_MAX];
		size_t len = django_route(given(keywords, "request"), route, sizeof(route));
		Object *value = py.PyTuple_GetItem(handled, 1);
		if (value != py._Py_NoneStruct) report(req, value, py.PyTuple_GetItem(handled, 2), "django", route, len);
	}
	py_drop(handled);
}

/* ---- Flask ---- */

/* flask.globals: a context variable since 2.2, a stack before */
static Object *flask_context(Object *globals) {
	Object *variable = py_attribute(globals, "_cv_request");
	if (variable) {
		Object *context = py.PyObject_CallMethod(variable, "get", "O", py._Py_NoneStruct);
		py_drop(variable);
		return context;
	}
	Object *stack = py_attribute(globals, "_request_ctx_stack");
	Object *top = stack ? py.PyObject_GetAttrString(stack, "top") : NULL;
	py_drop(stack);
	return top;
}

static size_t flask_route(char *to, size_t room) {
	Object *globals = loaded("flask.globals");
	Object *context = globals ? flask_context(globals) : NULL;
	py.PyErr_Clear();
	Object *request = context && context != py._Py_NoneStruct ? py_attribute(context, "request") : NULL;
	Object *rule = request ? py_attribute(request, "url_rule") : NULL;
	Object *text = rule && rule != py._Py_NoneStruct ? py_attribute(rule, "rule") : NULL;
	size_t len = copied(text, to, room);
	py_drop(text);
	py_drop(rule);
	py_drop(request);
	py_drop(context);
	return len;
}

static void flask_signalled(Object *keywords) {
	struct wsgi_request *req = sentry_python_request();
	Object *value = given(keywords, "exception");
	if (!req || !value) return;
	char route[ROUTE_MAX];
	size_t len = flask_route(route, sizeof(route));
	report(req, value, NULL, "flask", route, len);
}

static Object *django_receiver(Object *self, Object *args, Object *keywords) {
	SENTRY_ENTRY;
	(void) self;
	(void) args;
	struct py_error error = py_error_keep();
	django_signalled(keywords);
	py_error_back(error);
	py.Py_IncRef(py._Py_NoneStruct);
	return py._Py_NoneStruct;
}

static Object *flask_receiver(Object *self, Object *args, Object *keywords) {
	SENTRY_ENTRY;
	(void) self;
	(void) args;
	struct py_error error = py_error_keep();
	flask_signalled(keywords);
	py_error_back(error);
	py.Py_IncRef(py._Py_NoneStruct);
	return py._Py_NoneStruct;
}

/* ---- what is logged, what is formatted ---- */

static Object *handle_before, *format_before;

#define LEVEL_ERROR 40	/* logging.ERROR */

static int is_error(Object *record) {
	Object *level = sentry_capturing(SENTRY_CAPTURE_LOGGED) ? py_attribute(record, "levelno") : NULL;
	int overflow = 0, is = level && py_type_of(level) == py.PyLong_Type && py.PyLong_AsLongLongAndOverflow(level, &overflow) >= LEVEL_ERROR && !overflow;
	py_drop(level);
	return is;
}

/* (logger, record) */
static void look_at_log(Object *args) {
	Object *record = py.PyTuple_Size(args) == 2 ? py.PyTuple_GetItem(args, 1) : NULL;
	Object *info = record ? py_attribute(record, "exc_info") : NULL;
	if (info && py_type_of(info) == py.PyTuple_Type && py.PyTuple_Size(info) == 3) {
		Object *value = py.PyTuple_GetItem(info, 1);
		struct wsgi_request *req = value != py._Py_NoneStruct ? sentry_python_request() : NULL;
		if (req) note(req, value, py.PyTuple_GetItem(info, 2), "logging", is_error(record));
	}
	py_drop(info);
}

/* (self, type, value, traceback, ...); _seen: one of a chain, whose first was noted */
static void look_at_format(Object *args, Object *keywords) {
	Object *seen = given(keywords, "_seen");
	if ((seen && seen != py._Py_NoneStruct) || py.PyTuple_Size(args) < 4) return;
	Object *value = py.PyTuple_GetItem(args, 2);
	struct wsgi_request *req = value != py._Py_NoneStruct ? sentry_python_request() : NULL;
	if (req) note(req, value, py.PyTuple_GetItem(args, 3), "traceback", 0);
}

/* ---- Starlette, and FastAPI on it, through a2wsgi: it runs in another thread than the request's ---- */

static Object *plain_before, *debug_before;

/* the request whose environ that is, and which has not begun to answer: its own thread waits for this one */
static struct wsgi_request *waiting_with(Object *environ) {
	if (!environ || !uwsgi.workers || uwsgi.mywid < 1 || uwsgi.mywid > uwsgi.numproc) return NULL;
	for (int i = 0; i < uwsgi.cores; i++) {
		struct uwsgi_core *core = &uwsgi.workers[uwsgi.mywid].cores[i];
		if (core->in_request && core->req.async_environ == environ) return core->req.header_cnt || core->req.headers_sent || core->req.response_size ? NULL : &core->req;
	}
	return NULL;
}

/* (middleware, request, exception) */
static void look_at_answered(Object *args) {
	if (py.PyTuple_Size(args) != 3) return;
	Object *scope = py_attribute(py.PyTuple_GetItem(args, 1), "scope"), *value = py.PyTuple_GetItem(args, 2);
	Object *environ = scope && py_type_of(scope) == py.PyDict_Type ? py.PyDict_GetItemString(scope, "wsgi_environ") : NULL;	/* borrowed */
	struct wsgi_request *req = value != py._Py_NoneStruct ? waiting_with(environ) : NULL;
	if (req) note(req, value, NULL, "starlette", 0);
	py_drop(scope);
}

static Object *starlette_plain(Object *self, Object *args, Object *keywords) {
	SENTRY_ENTRY;
	(void) self;
	struct py_error error = py_error_keep();
	look_at_answered(args);
	py_error_back(error);
	return py.PyObject_Call(plain_before, args, keywords);
}

static Object *starlette_debug(Object *self, Object *args, Object *keywords) {
	SENTRY_ENTRY;
	(void) self;
	struct py_error error = py_error_keep();
	look_at_answered(args);
	py_error_back(error);
	return py.PyObject_Call(debug_before, args, keywords);
}

static Object *log_handle(Object *self, Object *args, Object *keywords) {
	SENTRY_ENTRY;
	(void) self;
	struct py_error error = py_error_keep();
	look_at_log(args);
	py_error_back(error);
	return py.PyObject_Call(handle_before, args, keywords);
}

static Object *format_init(Object *self, Object *args, Object *keywords) {
	SENTRY_ENTRY;
	(void) self;
	struct py_error error = py_error_keep();
	look_at_format(args, keywords);
	py_error_back(error);
	return py.PyObject_Call(format_before, args, keywords);
}

/* ---- installed ---- */

/* PyMethodDef; Django looks at a receiver's signature where DEBUG is on */
static struct definition {
	const char *name;
	Object *(*call)(Object *, Object *, Object *);
	int takes;
	const char *doc;
} definitions[] = {
	{"report_django", django_receiver, 3, "report_django($module, /, sender=None, **kwargs)\n--\n\n"},
	{"report_flask", flask_receiver, 3, "report_flask($module, /, sender=None, **kwargs)\n--\n\n"},
	{"handle", log_handle, 3, NULL},
	{"__init__", format_init, 3, NULL},
	{"error_response", starlette_plain, 3, NULL},
	{"debug_response", starlette_debug, 3, NULL},
};

static void receive(const char *module_name, int which, int *done) {
	Object *module = *done ? NULL : loaded(module_name);
	if (!module) return;
	Object *signal = py.PyObject_GetAttrString(module, "got_request_exception");
	Object *method = signal ? py.PyObject_GetAttrString(signal, "connect") : NULL;
	Object *receiver = method ? py.PyCFunction_NewEx(&definitions[which], NULL, NULL) : NULL;
	Object *args = receiver ? py.PyTuple_Pack(1, receiver) : NULL;
	Object *keywords = args ? py.PyDict_New() : NULL;
	if (keywords && !py.PyDict_SetItemString(keywords, "weak", py._Py_FalseStruct)) {
		Object *result = py.PyObject_Call(method, args, keywords);
		*done = result != NULL;	/* Flask without blinker has signals that refuse: its log is noted */
		py_drop(result);
	}
	py_drop(keywords);
	py_drop(args);
	py_drop(receiver);
	py_drop(method);
	py_drop(signal);
	py.PyErr_Clear();
}

/* a builtin function would not get the object whose attribute it is */
static void replace(const char *module_name, const char *class_name, int which, Object **before) {
	Object *module = *before ? NULL : loaded(module_name);
	if (!module) return;
	const char *name = definitions[which].name;
	Object *class = py.PyObject_GetAttrString(module, class_name);
	Object *there = class ? py.PyObject_GetAttrString(class, name) : NULL;
	Object *function = there ? py.PyCFunction_NewEx(&definitions[which], NULL, NULL) : NULL;
	Object *ours = function ? py.PyInstanceMethod_New(function) : NULL;
	if (ours) {
		*before = there;
		if (!py.PyObject_SetAttrString(class, name, ours)) there = NULL;	/* kept for as long as the process lives */
		else *before = NULL;
	}
	py_drop(ours);
	py_drop(function);
	py_drop(there);
	py_drop(class);
	py.PyErr_Clear();
}

static void install(void) {
	struct py_error error = py_error_keep();
	static int django, flask;
	receive("django.core.signals", 0, &django);
	receive("flask.signals", 1, &flask);
	replace("logging", "Logger", 2, &handle_before);
	replace("traceback", "TracebackException", 3, &format_before);
	replace("starlette.middleware.errors", "ServerErrorMiddleware", 4, &plain_before);
	replace("starlette.middleware.errors", "ServerErrorMiddleware", 5, &debug_before);
	py_error_back(error);
}

static int apps_seen = -1;

void sentry_python_frameworks(void) {
	if ((!sentry.exception_handlers && !sentry_capturing(SENTRY_CAPTURE_EXCEPTIONS)) || !uwsgi.workers || !py_ready()) return;
	apps_seen = uwsgi_apps_cnt;
	sentry_python_with_gil(install);
}

/* after a request: it may have loaded an application (mounts, dynamic ones), and with it a framework */
void sentry_python_frameworks_again(void) {
	if (apps_seen >= 0 && uwsgi.workers && uwsgi_apps_cnt != apps_seen) sentry_python_frameworks();
}

/* in a worker, after the fork */
void sentry_python_frameworks_forked(void) {
	serving_thread = pthread_self();
}
