/*
 * Requests that were cut: their process was to end (a reload, a stop, its lifetime, its memory), they were not. The client got no
 * answer, and uWSGI's log has no request. Each process that ends so makes one record with all that it had in flight.
 *
 * The master sees it at the process's end: the requests are in memory that all processes share, and stay there until another takes
 * the place. A request whose head was not read yet is none: a client that connects and sends nothing is cut off by each stop. Nor is a
 * websocket, which has no end of its own.
 */
#include "watch/watch.h"

/* ---- why ---- */

/* beyond the limit, or, since uWSGI clears the number as it kills, cleared although it was there, or a request has set it */
static int is_over(uint64_t now, uint64_t seen, uint64_t limit, const struct uwsgi_worker *worker) {
	return limit && (now >= limit || seen >= limit || (!now && (seen || worker->delta_requests)));
}

/* uWSGI kills such a worker in the middle of whatever it does */
const char *sentry_evil_reload(const struct sentry_child *child, const struct uwsgi_worker *worker, const siginfo_t *how) {
	if (!how || how->si_code == CLD_EXITED || how->si_status != SIGKILL || worker->cheaped || worker->cursed_at) return NULL;
	if (is_over(worker->rss_size, child->evil_rss, uwsgi.evil_reload_on_rss, worker)) return "evil-reload-on-rss";
	if (is_over(worker->vsz_size, child->evil_as, uwsgi.evil_reload_on_as, worker)) return "evil-reload-on-as";
	return NULL;
}

static int is_past_lifetime(int id, const struct uwsgi_worker *worker) {
	if (uwsgi.max_worker_lifetime <= 0 || !worker->last_spawn) return 0;
	return uwsgi_now() - worker->last_spawn > (time_t) (uwsgi.max_worker_lifetime + (uint64_t) (id - 1) * uwsgi.max_worker_lifetime_delta);
}

/* in the words of uWSGI's own options, where it is one of them */
static const char *why(const struct sentry_child *child, int id, const siginfo_t *how) {
	const struct uwsgi_worker *worker = &uwsgi.workers[id];
	const char *evil = sentry_evil_reload(child, worker, how);
	if (evil) return evil;
	if (uwsgi_instance_is_dying && sentry_stopping()) return "stop";
	if (uwsgi.status.brutally_reloading && sentry_stopping()) return "brutal reload";
	if (uwsgi.status.gracefully_reloading && sentry_stopping()) return "reload";
	if (uwsgi.status.is_cheap) return "idle";
	if (worker->cheaped) return "cheaper";
	if (uwsgi.status.chain_reloading == id) return "chain reload";
	if (is_past_lifetime(id, worker)) return "max-worker-lifetime";
	if (uwsgi.max_requests && worker->delta_requests >= uwsgi.max_requests) return "max-requests";
	if (uwsgi.reload_on_rss && worker->rss_size >= uwsgi.reload_on_rss) return "reload-on-rss";
	if (uwsgi.reload_on_as && worker->vsz_size >= uwsgi.reload_on_as) return "reload-on-as";
	if (worker->cursed_at) return "workers reload";
	return "signal";
}

/*
 * How long uWSGI waited for it before it killed it; 0: it did not. Each kill postpones the curse, so the first is remembered. If it is
 * not known how the worker ended (NULL), it was killed: else it would have noted its code.
 */
static uint64_t mercy_of(const struct sentry_child *child, const siginfo_t *how, int mercy) {
	if (!child->cursed_at || (how && (how->si_code == CLD_EXITED || how->si_status != SIGKILL))) return 0;
	return uwsgi_now() - child->cursed_at >= mercy ? (uint64_t) mercy : 0;
}

/*
 * uWSGI kills it next, and may collect it and fork another in its place before it is looked at again. Its own look at the clock, of whole
 * seconds, comes some microseconds after this one, in which the second may end.
 */
#define BEFORE_US 5000

int sentry_mercy_is_over(time_t cursed_at, time_t no_mercy_at) {
	/* both are set in a signal's handler, which may come between our looks at them */
	return cursed_at && no_mercy_at >= cursed_at && sentry_now_us() + BEFORE_US >= ((uint64_t) no_mercy_at + 1) * 1000000;
}

/* ---- the record ---- */

void sentry_report_cut(struct sentry_child *child, int id, const siginfo_t *how) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_CUT];
	int count;
	struct uwsgi_core *oldest = sentry_oldest_request(id, &count);
	if (!handler || !oldest || (how && !sentry_requests_unanswered(id))) return;
	struct sentry_record record;
	unsigned char *requests = NULL, *lines;
	char *stack = NULL, method[32], uri[400];
	const char *cause = why(child, id, how);
	uint64_t mercy = mercy_of(child, how, uwsgi.worker_reload_mercy);
	sentry_begin_about(&record, SENTRY_CUT, handler, SENTRY_PROCESS_WORKER, child->pid, id);
	sentry_request_line(oldest, method, uri);
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_CUT), cause, strlen(cause) + 1);
	fold = sentry_hash(fold, method, strlen(method) + 1);
	sentry_record_fold(&record, handler->hash, sentry_hash_path(fold, uri, strlen(uri)));
	sentry_record_pair(&record, "cut", "why", 3, cause, strlen(cause));
	if (mercy) sentry_record_pair_number(&record, "cut", "mercy", mercy);
	if (how) sentry_record_pair_number(&record, "cut", how->si_code == CLD_EXITED ? "code" : "signal", (uint64_t) how->si_status);
	if (child->rss) sentry_record_pair_number(&record, "death", "rss", child->rss);
	sentry_add_state(&record, id);
	sentry_add_stack(&record, id, 0, &stack, oldest->req.start_of_request, UINT64_MAX);
	sentry_add_requests(&record, id, &requests);
	sentry_add_log_lines(&record, SENTRY_LINES_MAX, &lines);
	sentry_append(&record);
	free(stack);
	free(requests);
	free(lines);
}

/* a mule or spooler that was to end; only uWSGI's kill says that it was in the middle of something, and the spooler's own word */
void sentry_report_cut_other(const struct sentry_child *child, enum sentry_process process, int number, const char *name, int stack_slot, int mercy_seconds, const siginfo_t *how) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_CUT];
	if (!handler) return;
	uint64_t mercy = mercy_of(child, how, mercy_seconds);
	const char *cause = !sentry_stopping() ? process == SENTRY_PROCESS_MULE ? "mules reload" : "spoolers reload" : uwsgi_instance_is_dying ? "stop" :
		uwsgi.status.brutally_reloading ? "brutal reload" : "reload";
	struct sentry_record record;
	unsigned char *lines;
	char *stack = NULL;
	sentry_begin_about(&record, SENTRY_CUT, handler, process, child->pid, number);
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_CUT), cause, strlen(cause) + 1);
	fold = sentry_hash(fold, &process, sizeof(process));
	if (name) fold = sentry_hash(fold, name, strlen(name));
	sentry_record_fold(&record, handler->hash, fold);
	sentry_record_pair(&record, "cut", "why", 3, cause, strlen(cause));
	if (name) sentry_record_pair(&record, "cut", "name", 4, name, strlen(name));
	if (mercy) sentry_record_pair_number(&record, "cut", "mercy", mercy);
	sentry_add_state(&record, 0);
	sentry_add_stack(&record, stack_slot, 0, &stack, child->cursed_at ? (uint64_t) child->cursed_at * 1000000 : 0, UINT64_MAX);
	sentry_add_log_lines(&record, SENTRY_LINES_MAX, &lines);
	sentry_append(&record);
	free(stack);
	free(lines);
}
