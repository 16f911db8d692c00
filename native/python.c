/*
 * A Python exception with its chain, frames and local variables, read through Python's own C functions, which are looked up in
 * the running process: so one plugin serves every Python 3, and none is needed to build it.
 *
 * uWSGI 2.0.21 gives empty frames for Python 3.5 and later, and no locals ever. Constraints: the caller holds the GIL and an
 * exception is set, which must be as before when we are done; no code of the application may run, so a value is shown only if its
 * type is exactly one of the built-in ones, and anything else is shown as its type's name; everything is bounded.
 * The one exception to that is the text of the exception itself (its __str__), which uWSGI asks for anyway.
 */
#include "sentry.h"

#include <dlfcn.h>

typedef void Object;

#define MOST_BYTES (160u << 10)
#define MOST_LOCAL_BYTES (96u << 10)	/* the rest is for frames */
#define MOST_CHAIN 8
#define FIRST_FRAMES 30
#define LAST_FRAMES 70
#define MOST_LOCALS 30
#define MOST_ITEMS 10
#define MOST_DEPTH 3
#define MOST_TEXT 256
#define MOST_MESSAGE 8192
#define MOST_LOCAL (4 * MOST_TEXT + 512)	/* bytes of one local variable with its name */

/* name, result, arguments: of Python's stable functions, but for _PyLong_NumBits and _PyType_Lookup, which are checked for */
#define FUNCTIONS(X) \
	X(PyErr_Fetch, void, (Object **, Object **, Object **)) \
	X(PyErr_Restore, void, (Object *, Object *, Object *)) \
	X(PyErr_NormalizeException, void, (Object **, Object **, Object **)) \
	X(PyErr_Clear, void, (void)) \
	X(PyErr_Occurred, Object *, (void)) \
	X(PyObject_GenericGetAttr, Object *, (Object *, Object *)) \
	X(PyObject_Str, Object *, (Object *)) \
	X(PyObject_IsTrue, int, (Object *)) \
	X(PyUnicode_FromString, Object *, (const char *)) \
	X(PyUnicode_AsUTF8String, Object *, (Object *)) \
	X(PyUnicode_GetLength, ssize_t, (Object *)) \
	X(PyUnicode_Substring, Object *, (Object *, ssize_t, ssize_t)) \
	X(PyLong_AsLongLongAndOverflow, long long, (Object *, int *)) \
	X(PyFloat_AsDouble, double, (Object *)) \
	X(PyBytes_AsString, char *, (Object *)) \
	X(PyBytes_Size, ssize_t, (Object *)) \
	X(PyList_Size, ssize_t, (Object *)) \
	X(PyList_GetItem, Object *, (Object *, ssize_t)) \
	X(PyTuple_Size, ssize_t, (Object *)) \
	X(PyTuple_GetItem, Object *, (Object *, ssize_t)) \
	X(PyDict_Size, ssize_t, (Object *)) \
	X(PyDict_Next, int, (Object *, ssize_t *, Object **, Object **)) \
	X(PyDict_GetItemString, Object *, (Object *, const char *)) \
	X(PyDict_New, Object *, (void)) \
	X(PyDict_Update, int, (Object *, Object *)) \
	X(PySet_Size, ssize_t, (Object *)) \
	X(PyException_GetCause, Object *, (Object *)) \
	X(PyException_GetContext, Object *, (Object *)) \
	X(PyException_GetTraceback, Object *, (Object *)) \
	X(PySys_GetObject, Object *, (const char *)) \
	X(PyType_IsSubtype, int, (Object *, Object *)) \
	X(Py_IncRef, void, (Object *)) \
	X(Py_DecRef, void, (Object *)) \
	X(_PyType_Lookup, Object *, (Object *, Object *))

#define TYPES(X) X(PyType_Type) X(PyUnicode_Type) X(PyLong_Type) X(PyBool_Type) X(PyFloat_Type) X(PyBytes_Type) X(PyList_Type) X(PyTuple_Type) X(PyDict_Type) \
	X(PySet_Type) X(PyFrozenSet_Type) X(PyTraceBack_Type) X(PyFrame_Type) X(PyCode_Type) X(_Py_NoneStruct) X(_Py_TrueStruct) X(PyExc_BaseException)

