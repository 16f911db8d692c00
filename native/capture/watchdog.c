/*
 * A thread of each worker, mule and spooler that wakes a few times a second and, once something takes too long, has the stacks
 * of all of Python's threads taken. The result stands in memory that the master shares: it is there before the kill.
 *
 * The stacks must come while C code holds the GIL, and from inside: under uid= nobody can look into a worker from outside.
 * Python's own function for that, the one behind faulthandler, takes no lock and needs no GIL; but it reads frames that running
 * threads change under it, and a process dies of that sooner or later. So it is called in a child that shares nothing with us
 * but that memory: a copy of the process at one moment, made with a bare clone(), in which no other thread runs and which no
 * wait() of the application sees. What goes wrong there goes wrong there. The child is bound in time and dies with us.
 * The copy costs what a fork costs (0.4 ms; 30 ms where a gigabyte is resident), so it is taken seldom: stack_times.c says when.
 *
 * The thread allocates nothing, takes no lock, keeps no descriptor, and has every signal blocked, and so has the child: a fault
 * of the child's is no business of uWSGI's handlers.
 *
 * Too long is, for a worker, a request beyond its threshold, and any, a websocket too, in the last second before harakiri, or before
 * its mercy ends once it is to go; for a mule or a spooler, half of the time to its deadline. A request whose headers are still on their way has nothing to show.
 */
#include "capture/stack_times.h"
#include "watch/watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CHILD_MS 500		/* it needs one or two */

static struct {
	uint64_t threshold;		/* microseconds */
	int kills;			/* harakiri is told: stacks are to be there before it */
	int cuts;			/* the same of requests that are cut */
	pid_t of;
	int taking;			/* the thread, or the process as it exits */
	struct sentry_stack *stack;
	struct sentry_stack_times times;
	int crashed;			/* its process did */
} watchdog;

/* near a limit of memory the copy is to be killed and not the worker. Where the worker gave root up the kernel does not let it ask */
static void be_the_first_to_go(void) {
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0) return;
	if (write(fd, "1000", 4) != 4) errno = 0;
	close(fd);
}

/* in the child; a text from before stays whole until there is a new one */
static void dump_and_end(struct sentry_stack *stack, uint64_t of, pid_t parent) {
	struct rlimit nothing = {0, 0}, second = {1, 1};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	be_the_first_to_go();	/* its /proc is root's from the next line on */
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &nothing);
	setrlimit(RLIMIT_CPU, &second);
	int fd = getppid() == parent ? memfd_create("uwsgi-sentry-stacks", MFD_CLOEXEC) : -1;
	if (fd >= 0) {
		sentry_python_stacks_write(fd);
		ssize_t n = pread(fd, stack->text, sizeof(stack->text), 0);
		if (n > 0) {
			stack->len = (uint32_t) n;
			stack->of = of;
			stack->taken = sentry_now_us();
		}
	}
	_exit(0);
}

static void pause_us(long us) {
	struct timespec time = {0, us * 1000};
	nanosleep(&time, NULL);
}

static uint64_t monotonic_us(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t) time.tv_sec * 1000000 + (uint64_t) time.tv_nsec / 1000;
}

/* makes the copy and waits for its end, which is bounded; only system calls, since the handler of a crash comes here, too */
static void have_stacks_taken(struct sentry_stack *stack, uint64_t of) {
	pid_t self = getpid();
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
	/* no flags, and no signal when it ends; that all arguments are 0 makes their order the same on every processor */
	pid_t child = (pid_t) syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	if (child == 0) dump_and_end(stack, of, self);
	int status, ended = child < 0;
	for (int i = 0; i < CHILD_MS * 2 && !ended; i++) {
		pause_us(500);
		ended = waitpid(child, &status, __WCLONE | WNOHANG) != 0;
	}
	if (!ended) {
		kill(child, SIGKILL);
		while (waitpid(child, &status, __WCLONE) < 0 && errno == EINTR);
	}
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
}

