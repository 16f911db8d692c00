/*
 * A Python exception with its chain, frames and local variables.
 *
 * uWSGI 2.0.21 gives empty frames for Python 3.5 and later, and no locals ever. Constraints: the caller holds the GIL and an
 * exception is set, which must be as before when we are done; no code of the application may run; everything is bounded.
 * The one exception to that is the text of the exception itself (its __str__), which uWSGI asks for anyway.
 */
#include "python/python.h"

#define MOST_CHAIN 8		/* from a cause to its cause, or from a group to a member */
#define MOST_EXCEPTIONS 32
#define MOST_MEMBERS 16		/* of one group */
#define MOST_NOTES 16
#define MOST_MESSAGE 8192

/* the value's type with its module, its text, and both, as uWSGI has them for an exception handler */
static void add_texts(struct py_out *out, Object *type, const unsigned char *text, size_t len) {
	static const char *const names[] = {"exception.type", "exception.value", "exception.repr"};
	for (int i = 0; i < 3; i++) {
		size_t start = py_field_start(out, names[i]);
		if (i != 1) {
			py_add_module(out, type);
			py_add_text(out, py_type_name(type));
		}
		if (i == 2) py_add(out, ": ", 2);
		if (i != 0) py_add(out, text, len);
		py_field_end(out, start);
	}
}

/* an attribute that a built-in class has; a subclass that makes something of its own of that word is not asked. A new reference, or NULL */
static Object *attribute_of(Object *value, Object *built_in, const char *name) {
	return py_of_type(py_type_of(value), name) == py_of_type(built_in, name) ? py_attribute(value, name) : NULL;
}

/* what add_note() left, in the exception's own dictionary */
static void add_notes(struct py_out *out, Object *value) {
	Object *notes = py_of_type(py_type_of(value), "__notes__") ? NULL : py_attribute(value, "__notes__");
	ssize_t size = notes && py_type_of(notes) == py.PyList_Type ? py.PyList_Size(notes) : 0;
	for (ssize_t i = 0; i < size && i < MOST_NOTES; i++) {
		Object *note = py.PyList_GetItem(notes, i);
		if (!note || py_type_of(note) != py.PyUnicode_Type) continue;
		size_t start = py_field_start(out, "python.note");
		py_add_str(out, note, 1024);
		py_field_end(out, start);
	}
	py_drop(notes);
	py.PyErr_Clear();
}

/* what could not be compiled was never run: its place is the exception's own */
static void add_syntax(struct py_out *out, Object *value) {
	if (!py.PyType_IsSubtype(py_type_of(value), *py.PyExc_SyntaxError)) return;
	Object *file = attribute_of(value, *py.PyExc_SyntaxError, "filename"), *line = attribute_of(value, *py.PyExc_SyntaxError, "lineno");
	py_add_place(out, file, line);
	py_drop(file);
	py_drop(line);
	py.PyErr_Clear();
}

static void add_exception(struct py_out *out, Object *value, Object *traceback, const char *relation, int with_locals) {
	size_t start = py_field_start(out, "python.exception");
	py_add_text(out, relation);
	py_add_end(out);
	py_add_of_type(out, py_type_of(value), "__module__");
	py_add_end(out);
	py_add_text(out, py_type_name(py_type_of(value)));
	py_add_end(out);
	size_t text_at = out->len;
	Object *text = py.PyObject_Str(value);
	if (text && py_type_of(text) == py.PyUnicode_Type) py_add_str(out, text, MOST_MESSAGE);
	else {
		py.PyErr_Clear();
		py_add_text(out, "<its __str__ failed>");
	}
	py_drop(text);
	size_t len = out->len - text_at;
	py_field_end(out, start);
	if (!*relation && !out->cut) {
		unsigned char *copy = malloc(len ? len : 1);	/* the buffer moves as it grows */
		if (copy) {
			memcpy(copy, out->bytes + text_at, len);
			add_texts(out, py_type_of(value), copy, len);
		}
		free(copy);
	}
	if (traceback && py_type_of(traceback) == py.PyTraceBack_Type) py_add_traceback(out, traceback, with_locals);
	add_syntax(out, value);
	add_notes(out, value);
}

/* `raise ... from None` */
static int hides_context(Object *value) {
	Object *hides = attribute_of(value, *py.PyExc_BaseException, "__suppress_context__");
	int is = hides == py._Py_TrueStruct;
	py_drop(hides);
	py.PyErr_Clear();
	return is;
}

static int is_exception(Object *value) {
	return value && py.PyType_IsSubtype(py_type_of(value), *py.PyExc_BaseException);
}

/*
 * An application that hands start_response() an exception, as PEP 3333 has it, gets a SystemError from Python, which finds that
 * uWSGI's function returned with an exception set. What was handed over is its cause. A new reference, or NULL.
 */
static Object *handed_to_start_response(Object *value) {
	if (py_type_of(value) != *py.PyExc_SystemError) return NULL;
	struct py_out out = PY_OUT;
	Object *text = py.PyObject_Str(value);
	if (text && py_type_of(text) == py.PyUnicode_Type) py_add_str(&out, text, 128);
	py_add_end(&out);
	py_drop(text);
	int is = !out.cut && strstr((char *) out.bytes, "uwsgi_spit") != NULL;
	free(out.bytes);
	py.PyErr_Clear();
	return is ? py.PyException_GetCause(value) : NULL;
}

