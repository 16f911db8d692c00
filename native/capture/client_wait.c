/*
 * How long each request in flight has waited for its client: for its head and its body, and to take the answer. uWSGI waits through
 * two functions of its loop engine; each is called by one of ours, which reads the clock before and after. They are put there in the
 * worker, after the fork, and once more after a request: an engine (gevent) sets its own when it starts. They may switch to another
 * request, so state is kept only on the stack and in the request's own slot.
 */
#include "capture/capture.h"

#include <time.h>

struct waited {
	uint64_t request;	/* its start: another one has another */
	uint64_t us;
};

typedef int (*wait_hook)(int fd, int timeout);

static struct waited *slots;
static int slots_count;
static wait_hook wait_to_read, wait_to_write;

static uint64_t now_us(void) {
	struct timespec now = {0, 0};
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000000u + (uint64_t) now.tv_nsec / 1000u;
}

/* uWSGI waits for other descriptors too, of the application's own */
static struct waited *slot_of(int fd, uint64_t *request) {
	if (!uwsgi.workers || uwsgi.mywid < 1) return NULL;
	for (int i = 0; i < slots_count; i++) {
		struct uwsgi_core *core = &uwsgi.workers[uwsgi.mywid].cores[i];
		if (!core->in_request || core->req.fd != fd || !core->req.start_of_request) continue;
		*request = core->req.start_of_request;
		return &slots[i];
	}
	return NULL;
}

static int waiting(wait_hook wait, int fd, int timeout) {
	uint64_t request = 0, from = now_us();
	struct waited *slot = slot_of(fd, &request);
	int ready = wait(fd, timeout);
	if (!slot) return ready;
	if (slot->request != request) {
		slot->request = request;
		slot->us = 0;
	}
	slot->us += now_us() - from;	/* of the vdso: errno is still theirs */
	return ready;
}

static int waiting_to_read(int fd, int timeout) {
	return waiting(__atomic_load_n(&wait_to_read, __ATOMIC_ACQUIRE), fd, timeout);
}

static int waiting_to_write(int fd, int timeout) {
	return waiting(__atomic_load_n(&wait_to_write, __ATOMIC_ACQUIRE), fd, timeout);
}

/* `turns` bounds how often: an engine that keeps ours and calls it from its own would otherwise be called by it in turn */
static void put(wait_hook *hook, wait_hook ours, wait_hook *theirs, int *turns) {
	wait_hook now = __atomic_load_n(hook, __ATOMIC_ACQUIRE);
	if (!now || now == ours || *turns >= 2) return;
	__atomic_store_n(theirs, now, __ATOMIC_RELEASE);
	if (__atomic_compare_exchange_n(hook, &now, ours, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) ++*turns;
}

void sentry_client_watch(void) {
	static int read_turns, write_turns;
	if (!sentry.slow_us || !sentry_capturing(SENTRY_CAPTURE_SLOW) || uwsgi.mywid < 1 || uwsgi.cores < 1) return;
	if (!slots) {
		slots = calloc((size_t) uwsgi.cores, sizeof(*slots));
		if (!slots) return;
		slots_count = uwsgi.cores;
	}
	put(&uwsgi.wait_read_hook, waiting_to_read, &wait_to_read, &read_turns);
	put(&uwsgi.wait_write_hook, waiting_to_write, &wait_to_write, &write_turns);
}

uint64_t sentry_client_waited(const struct wsgi_request *req) {
	if (!req || req->async_id < 0 || req->async_id >= slots_count) return 0;
	const struct waited *slot = &slots[req->async_id];
	return slot->request == req->start_of_request ? slot->us : 0;
}

void sentry_add_client(struct sentry_record *record, const struct wsgi_request *req) {
	uint64_t waited = sentry_client_waited(req);
	if (waited) sentry_record_pair_number(record, "client", "waited", waited);
	if (req->read_errors) sentry_record_pair_number(record, "client", "read_errors", req->read_errors);
	if (req->write_errors) sentry_record_pair_number(record, "client", "write_errors", req->write_errors);
}
