/*
 * The requests of a worker: those in flight, seen from the master; those that end badly or late, seen from the worker; and a
 * watchdog in the worker that takes down where a slow one stands.
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

/* ---- in flight, as the master sees them ---- */

#define MOST_COPIED (400u << 10)
#define THREADS_TOLD 64		/* of so many cores the thread is told too, at the copy's end */

/*
 * Every request that `worker` has in flight: core, start, variables. The buffers are in memory that all processes share and go
 * on changing while the worker lives, so they are copied first; `*copy` is to be freed after the append.
 */
void sentry_requests_of(struct sentry_record *record, int worker, unsigned char **copy) {
	*copy = NULL;
	if (worker < 1 || worker > uwsgi.numproc) return;
	size_t used = 0;
	for (int i = 0; i < uwsgi.cores; i++) {
		struct uwsgi_core *core = &uwsgi.workers[worker].cores[i];
		if (!core->in_request || !core->buffer) continue;
		struct uwsgi_header head;
		memcpy(&head, core->buffer, sizeof(head));
		size_t len = head.pktsize;
		uint64_t started = core->req.start_of_request;
		if (!started || len > uwsgi.buffer_size || used + len > MOST_COPIED - THREADS_TOLD * 32) continue;
		if (!*copy && !(*copy = malloc(MOST_COPIED))) return;
		memcpy(*copy + used, core->buffer + sizeof(head), len);
		/* the same request as before the copy: else it is half of one and half of the next */
		struct uwsgi_header again;
		memcpy(&again, core->buffer, sizeof(again));
		if (!core->in_request || core->req.start_of_request != started || again.pktsize != head.pktsize) continue;
		sentry_record_number(record, "request.core", (uint64_t) i);
		sentry_record_number(record, "request.started", started);
		if (i < THREADS_TOLD && core->thread_id) {
			char *thread = (char *) *copy + MOST_COPIED - 32 * (size_t) (i + 1);
			int digits = snprintf(thread, 32, "0x%016lx", (unsigned long) core->thread_id);
			sentry_record_field(record, "request.thread", thread, (size_t) digits);
		}
		sentry_record_field(record, "request.vars", *copy + used, len);
		used += len;
	}
}

/* ---- the watchdog ---- */

/*
 * A thread of each worker that wakes a few times a second and, once a request has passed its threshold, has Python write the
 * stacks of all its threads: the function behind faulthandler, which takes no lock and needs no GIL, so that it answers while C
 * code holds it. The result stands in memory that the master shares: it is there before the kill. The thread allocates nothing,
 * takes no lock, and has every signal blocked.
 */
static struct {
	const char *(*dump)(int, void *, void *);	/* _Py_DumpTracebackThreads(fd, interpreter, current thread) */
	void *(*interpreter)(void);
	int fd;
	uint64_t threshold;
} watchdog = {.fd = -1};

static void take_stacks(struct sentry_stack *stack, uint64_t started) {
	if (ftruncate(watchdog.fd, 0) || lseek(watchdog.fd, 0, SEEK_SET) < 0) return;
	watchdog.dump(watchdog.fd, watchdog.interpreter(), NULL);
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
	ssize_t n = pread(watchdog.fd, stack->text, sizeof(stack->text), 0);
	stack->len = n > 0 ? (uint32_t) n : 0;
	stack->request_started = started;
	stack->taken = now_us();
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
}

static void *watch_requests(void *data) {
	struct uwsgi_worker *worker = data;
	struct sentry_stack *stack = &sentry.watch->stack[uwsgi.mywid];
	for (;;) {
		struct timespec pause = {0, 200 * 1000000};
		nanosleep(&pause, NULL);
		uint64_t now = now_us(), oldest = 0;
		for (int i = 0; i < uwsgi.cores; i++) {
			uint64_t started = worker->cores[i].req.start_of_request;
			if (worker->cores[i].in_request && started && now > started + watchdog.threshold && (!oldest || started < oldest)) oldest = started;
		}
		/* taken anew each second, so that the last one before a kill is fresh */
		if (oldest && (stack->request_started != oldest || now > stack->taken + 1000000)) take_stacks(stack, oldest);
	}
	return NULL;
}