static struct {
#define X(name, result, arguments) result (*name) arguments;
	FUNCTIONS(X)
#undef X
#define X(name) Object *name;
	TYPES(X)
#undef X
} py;

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

static Object *type_of(Object *o) {
	return ((struct object *) o)->type;
}

static int ready;	/* all of it is there, and laid out as we think: else nothing here is called */

int sentry_python_find(void) {
	ready = 0;
#define X(name, result, arguments) *(void **) &py.name = dlsym(RTLD_DEFAULT, #name); if (!py.name) return 0;
	FUNCTIONS(X)
#undef X
#define X(name) py.name = dlsym(RTLD_DEFAULT, #name); if (!py.name) return 0;
	TYPES(X)
#undef X
	return ready = type_of(py.PyUnicode_Type) == py.PyType_Type && !strcmp(((struct type *) py.PyUnicode_Type)->name, "str");
}

static const char *type_name(Object *type) {
	const char *name = ((struct type *) type)->name;
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

/* ---- a buffer that grows to its bound and then says so ---- */

struct out {
	unsigned char *bytes;
	size_t len, room;
	size_t bound;		/* how far it may grow just now; 0: MOST_BYTES */
	size_t for_locals;	/* bytes left for local variables */
	int cut;
	int lost;		/* something was left out */
};

#define OUT {NULL, 0, 0, 0, MOST_LOCAL_BYTES, 0, 0}

static void add(struct out *out, const void *bytes, size_t len) {
	if (out->cut) return;
	if (out->len + len > (out->bound ? out->bound : MOST_BYTES)) {
		out->cut = 1;
		return;
	}
	if (out->len + len > out->room) {
		size_t room = (out->len + len) * 2;
		unsigned char *grown = realloc(out->bytes, room);
		if (!grown) {
			out->cut = 1;
			return;
		}
		out->bytes = grown;
		out->room = room;
	}
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static void add_text(struct out *out, const char *text) {
	add(out, text, strlen(text));
}

/* a field whose length is known when it ends; one that did not fit is taken back whole */
static size_t field_start(struct out *out, const char *name) {
	unsigned char len = (unsigned char) strlen(name);
	size_t start = out->len;
	add(out, &len, 1);
	add(out, name, len);
	add(out, "\0\0\0\0", 4);
	return start;
}

static void field_end(struct out *out, size_t start) {
	if (out->cut) {
		if (out->len > start) out->len = start;
		out->lost = 1;
		return;
	}
	unsigned char *length = out->bytes + start + 1 + out->bytes[start];
	size_t len = out->len - (size_t) (length + 4 - out->bytes);
	for (int i = 0; i < 4; i++) length[i] = (unsigned char) (len >> (8 * i));
}

/* ---- values ---- */

static void add_quoted(struct out *out, const char *bytes, size_t len) {
	add(out, "'", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char) bytes[i];
		char escape[5];
		if (c == '\n') add(out, "\\n", 2);
		else if (c == '\r') add(out, "\\r", 2);
		else if (c == '\t') add(out, "\\t", 2);
		else if (c == '\'' || c == '\\') {
			add(out, "\\", 1);
			add(out, &c, 1);
		}
		else if (c < ' ' || c == 0x7f) add(out, escape, (size_t) snprintf(escape, sizeof(escape), "\\x%02x", c));
		else add(out, &c, 1);
	}
	add(out, "'", 1);
}

/* the text of a str, at most `most` characters of it; a copy, since asking a str for its UTF-8 makes it keep that for good */
static int add_str(struct out *out, Object *str, ssize_t most, int quoted) {
	ssize_t length = py.PyUnicode_GetLength(str);
	Object *part = py.PyUnicode_Substring(str, 0, length < most ? length : most);
	Object *bytes = part ? py.PyUnicode_AsUTF8String(part) : NULL;
	if (bytes) {
		const char *text = py.PyBytes_AsString(bytes);
		size_t len = (size_t) py.PyBytes_Size(bytes);
		if (quoted) add_quoted(out, text, len);
		else add(out, text, len);
		if (length > most) add_text(out, "...");
		py.Py_DecRef(bytes);
	}
	else {
		py.PyErr_Clear();	/* lone surrogates */
		add_text(out, "<str that is not Unicode>");
	}
	if (part) py.Py_DecRef(part);
	return bytes != NULL;
}

static void add_attribute_of_type(struct out *out, Object *type, const char *name) {
	Object *key = py.PyUnicode_FromString(name);
	Object *value = key ? py._PyType_Lookup(type, key) : NULL;	/* borrowed; looks into dictionaries only */
	if (value && type_of(value) == py.PyUnicode_Type) add_str(out, value, MOST_TEXT, 0);
	if (key) py.Py_DecRef(key);
	py.PyErr_Clear();
}

static void add_value(struct out *out, Object *o, int depth);

static void add_opaque(struct out *out, Object *o) {
	Object *type = type_of(o);
	add(out, "<", 1);
	const char *name = ((struct type *) type)->name;
	if (!strchr(name, '.')) {	/* a class of Python code has its module elsewhere */
		size_t before = out->len;
		add_attribute_of_type(out, type, "__module__");
		if (out->len - before == 8 && !memcmp(out->bytes + before, "builtins", 8)) out->len = before;
		if (out->len > before) add(out, ".", 1);
	}
	add_text(out, name);
	add(out, ">", 1);
}

static void add_items(struct out *out, Object *o, ssize_t size, Object *(*get)(Object *, ssize_t), const char *open, const char *close, int depth) {
	add_text(out, open);
	for (ssize_t i = 0; i < size && i < MOST_ITEMS; i++) {
		if (i) add(out, ", ", 2);
		Object *item = get(o, i);
		if (item) add_value(out, item, depth + 1);
	}
	if (size > MOST_ITEMS) add_text(out, ", ...");
	add_text(out, close);
}

static void add_value(struct out *out, Object *o, int depth) {
	if (out->cut) return;
	Object *type = type_of(o);
	char number[64];
	if (o == py._Py_NoneStruct) add_text(out, "None");
	else if (type == py.PyBool_Type) add_text(out, o == py._Py_TrueStruct ? "True" : "False");
	else if (type == py.PyLong_Type) {
		int overflow = 0;
		long long n = py.PyLong_AsLongLongAndOverflow(o, &overflow);
		if (overflow) add_text(out, "<int of more than 64 bits>");
		else add(out, number, (size_t) snprintf(number, sizeof(number), "%lld", n));
	}
	else if (type == py.PyFloat_Type) add(out, number, (size_t) snprintf(number, sizeof(number), "%.12g", py.PyFloat_AsDouble(o)));
	else if (type == py.PyUnicode_Type) add_str(out, o, MOST_TEXT, 1);
	else if (type == py.PyBytes_Type) {
		ssize_t size = py.PyBytes_Size(o);
		add(out, "b", 1);
		/* bytes that are no text would not be text for us either */
		char clean[MOST_TEXT];
		ssize_t n = size < MOST_TEXT ? size : MOST_TEXT;
		const char *bytes = py.PyBytes_AsString(o);
		for (ssize_t i = 0; i < n; i++) clean[i] = (unsigned char) bytes[i] < 0x80 ? bytes[i] : '?';
		add_quoted(out, clean, (size_t) n);
		if (size > n) add_text(out, "...");
	}
	else if (depth >= MOST_DEPTH) add_opaque(out, o);
	else if (type == py.PyList_Type) add_items(out, o, py.PyList_Size(o), py.PyList_GetItem, "[", "]", depth);
	else if (type == py.PyTuple_Type) add_items(out, o, py.PyTuple_Size(o), py.PyTuple_GetItem, "(", ")", depth);
	else if (type == py.PyDict_Type) {
		ssize_t at = 0;
		int n = 0;
		Object *key, *value;
		add(out, "{", 1);
		while (n < MOST_ITEMS && py.PyDict_Next(o, &at, &key, &value)) {
			if (n++) add(out, ", ", 2);
			add_value(out, key, depth + 1);
			add(out, ": ", 2);
			add_value(out, value, depth + 1);
		}
		if (py.PyDict_Size(o) > n) add_text(out, ", ...");
		add(out, "}", 1);
	}
	else if (type == py.PySet_Type || type == py.PyFrozenSet_Type) {
		add(out, number, (size_t) snprintf(number, sizeof(number), "<%s of %ld items>", type_name(type), (long) py.PySet_Size(o)));
	}
	else add_opaque(out, o);
}

/* ---- frames ---- */

/* an attribute of one of the interpreter's own objects, past whatever a subclass may have put in the way; a new reference */
static Object *attribute(Object *o, const char *name) {
	Object *key = py.PyUnicode_FromString(name);
	Object *value = key ? py.PyObject_GenericGetAttr(o, key) : NULL;
	if (key) py.Py_DecRef(key);
	if (!value) py.PyErr_Clear();
	return value;
}

static void drop(Object *o) {
	if (o) py.Py_DecRef(o);
}

static void add_str_attribute(struct out *out, Object *o, const char *name) {
	Object *value = attribute(o, name);
	if (value && type_of(value) == py.PyUnicode_Type) add_str(out, value, 1024, 0);
	drop(value);
}

/* within `most` bytes; a value that is too long is cut where it is, so that its rest is not even looked at */
static void add_locals(struct out *out, Object *frame, Object *globals, size_t most) {
	Object *locals = attribute(frame, "f_locals");
	if (locals && locals != globals && type_of(locals) != py.PyDict_Type && !strcmp(type_name(type_of(locals)), "FrameLocalsProxy")) {
		Object *copy = py.PyDict_New();	/* Python 3.13: a view of the frame, the interpreter's own */
		if (copy && py.PyDict_Update(copy, locals)) py.PyErr_Clear();
		drop(locals);
		locals = copy;
	}
	if (locals && locals != globals && type_of(locals) == py.PyDict_Type) {
		ssize_t at = 0;
		int n = 0;
		size_t before = out->len;
		Object *key, *value;
		while (!out->cut && n < MOST_LOCALS && py.PyDict_Next(locals, &at, &key, &value)) {
			if (type_of(key) != py.PyUnicode_Type) continue;
			n++;
			if (out->len - before + MOST_LOCAL > most) {
				out->lost = 1;
				break;
			}
			size_t start = field_start(out, "python.local");
			add_str(out, key, 100, 0);
			add(out, "\0", 1);
			if (out->cut) {
				field_end(out, start);
				break;
			}
			out->bound = out->len + 4 * MOST_TEXT < MOST_BYTES ? out->len + 4 * MOST_TEXT : MOST_BYTES;
			add_value(out, value, 0);
			out->bound = 0;
			if (out->cut) {
				out->cut = 0;
				add_text(out, "...");
			}
			field_end(out, start);
		}
		out->for_locals -= out->len - before < out->for_locals ? out->len - before : out->for_locals;
	}
	drop(locals);
}

static void add_frame(struct out *out, Object *traceback, size_t locals) {
	Object *frame = attribute(traceback, "tb_frame");
	Object *line = attribute(traceback, "tb_lineno");
	Object *code = frame && type_of(frame) == py.PyFrame_Type ? attribute(frame, "f_code") : NULL;
	Object *globals = code ? attribute(frame, "f_globals") : NULL;
	if (code && type_of(code) == py.PyCode_Type) {
		int overflow = 0;
		long long number = line && type_of(line) == py.PyLong_Type ? py.PyLong_AsLongLongAndOverflow(line, &overflow) : 0;
		char digits[32];
		size_t start = field_start(out, "python.frame");
		add_str_attribute(out, code, "co_filename");
		add(out, "\0", 1);
		add(out, digits, (size_t) snprintf(digits, sizeof(digits), "%lld", number));
		add(out, "\0", 1);
		add_str_attribute(out, code, "co_name");
		add(out, "\0", 1);
		Object *module = globals && type_of(globals) == py.PyDict_Type ? py.PyDict_GetItemString(globals, "__name__") : NULL;
		if (module && type_of(module) == py.PyUnicode_Type) add_str(out, module, MOST_TEXT, 0);
		field_end(out, start);
		if (locals) add_locals(out, frame, globals, locals);
	}
	drop(globals);
	drop(code);
	drop(line);
	drop(frame);
}

static void add_traceback(struct out *out, Object *traceback, int with_locals) {
	int count = 0;
	Object *at = traceback;
	py.Py_IncRef(at);
	while (at && type_of(at) == py.PyTraceBack_Type && count < 100000) {
		Object *next = attribute(at, "tb_next");
		py.Py_DecRef(at);
		at = next == py._Py_NoneStruct ? NULL : next;
		if (!at) drop(next);
		count++;
	}
	drop(at);
	at = traceback;
	py.Py_IncRef(at);
	int shown = count < FIRST_FRAMES + LAST_FRAMES ? count : FIRST_FRAMES + LAST_FRAMES, told = 0;
	for (int n = 0; at && n < count && type_of(at) == py.PyTraceBack_Type; n++) {
		if (n < FIRST_FRAMES || n >= count - LAST_FRAMES) {
			/* an even share, so that the outer frames leave room for the one that failed */
			add_frame(out, at, with_locals ? out->for_locals / (size_t) (shown - told) : 0);
			told++;
		}
		Object *next = attribute(at, "tb_next");
		py.Py_DecRef(at);
		at = next;
	}
	drop(at);
}

/* ---- exceptions ---- */

/* the value's type with its module, its text, and both, as uWSGI has them for an exception handler */
static void add_texts(struct out *out, Object *type, const unsigned char *text, size_t len) {
	static const char *const names[] = {"exception.type", "exception.value", "exception.repr"};
	for (int i = 0; i < 3; i++) {
		size_t start = field_start(out, names[i]);
		if (i != 1) {
			size_t before = out->len;
			add_attribute_of_type(out, type, "__module__");
			if (out->len - before == 8 && !memcmp(out->bytes + before, "builtins", 8)) out->len = before;
			else if (out->len > before) add(out, ".", 1);
			add_text(out, type_name(type));
		}
		if (i == 2) add(out, ": ", 2);
		if (i != 0) add(out, text, len);
		field_end(out, start);
	}
}

static void add_exception(struct out *out, Object *value, Object *traceback, const char *relation, int with_locals) {
	size_t start = field_start(out, "python.exception");
	add_text(out, relation);
	add(out, "\0", 1);
	add_attribute_of_type(out, type_of(value), "__module__");
	add(out, "\0", 1);
	add_text(out, type_name(type_of(value)));
	add(out, "\0", 1);
	size_t text_at = out->len;
	Object *text = py.PyObject_Str(value);
	if (text && type_of(text) == py.PyUnicode_Type) add_str(out, text, MOST_MESSAGE, 0);
	else {
		py.PyErr_Clear();
		add_text(out, "<its __str__ failed>");
	}
	drop(text);
	size_t len = out->len - text_at;
	field_end(out, start);
	if (!*relation && !out->cut) {
		unsigned char *copy = malloc(len ? len : 1);	/* the buffer moves as it grows */
		if (copy) {
			memcpy(copy, out->bytes + text_at, len);
			add_texts(out, type_of(value), copy, len);
		}
		free(copy);
	}
	if (traceback && type_of(traceback) == py.PyTraceBack_Type) add_traceback(out, traceback, with_locals);
}

/* `raise ... from None`; a class that makes something of its own of that word is not asked */
static int hides_context(Object *value) {
	Object *key = py.PyUnicode_FromString("__suppress_context__");
	int plain = key && py._PyType_Lookup(type_of(value), key) == py._PyType_Lookup(*(Object **) py.PyExc_BaseException, key);
	drop(key);
	Object *hides = plain ? attribute(value, "__suppress_context__") : NULL;
	int is = hides == py._Py_TrueStruct;
	drop(hides);
	py.PyErr_Clear();
	return is;
}

static int is_exception(Object *value) {
	return value && py.PyType_IsSubtype(type_of(value), *(Object **) py.PyExc_BaseException);
}

static void add_chain(struct out *out, Object *value, Object *traceback, int with_locals) {
	Object *seen[MOST_CHAIN];
	int n = 0;
	const char *relation = "";
	py.Py_IncRef(value);
	if (traceback) py.Py_IncRef(traceback);
	else traceback = py.PyException_GetTraceback(value);
	while (value && n < MOST_CHAIN) {
		for (int i = 0; i < n; i++) {
			if (seen[i] == value) goto done;
		}
		add_exception(out, value, traceback, relation, with_locals);
		drop(traceback);
		traceback = NULL;
		seen[n++] = value;
		Object *next = py.PyException_GetCause(value);
		relation = "__cause__";
		if (!next) {
			if (!hides_context(value)) next = py.PyException_GetContext(value);
			relation = "__context__";
		}
		value = next;
		if (value) traceback = py.PyException_GetTraceback(value);
	}
done:
	drop(traceback);
	drop(value);	/* one that comes round again, or one too many */
	for (int i = 0; i < n; i++) drop(seen[i]);
}

/* the fields; the caller frees them; NULL: it is none, or it cannot be read */
static unsigned char *fields_of(Object *value, Object *traceback, size_t *len, int with_locals) {
	if (!is_exception(value)) return NULL;
	struct out out = OUT;
	add_chain(&out, value, traceback && traceback != py._Py_NoneStruct ? traceback : NULL, with_locals);
	py.PyErr_Clear();
	if (out.lost || out.cut) {
		out.cut = 0;
		out.bound = out.len + 64;
		size_t start = field_start(&out, "python.cut");
		add(&out, "1", 1);
		field_end(&out, start);
	}
	*len = out.len;
	return out.bytes;
}

/* the exception that is set, and its type's name, which lives as long as it is set */
unsigned char *sentry_python_exception(size_t *len, int with_locals, const char **type_is) {
	if (!ready || !py.PyErr_Occurred()) return NULL;
	Object *type = NULL, *value = NULL, *traceback = NULL;
	py.PyErr_Fetch(&type, &value, &traceback);
	py.PyErr_NormalizeException(&type, &value, &traceback);
	unsigned char *fields = fields_of(value, traceback, len, with_locals);
	if (fields) *type_is = type_name(type_of(value));
	py.PyErr_Clear();
	py.PyErr_Restore(type, value, traceback);
	return fields;
}

/* the last exception that Python printed without anybody catching it (sys.last_value): an application that did not load */
unsigned char *sentry_python_last_exception(size_t *len, int with_locals) {
	Object *value = ready ? py.PySys_GetObject("last_value") : NULL;	/* borrowed */
	return value ? fields_of(value, py.PySys_GetObject("last_traceback"), len, with_locals) : NULL;
}

/* an exception that Python is printing */
unsigned char *sentry_python_failure(void *value, void *traceback, size_t *len, int with_locals) {
	return ready ? fields_of(value, traceback, len, with_locals) : NULL;
}

const char *sentry_python_type_name(void *value) {
	return type_name(type_of(value));
}

static size_t copied(struct out *out, char *to, size_t room) {
	size_t len = out->len < room ? out->len : room;
	if (len) memcpy(to, out->bytes, len);
	free(out->bytes);
	return len;
}

/* a text that the object itself holds under that name, as far as there is room; 0 where its class has a say in it */
size_t sentry_python_own_text(void *object, const char *name, char *to, size_t room) {
	if (!ready) return 0;
	struct out out = OUT;
	Object *key = py.PyUnicode_FromString(name);
	int of_the_class = !key || py._PyType_Lookup(type_of(object), key) != NULL;
	drop(key);
	if (!of_the_class) add_str_attribute(&out, object, name);
	py.PyErr_Clear();
	return copied(&out, to, room);
}

/* sys.path, NULs between; entries that do not fit are left out */
size_t sentry_python_path(char *to, size_t room) {
	if (!ready) return 0;
	struct out out = OUT;
	Object *path = py.PySys_GetObject("path");	/* borrowed */
	ssize_t size = path && type_of(path) == py.PyList_Type ? py.PyList_Size(path) : 0;
	for (ssize_t i = 0; i < size; i++) {
		size_t before = out.len;
		Object *entry = py.PyList_GetItem(path, i);
		if (!entry || type_of(entry) != py.PyUnicode_Type) continue;
		if (before) add(&out, "\0", 1);
		add_str(&out, entry, 1024, 0);
		if (out.len > room) out.len = before;
	}
	py.PyErr_Clear();
	return copied(&out, to, room);
}
