/*
 * The requests of a worker: those in flight, seen from the master; those that end badly or late, seen from the worker.
 */
#include "server/server.h"

#include <pthread.h>

/* ---- what a request asked for, as it was sent ---- */

/*
 * The Lua plugin ends each name with a NUL where the low byte of the value's length was. uWSGI has parsed the block by then:
 * `pairs` are the names and values that it found, and where the next name begins tells that a value ends there.
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
void sentry_request_repair(struct wsgi_request *req) {
	if (is_known(req)) repair(req->buffer, req->buffer, req->uh->pktsize, req->hvec, req->var_cnt);
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
		/* its vectors are in the same memory, wherever its worker has them from */
		if (is_known(&core->req) && core->req.hvec == core->hvec) repair((char *) *copy + used, core->buffer + sizeof(head), len, core->hvec, core->req.var_cnt);
		sentry_record_number(record, "request.core", (uint64_t) i);
		sentry_record_number(record, "request.started", started);
		/* uWSGI notes it only where there are several */
		unsigned long id = core->thread_id ? (unsigned long) core->thread_id : sentry.watch && worker < sentry.watch->stacks ? (unsigned long) sentry.watch->stack[worker].main_thread : 0;
		if (i < THREADS_TOLD && id) {
			char *thread = (char *) *copy + MOST_COPIED - 32 * (size_t) (i + 1);
			int digits = snprintf(thread, 32, "0x%016lx", id);
			sentry_record_field(record, "request.thread", thread, (size_t) digits);
		}
		sentry_record_field(record, "request.vars", *copy + used, len);
		used += len;
	}
}

/* pointers into the core's buffer only, as far as it goes */
void sentry_request_line(struct uwsgi_core *core, char method[32], char uri[400]) {
	char *low = core->buffer, *high = core->buffer + sizeof(struct uwsgi_header) + uwsgi.buffer_size;
	char *m = core->req.method, *u = core->req.uri;
	size_t ml = core->req.method_len, ul = core->req.uri_len;
	*method = *uri = 0;
	if (m >= low && m + ml <= high) snprintf(method, 32, "%.*s", (int) (ml < 31 ? ml : 31), m);
	if (u >= low && u + ul <= high) snprintf(uri, 400, "%.*s", (int) (ul < 399 ? ul : 399), u);
}

/* ---- ended ---- */

/* method and path, as the agent names transactions */
static uint64_t hash_transaction(uint64_t hash, struct wsgi_request *req) {
	if (req->method) hash = sentry_hash(hash, req->method, req->method_len);
	hash = sentry_hash(hash, " ", 1);
	if (req->script_name) hash = sentry_hash_path(hash, req->script_name, req->script_name_len);
	/* PHP's one script for all leaves both empty */
	if (req->path_info && (req->path_info_len || req->script_name_len)) return sentry_hash_path(hash, req->path_info, req->path_info_len);
	return req->uri ? sentry_hash_path(hash, req->uri, req->uri_len) : hash;
}

/* a connection that became a websocket stays for as long as its client does */
int sentry_request_is_open(const struct wsgi_request *req) {
	return req->status == 101;
}

static void report_failed(struct sentry_handler *handler, struct wsgi_request *req, struct uwsgi_plugin *plugin, uint64_t took) {
	struct sentry_record record;
	unsigned char *lines;
	sentry_begin(&record, SENTRY_FAILED, handler, req);
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_FAILED), &req->status, sizeof(req->status));
	const struct sentry_answered *answered = sentry_answered_of(req);
	int is_known = answered && answered->said;
	sentry_record_fold(&record, handler->hash, is_known ? sentry_hash(fold, &answered->said_hash, sizeof(answered->said_hash)) : hash_transaction(fold, req));
	if (is_known) sentry_record_fields(&record, answered->said, answered->said_len);
	sentry_record_number(&record, "request.took", took);
	sentry_record_field(&record, "exception.plugin", plugin->name, strlen(plugin->name));
	sentry_request_fields(&record, req);
	sentry_lines(&record, 40, &lines);
	sentry_append(&record);
	free(lines);
}

