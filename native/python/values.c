/*
 * Values of Python as text. No code of the application may run: a value is shown only if its type is exactly one of the built-in
 * ones, and anything else is shown as its type's name. Everything is bounded.
 */
#include "python/python.h"

#define MOST_ITEMS 10
#define MOST_DEPTH 3

/* ---- the buffer ---- */

void py_add(struct py_out *out, const void *bytes, size_t len) {
	if (out->cut) return;
	if (out->len + len > out->bound) {
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

void py_add_text(struct py_out *out, const char *text) {
	py_add(out, text, strlen(text));
}

void py_add_end(struct py_out *out) {
	py_add(out, "", 1);
}

size_t py_field_start(struct py_out *out, const char *name) {
	unsigned char len = (unsigned char) strlen(name);
	size_t start = out->len;
	py_add(out, &len, 1);
	py_add(out, name, len);
	py_add(out, "\0\0\0\0", 4);
	return start;
}

void py_field_end(struct py_out *out, size_t start) {
	if (out->cut) {
		if (out->len > start) out->len = start;
		out->lost = 1;
		return;
	}
	unsigned char *length = out->bytes + start + 1 + out->bytes[start];
	size_t len = out->len - (size_t) (length + 4 - out->bytes);
	for (int i = 0; i < 4; i++) length[i] = (unsigned char) (len >> (8 * i));
}

/* ---- texts ---- */

static void add_quoted(struct py_out *out, const char *bytes, size_t len) {
	py_add(out, "'", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char) bytes[i];
		char escape[5];
		if (c == '\n') py_add(out, "\\n", 2);
		else if (c == '\r') py_add(out, "\\r", 2);
		else if (c == '\t') py_add(out, "\\t", 2);
		else if (c == '\'' || c == '\\') {
			py_add(out, "\\", 1);
			py_add(out, &c, 1);
		}
		else if (c < ' ' || c == 0x7f) py_add(out, escape, (size_t) snprintf(escape, sizeof(escape), "\\x%02x", c));
		else py_add(out, &c, 1);
	}
	py_add(out, "'", 1);
}

/* a copy, since asking a str for its UTF-8 makes it keep that for good */
static void add_str(struct py_out *out, Object *str, ssize_t most, int quoted) {
	ssize_t length = py.PyUnicode_GetLength(str);
	Object *part = py.PyUnicode_Substring(str, 0, length < most ? length : most);
	Object *bytes = part ? py.PyUnicode_AsUTF8String(part) : NULL;
	if (part && !bytes) {	/* half of a surrogate pair, as in what was decoded with surrogateescape: shown as \udc80 */
		py.PyErr_Clear();
		bytes = py.PyUnicode_AsEncodedString(part, "utf-8", "backslashreplace");
	}
	if (bytes) {
		const char *text = py.PyBytes_AsString(bytes);
		size_t len = (size_t) py.PyBytes_Size(bytes);
		if (quoted) add_quoted(out, text, len);
		else py_add(out, text, len);
		if (length > most) py_add_text(out, "...");
	}
	else {
		py.PyErr_Clear();
		py_add_text(out, "<str that is not Unicode>");
	}
	py_drop(bytes);
	py_drop(part);
}

void py_add_str(struct py_out *out, Object *str, ssize_t most) {
	add_str(out, str, most, 0);
}

void py_add_str_attribute(struct py_out *out, Object *o, const char *name) {
	Object *value = py_attribute(o, name);
	if (value && py_type_of(value) == py.PyUnicode_Type) py_add_str(out, value, 1024);
	py_drop(value);
}

void py_add_of_type(struct py_out *out, Object *type, const char *name) {
	Object *value = py_of_type(type, name);
	if (value && py_type_of(value) == py.PyUnicode_Type) py_add_str(out, value, PY_MOST_TEXT);
	py.PyErr_Clear();
}

void py_add_module(struct py_out *out, Object *type) {
	size_t before = out->len;
	py_add_of_type(out, type, "__module__");
	if (out->len - before == 8 && !memcmp(out->bytes + before, "builtins", 8)) out->len = before;
	else if (out->len > before) py_add(out, ".", 1);
}

/* ---- values ---- */

static void add_value(struct py_out *out, Object *o, int depth);

static void add_int(struct py_out *out, Object *o) {
	char number[32];
	int overflow = 0;
	long long n = py.PyLong_AsLongLongAndOverflow(o, &overflow);
	if (overflow) py_add_text(out, "<int of more than 64 bits>");
	else py_add(out, number, (size_t) snprintf(number, sizeof(number), "%lld", n));
}

/* those that are no text would not be text for us either */
static void add_bytes(struct py_out *out, Object *o) {
	char clean[PY_MOST_TEXT];
	ssize_t size = py.PyBytes_Size(o);
	ssize_t n = size < PY_MOST_TEXT ? size : PY_MOST_TEXT;
	const char *bytes = py.PyBytes_AsString(o);
	for (ssize_t i = 0; i < n; i++) clean[i] = (unsigned char) bytes[i] < 0x80 ? bytes[i] : '?';
	py_add(out, "b", 1);
	add_quoted(out, clean, (size_t) n);
	if (size > n) py_add_text(out, "...");
}

static void add_items(struct py_out *out, Object *o, ssize_t size, Object *(*get)(Object *, ssize_t), const char *open, const char *close, int depth) {
	py_add_text(out, open);
	for (ssize_t i = 0; i < size && i < MOST_ITEMS; i++) {
		if (i) py_add(out, ", ", 2);
		Object *item = get(o, i);
		if (item) add_value(out, item, depth + 1);
	}
	if (size > MOST_ITEMS) py_add_text(out, ", ...");
	py_add_text(out, close);
}

static void add_dict(struct py_out *out, Object *o, int depth) {
	ssize_t at = 0;
	int n = 0;
	Object *key, *value;
	py_add(out, "{", 1);
	while (n < MOST_ITEMS && py.PyDict_Next(o, &at, &key, &value)) {
		if (n++) py_add(out, ", ", 2);
		add_value(out, key, depth + 1);
		py_add(out, ": ", 2);
		add_value(out, value, depth + 1);
	}
	if (py.PyDict_Size(o) > n) py_add_text(out, ", ...");
	py_add(out, "}", 1);
}

static void add_opaque(struct py_out *out, Object *type) {
	const char *name = py_full_type_name(type);
	py_add(out, "<", 1);
	if (!strchr(name, '.')) py_add_module(out, type);
	py_add_text(out, name);
	py_add(out, ">", 1);
}

static void add_value(struct py_out *out, Object *o, int depth) {
	if (out->cut) return;
	Object *type = py_type_of(o);
	char text[64];
	if (o == py._Py_NoneStruct) py_add_text(out, "None");
	else if (type == py.PyBool_Type) py_add_text(out, o == py._Py_TrueStruct ? "True" : "False");
	else if (type == py.PyLong_Type) add_int(out, o);
	else if (type == py.PyFloat_Type) py_add(out, text, (size_t) snprintf(text, sizeof(text), "%.12g", py.PyFloat_AsDouble(o)));
	else if (type == py.PyUnicode_Type) add_str(out, o, PY_MOST_TEXT, 1);
	else if (type == py.PyBytes_Type) add_bytes(out, o);
	else if (depth >= MOST_DEPTH) add_opaque(out, type);
	else if (type == py.PyList_Type) add_items(out, o, py.PyList_Size(o), py.PyList_GetItem, "[", "]", depth);
	else if (type == py.PyTuple_Type) add_items(out, o, py.PyTuple_Size(o), py.PyTuple_GetItem, "(", ")", depth);
	else if (type == py.PyDict_Type) add_dict(out, o, depth);
	else if (type == py.PySet_Type || type == py.PyFrozenSet_Type) {
		py_add(out, text, (size_t) snprintf(text, sizeof(text), "<%s of %ld items>", py_type_name(type), (long) py.PySet_Size(o)));
	}
	else add_opaque(out, type);
}

void py_add_value(struct py_out *out, Object *o) {
	add_value(out, o, 0);
}

size_t py_out_take(struct py_out *out, char *to, size_t room) {
	size_t len = out->len < room ? out->len : room;
	if (len) memcpy(to, out->bytes, len);
	free(out->bytes);
	return len;
}
