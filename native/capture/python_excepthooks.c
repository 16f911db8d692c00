/*
 * Python exceptions that belong to no request: in threads of the application's, in mules, spoolers, timers and signal handlers.
 * uWSGI only has Python print them. Printing goes through sys.excepthook, and for threads through threading.excepthook: both are
 * replaced, before any application is loaded, by a function that records the exception and then calls the one that was there.
 * An application that sets its own hook and calls the previous one works as before; exceptions of one that does not are not seen.
 *
 * An exception of a request, which uWSGI prints too, and one of an application that does not load are not reported a second time.
 */
#include "capture/capture.h"

/* ---- the report ---- */

/* glibc makes other thread-local memory when a thread first touches it, and ends the process where it cannot */
#ifdef __GLIBC__
__attribute__((tls_model("initial-exec")))
#endif
static __thread int printing_a_requests;

/* around the function by which uWSGI prints the exception of a request, which is reported already */
void sentry_python_prints_reported(int is) {
	printing_a_requests = is;
}

static int is_outside(void) {
	if (printing_a_requests) return 0;
	if (uwsgi.muleid > 0 || uwsgi.i_am_a_spooler) return 1;
	return uwsgi.workers && uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc && uwsgi.workers[uwsgi.mywid].accepting;
}

/* a text that the object itself holds under that name, up to that room; 0 if its class defines that name */
static size_t own_text(Object *object, const char *name, char *to, size_t room) {
	struct py_out out = PY_OUT;
	if (!py_of_type(py_type_of(object), name)) py_add_str_attribute(&out, object, name);
	py.PyErr_Clear();
	return py_out_take(&out, to, room);
}

static void report(Object *value, Object *traceback, const char *how, Object *thread) {
	char thread_name[64];
	/* an application that is loaded by the request which names it, and fails: that request fails of it */
	struct wsgi_request *req = thread ? NULL : sentry_python_request();
	struct sentry_request_error *error = sentry_request_error_of(req);
	if (error && error->reported && error->which == value) return;
	struct sentry_python_exception_seen seen = {.req = req, .how = how, .type = py_type_name(py_type_of(value)), .thread = thread_name};
	seen.fields = py_exception_fields(value, traceback, &seen.len, sentry.with_locals);
	seen.thread_len = thread ? own_text(thread, "_name", thread_name, sizeof(thread_name)) : 0;
	sentry_python_report(&seen);
	free(seen.fields);
	sentry_request_error_reported(req, value);
}

/* ---- the two hooks ---- */

static Object *printed_before, *thread_before;

static Object *printed(Object *self, Object *args) {
	SENTRY_ENTRY;
	(void) self;
	if (is_outside() && py.PyTuple_Size(args) == 3 && !sentry_python_left_to_sdk()) {
		report(py.PyTuple_GetItem(args, 1), py.PyTuple_GetItem(args, 2), "excepthook", NULL);
	}
	py.PyErr_Clear();
	return py.PyObject_CallObject(printed_before, args);
}

/* its one argument is a tuple with names: type, value, traceback, thread */
static Object *thread_ended(Object *self, Object *args) {
	SENTRY_ENTRY;
	(void) self;
	Object *details = py.PyTuple_Size(args) == 1 ? py.PyTuple_GetItem(args, 0) : NULL;
	Object *type = details ? py.PyTuple_GetItem(details, 0) : NULL, *value = details ? py.PyTuple_GetItem(details, 1) : NULL;
	if (type && value && is_outside() && !py.PyErr_GivenExceptionMatches(type, *py.PyExc_SystemExit) && !sentry_python_left_to_sdk()) {
		report(value, py.PyTuple_GetItem(details, 2), "threading", py.PyTuple_GetItem(details, 3));
	}
	py.PyErr_Clear();
	return py.PyObject_CallObject(thread_before, args);
}

/* PyMethodDef, the same in all versions */
static struct {
	const char *name;
	Object *(*call)(Object *, Object *);
	int takes;
	const char *doc;
} definitions[] = {{"excepthook", printed, 1, NULL}, {"excepthook", thread_ended, 1, NULL}};

static void replace(const char *module_name, const char *name, int which, Object **before) {
	Object *module = py.PyImport_ImportModule(module_name);
	Object *there = module ? py.PyObject_GetAttrString(module, name) : NULL;
	Object *ours = there ? py.PyCFunction_NewEx(&definitions[which], NULL, NULL) : NULL;
	if (ours) {
		*before = there;
		if (py.PyObject_SetAttrString(module, name, ours) == 0) there = NULL;	/* kept for as long as the process lives */
		py.Py_DecRef(ours);
	}
	if (there) py.Py_DecRef(there);
	if (module) py.Py_DecRef(module);
	py.PyErr_Clear();
}

static int is_imported(const char *name) {
	Object *modules = py.PySys_GetObject("modules");	/* borrowed */
	Object *module = modules ? py.PyObject_CallMethod(modules, "get", "s", name) : NULL;
	int is = module && module != py._Py_NoneStruct;
	py_drop(module);
	py.PyErr_Clear();
	return is;
}

/*
 * threading takes its hook from _thread, when it is imported. That is left to the application: imported here, in the master, it
 * would hold the master's thread for the main one in every worker. There is no such hook before Python 3.8.
 */
static void install(void) {
	if (printed_before || thread_before) return;	/* what is there is ours, or calls it */
	struct py_error error = py_error_keep();
	replace("sys", "excepthook", 0, &printed_before);
	replace("_thread", "_excepthook", 1, &thread_before);
	if (is_imported("threading")) replace("threading", "excepthook", 1, &thread_before);
	py_error_back(error);
}

/* ---- mules ---- */

/*
 * If a mule is a function (module:function), uWSGI does not even print its exception: it is still set when the language's
 * part of the mule returns. Its function is wrapped to look for it there.
 */
static int (*mule_before)(char *);

static void report_what_is_left(void) {
	if (!py.PyErr_Occurred()) return;
	Object *type = NULL, *value = NULL, *traceback = NULL;
	py.PyErr_Fetch(&type, &value, &traceback);
	py.PyErr_NormalizeException(&type, &value, &traceback);
	if (value && !py.PyErr_GivenExceptionMatches(type, *py.PyExc_SystemExit)) report(value, traceback, "mule", NULL);
	py.PyErr_Clear();
	py.PyErr_Restore(type, value, traceback);
}

static int mule(char *what) {
	SENTRY_ENTRY;
	int mine = mule_before(what);
	if (mine == 1) sentry_python_with_gil(report_what_is_left);
	return mine;
}

void sentry_python_excepthooks(void) {
	if (!sentry_capturing(SENTRY_CAPTURE_EXCEPTIONS) || !py_ready()) return;
	sentry_python_with_gil(install);
	for (int i = 0; i < 256; i++) {
		struct uwsgi_plugin *plugin = uwsgi.p[i];
		if (!plugin || !plugin->name || strcmp(plugin->name, "python") || !plugin->mule || plugin->mule == mule) continue;
		mule_before = plugin->mule;
		plugin->mule = mule;
	}
}