/* the exceptions of one record, each once: a number each, in this order */
struct tree {
	struct py_out *out;
	int with_locals;
	int n;
	Object *seen[MOST_EXCEPTIONS];
};

static int is_seen(const struct tree *tree, Object *value) {
	for (int i = 0; i < tree->n; i++) {
		if (tree->seen[i] == value) return 1;
	}
	return 0;
}

static void add_tree(struct tree *tree, Object *value, Object *traceback, const char *relation, int parent, int level);

static void add_members(struct tree *tree, Object *group, int number, int level) {
	Object *class = py.PyExc_BaseExceptionGroup ? *py.PyExc_BaseExceptionGroup : NULL;
	if (!class || !py.PyType_IsSubtype(py_type_of(group), class)) return;
	Object *members = attribute_of(group, class, "exceptions");
	ssize_t size = members && py_type_of(members) == py.PyTuple_Type ? py.PyTuple_Size(members) : 0;
	if (size > MOST_MEMBERS) tree->out->lost = 1;
	for (ssize_t i = 0; i < size && i < MOST_MEMBERS; i++) {
		char relation[32];
		Object *member = py.PyTuple_GetItem(members, i);
		if (!is_exception(member)) continue;
		snprintf(relation, sizeof(relation), "exceptions[%d]", (int) i);
		py.Py_IncRef(member);
		add_tree(tree, member, NULL, relation, number, level);
	}
	py_drop(members);
	py.PyErr_Clear();
}

/* takes both references */
static void add_tree(struct tree *tree, Object *value, Object *traceback, const char *relation, int parent, int level) {
	if (tree->n == MOST_EXCEPTIONS || level >= MOST_CHAIN || is_seen(tree, value)) {
		if (tree->n == MOST_EXCEPTIONS) tree->out->lost = 1;
		py_drop(traceback);
		py_drop(value);
		return;
	}
	int number = tree->n;
	tree->seen[tree->n++] = value;
	if (!traceback) traceback = py.PyException_GetTraceback(value);
	add_exception(tree->out, value, traceback, relation, tree->with_locals);
	py_drop(traceback);
	if (parent != number - 1) {
		char digits[16];
		size_t start = py_field_start(tree->out, "python.parent");
		py_add(tree->out, digits, (size_t) snprintf(digits, sizeof(digits), "%d", parent));
		py_field_end(tree->out, start);
	}
	Object *next = py.PyException_GetCause(value);
	const char *how = next ? "__cause__" : "__context__";
	if (!next && !hides_context(value)) next = py.PyException_GetContext(value);
	if (next) add_tree(tree, next, NULL, how, number, level + 1);
	add_members(tree, value, number, level + 1);
}

static void add_chain(struct py_out *out, Object *value, Object *traceback, int with_locals) {
	struct tree tree = {.out = out, .with_locals = with_locals};
	Object *handed = handed_to_start_response(value);
	if (handed) {
		value = handed;
		traceback = NULL;
	}
	else py.Py_IncRef(value);
	if (traceback) py.Py_IncRef(traceback);
	add_tree(&tree, value, traceback, "", -1, 0);
	for (int i = 0; i < tree.n; i++) py_drop(tree.seen[i]);
}

unsigned char *py_exception_fields(Object *value, Object *traceback, size_t *len, int with_locals) {
	if (!is_exception(value)) return NULL;
	struct py_error error = py_error_keep();
	struct py_out out = PY_OUT;
	add_chain(&out, value, traceback && traceback != py._Py_NoneStruct ? traceback : NULL, with_locals);
	py.PyErr_Clear();
	py_error_back(error);
	if (out.lost || out.cut) {
		out.cut = 0;
		out.bound = out.len + 64;
		size_t start = py_field_start(&out, "python.cut");
		py_add(&out, "1", 1);
		py_field_end(&out, start);
	}
	*len = out.len;
	return out.bytes;
}

/* the exception that is set, and its type's name, which lives as long as it is set, and is given even if there is no memory for more */
unsigned char *sentry_python_exception(size_t *len, int with_locals, const char **type_is) {
	if (!py_ready() || !py.PyErr_Occurred()) return NULL;
	Object *type = NULL, *value = NULL, *traceback = NULL;
	py.PyErr_Fetch(&type, &value, &traceback);
	py.PyErr_NormalizeException(&type, &value, &traceback);
	unsigned char *fields = py_exception_fields(value, traceback, len, with_locals);
	if (is_exception(value)) {
		Object *handed = handed_to_start_response(value);
		*type_is = py_type_name(py_type_of(handed ? handed : value));
		py_drop(handed);	/* the set one keeps it, and so its type's name */
	}
	py.PyErr_Clear();
	py.PyErr_Restore(type, value, traceback);
	return fields;
}

/* the last exception that Python printed because it was not caught (sys.last_value): an application that did not load */
unsigned char *sentry_python_last_exception(size_t *len, int with_locals) {
	/* at the exit of a process any thread may come here */
	Object *value = py_ready() && py_has_gil() ? py.PySys_GetObject("last_value") : NULL;	/* borrowed */
	return value ? py_exception_fields(value, py.PySys_GetObject("last_traceback"), len, with_locals) : NULL;
}
