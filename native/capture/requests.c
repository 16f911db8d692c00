/* What a request asked for: as its own worker has it, and, in flight, as the master sees it. */
#include "capture/capture.h"

/* ---- what a request asked for, as it was sent ---- */

/*
 * The Lua plugin ends each name with a NUL where the low byte of the value's length was. uWSGI has parsed the block by then:
 * `pairs` are the names and values that it found, and a value ends where the next name begins.
 */
static void repair(char *block, const char *sent, size_t len, const struct iovec *pairs, size_t count) {
	for (size_t i = 0; i + 1 < count; i += 2) {
		uintptr_t name = (uintptr_t) pairs[i].iov_base - (uintptr_t) sent, value = (uintptr_t) pairs[i + 1].iov_base - (uintptr_t) sent;
		size_t name_len = pairs[i].iov_len, value_len = pairs[i + 1].iov_len;
		if (name > len || name_len > len - name || len - name - name_len < 2) continue;
		size_t at = name + name_len;
		if (block[at] || value < at + 2 || value > len || value_len > len - value) continue;
		size_t end = value + value_len, next = i + 2 < count ? (uintptr_t) pairs[i + 2].iov_base - (uintptr_t) sent - 2 : len;
		if (end != len && end != next) continue;
		size_t was = end - at - 2;	/* a mount's PATH_INFO begins later than it was sent */
		if (was >> 8 == (unsigned char) block[at + 1]) block[at] = (char) (was & 0xff);
	}
}

static int is_known(const struct wsgi_request *req) {
	return req->hvec && req->parsed && req->var_cnt <= uwsgi.vec_size;
}

/* in the request's own thread, once its language has taken what it wants */
static void repair_own(struct wsgi_request *req) {
	if (is_known(req)) repair(req->buffer, req->buffer, req->uh->pktsize, req->hvec, req->var_cnt);
}

void sentry_add_request(struct sentry_record *record, struct wsgi_request *req) {
	if (!req) return;	/* of a thread of the application's own */
	/* the length comes from the client; the buffer's size is uWSGI's. One that was never read has neither */
	if (req->buffer && req->uh && req->uh->pktsize <= uwsgi.buffer_size) {
		repair_own(req);
		sentry_record_field(record, "request.vars", req->buffer, req->uh->pktsize);
	}
	if (req->start_of_request) sentry_record_number(record, "request.started", req->start_of_request);
	if (req->status > 0) sentry_record_number(record, "request.status", (uint64_t) req->status);
	sentry_add_client(record, req);
}

/* ---- in flight, as the master sees them ---- */

#define MOST_COPIED (400u << 10)
#define THREADS_REPORTED 64		/* of so many cores the thread is reported too, at the copy's end */

/*
 * Every request that `worker` has in flight: core, start, variables. The buffers are in memory that all processes share and go
 * on changing while the worker lives, so they are copied first; `*copy` is to be freed after the append.
 */
void sentry_add_requests(struct sentry_record *record, int worker, unsigned char **copy) {
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
		if (!started || len > uwsgi.buffer_size || used + len > MOST_COPIED - THREADS_REPORTED * 32) continue;
		if (!*copy && !(*copy = malloc(MOST_COPIED))) return;
		memcpy(*copy + used, core->buffer + sizeof(head), len);
		/* the same request as before the copy: else it is half of one and half of the next */
		struct uwsgi_header again;
		memcpy(&again, core->buffer, sizeof(again));
		if (!core->in_request || core->req.start_of_request != started || again.pktsize != head.pktsize) continue;
		/* its vectors are in the same memory */
		if (is_known(&core->req) && core->req.hvec == core->hvec) repair((char *) *copy + used, core->buffer + sizeof(head), len, core->hvec, core->req.var_cnt);
		sentry_record_number(record, "request.core", (uint64_t) i);
		sentry_record_number(record, "request.started", started);
		/* uWSGI notes it only if there are several */
		unsigned long id = core->thread_id ? (unsigned long) core->thread_id : sentry.watch && worker < sentry.watch->stacks ? (unsigned long) sentry.watch->stack[worker].main_thread : 0;
		if (i < THREADS_REPORTED && id) {
			char *thread = (char *) *copy + MOST_COPIED - 32 * (size_t) (i + 1);
			int digits = snprintf(thread, 32, "0x%016lx", id);
			sentry_record_field(record, "request.thread", thread, (size_t) digits);
		}
		sentry_record_field(record, "request.vars", *copy + used, len);
		used += len;
	}
}

/* only pointers into the core's buffer */
void sentry_request_line(struct uwsgi_core *core, char method[32], char uri[400]) {
	char *low = core->buffer, *high = core->buffer + sizeof(struct uwsgi_header) + uwsgi.buffer_size;
	char *m = core->req.method, *u = core->req.uri;
	size_t ml = core->req.method_len, ul = core->req.uri_len;
	*method = *uri = 0;
	if (m >= low && m + ml <= high) snprintf(method, 32, "%.*s", (int) (ml < 31 ? ml : 31), m);
	if (u >= low && u + ul <= high) snprintf(uri, 400, "%.*s", (int) (ul < 399 ? ul : 399), u);
}

/* a connection that became a websocket stays for as long as its client does */
int sentry_request_is_open(const struct wsgi_request *req) {
	return req->status == 101;
}

static int is_in_flight(const struct uwsgi_core *core) {
	struct uwsgi_header head;
	if (!core->in_request || !core->buffer || !core->req.start_of_request || sentry_request_is_open(&core->req)) return 0;
	memcpy(&head, core->buffer, sizeof(head));
	return head.pktsize > 0 && core->req.uri_len > 0;
}

/* the one that began first, and how many there are */
struct uwsgi_core *sentry_oldest_request(int worker, int *count) {
	struct uwsgi_core *oldest = NULL;
	*count = 0;
	for (int i = 0; i < uwsgi.cores; i++) {
		struct uwsgi_core *core = &uwsgi.workers[worker].cores[i];
		if (!is_in_flight(core)) continue;
		(*count)++;
		if (!oldest || core->req.start_of_request < oldest->req.start_of_request) oldest = core;
	}
	return oldest;
}

int sentry_requests_in_flight(int worker) {
	int count;
	sentry_oldest_request(worker, &count);
	return count;
}

int sentry_requests_unanswered(int worker) {
	int count = 0;
	for (int i = 0; i < uwsgi.cores; i++) {
		struct uwsgi_core *core = &uwsgi.workers[worker].cores[i];
		if (is_in_flight(core) && !core->req.end_of_request) count++;
	}
	return count;
}
