/*
 * alarm = NAME sentry:OPTIONS. Runs in the master: in the alarm thread, or (alarm-log) in the thread that reads the log, where
 * the application's own writes wait for it; both may be in here at once. Neither waits for a file: writer.c.
 */
#include "entry/entry.h"

void sentry_alarm_init(struct uwsgi_alarm_instance *uai) {
	SENTRY_ENTRY;
	char *name = uwsgi_concat2("alarm ", uai->name);
	struct sentry_handler *handler;
	/* alarms of the same name: uWSGI makes an instance of each, in the configuration's order */
	for (handler = sentry.handlers; handler; handler = handler->next) {
		if (sentry_handler_named(handler, name) && !strcmp(handler->options, uai->arg)) break;
	}
	free(name);
	uai->data_ptr = handler;
}

/*
 * Requests that uWSGI answers with an error itself, or not at all, are known from the log alone: uWSGI asks no plugin about them. The
 * numbers in the line are the client's: the template counts them as one.
 */
static void look_for_refusal(const char *msg, size_t len) {
	static const char *const refusals[] = {"invalid request block size: ", "invalid HTTP request size (", "invalid HTTPS request size (", "invalid SCGI request size ("};
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_REFUSED];
	for (size_t i = 0; handler && i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (!memmem(msg, len, refusals[i], strlen(refusals[i]))) continue;
		sentry_alarm_report(handler, msg, len);
		return;
	}
}

/* the two alarms that capture.c enters: crashes, and the log's lines, a crash among them */
static void captured(const char *name, const char *msg, size_t len) {
	int is_line = !strcmp(name, "uwsgi-sentry-lines"), is_crash = sentry_is_crash(msg, len);
	if (is_crash && !(is_line && sentry.crash_alarms)) sentry_note_crash(msg, len, NULL);
	if (is_line || !is_crash) sentry_note_log_line(msg, len);
	if (is_line) look_for_refusal(msg, len);
}

void sentry_alarm(struct uwsgi_alarm_instance *uai, char *msg, size_t len) {
	SENTRY_ENTRY;
	struct sentry_handler *handler = uai->data_ptr;
	if (!handler) captured(uai->name, msg, len);
	else if (!sentry_note_crash(msg, len, handler)) sentry_alarm_report(handler, msg, len);
}
