/*
 * What is known of the exceptions of the requests in flight, one slot a core: whether one was reported, and the last that the
 * application logged or formatted while it went on to answer. If the answer is a server error, that exception is its cause.
 *
 * A noted exception is kept as the bytes of its record's fields, never as an object: that would keep the application's own objects
 * alive for longer than without us.
 *
 * A slot is used by the thread that serves its core, which for Python holds the GIL; after the request by that thread alone.
 */
#include "capture/capture.h"

#include <pthread.h>

static struct sentry_request_error *slots;
static int slots_count;

/* in each process that serves, after the fork */
void sentry_request_errors_prepare(void) {
	if (slots || uwsgi.cores < 1) return;
	slots = calloc((size_t) uwsgi.cores, sizeof(*slots));
	if (slots) slots_count = uwsgi.cores;
}

struct sentry_request_error *sentry_request_error_of(const struct wsgi_request *req) {
	if (!req || req->async_id < 0 || req->async_id >= slots_count) return NULL;
	struct sentry_request_error *slot = &slots[req->async_id];
	if (slot->request != req->start_of_request) {
		sentry_request_error_forget(slot);
		slot->request = req->start_of_request;
	}
	return slot;
}

void sentry_request_error_forget(struct sentry_request_error *slot) {
	free(slot->fields);
	free(slot->language_error);
	memset(slot, 0, sizeof(*slot));
}

void sentry_request_error_reported(const struct wsgi_request *req, const void *which) {
	struct sentry_request_error *slot = sentry_request_error_of(req);
	if (!slot) return;
	sentry_request_error_forget(slot);
	slot->request = req->start_of_request;
	slot->reported = 1;
	slot->which = which;
	sentry_note_reported(req);
}
