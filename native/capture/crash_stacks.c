/*
 * Python's stacks at the moment of a crash: which line of the application it was, where the native stack shows only the
 * interpreter's own functions.
 *
 * A handler of ours is entered before the one that is there (uWSGI's, or faulthandler's), or the default, which ends the process; a
 * signal that is ignored is left alone. It has the stacks taken as the
 * watchdog does, in a copy of the process, so that nothing of Python's is touched in the process that crashed, and whatever is
 * damaged there ends the copy alone. Then it puts the former handler back and returns: the instruction fails again, and everything
 * goes on as if we had not been there; a signal that was sent is sent again. All that it calls is a system call, and each ends.
 *
 * It serves the process for which it was entered, and once: an application's own children, and a library that handles such
 * signals itself (a JVM does), pay one copy at most. An application that registers a handler later than we do calls ours, as
 * faulthandler does, or does without these stacks. A stack that overflowed has no room for a handler, ours or uWSGI's.
 *
 * uWSGI blocks all signals in a worker's threads but the first. The kernel ends a process for a fault whose signal is blocked, before
 * any handler: so these signals are let through there, and such a crash is printed by uWSGI as one in the first thread is. One that is
 * sent to the process still goes to its first thread.
 */
#include "capture/capture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

static const int signals[] = {SIGSEGV, SIGFPE, SIGBUS, SIGILL, SIGABRT};
#define SIGNALS (int) (sizeof(signals) / sizeof(signals[0]))

static struct {
	struct sigaction before[SIGNALS];
	pid_t of;
	int taken;
	struct sentry_stack *stack;
} crash;

static void put_back(int number) {
	for (int i = 0; i < SIGNALS; i++) {
		if (signals[i] == number) sigaction(number, &crash.before[i], NULL);
	}
}

static int has_crashed;

int sentry_has_crashed(void) {
	return __atomic_load_n(&has_crashed, __ATOMIC_ACQUIRE);
}

/* in the handler of a crash. The watchdog takes no more; one that it is just taking is waited for */
static void take_stacks(struct sentry_stack *stack, uint64_t thread) {
	const struct timespec moment = {0, 1000000};
	__atomic_store_n(&has_crashed, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < SENTRY_STACKS_MS && __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) & 1; i++) nanosleep(&moment, NULL);
	if (__atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) & 1) return;
	stack->main_thread = thread;
	sentry_stacks_take(stack, SENTRY_STACK_OF_CRASH);
}

static void crashed(int number, siginfo_t *info, void *context) {
	SENTRY_ENTRY;
	(void) context;
	pid_t pid = getpid();
	put_back(number);
	if (pid == crash.of && !__atomic_exchange_n(&crash.taken, 1, __ATOMIC_ACQ_REL)) take_stacks(crash.stack, (uint64_t) pthread_self());
	/* what the processor raised is raised again; it is blocked until we return */
	if (info->si_code <= 0) syscall(SYS_tgkill, pid, syscall(SYS_gettid), number);
}

/* in a worker, mule or spooler, just forked, with its slot */
void sentry_crash_stacks_start(int slot) {
	if (!sentry_capturing(SENTRY_CAPTURE_CRASHES) || !sentry.watch || slot < 1 || slot >= sentry.watch->stacks || !sentry_python_stacks_can()) return;
	if (crash.of == getpid()) return;
	int again = crash.of != 0;	/* entered by the process that we were forked from */
	crash.of = getpid();
	crash.taken = 0;
	crash.stack = &sentry.watch->stack[slot];
	if (crash.stack->of == SENTRY_STACK_OF_CRASH) crash.stack->of = 0;
	if (again) return;
	struct sigaction ours;
	memset(&ours, 0, sizeof(ours));
	ours.sa_sigaction = crashed;
	ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigfillset(&ours.sa_mask);
	for (int i = 0; i < SIGNALS; i++) {
		struct sigaction there;
		if (sigaction(signals[i], NULL, &there)) continue;
		if (!(there.sa_flags & SA_SIGINFO) && there.sa_handler == SIG_IGN) continue;
		crash.before[i] = there;
		sigaction(signals[i], &ours, NULL);
	}
}

static void (*init_thread_before)(int core);

/* in the thread of another core, once uWSGI has blocked all signals in it */
static void init_thread(int core) {
	SENTRY_ENTRY;
	init_thread_before(core);
	if (crash.of != getpid()) return;
	sigset_t faults;
	sigemptyset(&faults);
	for (int i = 0; i < SIGNALS; i++) sigaddset(&faults, signals[i]);
	pthread_sigmask(SIG_UNBLOCK, &faults, NULL);
}

/* once languages are initialised, before uWSGI forks: uWSGI asks Python's plugin about each thread, and not ours */
void sentry_crash_stacks_prepare(void) {
	if (!sentry_capturing(SENTRY_CAPTURE_CRASHES) || uwsgi.threads < 2 || init_thread_before) return;
	for (int i = 0; i < 256; i++) {
		struct uwsgi_plugin *plugin = uwsgi.p[i];
		if (!plugin || !plugin->name || strcmp(plugin->name, "python") || !plugin->init_thread) continue;
		init_thread_before = plugin->init_thread;
		plugin->init_thread = init_thread;
		return;
	}
}
