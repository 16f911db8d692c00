/* Where Python looks for modules: sys.path, as it is once the applications are loaded. */
#include "python/python.h"

static char modules[4096];
static size_t modules_len;

/* sys.path, NULs between; entries that do not fit are left out */
static void read_path(void) {
	struct py_error error = py_error_keep();
	struct py_out out = PY_OUT;
	Object *path = py.PySys_GetObject("path");	/* borrowed */
	ssize_t size = path && py_type_of(path) == py.PyList_Type ? py.PyList_Size(path) : 0;
	for (ssize_t i = 0; i < size; i++) {
		size_t before = out.len;
		Object *entry = py.PyList_GetItem(path, i);
		if (!entry || py_type_of(entry) != py.PyUnicode_Type) continue;
		if (before) py_add_end(&out);
		py_add_str(&out, entry, 1024);
		if (out.len > sizeof(modules)) out.len = before;
	}
	py.PyErr_Clear();
	py_error_back(error);
	modules_len = py_out_take(&out, modules, sizeof(modules));
}

/* once the applications are loaded, and have said where their modules are */
void sentry_python_loaded(void) {
	if (py_ready()) sentry_python_with_gil(read_path);
}

/* a stack that is taken from outside names files: with this the agent can name modules */
void sentry_add_python_path(struct sentry_record *record) {
	if (modules_len) sentry_record_field(record, "python.path", modules, modules_len);
}
