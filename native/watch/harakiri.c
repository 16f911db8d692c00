/*
 * Harakiri, reported by the master before the kill: the worker lives, and is killed when this returns. Its /proc, its memory, the
 * requests that it has in flight and the stacks that its watchdog has left can still be read.
 */
#include "watch/watch.h"

/* the core whose request is oldest; NULL: none has one */
static struct uwsgi_core *stuck_core(struct uwsgi_worker *worker) {
	struct uwsgi_core *stuck = NULL;
	for (int i = 0; i < uwsgi.cores; i++) {
		struct uwsgi_core *core = &worker->cores[i];
		if (core->in_request && (!stuck || core->req.start_of_request < stuck->req.start_of_request)) stuck = core;
	}
	return stuck;
}

/* uWSGI comes again each second until the worker is dead, and twice if it kills in two steps */
static int is_reported(struct sentry_child *child, pid_t pid, uint64_t of) {
	if (child->harakiri_at == of && child->pid == pid) return 1;
	child->pid = pid;
	child->harakiri_at = of;
	return 0;
}

/* one of the application's own (set_user_harakiri(), the route harakiri:) counts from when it was set, which is with its request or later */
static uint64_t limit_of(const struct uwsgi_worker *worker, const struct uwsgi_core *stuck, int *is_own) {
	time_t own = worker->user_harakiri, now = uwsgi.current_time;
	*is_own = own > 0 && own <= now && !(worker->harakiri > 0 && worker->harakiri <= now);
	if (!*is_own) return (uint64_t) uwsgi.harakiri_options.workers;
	time_t began = stuck ? (time_t) (stuck->req.start_of_request / 1000000) : 0;
	return began > 0 && own > began ? (uint64_t) (own - began) : 0;
}

void sentry_harakiri(int id) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_HARAKIRI];
	struct sentry_child *child = sentry_child_of_worker(id);
	if (!handler || !child || uwsgi.workers[id].pid <= 0) return;
	pid_t pid = uwsgi.workers[id].pid;
	struct uwsgi_core *stuck = stuck_core(&uwsgi.workers[id]);
	if (is_reported(child, pid, stuck ? stuck->req.start_of_request : 1)) return;

	struct sentry_record record;
	unsigned char *requests = NULL, *lines;
	char *stack = NULL, syscall_text[512], wchan[256];
	sentry_begin_about(&record, SENTRY_HARAKIRI, handler, SENTRY_PROCESS_WORKER, pid, id);
	if (stuck && stuck->buffer) {
		char method[32], uri[400];
		sentry_request_line(stuck, method, uri);
		uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_HARAKIRI), method, strlen(method) + 1);
		sentry_record_fold(&record, handler->hash, sentry_hash_path(fold, uri, strlen(uri)));
	}
	sentry_add_state(&record, id);
	ssize_t n = sentry_proc_read(pid, "syscall", syscall_text, sizeof(syscall_text));
	if (n > 0) sentry_record_pair(&record, "proc", "syscall", 7, syscall_text, strcspn(syscall_text, "\n"));
	n = sentry_proc_read(pid, "wchan", wchan, sizeof(wchan));
	if (n > 0) sentry_record_pair(&record, "proc", "wchan", 5, wchan, (size_t) n);
	uint64_t rss = sentry_proc_rss(pid);
	if (rss) sentry_record_pair_number(&record, "death", "rss", rss);
	int is_own;
	uint64_t limit = limit_of(&uwsgi.workers[id], stuck, &is_own);
	if (limit) sentry_record_pair_number(&record, "proc", "harakiri", limit);
	if (is_own) sentry_record_pair_number(&record, "proc", "user_harakiri", 1);
	/* before the requests, of which many can fill the record; one taken before this request began is of another, long over */
	sentry_add_stack(&record, id, 0, &stack, stuck ? stuck->req.start_of_request : 0, UINT64_MAX);
	sentry_add_requests(&record, id, &requests);
	sentry_add_log_lines(&record, SENTRY_LINES_MAX, &lines);
	sentry_append(&record);
	free(stack);
	free(requests);
	free(lines);
}