/*
 * Of a language whose application did not load each request fails: that is reported as a failed start. One that a request itself
 * names (UWSGI_SCRIPT and its kin) fails with that request.
 */
static int has_no_application(const struct wsgi_request *req, const struct uwsgi_plugin *plugin) {
	return plugin->exception_log && req->app_id < 0 && !req->dynamic;
}

static int is_failure(const struct wsgi_request *req) {
	return req->status >= 400 && req->status < 600 && sentry.failed[req->status - 400];
}

static void report_noted(struct wsgi_request *req, const struct sentry_answered *answered, const char *how) {
	struct sentry_python_exception_seen seen = {.req = req, .how = how, .type = answered->type, .fields = answered->fields, .len = answered->len};
	sentry_python_report(&seen);
}

/*
 * A request that the server answered with an error of its own: why is the exception that was noted while it ran (request_errors.c), if
 * any was; if one was reported already, this is its answer. 1: an exception is reported, which says how long its request took: one
 * incident is one event.
 */
static int look_at_answer(struct wsgi_request *req, uint64_t took, int is_slow) {
	struct sentry_answered *answered = sentry_answered_of(req);
	int is_told = answered && answered->reported;
	struct uwsgi_plugin *plugin = req->uh ? uwsgi.p[req->uh->modifier1] : NULL;
	if ((is_failure(req) || (answered && answered->ended)) && plugin && plugin->request && !has_no_application(req, plugin) && !(answered && answered->reported)) {
		sentry_said_at_end(req, plugin);
		struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_FAILED];
		if (answered && answered->fields && req->status >= 500) {
			if (!answered->left_to_sdk) report_noted(req, answered, answered->how);
			is_told = 1;
		}
		else if (req->status == 500 && sentry_exception_answered(req, plugin)) is_told = 1;	/* another one is meant */
		else if (handler && !is_slow) report_failed(handler, req, plugin, took);
	}
	else if (answered && answered->fields && answered->as_error && !answered->left_to_sdk) report_noted(req, answered, "logged");
	if (answered) sentry_answered_forget(answered);
	sentry_ruby_request_ended();
	return is_told;
}

/*
 * uWSGI calls this, by its name, after each request. Most are neither slow nor failed: a few comparisons.
 */
void sentry_after_request(struct wsgi_request *req) {
	SENTRY_ENTRY;
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_SLOW];
	uint64_t end = req->end_of_request ? req->end_of_request : sentry_now_us();
	uint64_t took = req->start_of_request && end > req->start_of_request ? end - req->start_of_request : 0;
	int is_slow = handler && sentry.slow_us && took > sentry.slow_us && !sentry_request_is_open(req);
	uint64_t waited = sentry_client_waited(req);
	int is_for_client = is_slow && waited && (waited >= took || took - waited <= sentry.slow_us);
	if (!look_at_answer(req, took, is_slow && !is_for_client) && is_slow) {
		struct sentry_record record;
		sentry_begin(&record, SENTRY_SLOW, handler, req);
		sentry_record_fold(&record, handler->hash, hash_transaction(sentry_fold_start(handler, SENTRY_SLOW), req));
		sentry_record_number(&record, "request.took", took);
		sentry_request_fields(&record, req);
		char *stack = NULL, thread[32];
		unsigned char *lines = NULL;
		if (is_for_client) sentry_record_pair_number(&record, "client", "slow", 1);
		/* with threads the stacks may have been taken for another slow request, but during this one too */
		if (!is_for_client && sentry_stack_of(&record, uwsgi.mywid, 0, &stack, req->start_of_request, end)) {
			int digits = snprintf(thread, sizeof(thread), "0x%016lx", (unsigned long) pthread_self());
			sentry_record_field(&record, "request.thread", thread, (size_t) digits);
		}
		if (!is_for_client) sentry_lines(&record, 40, &lines);
		sentry_append(&record);
		free(stack);
		free(lines);
	}
	sentry_python_frameworks_again();
	sentry_client_watch();
}
