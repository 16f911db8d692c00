/* Requests that have ended, badly or late: seen by their worker, in their own thread. */
#include "capture/capture.h"

/* method and path, as the agent names transactions */
static uint64_t hash_transaction(uint64_t hash, struct wsgi_request *req) {
	if (req->method) hash = sentry_hash(hash, req->method, req->method_len);
	hash = sentry_hash(hash, " ", 1);
	if (req->script_name) hash = sentry_hash_path(hash, req->script_name, req->script_name_len);
	/* PHP's one script for all leaves both empty */
	if (req->path_info && (req->path_info_len || req->script_name_len)) return sentry_hash_path(hash, req->path_info, req->path_info_len);
	return req->uri ? sentry_hash_path(hash, req->uri, req->uri_len) : hash;
}

static void report_failed(struct sentry_handler *handler, struct wsgi_request *req, struct uwsgi_plugin *plugin, uint64_t took) {
	struct sentry_record record;
	unsigned char *lines;
	sentry_begin(&record, SENTRY_FAILED, handler, req);
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_FAILED), &req->status, sizeof(req->status));
	const struct sentry_request_error *error = sentry_request_error_of(req);
	int is_known = error && error->language_error;
	sentry_record_fold(&record, handler->hash, is_known ? sentry_hash(fold, &error->language_error_hash, sizeof(error->language_error_hash)) : hash_transaction(fold, req));
	if (is_known) sentry_record_fields(&record, error->language_error, error->language_error_len);
	sentry_record_number(&record, "request.took", took);
	sentry_record_field(&record, "exception.plugin", plugin->name, strlen(plugin->name));
	sentry_add_request(&record, req);
	sentry_add_log_lines(&record, 40, &lines);
	sentry_append(&record);
	free(lines);
}

/*
 * If a language's application did not load, each request fails: that is reported as a failed start. One that a request itself
 * names (UWSGI_SCRIPT and its kin) fails with that request.
 */
static int has_no_application(const struct wsgi_request *req, const struct uwsgi_plugin *plugin) {
	return plugin->exception_log && req->app_id < 0 && !req->dynamic;
}

static int is_failure(const struct wsgi_request *req) {
	return req->status >= 400 && req->status < 600 && sentry.failed[req->status - 400];
}

static void report_noted(struct wsgi_request *req, const struct sentry_request_error *error, const char *how) {
	struct sentry_python_exception_seen seen = {.req = req, .how = how, .type = error->type, .fields = error->fields, .len = error->len};
	sentry_python_report(&seen);
}

/*
 * A request that was answered with a server error. Its cause is the exception noted while it ran (request_errors.c), if there is
 * one; if one was reported already, this is its answer. Returns 1 if an exception is reported, which has the request's duration: one
 * incident is one event.
 */
static int look_at_answer(struct wsgi_request *req, uint64_t took, int is_slow) {
	struct sentry_request_error *error = sentry_request_error_of(req);
	int is_reported = error && error->reported;
	struct uwsgi_plugin *plugin = req->uh ? uwsgi.p[req->uh->modifier1] : NULL;
	if ((is_failure(req) || (error && error->ended)) && plugin && plugin->request && !has_no_application(req, plugin) && !(error && error->reported)) {
		sentry_language_errors_at_end(req, plugin);
		struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_FAILED];
		if (error && error->fields && req->status >= 500) {
			if (!error->left_to_sdk) report_noted(req, error, error->how);
			is_reported = 1;
		}
		else if (req->status == 500 && sentry_exception_of_answer(req, plugin)) is_reported = 1;	/* another one is meant */
		else if (handler && !is_slow) report_failed(handler, req, plugin, took);
	}
	else if (error && error->fields && error->as_error && !error->left_to_sdk) report_noted(req, error, "logged");
	if (error) sentry_request_error_forget(error);
	sentry_ruby_request_ended();
	return is_reported;
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
		sentry_add_request(&record, req);
		char *stack = NULL, thread[32];
		unsigned char *lines = NULL;
		if (is_for_client) sentry_record_pair_number(&record, "client", "slow", 1);
		/* with threads the stacks may have been taken for another slow request, but during this one too */
		if (!is_for_client && sentry_add_stack(&record, uwsgi.mywid, 0, &stack, req->start_of_request, end)) {
			int digits = snprintf(thread, sizeof(thread), "0x%016lx", (unsigned long) pthread_self());
			sentry_record_field(&record, "request.thread", thread, (size_t) digits);
		}
		if (!is_for_client) sentry_add_log_lines(&record, 40, &lines);
		sentry_append(&record);
		free(stack);
		free(lines);
	}
	sentry_python_frameworks_again();
	sentry_client_watch();
}
