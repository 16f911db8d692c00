/* A Python traceback: its frames, outermost first, with their local variables. */
#include "python/python.h"

#define FIRST_FRAMES 30
#define LAST_FRAMES 70
#define MOST_COUNTED 100000
#define MOST_LOCALS 30
#define MOST_LOCAL (4 * PY_MOST_TEXT + 512)	/* bytes of one local variable with its name */

/* the frame's local variables as a dict, a new reference; NULL: it has none, or they are the module's */
static Object *locals_of(Object *frame, Object *globals) {
	Object *locals = py_attribute(frame, "f_locals");
	if (locals && locals != globals && py_type_of(locals) != py.PyDict_Type && !strcmp(py_type_name(py_type_of(locals)), "FrameLocalsProxy")) {
		Object *copy = py.PyDict_New();	/* Python 3.13: a view of the frame, the interpreter's own */
		if (copy && py.PyDict_Update(copy, locals)) py.PyErr_Clear();
		py_drop(locals);
		locals = copy;
	}
	if (locals && locals != globals && py_type_of(locals) == py.PyDict_Type) return locals;
	py_drop(locals);
	return NULL;
}

/* a value that is too long is cut where it is, so that its rest is not even looked at */
static void add_local(struct py_out *out, Object *name, Object *value) {
	size_t start = py_field_start(out, "python.local");
	py_add_str(out, name, 100);
	py_add_end(out);
	if (!out->cut) {
		out->bound = out->len + 4 * PY_MOST_TEXT < PY_MOST_BYTES ? out->len + 4 * PY_MOST_TEXT : PY_MOST_BYTES;
		py_add_value(out, value);
		out->bound = PY_MOST_BYTES;
		if (out->cut) {
			out->cut = 0;
			py_add_text(out, "...");
		}
	}
	py_field_end(out, start);
}

/* within `most` bytes */
static void add_locals(struct py_out *out, Object *frame, Object *globals, size_t most) {
	Object *locals = locals_of(frame, globals), *name, *value;
	size_t before = out->len;
	ssize_t at = 0;
	int n = 0;
	while (locals && !out->cut && n < MOST_LOCALS && py.PyDict_Next(locals, &at, &name, &value)) {
		if (py_type_of(name) != py.PyUnicode_Type) continue;
		n++;
		if (out->len - before + MOST_LOCAL > most) {
			out->lost = 1;
			break;
		}
		add_local(out, name, value);
	}
	size_t used = out->len - before;
	out->for_locals -= used < out->for_locals ? used : out->for_locals;
	py_drop(locals);
}

static void add_frame(struct py_out *out, Object *traceback, size_t locals) {
	Object *frame = py_attribute(traceback, "tb_frame");
	Object *line = py_attribute(traceback, "tb_lineno");
	Object *code = frame && py_type_of(frame) == py.PyFrame_Type ? py_attribute(frame, "f_code") : NULL;
	Object *globals = code ? py_attribute(frame, "f_globals") : NULL;
	if (code && py_type_of(code) == py.PyCode_Type) {
		int overflow = 0;
		long long number = line && py_type_of(line) == py.PyLong_Type ? py.PyLong_AsLongLongAndOverflow(line, &overflow) : 0;
		char digits[32];
		size_t start = py_field_start(out, "python.frame");
		py_add_str_attribute(out, code, "co_filename");
		py_add_end(out);
		py_add(out, digits, (size_t) snprintf(digits, sizeof(digits), "%lld", number));
		py_add_end(out);
		py_add_str_attribute(out, code, "co_name");
		py_add_end(out);
		Object *module = globals && py_type_of(globals) == py.PyDict_Type ? py.PyDict_GetItemString(globals, "__name__") : NULL;
		if (module && py_type_of(module) == py.PyUnicode_Type) py_add_str(out, module, PY_MOST_TEXT);
		py_field_end(out, start);
		if (locals) add_locals(out, frame, globals, locals);
	}
	py_drop(globals);
	py_drop(code);
	py_drop(line);
	py_drop(frame);
}

void py_add_place(struct py_out *out, Object *file, Object *line) {
	int overflow = 0;
	char digits[32];
	if (!file || py_type_of(file) != py.PyUnicode_Type || !line || py_type_of(line) != py.PyLong_Type) return;
	long long number = py.PyLong_AsLongLongAndOverflow(line, &overflow);
	size_t start = py_field_start(out, "python.frame");
	py_add_str(out, file, 1024);
	py_add_end(out);
	py_add(out, digits, (size_t) snprintf(digits, sizeof(digits), "%lld", number));
	py_add_end(out);
	py_add_text(out, "<module>");
	py_add_end(out);
	py_field_end(out, start);
}

/* the next one down; takes the reference, gives one; NULL behind the last */
static Object *next_of(Object *traceback) {
	Object *next = py_attribute(traceback, "tb_next");
	py.Py_DecRef(traceback);
	if (next && py_type_of(next) == py.PyTraceBack_Type) return next;
	py_drop(next);
	return NULL;
}

void py_add_traceback(struct py_out *out, Object *traceback, int with_locals) {
	int count = 0, added = 0;
	Object *at = traceback;
	py.Py_IncRef(at);
	for (; at && count < MOST_COUNTED; at = next_of(at)) count++;
	py_drop(at);
	int shown = count < FIRST_FRAMES + LAST_FRAMES ? count : FIRST_FRAMES + LAST_FRAMES;
	at = traceback;
	py.Py_IncRef(at);
	for (int n = 0; at && n < count; at = next_of(at), n++) {
		if (n >= FIRST_FRAMES && n < count - LAST_FRAMES) continue;
		/* an even share, so that the outer frames leave room for the one that failed */
		add_frame(out, at, with_locals ? out->for_locals / (size_t) (shown - added) : 0);
		added++;
	}
	py_drop(at);
}
