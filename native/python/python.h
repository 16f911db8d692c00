/*
 * How Python is read: exceptions, stacks, values. What is reported of it is capture/'s business.
 *
 * Python's own C functions, looked up in the running process, so that one plugin serves
 * every Python 3 and none is needed to build it.
 *
 * Whoever calls a function of Python's holds the GIL, and py_ready() was true before.
 */
#ifndef SENTRY_PYTHON_H
#define SENTRY_PYTHON_H

#include "server/server.h"

/* ---- for all: nothing of Python's is asked for ---- */

void sentry_python_find(void);
int sentry_python_is_raised(void);	/* an exception is set in this thread, which has the GIL */
void sentry_python_with_gil(void (*)(void));	/* without Python it is just called */

/* thread_stacks.c: of all of Python's threads */
void sentry_python_stacks_find(void);
int sentry_python_stacks_can(void);
void sentry_python_stacks_write(int fd);	/* in a child that ends after it; without the GIL */

/* exception.c: the fields of an exception, to be freed; NULL: there is none, or it cannot be read */
unsigned char *sentry_python_exception(size_t *len, int with_locals, const char **type);
unsigned char *sentry_python_last_exception(size_t *len, int with_locals);

/* module_path.c */
void sentry_python_loaded(void);
void sentry_add_python_path(struct sentry_record *);

/* ---- Python's functions ---- */

typedef void Object;

/* name, result, arguments: of Python's stable functions, but for _PyType_Lookup */
#define PYTHON_FUNCTIONS(X) \
	X(PyBytes_AsString, char *, (Object *)) \
	X(PyBytes_Size, ssize_t, (Object *)) \
	X(PyCFunction_NewEx, Object *, (void *, Object *, Object *)) \
	X(PyDict_GetItemString, Object *, (Object *, const char *)) \
	X(PyDict_New, Object *, (void)) \
	X(PyDict_Next, int, (Object *, ssize_t *, Object **, Object **)) \
	X(PyDict_SetItemString, int, (Object *, const char *, Object *)) \
	X(PyDict_Size, ssize_t, (Object *)) \
	X(PyDict_Update, int, (Object *, Object *)) \
	X(PyErr_Clear, void, (void)) \
	X(PyErr_Fetch, void, (Object **, Object **, Object **)) \
	X(PyErr_GivenExceptionMatches, int, (Object *, Object *)) \
	X(PyErr_NormalizeException, void, (Object **, Object **, Object **)) \
	X(PyErr_Occurred, Object *, (void)) \
	X(PyErr_Restore, void, (Object *, Object *, Object *)) \
	X(PyException_GetCause, Object *, (Object *)) \
	X(PyException_GetContext, Object *, (Object *)) \
	X(PyException_GetTraceback, Object *, (Object *)) \
	X(PyFloat_AsDouble, double, (Object *)) \
	X(PyGILState_Ensure, int, (void)) \
	X(PyGILState_GetThisThreadState, void *, (void)) \
	X(PyGILState_Release, void, (int)) \
	X(PyImport_ImportModule, Object *, (const char *)) \
	X(PyInstanceMethod_New, Object *, (Object *)) \
	X(PyList_GetItem, Object *, (Object *, ssize_t)) \
	X(PyList_Size, ssize_t, (Object *)) \
	X(PyLong_AsLongLongAndOverflow, long long, (Object *, int *)) \
	X(PyObject_Call, Object *, (Object *, Object *, Object *)) \
	X(PyObject_CallMethod, Object *, (Object *, const char *, const char *, ...)) \
	X(PyObject_CallObject, Object *, (Object *, Object *)) \
	X(PyObject_GenericGetAttr, Object *, (Object *, Object *)) \
	X(PyObject_GetAttrString, Object *, (Object *, const char *)) \
	X(PyObject_SetAttrString, int, (Object *, const char *, Object *)) \
	X(PyObject_Str, Object *, (Object *)) \
	X(PySet_Size, ssize_t, (Object *)) \
	X(PySys_GetObject, Object *, (const char *)) \
	X(PyTuple_Pack, Object *, (ssize_t, ...)) \
	X(PyTuple_GetItem, Object *, (Object *, ssize_t)) \
	X(PyTuple_Size, ssize_t, (Object *)) \
	X(PyType_IsSubtype, int, (Object *, Object *)) \
	X(PyUnicode_AsEncodedString, Object *, (Object *, const char *, const char *)) \
	X(PyUnicode_AsUTF8String, Object *, (Object *)) \
	X(PyUnicode_FromString, Object *, (const char *)) \
	X(PyUnicode_GetLength, ssize_t, (Object *)) \
	X(PyUnicode_Substring, Object *, (Object *, ssize_t, ssize_t)) \
	X(Py_DecRef, void, (Object *)) \
	X(Py_IncRef, void, (Object *)) \
	X(Py_IsInitialized, int, (void)) \
	X(_PyType_Lookup, Object *, (Object *, Object *))