static void take_stacks(const struct sentry_slow *slow, uint64_t now) {
	if (__atomic_exchange_n(&watchdog.taking, 1, __ATOMIC_ACQ_REL)) return;
	uint64_t start = monotonic_us();
	have_stacks_taken(watchdog.stack, slow->of);
	sentry_stacks_were_tried(&watchdog.times, slow, now, start, monotonic_us());
	__atomic_store_n(&watchdog.taking, 0, __ATOMIC_RELEASE);
}

static time_t earlier(time_t a, time_t b) {
	return a > 0 && (b <= 0 || a < b) ? a : b;
}

/* in the handler of a crash. The watchdog takes no more; one that it is just taking is waited for */
void sentry_stacks_of_crash(struct sentry_stack *stack, uint64_t thread) {
	__atomic_store_n(&watchdog.crashed, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < CHILD_MS && __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) & 1; i++) pause_us(1000);
	if (__atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) & 1) return;
	stack->main_thread = thread;
	have_stacks_taken(stack, SENTRY_STACK_OF_CRASH);
}

/* of all the requests of a worker together: each that begins puts its kill off, and each that ends takes it away */
static uint64_t deadline_of(const struct uwsgi_worker *worker) {
	time_t first = watchdog.kills ? earlier(worker->harakiri, worker->user_harakiri) : 0;
	/* told to go, it is killed if it does not within its mercy */
	if (watchdog.cuts && worker->cursed_at) first = earlier(worker->no_mercy_at, first);
	return first > 0 ? (uint64_t) first * 1000000 : 0;
}

static struct sentry_slow slow_request(uint64_t now) {
	struct uwsgi_worker *worker = &uwsgi.workers[uwsgi.mywid];
	struct sentry_slow oldest = {0, 0, 0};
	uint64_t deadline = deadline_of(worker);
	for (int i = 0; i < uwsgi.cores; i++) {
		struct wsgi_request *req = &worker->cores[i].req;
		uint64_t started = req->start_of_request;
		struct sentry_slow one = {started, started, deadline};
		if (!worker->cores[i].in_request || !started || !req->parsed) continue;
		int too_long = watchdog.threshold && now > started + watchdog.threshold && !sentry_request_is_open(req);
		if (!too_long && !sentry_is_last_second(&one, now)) continue;
		if (!oldest.of || one.began < oldest.began) oldest = one;
	}
	return oldest;
}

/* uWSGI does not tell when a mule or a spooler began: it began when its deadline was first seen, and is slow after half of the time */
static struct sentry_slow deadline_at_hand(uint64_t now) {
	static uint64_t seen, since;
	time_t own = 0, users = 0;
	if (uwsgi.muleid > 0) {
		struct uwsgi_mule *mule = &uwsgi.mules[uwsgi.muleid - 1];
		own = mule->harakiri > 0 ? mule->harakiri : mule->cursed_at ? mule->no_mercy_at : 0;
		users = mule->user_harakiri;
	}
	else if (uwsgi.i_am_a_spooler) {
		struct uwsgi_spooler *spooler = uwsgi.i_am_a_spooler;
		own = spooler->harakiri > 0 ? spooler->harakiri : spooler->cursed_at ? spooler->no_mercy_at : 0;
		users = spooler->user_harakiri;
	}
	uint64_t deadline = own > 0 ? (uint64_t) own * 1000000 : users > 0 ? (uint64_t) users * 1000000 : 0;
	if (deadline != seen) {
		seen = deadline;
		since = now;
	}
	int at_hand = deadline && (now >= deadline || (now > since && now - since >= (deadline - since) / 2));
	struct sentry_slow slow = {at_hand ? deadline / 1000000 : 0, since, deadline};
	return slow;
}

static void *watch(void *nothing) {
	(void) nothing;
	for (;;) {
		pause_us(200000);
		if (__atomic_load_n(&watchdog.crashed, __ATOMIC_ACQUIRE)) return NULL;
		uint64_t now = sentry_now_us();
		struct sentry_slow slow = uwsgi.mywid > 0 ? slow_request(now) : deadline_at_hand(now);
		if (sentry_stacks_are_due(&watchdog.times, &slow, now, monotonic_us())) take_stacks(&slow, now);
	}
	return NULL;
}

