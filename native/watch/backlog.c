/* The listen queue: one event for each time that it is full, at the end of that or after ten seconds. */
#include "watch/watch.h"

#define REPORTED_AFTER 10

/* the time that goes on, or none */
static struct {
	time_t since;			/* 0: the queue is not full */
	int reported;
	uint64_t worst;
	unsigned char busy[16384];	/* the requests in flight at its beginning, as fields */
	size_t busy_len;
} full;

/* of the socket that is fullest */
static void read_queue(uint64_t *queue, uint64_t *max) {
	*queue = *max = 0;
	for (struct uwsgi_socket *socket = uwsgi.sockets; socket; socket = socket->next) {
		if (socket->max_queue && (uint64_t) socket->queue * *max >= *queue * (uint64_t) socket->max_queue) {
			*queue = (uint64_t) socket->queue;
			*max = (uint64_t) socket->max_queue;
		}
	}
}

/* worker NUL core NUL start NUL method NUL URI */
static void note_busy(int worker, int number, struct uwsgi_core *core) {
	char value[600], method[32], uri[400];
	sentry_request_line(core, method, uri);
	int len = snprintf(value, sizeof(value), "%d%c%d%c%llu%c%s%c%s", worker, 0, number, 0, (unsigned long long) core->req.start_of_request, 0, method, 0, uri);
	size_t room = sizeof(full.busy) - full.busy_len;
	size_t need = sentry_field_put(full.busy + full.busy_len, room, "busy", value, (size_t) len);
	if (need <= room) full.busy_len += need;
}

static void begin(time_t now) {
	full.since = now;
	full.reported = 0;
	full.worst = 0;
	full.busy_len = 0;
	for (int w = 1; w <= uwsgi.numproc; w++) {
		for (int c = 0; c < uwsgi.cores; c++) {
			struct uwsgi_core *core = &uwsgi.workers[w].cores[c];
			if (core->in_request && core->buffer) note_busy(w, c, core);
		}
	}
}

static void report(struct sentry_handler *handler, time_t now, uint64_t max, int still) {
	struct sentry_record record;
	unsigned char *lines;
	sentry_begin(&record, SENTRY_BACKLOG, handler, NULL);
	sentry_record_pair_number(&record, "backlog", "queue", full.worst);
	sentry_record_pair_number(&record, "backlog", "max", max);
	sentry_record_pair_number(&record, "backlog", "seconds", (uint64_t) (now - full.since));
	sentry_record_pair_number(&record, "backlog", "still", (uint64_t) still);
	sentry_record_fields(&record, full.busy, full.busy_len);
	sentry_add_log_lines(&record, SENTRY_LINES_MAX, &lines);
	sentry_append(&record);
	free(lines);
	full.reported = 1;
}

void sentry_look_at_backlog(void) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_BACKLOG];
	uint64_t queue, max;
	if (!handler) return;
	read_queue(&queue, &max);
	time_t now = uwsgi_now();
	int is_full = max > 0 && queue >= max;
	if (is_full && !full.since) begin(now);
	if (is_full && queue > full.worst) full.worst = queue;
	if (full.since && !full.reported && (!is_full || now - full.since >= REPORTED_AFTER)) report(handler, now, max, is_full);
	if (!is_full) full.since = 0;
}
