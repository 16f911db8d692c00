/* The record of an alarm: a line of the log, or what uWSGI itself says. */
#include "report/report.h"

void sentry_alarm_report(struct sentry_handler *handler, const char *msg, size_t len) {
	while (len && (msg[len - 1] == '\n' || msg[len - 1] == '\r')) len--;
	struct sentry_record record;
	/* in a flood that the writer does not keep up with, a line is counted: its head is enough, and the next one waits for less */
	int brief = sentry_writer_is_pressed();
	if (brief) sentry_record_begin(&record, SENTRY_ALARM, SENTRY_PROCESS_MASTER, (uint32_t) getpid(), 0, SENTRY_NO_CORE);
	else sentry_begin(&record, SENTRY_ALARM, handler, NULL);
	sentry_record_fold(&record, handler->hash, sentry_hash_template(sentry_fold_start(handler, SENTRY_ALARM), msg, len));
	if (brief) sentry_record_make_brief(&record);
	else sentry_record_field(&record, "text", msg, len);
	sentry_append(&record);
}