static void start(int slot) {
	if (watchdog.of == getpid()) return;	/* one a process, also where a user has named the hook once more */
	watchdog.of = getpid();
	watchdog.stack = NULL;
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return;
	if (!sentry_python_stacks_can()) return;
	watchdog.stack = &sentry.watch->stack[slot];
	watchdog.stack->of = watchdog.stack->turn = watchdog.stack->len = 0;
	watchdog.stack->main_thread = (uint64_t) pthread_self();
	/* a stack at its exit needs no thread */
	if (uwsgi.mywid > 0 && !watchdog.threshold) return;
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

static void read_threshold(void) {
	watchdog.cuts = sentry_capturing(SENTRY_CAPTURE_CUT) && uwsgi.master_process;
	watchdog.kills = sentry_capturing(SENTRY_CAPTURE_HARAKIRI);
	uint64_t harakiri = watchdog.kills ? (uint64_t) uwsgi.harakiri_options.workers * 1000000 / 2 : 0;
	watchdog.threshold = sentry.slow_us && (!harakiri || sentry.slow_us < harakiri) ? sentry.slow_us : harakiri;
}

/* in the process that will be the master, before it forks */
void sentry_watchdog_prepare(void) {
	read_threshold();
	if (watchdog.threshold || watchdog.cuts || sentry_capturing(SENTRY_CAPTURE_CRASHES) || (sentry_capturing(SENTRY_CAPTURE_DAEMONS) && (uwsgi.mules_cnt > 0 || uwsgi.spoolers))) sentry_python_stacks_find();
}

/* in a worker, just forked */
void sentry_watchdog_start(void) {
	if (uwsgi.mywid < 1 || uwsgi.mywid > uwsgi.numproc) return;
	sentry_crash_stacks_start(uwsgi.mywid);
	if (watchdog.threshold || watchdog.cuts) start(uwsgi.mywid);
}

/*
 * A worker that was told to go at once does so inside of a signal handler, wherever its request is: that is still on the stack, and
 * nothing that would have ended Python has run (uWSGI leaves it where a request is in flight). What is called here is a clone and waits.
 */
void sentry_watchdog_at_exit(void) {
	if (!watchdog.cuts || !watchdog.stack || watchdog.of != getpid() || uwsgi.mywid < 1 || uwsgi.muleid || uwsgi.i_am_a_spooler) return;
	if (!sentry_requests_in_flight(uwsgi.mywid)) return;
	uint64_t now = sentry_now_us();
	struct sentry_slow slow = {now, now, 0};
	take_stacks(&slow, now);
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
	SENTRY_ENTRY;
	(void) nothing;
	int slot = uwsgi.muleid > 0 ? sentry_slot_of_mule(uwsgi.muleid) : uwsgi.i_am_a_spooler ? sentry_slot_of_spooler(uwsgi.i_am_a_spooler) : 0;
	if (!sentry_capturing(SENTRY_CAPTURE_DAEMONS) || !slot) return 0;
	sentry_crash_stacks_start(slot);
	start(slot);
	return 0;
}

/*
 * Adds the stacks in that slot, if they were taken of that (0: of whatever) between those two times. The copy is to be freed after
 * the append. Whoever is writing them is waited for by the master, within its bounds. 1: added.
 */
int sentry_stack_of(struct sentry_record *record, int slot, uint64_t of, char **copy, uint64_t from, uint64_t to) {
	char main_thread[32];
	*copy = NULL;
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return 0;
	struct sentry_stack *stack = &sentry.watch->stack[slot];
	while (getpid() == sentry.main && __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) & 1 && sentry_may_wait()) sentry_pause();
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
	sentry_record_copy(record, "stack.main", main_thread, (size_t) digits);
	sentry_record_field(record, "stack", *copy, len);
	sentry_python_path_field(record);
	return 1;
}
