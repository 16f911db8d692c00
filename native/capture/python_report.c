/* A record of a Python exception that was seen elsewhere than in uWSGI's own exception_log; and whether it is ours to report. */
#include "capture/capture.h"

void sentry_python_report(const struct sentry_python_exception_seen *seen) {
	int errno_before = errno;
	for (struct sentry_handler *h = sentry.handlers; seen->fields && h; h = h->next) {
		if (!sentry_reports_exceptions(h)) continue;
		struct sentry_record record;
		unsigned char *lines;
		sentry_begin(&record, SENTRY_EXCEPTION, h, seen->req);
		uint64_t fold = sentry_hash(sentry_fold_start(h, SENTRY_EXCEPTION), seen->type, strlen(seen->type));
		sentry_record_fold(&record, h->hash, sentry_hash_raised(fold, seen->fields, seen->len));
		sentry_record_field(&record, "exception.plugin", "python", 6);
		sentry_record_field(&record, "exception.how", seen->how, strlen(seen->how));
		if (seen->thread_len) sentry_record_field(&record, "exception.thread", seen->thread, seen->thread_len);
		if (seen->route_len) sentry_record_field(&record, "request.route", seen->route, seen->route_len);
		sentry_record_fields(&record, seen->fields, seen->len);
		sentry_add_python_path(&record);
		if (seen->req) sentry_add_request(&record, seen->req);
		sentry_add_log_lines(&record, 40, &lines);
		sentry_append(&record);
		free(lines);
	}
	errno = errno_before;
}

/* ---- a Sentry SDK in the application ---- */

static int sdk_active;

/* the SDK's module has is_initialized() since 2.0; before that, a client in the current hub */
static int is_initialized(Object *sdk) {
	Object *answer = py.PyObject_CallMethod(sdk, "is_initialized", NULL);
	if (answer) {
		int is = answer == py._Py_TrueStruct;
		py_drop(answer);
		return is;
	}
	py.PyErr_Clear();
	Object *hub = py.PyObject_GetAttrString(sdk, "Hub");
	Object *current = hub ? py.PyObject_GetAttrString(hub, "current") : NULL;
	Object *client = current ? py.PyObject_GetAttrString(current, "client") : NULL;
	int is = client && client != py._Py_NoneStruct;
	py_drop(client);
	py_drop(current);
	py_drop(hub);
	py.PyErr_Clear();
	return is;
}

/*
 * One incident is one event: what an SDK in the process sees it reports itself. It may be initialised at any time, so it is asked
 * when there is something to report, until it says yes. The caller holds the GIL, and no exception is set.
 */
int sentry_python_left_to_sdk(void) {
	if (sentry.with_sdk) return 0;
	if (sdk_active) return 1;
	Object *modules = py.PySys_GetObject("modules");	/* borrowed */
	Object *sdk = modules && py_type_of(modules) == py.PyDict_Type ? py.PyDict_GetItemString(modules, "sentry_sdk") : NULL;	/* borrowed */
	if (!sdk) return 0;
	py.Py_IncRef(sdk);
	sdk_active = is_initialized(sdk);
	py_drop(sdk);
	if (sdk_active && sentry.watch && !__atomic_exchange_n(&sentry.watch->sdk_logged, 1, __ATOMIC_ACQ_REL)) {
		sentry_say("the application has a Sentry SDK: Python's exceptions are left to it (sentry-with-sdk = true reports them as well)");
	}
	return sdk_active;
}

int sentry_python_error_left_to_sdk(void) {
	if (!py_ready()) return 0;
	struct py_error error = py_error_keep();
	int is = sentry_python_left_to_sdk();
	py_error_back(error);
	return is;
}
