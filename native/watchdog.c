/*
 * A thread of each worker, mule and spooler that wakes a few times a second and, once something takes too long, has Python write
 * the stacks of all its threads: the function behind faulthandler, which takes no lock and needs no GIL, so that it answers while
 * C code holds it. The result stands in memory that the master shares: it is there before the kill. The thread allocates nothing,
 * takes no lock, and has every signal blocked.
 *
 * Too long is, for a worker, a request beyond its threshold; for a mule or a spooler, the last second before its deadline.
 */
#include "sentry.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>

static uint64_t now_us(void) {
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static struct {
	const char *(*dump)(int, void *, void *);	/* _Py_DumpTracebackThreads(fd, interpreter, current thread) */
	void *(*interpreter)(void);
	uint64_t threshold;
	struct sentry_stack *stack;
} watchdog;

/* the file is there for the moment only: uWSGI and applications close descriptors by number, and ours might be somebody else's then */
static void take_stacks(uint64_t of) {
	struct sentry_stack *stack = watchdog.stack;
	int fd = memfd_create("uwsgi-sentry-stacks", MFD_CLOEXEC);
	if (fd < 0) return;
	watchdog.dump(fd, watchdog.interpreter(), NULL);
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
	ssize_t n = pread(fd, stack->text, sizeof(stack->text), 0);
	stack->len = n > 0 ? (uint32_t) n : 0;
	stack->of = of;
	stack->taken = now_us();
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
	close(fd);
}

/* what takes too long just now; 0: nothing */
static uint64_t slow_request(uint64_t now) {
	struct uwsgi_worker *worker = &uwsgi.workers[uwsgi.mywid];
	uint64_t oldest = 0;
	for (int i = 0; i < uwsgi.cores; i++) {
		uint64_t started = worker->cores[i].req.start_of_request;
		if (worker->cores[i].in_request && started && now > started + watchdog.threshold && (!oldest || started < oldest)) oldest = started;
	}
	return oldest;
}

static uint64_t deadline_at_hand(uint64_t now) {
	time_t own = 0, users = 0;
	if (uwsgi.muleid > 0) {
		own = uwsgi.mules[uwsgi.muleid - 1].harakiri;
		users = uwsgi.mules[uwsgi.muleid - 1].user_harakiri;
	}
	else if (uwsgi.i_am_a_spooler) {
		own = uwsgi.i_am_a_spooler->harakiri;
		users = uwsgi.i_am_a_spooler->user_harakiri;
	}
	time_t deadline = own > 0 ? own : users;
	return deadline > 0 && now / 1000000 + 1 >= (uint64_t) deadline ? (uint64_t) deadline : 0;
}

static void *watch(void *nothing) {
	(void) nothing;
	for (;;) {
		struct timespec pause = {0, 200 * 1000000};
		nanosleep(&pause, NULL);
		uint64_t now = now_us();
		uint64_t of = uwsgi.mywid > 0 ? slow_request(now) : deadline_at_hand(now);
		/* taken anew each second, so that the last one before a kill is fresh */
		if (of && (watchdog.stack->of != of || now > watchdog.stack->taken + 1000000)) take_stacks(of);
	}
	return NULL;
}

static void start(int slot) {
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return;
	*(void **) &watchdog.dump = dlsym(RTLD_DEFAULT, "_Py_DumpTracebackThreads");
	*(void **) &watchdog.interpreter = dlsym(RTLD_DEFAULT, "PyInterpreterState_Main");
	if (!watchdog.dump || !watchdog.interpreter) return;
	watchdog.stack = &sentry.watch->stack[slot];
	watchdog.stack->of = watchdog.stack->turn = watchdog.stack->len = 0;
	watchdog.stack->main_thread = (uint64_t) pthread_self();
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	sigfillset(&all);
	if (pthread_attr_init(&attributes)) return;
	pthread_attr_setstacksize(&attributes, 256 << 10);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&thread, &attributes, watch, NULL);
	if (failed) sentry_say("no watchdog for what takes too long: %s", strerror(failed));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

/* in a worker, just forked */
void sentry_watchdog_start(void) {
	uint64_t harakiri = sentry_capturing(SENTRY_CAPTURE_HARAKIRI) ? (uint64_t) uwsgi.harakiri_options.workers * 500000 : 0;
	watchdog.threshold = sentry.slow_us && (!harakiri || sentry.slow_us < harakiri) ? sentry.slow_us : harakiri;
	if (watchdog.threshold && uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc) start(uwsgi.mywid);
}

int sentry_slot_of_mule(int id) {
	return id > 0 && id <= uwsgi.mules_cnt ? uwsgi.numproc + id : 0;
}

int sentry_slot_of_spooler(struct uwsgi_spooler *wanted) {
	int slot = uwsgi.numproc + uwsgi.mules_cnt + 1;
	for (struct uwsgi_spooler *spooler = uwsgi.spoolers; spooler; spooler = spooler->next, slot++) {
		if (spooler == wanted) return slot;
	}
	return 0;
}

/* in a mule, as a hook of its phase, and in a spooler. A user may give either a deadline of its own at any time */
int sentry_watchdog_hook(char *nothing) {
	(void) nothing;
	if (!sentry_capturing(SENTRY_CAPTURE_DAEMONS)) return 0;
	if (uwsgi.muleid > 0) start(sentry_slot_of_mule(uwsgi.muleid));
	else if (uwsgi.i_am_a_spooler) start(sentry_slot_of_spooler(uwsgi.i_am_a_spooler));
	return 0;
}

/*
 * Adds the stacks in that slot, if they were taken of that (0: of whatever) between those two times. The copy is to be freed after
 * the append. Whoever is writing them is waited for a few milliseconds if it is another process. 1: added.
 */
int sentry_stack_of(struct sentry_record *record, int slot, uint64_t of, char **copy, uint64_t from, uint64_t to) {
	static __thread char main_thread[32];
	*copy = NULL;
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return 0;
	struct sentry_stack *stack = &sentry.watch->stack[slot];
	for (int i = 0; getpid() == sentry.main && i < 20 && __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) & 1; i++) usleep(1000);
	uint32_t turn = __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE);
	uint32_t len = stack->len;
	uint64_t taken = stack->taken;
	if (!len || len > SENTRY_STACK_MAX || !stack->of || (of && stack->of != of) || taken <= from || taken >= to) return 0;
	if (!(*copy = malloc(len))) return 0;
	memcpy(*copy, stack->text, len);
	/* half of one and half of the next would be worse than none, but the last of a process that was killed while it wrote will do */
	int torn = turn & 1 || __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) != turn;
	if (torn && getpid() != sentry.main) return 0;
	sentry_record_number(record, "stack.taken", taken);
	int digits = snprintf(main_thread, sizeof(main_thread), "0x%016llx", (unsigned long long) stack->main_thread);
	sentry_record_field(record, "stack.main", main_thread, (size_t) digits);
	sentry_record_field(record, "stack", *copy, len);
	sentry_python_path_field(record);
	return 1;
}