void sentry_watchdog_start(void) {
	uint64_t harakiri = sentry_capturing(SENTRY_CAPTURE_HARAKIRI) ? (uint64_t) uwsgi.harakiri_options.workers * 500000 : 0;
	watchdog.threshold = sentry.slow_us && (!harakiri || sentry.slow_us < harakiri) ? sentry.slow_us : harakiri;
	if (!watchdog.threshold || !sentry.watch || uwsgi.mywid < 1 || uwsgi.mywid >= sentry.watch->stacks) return;
	*(void **) &watchdog.dump = dlsym(RTLD_DEFAULT, "_Py_DumpTracebackThreads");
	*(void **) &watchdog.interpreter = dlsym(RTLD_DEFAULT, "PyInterpreterState_Main");
	if (!watchdog.dump || !watchdog.interpreter) return;
	sentry.watch->stack[uwsgi.mywid].request_started = 0;
	sentry.watch->stack[uwsgi.mywid].turn = 0;
	watchdog.fd = memfd_create("uwsgi-sentry-stacks", MFD_CLOEXEC);
	if (watchdog.fd < 0) return;
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	sigfillset(&all);
	if (pthread_attr_init(&attributes)) return;
	pthread_attr_setstacksize(&attributes, 256 << 10);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, &attributes, watch_requests, &uwsgi.workers[uwsgi.mywid])) sentry_say("no watchdog for slow requests: %s", strerror(errno));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

/* ---- ended ---- */

/* method and path, as the agent names transactions */
static uint64_t hash_transaction(uint64_t hash, struct wsgi_request *req) {
	if (req->method) hash = sentry_hash(hash, req->method, req->method_len);
	hash = sentry_hash(hash, " ", 1);
	if (req->script_name) hash = sentry_hash_path(hash, req->script_name, req->script_name_len);
	if (req->path_info) return sentry_hash_path(hash, req->path_info, req->path_info_len);
	return req->uri ? sentry_hash_path(hash, req->uri, req->uri_len) : hash;
}

/*
 * uWSGI calls this, by its name, after each request. Most are neither slow nor failed: two comparisons. A failed one is reported
 * where its language never tells of exceptions (Perl, Lua, the JVM); Python and Ruby have told already.
 */
void sentry_after_request(struct wsgi_request *req) {
	int errno_before = errno;
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_SLOW];
	uint64_t end = req->end_of_request ? req->end_of_request : now_us();
	uint64_t took = req->start_of_request && end > req->start_of_request ? end - req->start_of_request : 0;
	if (handler && sentry.slow_us && took > sentry.slow_us) {
		struct sentry_record record;
		sentry_begin(&record, SENTRY_SLOW, handler, req);
		sentry_record_fold(&record, handler->hash, hash_transaction(sentry_fold_start(handler, SENTRY_SLOW), req));
		sentry_record_number(&record, "request.took", took);
		sentry_request_fields(&record, req);
		if (sentry.watch && uwsgi.mywid < sentry.watch->stacks) {
			struct sentry_stack *stack = &sentry.watch->stack[uwsgi.mywid];
			uint32_t turn = __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE);
			uint32_t len = stack->len;
			/* with threads the stacks may have been taken for another slow request, but during this one too */
			if (!(turn & 1) && len && len <= SENTRY_STACK_MAX && stack->taken > req->start_of_request && stack->taken < end) {
				char *copy = malloc(len);
				if (copy) memcpy(copy, stack->text, len);
				if (copy && __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) == turn) {
					sentry_record_number(&record, "stack.taken", stack->taken);
					char thread[32];
					int digits = snprintf(thread, sizeof(thread), "0x%016lx", (unsigned long) pthread_self());
					sentry_record_field(&record, "request.thread", thread, (size_t) digits);
					sentry_record_field(&record, "stack", copy, len);
					sentry_append(&record);
					free(copy);
					errno = errno_before;
					return;
				}
				free(copy);
			}
		}
		sentry_append(&record);
		errno = errno_before;
		return;
	}
	handler = sentry.capture_handler[SENTRY_CAPTURE_EXCEPTIONS];
	if (handler && req->status >= 500 && req->status < 600 && req->uh) {
		struct uwsgi_plugin *plugin = uwsgi.p[req->uh->modifier1];
		if (plugin && !plugin->exception_log && plugin->request) {
			struct sentry_record record;
			sentry_begin(&record, SENTRY_FAILED, handler, req);
			uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_FAILED), &req->status, sizeof(req->status));
			sentry_record_fold(&record, handler->hash, hash_transaction(fold, req));
			sentry_record_number(&record, "request.took", took);
			sentry_record_field(&record, "exception.plugin", plugin->name, strlen(plugin->name));
			sentry_request_fields(&record, req);
			sentry_lines(&record, 20);
			sentry_append(&record);
		}
	}
	errno = errno_before;
}
