/*
 * A thread of each worker, mule and spooler that wakes five times a second and, once something takes too long, has the stacks
 * of all of Python's threads taken (stacks.c), so that they are there before the kill. It costs a copy of the process, so it is
 * rare: stack_times.c says when.
 *
 * The thread allocates nothing, takes no lock, keeps no descriptor, and has every signal blocked.
 *
 * A worker's request takes too long beyond its threshold; and any request, a websocket too, in the last second before harakiri or
 * before the end of the mercy of a worker that is to go. A mule or a spooler takes too long after half of the time to its deadline.
 * A request whose headers are still on their way has no stack worth taking.
 */
#include "capture/capture.h"
#include "capture/stack_times.h"

#include <pthread.h>

static struct {
	uint64_t threshold;		/* microseconds */
	int kills;			/* harakiri is reported: stacks must be there before the kill */
	int cuts;			/* the same of requests that are cut */
	pid_t of;
	int taking;			/* the thread, or the process as it exits */
	struct sentry_stack *stack;
	struct sentry_stack_times times;
} watchdog;

static void pause_us(long us) {
	struct timespec time = {0, us * 1000};
	nanosleep(&time, NULL);
}

static uint64_t monotonic_us(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t) time.tv_sec * 1000000 + (uint64_t) time.tv_nsec / 1000;
}

static void take_stacks(const struct sentry_slow *slow, uint64_t now) {
	if (__atomic_exchange_n(&watchdog.taking, 1, __ATOMIC_ACQ_REL)) return;
	uint64_t start = monotonic_us();
	sentry_stacks_take(watchdog.stack, slow->of);
	sentry_stacks_were_tried(&watchdog.times, slow, now, start, monotonic_us());
	__atomic_store_n(&watchdog.taking, 0, __ATOMIC_RELEASE);
}

static time_t earlier(time_t a, time_t b) {
	return a > 0 && (b <= 0 || a < b) ? a : b;
}

/* one for all requests of a worker: each that begins puts the kill off, and each that ends takes it away */
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

/* uWSGI does not note when a mule's or spooler's task began: it began when its deadline was first seen, and is slow after half of the time */
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
		if (sentry_has_crashed()) return NULL;
		uint64_t now = sentry_now_us();
		struct sentry_slow slow = uwsgi.mywid > 0 ? slow_request(now) : deadline_at_hand(now);
		if (sentry_stacks_are_due(&watchdog.times, &slow, now, monotonic_us())) take_stacks(&slow, now);
	}
	return NULL;
}

static void start(int slot) {
	if (watchdog.of == getpid()) return;	/* one for each process, even if the user has named the hook again */
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
	if (failed) sentry_say("cannot start the watchdog: %s. Slow and killed requests are reported without their stack", strerror(failed));
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
	sentry_crash_stacks_prepare();
}

/* in a worker, just forked */
void sentry_watchdog_start(void) {
	if (uwsgi.mywid < 1 || uwsgi.mywid > uwsgi.numproc) return;
	sentry_crash_stacks_start(uwsgi.mywid);
	if (watchdog.threshold || watchdog.cuts) start(uwsgi.mywid);
}

/*
 * A worker that was told to go at once exits inside a signal handler, wherever its request is. The request is still on the stack, and
 * Python has not been finalised (uWSGI leaves it while a request is in flight). Only a clone and waits are called here.
 */
void sentry_watchdog_at_exit(void) {
	if (!watchdog.cuts || !watchdog.stack || watchdog.of != getpid() || uwsgi.mywid < 1 || uwsgi.muleid || uwsgi.i_am_a_spooler) return;
	if (!sentry_requests_in_flight(uwsgi.mywid)) return;
	uint64_t now = sentry_now_us();
	struct sentry_slow slow = {now, now, 0};
	take_stacks(&slow, now);
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
