/*
 * Records on their way from threads that must not wait for a file to the one that appends them (writer.c). No uWSGI in here.
 *
 * Two parts, both of a fixed size:
 * - a ring of whole records, filled by any number of threads and signal handlers, emptied by one thread;
 * - a table of counts, for records that find the ring too full: how often each fault came.
 *
 * No call waits and none takes a lock, so a child that is forked at any moment finds nothing held. It must not use what it inherits: that
 * is a copy, which no thread empties.
 */
#ifndef SENTRY_QUEUE_H
#define SENTRY_QUEUE_H

#include "journal/record.h"

#define SENTRY_QUEUE_BYTES (2u << 20)
#define SENTRY_QUEUE_FAULTS 256

enum sentry_queued {
	SENTRY_QUEUED,		/* the record as it is */
	SENTRY_COUNTED,		/* one more of its fault */
	SENTRY_NOT_QUEUED,	/* there is room for neither */
};

struct sentry_queue;

/* NULL: no memory */
struct sentry_queue *sentry_queue_new(void);
void sentry_queue_free(struct sentry_queue *);

/*
 * Takes a copy, with the time as it is now. Log lines (alarms) are counted from where the ring is half full on, so that there is
 * room for what is rarer and larger.
 */
enum sentry_queued sentry_queue_put(struct sentry_queue *, struct sentry_record *);

/* Counts one more of this head's fault; the ring's reader may do so too. 0: the table has no room for it */
int sentry_queue_count(struct sentry_queue *, const unsigned char head[SENTRY_RECORD_HEAD]);

/* A log line would only be counted now; then its record needs no fields */
int sentry_queue_is_pressed(const struct sentry_queue *);

/* Nothing is in the ring, and nothing is counted. Any thread may ask, so it is only a hint */
int sentry_queue_is_empty(const struct sentry_queue *);

/* ---- for the one thread that empties it ---- */

/* the oldest record's bytes, not sealed: the head and, behind it, the fields. They stay until the release; NULL: there is none */
unsigned char *sentry_queue_next(struct sentry_queue *, size_t *len);
/* all that `next` has given since the last release */
void sentry_queue_release(struct sentry_queue *);

/* One fault's count, which is taken out of the table: 0 if `slot` has none. `head` is that of its first record */
uint64_t sentry_queue_take_count(struct sentry_queue *, unsigned slot, unsigned char head[SENTRY_RECORD_HEAD]);

/* How many records are left, each once and for all the faults' counts: for a queue that is given up */
uint64_t sentry_queue_abandon(struct sentry_queue *);

#endif
