/*
 * A thread of each worker, mule and spooler that wakes a few times a second and, once something takes too long, has the stacks
 * of all of Python's threads taken. The result stands in memory that the master shares: it is there before the kill.
 *
 * The stacks must come while C code holds the GIL, and from inside: under uid= nobody can look into a worker from outside.
 * Python's own function for that, the one behind faulthandler, takes no lock and needs no GIL; but it reads frames that running
 * threads change under it, and a process dies of that sooner or later. So it is called in a child that shares nothing with us
 * but that memory: a copy of the process at one moment, made with a bare clone(), in which no other thread runs and which no
 * wait() of the application sees. What goes wrong there goes wrong there. The child is bound in time and dies with us.
 * The copy costs what a fork costs (0.4 ms; 30 ms where a gigabyte is resident), so it is taken seldom: when something begins to
 * be slow, each time that this has taken twice as long, and just before harakiri; and never for more than a hundredth of the time.
 *
 * The thread allocates nothing, takes no lock, keeps no descriptor, and has every signal blocked, and so has the child: a fault
 * of the child's is no business of uWSGI's handlers.
 *
 * Too long is, for a worker, a request beyond its threshold, and a websocket in the last second before harakiri; for a mule or a spooler, half of the time to its deadline.
 */
#include "sentry.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CHILD_MS 500		/* it needs one or two */
#define SHARE 100		/* one part in so many of the time goes into it */

static struct {
	uint64_t threshold, harakiri;	/* microseconds */
	uint64_t not_before;		/* the last one has cost too much to come again sooner */
	struct sentry_stack *stack;
} watchdog;

/* in the child; a text from before stays whole until there is a new one */
static void dump_and_end(struct sentry_stack *stack, uint64_t of, pid_t parent) {
	struct rlimit nothing = {0, 0}, second = {1, 1};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
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

static void take_stacks(uint64_t of) {
	struct sentry_stack *stack = watchdog.stack;
	uint64_t start = sentry_now_us();
	pid_t self = getpid();
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
	stack->tried = of;
	stack->tried_at = start;
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
	uint64_t end = sentry_now_us();
	watchdog.not_before = end > start ? end + (end - start) * SHARE : end;
}

/* what takes too long just now: what it is told by (0: nothing), when it began, when the last second before its kill begins (0: never) */
struct slow {
	uint64_t of, began, last_second;
};

static struct slow slow_request(uint64_t now) {
	struct uwsgi_worker *worker = &uwsgi.workers[uwsgi.mywid];
	uint64_t oldest = 0;
	for (int i = 0; i < uwsgi.cores; i++) {
		struct wsgi_request *req = &worker->cores[i].req;
		uint64_t started = req->start_of_request, limit = watchdog.threshold;
		if (sentry_request_is_open(req)) limit = watchdog.harakiri ? watchdog.harakiri - 1000000 : UINT64_MAX - started;
		if (worker->cores[i].in_request && started && now > started + limit && (!oldest || started < oldest)) oldest = started;
	}
	struct slow slow = {oldest, oldest, watchdog.harakiri ? oldest + watchdog.harakiri - 1000000 : 0};
	return slow;
}

/* uWSGI does not tell when a mule or a spooler began: it began when its deadline was first seen, and is slow after half of the time */
static struct slow deadline_at_hand(uint64_t now) {
	static uint64_t seen, since;
	time_t own = 0, users = 0;
	if (uwsgi.muleid > 0) {
		own = uwsgi.mules[uwsgi.muleid - 1].harakiri;
		users = uwsgi.mules[uwsgi.muleid - 1].user_harakiri;
	}
	else if (uwsgi.i_am_a_spooler) {
		own = uwsgi.i_am_a_spooler->harakiri;
		users = uwsgi.i_am_a_spooler->user_harakiri;
	}
	uint64_t deadline = own > 0 ? (uint64_t) own : users > 0 ? (uint64_t) users : 0;
	if (deadline != seen) {
		seen = deadline;
		since = now;
	}
	uint64_t last_second = deadline * 1000000 - 1000000;
	int at_hand = deadline && (now >= last_second || now - since >= (deadline * 1000000 - since) / 2);
	struct slow slow = {at_hand ? deadline : 0, since, last_second};
	return slow;
}

/* for the first time, after twice the time, or in the last second before harakiri */
static int is_due(struct sentry_stack *stack, const struct slow *slow, uint64_t now) {
	if (stack->tried != slow->of) return 1;
	if (now < watchdog.not_before || now < stack->tried_at + 800000) return 0;
	if (slow->last_second && now >= slow->last_second) return stack->tried_at < slow->last_second;
	return now - slow->began >= 2 * (stack->tried_at - slow->began);
}

static void *watch(void *nothing) {
	(void) nothing;
	for (;;) {
		pause_us(200000);
		uint64_t now = sentry_now_us();
		struct slow slow = uwsgi.mywid > 0 ? slow_request(now) : deadline_at_hand(now);
		if (slow.of && is_due(watchdog.stack, &slow, now)) take_stacks(slow.of);
	}
	return NULL;
}

static void start(int slot) {
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return;
	if (!sentry_python_stacks_can()) return;
	watchdog.stack = &sentry.watch->stack[slot];
	watchdog.stack->of = watchdog.stack->tried = watchdog.stack->turn = watchdog.stack->len = 0;
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

static void read_threshold(void) {
	watchdog.harakiri = sentry_capturing(SENTRY_CAPTURE_HARAKIRI) ? (uint64_t) uwsgi.harakiri_options.workers * 1000000 : 0;
	uint64_t harakiri = watchdog.harakiri / 2;
	watchdog.threshold = sentry.slow_us && (!harakiri || sentry.slow_us < harakiri) ? sentry.slow_us : harakiri;
}

/* in the process that will be the master, before it forks */
void sentry_watchdog_prepare(void) {
	read_threshold();
	if (watchdog.threshold || (sentry_capturing(SENTRY_CAPTURE_DAEMONS) && (uwsgi.mules_cnt > 0 || uwsgi.spoolers))) sentry_python_stacks_find();
}

/* in a worker, just forked */
void sentry_watchdog_start(void) {
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
 * the append. Whoever is writing them is waited for by the master, within its bounds. 1: added.
 */
int sentry_stack_of(struct sentry_record *record, int slot, uint64_t of, char **copy, uint64_t from, uint64_t to) {
	char main_thread[32];
	*copy = NULL;
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return 0;
	struct sentry_stack *stack = &sentry.watch->stack[slot];
	while (getpid() == sentry.main && __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) & 1 && sentry_may_wait()) usleep(1000);
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
