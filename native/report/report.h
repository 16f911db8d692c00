/* What every report does, whatever it is of: its record begins, gets the log's lines, and is appended or counted. */
#ifndef SENTRY_REPORT_H
#define SENTRY_REPORT_H

#include "server/server.h"

/* ---- records.c ---- */

void sentry_begin(struct sentry_record *, enum sentry_kind, struct sentry_handler *, struct wsgi_request *);
/* the same, about another process than the one that writes it */
void sentry_begin_about(struct sentry_record *, enum sentry_kind, struct sentry_handler *, enum sentry_process, pid_t, int number);
/* what the fold key of such a record starts from; docs/journal.md says what is added */
uint64_t sentry_fold_start(struct sentry_handler *, enum sentry_kind);
void sentry_add_state(struct sentry_record *, int worker);

/* ---- alarm_record.c ---- */

void sentry_alarm_report(struct sentry_handler *, const char *text, size_t len);

/* ---- handlers_record.c: the record that names the server's handlers ---- */

void sentry_write_handlers(void);
void sentry_follow_journal(void);	/* the state directory may have been replaced */
void sentry_retry_handlers(void);

/* ---- writer.c: what a master reports goes to a thread that appends it; in all other processes it is appended at once ---- */

void sentry_append(struct sentry_record *);
void sentry_writer_start(void);
void sentry_writer_close(void);
void sentry_writer_wake(void);
void sentry_writer_duties(void);	/* each second */
int sentry_writer_is_pressed(void);	/* a log line would only be counted */
int sentry_writer_runs(void);
int sentry_writer_gave_up(void);	/* the disk stood still at the end: nothing may wait for it any more */

/* ---- drops.c: the count of what could not be appended ---- */

void sentry_report_drops(void);
void sentry_last_drops(int may_append);		/* the server ends: what cannot be reported to the agent is logged */
void sentry_carry_drops(int may_append);	/* the server is about to become its successor */
void sentry_take_carried_drops(void);
void sentry_say_unusable(int is_unusable);	/* whether nothing can be recorded */

/* ---- log_pipe.c ---- */

void sentry_log_pipe_widen(void);
void sentry_log_read_now(void);		/* in the master: what waits in it, also before a thread reads it */
void sentry_pause(void);

/* ---- log_lines.c: the log's last lines ---- */

void sentry_note_log_line(const char *, size_t);
void sentry_add_log_lines(struct sentry_record *, int most, unsigned char **copy);

/* ---- log_peek.c: the lines that no thread has read from the log's pipe yet ---- */

#define SENTRY_PEEK_BYTES 3072	/* short enough that its lines are not more than: */
#define SENTRY_PEEK_LINES 64
struct sentry_peeked_line {
	uint32_t len;
	int own;	/* this process wrote it, for sure */
	char text[SENTRY_LINE_MAX];
};
struct sentry_log_peek {
	int count;
	struct sentry_peeked_line line[SENTRY_PEEK_LINES];
};
void sentry_log_peek_prepare(void);	/* before the application runs in this process */
struct sentry_log_peek *sentry_peek_at_log(void);	/* NULL: none are known of. To be freed */

#endif
