/*
 * The thread that appends what a master reports, so that neither its main loop nor the thread that reads the log ever waits for a
 * file: while they stand still, the pipe of the log runs full and the application's own writes fail. An emperor has one too.
 *
 * They hand their records over in memory (queue.h). The thread is made in the process that is the master for good, with its first
 * cycle: nothing that is forked before it, an application's import among it, meets a further thread. It has all signals blocked,
 * takes no lock and allocates nothing, so that a fork at any moment leaves nothing held in the child; the child has its queue as a
 * copy and never uses it, and closes what the thread had open just then (after_fork). It sleeps while there is nothing to do.
 *
 * At the end of a master, also before the exec of a reload, what is left is appended, and waited for up to FLUSH_SECONDS; what is not
 * through by then is counted as dropped. A SIGKILL of the master loses what is in the queue: the last milliseconds
 * while the disk takes writes, and never more than SENTRY_QUEUE_BYTES of records, and the counts of SENTRY_QUEUE_FAULTS faults.
 */
#include "report/report.h"

#include "journal/queue.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#define FLUSH_SECONDS 3
#define BATCH_RECORDS 128
#define BATCH_BYTES (128u << 10)
#define COUNTS_MS 100		/* how long counts may stay in memory during a flood */
#define NAP_US 1000		/* between two looks, while there may be more to come: it needs no wake-up then */

enum state { NONE, RUNNING, CLOSING, CLOSED, GIVEN_UP };

static struct {
	struct sentry_queue *queue;
	pid_t owner;
	int state;
	int users;		/* threads that are about to put something in */
	int asleep;
	int appending;		/* it may have descriptors open */
	int turn;		/* the user of the queue's reading end: 0 none, 1 the thread, 2 for ever the caller that gives the queue up */
	uint64_t in_hand;	/* events that it has taken out and not yet appended */
	sem_t wake, ended;
} writer;

static int is_mine(void) {
	return __atomic_load_n(&writer.state, __ATOMIC_SEQ_CST) != NONE && writer.owner == getpid();
}

/* ---- the thread ---- */

static void nap(void) {
	struct timespec time = {0, NAP_US * 1000};
	nanosleep(&time, NULL);
}

static uint64_t now_ms(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	return (uint64_t) time.tv_sec * 1000 + (uint64_t) time.tv_nsec / 1000000;
}

