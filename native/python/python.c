/* Python's own C functions, found in the running process, and what of its objects can be read without them. */
#include "python/python.h"

#include <dlfcn.h>

struct py py;

/* the head of every Python object, and of a type's: the same in all versions, but for builds without a GIL */
struct object {
	ssize_t references;
	Object *type;
};

struct type {
	struct object head;
	ssize_t size;
	const char *name;
};

static int found;

/* the thread state that has the GIL; since Python 3.12 NULL in any other thread than its own */
static void *(*current_thread_state)(void);

static int find_thread_state(void) {
	*(void **) &current_thread_state = dlsym(RTLD_DEFAULT, "PyThreadState_GetUnchecked");	/* Python 3.13 */
	if (!current_thread_state) *(void **) &current_thread_state = dlsym(RTLD_DEFAULT, "_PyThreadState_UncheckedGet");
	return current_thread_state != NULL;
}

void sentry_python_find(void) {
	int all = find_thread_state();
#define X(name, result, arguments) *(void **) &py.name = dlsym(RTLD_DEFAULT, #name); all &= py.name != NULL;
	PYTHON_FUNCTIONS(X)
#undef X
#define X(name) py.name = dlsym(RTLD_DEFAULT, #name); all &= py.name != NULL;
	PYTHON_OBJECTS(X)
	PYTHON_EXCEPTIONS(X)
#undef X
	py.PyExc_BaseExceptionGroup = dlsym(RTLD_DEFAULT, "PyExc_BaseExceptionGroup");
	found = all && py_type_of(py.PyUnicode_Type) == py.PyType_Type && !strcmp(py_full_type_name(py.PyUnicode_Type), "str");
}

/* PyGILState_Check() would not do: once there is a sub-interpreter it says yes to every thread */
int py_has_gil(void) {
	void *state = current_thread_state();
	return state && state == py.PyGILState_GetThisThreadState();
}

int py_ready(void) {
	return found && py.Py_IsInitialized();
}

/* also where not all of Python's functions are there. Without a thread state nothing can be raised */
int sentry_python_is_raised(void) {
	if (!py.Py_IsInitialized || !py.PyErr_Occurred || !py.Py_IsInitialized()) return 0;
	return current_thread_state && current_thread_state() && py.PyErr_Occurred();
}

Object *py_type_of(Object *o) {
	return ((struct object *) o)->type;
}

const char *py_full_type_name(Object *type) {
	return ((struct type *) type)->name;
}

const char *py_type_name(Object *type) {
	const char *name = py_full_type_name(type);
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

Object *py_attribute(Object *o, const char *name) {
	Object *key = py.PyUnicode_FromString(name);
	Object *value = key ? py.PyObject_GenericGetAttr(o, key) : NULL;
	py_drop(key);
	if (!value) py.PyErr_Clear();
	return value;
}

Object *py_of_type(Object *type, const char *name) {
	Object *key = py.PyUnicode_FromString(name);
	Object *value = key ? py._PyType_Lookup(type, key) : NULL;
	py_drop(key);
	py.PyErr_Clear();
	return value;
}

void py_drop(Object *o) {
	if (o) py.Py_DecRef(o);
}

struct py_error py_error_keep(void) {
	struct py_error error = {NULL, NULL, NULL};
	py.PyErr_Fetch(&error.type, &error.value, &error.traceback);
	return error;
}

void py_error_back(struct py_error error) {
	py.PyErr_Restore(error.type, error.value, error.traceback);
}

/* uWSGI never lets go of the GIL where it was not asked for threads */
void sentry_python_with_gil(void (*call)(void)) {
	int held = !py_ready() || !uwsgi.has_threads || py_has_gil();
	int state = held ? 0 : py.PyGILState_Ensure();
	call();
	if (!held) py.PyGILState_Release(state);
}