/* objects that are in Python's own memory; those of PyExc_ are pointers to them */
#define PYTHON_OBJECTS(X) X(PyType_Type) X(PyUnicode_Type) X(PyLong_Type) X(PyBool_Type) X(PyFloat_Type) X(PyBytes_Type) X(PyList_Type) X(PyTuple_Type) \
	X(PyDict_Type) X(PySet_Type) X(PyFrozenSet_Type) X(PyTraceBack_Type) X(PyFrame_Type) X(PyCode_Type) X(_Py_NoneStruct) X(_Py_TrueStruct) X(_Py_FalseStruct)
#define PYTHON_EXCEPTIONS(X) X(PyExc_BaseException) X(PyExc_SyntaxError) X(PyExc_SystemError) X(PyExc_SystemExit)

struct py {
#define X(name, result, arguments) result (*name) arguments;
	PYTHON_FUNCTIONS(X)
#undef X
#define X(name) Object *name;
	PYTHON_OBJECTS(X)
#undef X
#define X(name) Object **name;
	PYTHON_EXCEPTIONS(X)
#undef X
	Object **PyExc_BaseExceptionGroup;	/* NULL before Python 3.11 */
};

extern struct py py;

/* Python runs, all of the above is there, and objects are laid out as we think: else nothing of it may be called */
int py_ready(void);

/* this thread has the GIL for sure; with the GIL in a sub-interpreter before Python 3.12 it may say no */
int py_has_gil(void);

Object *py_type_of(Object *);
const char *py_full_type_name(Object *type);	/* a class of Python code has its module elsewhere */
const char *py_type_name(Object *type);		/* without a module */
/* an attribute of one of the interpreter's own objects, past whatever a subclass may have put in the way; a new reference, or NULL */
Object *py_attribute(Object *, const char *name);
/* what a type or one of its bases holds under that name: looks into dictionaries only; borrowed, or NULL */
Object *py_of_type(Object *type, const char *name);
void py_drop(Object *);	/* NULL too */

/* what is raised in this thread, kept aside while functions are called that need it to be nothing, or drop it */
struct py_error {
	Object *type, *value, *traceback;
};
struct py_error py_error_keep(void);
void py_error_back(struct py_error);

/* ---- values as fields of a record, in a buffer that grows to its bound and then says so ---- */

struct py_out {
	unsigned char *bytes;
	size_t len, room;
	size_t bound;		/* how far it may grow just now */
	size_t for_locals;	/* bytes left for local variables */
	int cut;
	int lost;		/* something was left out */
};

#define PY_MOST_BYTES (160u << 10)
#define PY_MOST_LOCAL_BYTES (96u << 10)	/* the rest is for frames */
#define PY_OUT {NULL, 0, 0, PY_MOST_BYTES, PY_MOST_LOCAL_BYTES, 0, 0}
#define PY_MOST_TEXT 256	/* characters of a text within a value */

void py_add(struct py_out *, const void *, size_t);
void py_add_text(struct py_out *, const char *);
size_t py_out_take(struct py_out *, char *to, size_t room);	/* its bytes, as far as there is room; frees it */
void py_add_end(struct py_out *);	/* the NUL between two parts of a field */
/* a field whose length is known when it ends; one that did not fit is taken back whole */
size_t py_field_start(struct py_out *, const char *name);
void py_field_end(struct py_out *, size_t start);

/* the text of a str, at most `most` characters of it */
void py_add_str(struct py_out *, Object *str, ssize_t most);
/* the attribute of one of the interpreter's own objects, if it is a str */
void py_add_str_attribute(struct py_out *, Object *, const char *name);
/* what the type holds under that name, if it is a str */
void py_add_of_type(struct py_out *, Object *type, const char *name);
/* "module.", or nothing for a type that is built in */
void py_add_module(struct py_out *, Object *type);
/* as Python shows it, if its type is exactly a built-in one: else "<module.Class>"; no code of the application runs */
void py_add_value(struct py_out *, Object *);

/* ---- frames, outermost first ---- */

void py_add_traceback(struct py_out *, Object *traceback, int with_locals);
/* a place in a file that is not being run: where a SyntaxError is */
void py_add_place(struct py_out *, Object *file, Object *line);

/* ---- exceptions ---- */

/* its fields, to be freed; NULL: it is none, or it cannot be read */
unsigned char *py_exception_fields(Object *value, Object *traceback, size_t *len, int with_locals);

#endif