/* 0: the queue was given up */
static int take_turn(void) {
	for (;;) {
		int none = 0;
		if (__atomic_compare_exchange_n(&writer.turn, &none, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return 1;
		if (none == 2) return 0;
	}
}

static void end_turn(void) {
	__atomic_store_n(&writer.turn, 0, __ATOMIC_SEQ_CST);
}

static void append_begins(uint64_t events) {
	__atomic_store_n(&writer.in_hand, events, __ATOMIC_SEQ_CST);
	__atomic_store_n(&writer.appending, 1, __ATOMIC_SEQ_CST);
	end_turn();
}

static int append_ended(void) {
	__atomic_store_n(&writer.appending, 0, __ATOMIC_SEQ_CST);
	if (!take_turn()) return 0;
	__atomic_store_n(&writer.in_hand, 0, __ATOMIC_SEQ_CST);
	return 1;
}

static struct sentry_record batch, one;

static uint64_t key_version;

/* as many as one write should have, sealed where they are */
static uint64_t fill_batch(void) {
	unsigned char *bytes, key[SENTRY_KEY_SIZE];
	uint64_t events = 0;
	size_t len;
	batch.pieces = 0;
	batch.length = 0;
	/* while a key is being replaced, its version is no other's either: then each is sealed again */
	sentry_journal_key(&sentry.journal, key, &key_version);
	while (batch.pieces < BATCH_RECORDS && batch.length < BATCH_BYTES && (bytes = sentry_queue_next(writer.queue, &len))) {
		sentry_record_resume(&one, bytes, len);
		sentry_record_seal(&one, key);
		memcpy(bytes, one.head, sizeof(one.head));
		batch.piece[batch.pieces].iov_base = bytes;
		batch.piece[batch.pieces++].iov_len = len;
		batch.length += len;
		events += sentry_is_event(bytes);
	}
	return events;
}

/* `may_count`: none of them is in the journal, and log lines of one fault may share one brief record */
static void append_each(int may_count) {
	for (int i = 0; i < batch.pieces; i++) {
		const unsigned char *bytes = batch.piece[i].iov_base;
		int is_event = sentry_is_event(bytes);
		if (!may_count || bytes[SENTRY_AT_KIND] != SENTRY_ALARM || !sentry_queue_count(writer.queue, bytes)) {
			sentry_record_resume(&one, bytes, batch.piece[i].iov_len);
			sentry_journal_append(&sentry.journal, &one);
		}
		__atomic_sub_fetch(&writer.in_hand, (uint64_t) is_event, __ATOMIC_SEQ_CST);
	}
}

/* with the turn: 0 if there was nothing, -1 if the queue has been given up */
static int append_records(void) {
	uint64_t events = fill_batch();
	if (!batch.pieces) return 0;
	append_begins(events);
	int all = batch.pieces > 1 ? sentry_journal_append_sealed(&sentry.journal, &batch, key_version) : -1;
	if (all < 1) append_each(!all);
	if (!append_ended()) return -1;
	sentry_queue_release(writer.queue);
	return 1;
}

/* a brief record for each fault of the table, with its count */
static int append_counts(void) {
	unsigned char head[SENTRY_RECORD_HEAD];
	for (unsigned slot = 0; slot < SENTRY_QUEUE_FAULTS; slot++) {
		uint64_t events = sentry_queue_take_count(writer.queue, slot, head);
		if (!events) continue;
		append_begins(events);
		sentry_record_resume(&one, head, sizeof(head));
		memset(one.head + SENTRY_AT_ID, 0, SENTRY_ID_SIZE);	/* an id of its own */
		sentry_record_make_brief(&one);
		sentry_record_number(&one, "occurrences", events);
		sentry_journal_append_count(&sentry.journal, &one, events);
		if (!append_ended()) return -1;
	}
	return 0;
}

static int empty_queue(void) {
	uint64_t counts_at = now_ms() + COUNTS_MS;
	int some, any = 0;
	if (!take_turn()) return -1;
	do {
		some = append_records();
		any |= some;
		if (some >= 0 && (!some || now_ms() >= counts_at)) {
			if (append_counts() < 0) some = -1;
			counts_at = now_ms() + COUNTS_MS;
		}
	} while (some > 0);
	if (some < 0) return -1;
	end_turn();
	return any;
}

static void sleep_until_woken(void) {
	__atomic_store_n(&writer.asleep, 1, __ATOMIC_SEQ_CST);
	if (sentry_queue_is_empty(writer.queue) && __atomic_load_n(&writer.state, __ATOMIC_SEQ_CST) == RUNNING) {
		while (sem_wait(&writer.wake) && errno == EINTR);
	}
	__atomic_store_n(&writer.asleep, 0, __ATOMIC_SEQ_CST);
}

void sentry_writer_duties(void) {
	static uint64_t looked;
	uint64_t now = sentry_seconds();
	if (looked != now) sentry_follow_journal();
	looked = now;
	sentry_retry_handlers();
	sentry_report_drops();
}

static void *write_all(void *nothing) {
	(void) nothing;
	for (;;) {
		int closing = __atomic_load_n(&writer.state, __ATOMIC_SEQ_CST) != RUNNING;
		int some = empty_queue();
		if (some < 0) return NULL;
		if (closing && sentry_queue_is_empty(writer.queue)) break;
		__atomic_store_n(&writer.appending, 1, __ATOMIC_SEQ_CST);
		sentry_writer_duties();
		__atomic_store_n(&writer.appending, 0, __ATOMIC_SEQ_CST);
		if (some || closing) nap();
		else sleep_until_woken();
	}
	sem_post(&writer.ended);
	return NULL;
}

/* ---- those that hand over ---- */

static void wake(void) {
	if (__atomic_load_n(&writer.asleep, __ATOMIC_SEQ_CST) && __atomic_exchange_n(&writer.asleep, 0, __ATOMIC_SEQ_CST)) sem_post(&writer.wake);
}

void sentry_writer_wake(void) {
	if (is_mine()) wake();
}

static void drop(uint64_t events, enum sentry_drop reason) {
	if (events) __atomic_add_fetch(&sentry.journal.counters->dropped[reason], events, __ATOMIC_RELAXED);
}

int sentry_writer_takes(struct sentry_record *record) {
	if (!is_mine()) return 0;
	__atomic_add_fetch(&writer.users, 1, __ATOMIC_SEQ_CST);
	int state = __atomic_load_n(&writer.state, __ATOMIC_SEQ_CST), is_event = sentry_is_event(record->head);
	if (state == RUNNING) {
		if (sentry_queue_put(writer.queue, record) == SENTRY_NOT_QUEUED) drop(is_event, SENTRY_STALLED);
		wake();
	}
	__atomic_sub_fetch(&writer.users, 1, __ATOMIC_SEQ_CST);
	if (state == GIVEN_UP) drop(is_event, SENTRY_STALLED);
	return state == RUNNING || state == GIVEN_UP;
}

/* a hint, without asking the kernel for the pid */
int sentry_writer_is_pressed(void) {
	return __atomic_load_n(&writer.state, __ATOMIC_SEQ_CST) == RUNNING && sentry_queue_is_pressed(writer.queue);
}

int sentry_writer_gave_up(void) {
	return is_mine() && __atomic_load_n(&writer.state, __ATOMIC_SEQ_CST) == GIVEN_UP;
}

int sentry_writer_runs(void) {
	return is_mine() && __atomic_load_n(&writer.state, __ATOMIC_SEQ_CST) == RUNNING;
}

/* ---- beginning and end ---- */

/*
 * In a child, just forked: what the thread had open is open here too, without the thread. It is closed only if the thread was appending,
 * and only what looks like its own: a regular file of the journal's file system that was opened as the thread opens them.
 */
static void after_fork(void) {
	const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
	int was = __atomic_exchange_n(&writer.appending, 0, __ATOMIC_SEQ_CST), saved = errno;
	struct stat st;
	for (int fd = 3; was && fd < 4096; fd++) {
		int has = fcntl(fd, F_GETFL);
		if (has < 0 || (has & (O_ACCMODE | flags)) != flags || !(fcntl(fd, F_GETFD) & FD_CLOEXEC)) continue;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == sentry.journal.dev) close(fd);
	}
	errno = saved;
}

static int start_thread(void) {
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	sigfillset(&all);
	if (pthread_attr_init(&attributes)) return ENOMEM;
	pthread_attr_setstacksize(&attributes, 256 << 10);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&thread, &attributes, write_all, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return failed;
}

/* idempotent; without memory or a thread, every append is made by its caller, as in any other process */
void sentry_writer_start(void) {
	static pid_t tried;
	static int is_fork_watched;
	pid_t self = getpid();
	if (tried == self) return;
	tried = self;
	if (sentry.journal.dir < 0) return;
	struct sentry_queue *queue = sentry_queue_new();
	if (!queue || sem_init(&writer.wake, 0, 0) || sem_init(&writer.ended, 0, 0)) {
		sentry_queue_free(queue);
		return;
	}
	/* there may be a copy of the queue of the process that forked this one */
	sentry_queue_free(writer.queue);
	writer.queue = queue;
	writer.users = writer.asleep = writer.appending = writer.turn = 0;
	writer.in_hand = 0;
	writer.owner = self;
	if (!is_fork_watched) is_fork_watched = !pthread_atfork(NULL, NULL, after_fork);
	__atomic_store_n(&writer.state, RUNNING, __ATOMIC_SEQ_CST);
	int failed = start_thread();
	if (!failed) return;
	__atomic_store_n(&writer.state, NONE, __ATOMIC_SEQ_CST);
	sentry_say("cannot start the thread that writes events: %s. The log is read only as fast as they are written", strerror(failed));
}

static int wait_for_the_end(void) {
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FLUSH_SECONDS;
	int failed;
	while ((failed = sem_timedwait(&writer.ended, &until)) && errno == EINTR);
	return !failed;
}

static void give_up(void) {
	int expected = 0;
	__atomic_store_n(&writer.state, GIVEN_UP, __ATOMIC_SEQ_CST);
	while (!__atomic_compare_exchange_n(&writer.turn, &expected, 2, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) expected = 0;
	drop(__atomic_load_n(&writer.in_hand, __ATOMIC_SEQ_CST), SENTRY_UNSURE);
	drop(sentry_queue_abandon(writer.queue), SENTRY_STALLED);
}

/* the process ends, or becomes its successor: what is queued is appended, and later records by their callers */
void sentry_writer_close(void) {
	int running = RUNNING;
	if (!is_mine() || !__atomic_compare_exchange_n(&writer.state, &running, CLOSING, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
	for (int i = 0; i < 100 && __atomic_load_n(&writer.users, __ATOMIC_SEQ_CST); i++) nap();
	sem_post(&writer.wake);
	if (wait_for_the_end()) __atomic_store_n(&writer.state, CLOSED, __ATOMIC_SEQ_CST);
	else give_up();
}

/* ---- for all processes ---- */

void sentry_append(struct sentry_record *record) {
	if (sentry_writer_takes(record)) return;
	sentry_journal_append(&sentry.journal, record);
	/* if there is a master, it reports drops, even if nothing is appended any more */
	if (uwsgi.master_process) return;
	sentry_report_drops();
	sentry_retry_handlers();
}
