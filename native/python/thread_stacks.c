/*
 * The stacks of all of Python's threads, written to a descriptor without the GIL: what faulthandler does at a crash. Called in
 * the watchdog's child, a copy of the process in which no other thread runs.
 *
 * Most builds export the function behind faulthandler, _Py_DumpTracebackThreads(). Others (3.9, 3.10, 3.13 and later, built from
 * source) hide it, and it is reached as faulthandler.register() does: that makes a signal's handler write the stacks to a
 * descriptor. Before anything is forked a signal is registered with it, the handler's address read from the signal table, and
 * the table put back at once. What stays is an entry in faulthandler's own list, for a signal that has no handler; and an
 * alternate signal stack, as if the application had called faulthandler.enable() itself. In the child the registered descriptor
 * is made to be the wanted one, and the handler called as a plain function.
 *
 * An application that registers the same signal with faulthandler later would find it taken: so it is none that has a name or
 * that one would think of, and the first whose handler is the default.
 */
#include "python/python.h"

#include <dlfcn.h>
#include <signal.h>

#define REGISTERED_FD 2		/* any number that a descriptor may have: it is only read in the child */

static struct {
	const char *(*dump)(int, void *, void *);	/* _Py_DumpTracebackThreads(fd, interpreter, current thread) */
	void *(*interpreter)(void);
	void (*handler)(int);
	int signal;
} stacks;

static int is_unused(int number) {
	struct sigaction action;
	return sigaction(number, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_DFL;
}

static void (*handler_of(int number))(int) {
	struct sigaction action;
	if (sigaction(number, NULL, &action) || action.sa_flags & SA_SIGINFO) return NULL;
	return action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN ? NULL : action.sa_handler;
}

/* with the GIL */
static void register_handler(void) {
	int number = SIGRTMAX - 3;
	while (number > SIGRTMIN && !is_unused(number)) number--;
	struct sigaction before;
	if (number <= SIGRTMIN || sigaction(number, NULL, &before)) return;
	struct py_error error = py_error_keep();
	Object *module = py.PyImport_ImportModule("faulthandler");
	/* signum, file, all_threads, chain */
	Object *done = module ? py.PyObject_CallMethod(module, "register", "iiii", number, REGISTERED_FD, 1, 0) : NULL;
	py.PyErr_Clear();
	if (done) stacks.handler = handler_of(number);
	stacks.signal = number;
	if (sigaction(number, &before, NULL)) stacks.handler = NULL;
	py_drop(done);
	py_drop(module);
	py_error_back(error);
}

/* once Python runs, before anything is forked */
void sentry_python_stacks_find(void) {
	if (!py_ready()) return;
	*(void **) &stacks.dump = dlsym(RTLD_DEFAULT, "_Py_DumpTracebackThreads");
	*(void **) &stacks.interpreter = dlsym(RTLD_DEFAULT, "PyInterpreterState_Main");
	if (!stacks.dump || !stacks.interpreter) sentry_python_with_gil(register_handler);
}

int sentry_python_stacks_can(void) {
	return (stacks.dump && stacks.interpreter) || stacks.handler;
}

/* in a child that is to end after it */
void sentry_python_stacks_write(int fd) {
	if (stacks.dump && stacks.interpreter) stacks.dump(fd, stacks.interpreter(), NULL);
	else if (dup2(fd, REGISTERED_FD) == REGISTERED_FD) stacks.handler(stacks.signal);
}
