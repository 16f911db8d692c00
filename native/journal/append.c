/*
 * Constraints: any process or thread of the server may be in here at once, in a signal handler too, and may be killed at any
 * instruction. So: no lock, no allocation, no descriptor that outlives the call but the directory's, a bounded number of steps.
 *
 * An append opens `live`, writes the record with one writev, and looks whether `live` is still the file that it wrote to.
 * The agent renames `live` before it reads it. If the name had moved on, the agent may or may not see the record: it is
 * appended again, with the same id, to the new `live`, and the agent drops the second of two. The look goes by the whole path:
 * so it finds out too that the directory was moved or replaced (place.c).
 *
 * What can go wrong: a death in the middle of writev leaves a torn record (the reader resynchronises); a full disk gives a
 * short write (the same); a `live` that is not a plain file of ours is never written to.
 */
#define _GNU_SOURCE
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#define ROUNDS 8
#define RESERVE 16384	/* of the limit: enough for some twenty records that report drops */

const char *const sentry_drop_name[SENTRY_DROP_REASONS] = {"disk_full", "io_error", "journal_full", "unusable", "contended", "unsure", "stalled"};

static enum sentry_drop reason_of(int error) {
	switch (error) {
		case ENOSPC: case EDQUOT: return SENTRY_DISK_FULL;
		case EIO: case EFBIG: return SENTRY_IO_ERROR;
		default: return SENTRY_UNUSABLE;
	}
}

/* -1 with errno, which is EAGAIN if the next round may find it */
static int open_live(struct sentry_journal *journal) {
	const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(journal->dir, "live", flags);
	if (fd < 0 && errno == ENOENT) {
		if (geteuid() == 0 && journal->owner != 0) {
			if (sentry_create_for_owner(journal->dir, "live", NULL, 0, journal->owner, journal->group) == 0) errno = EAGAIN;
			return -1;
		}
		fd = openat(journal->dir, "live", flags | O_CREAT, 0600);
	}
	if (fd < 0 && (errno == ENOENT || errno == EINTR)) errno = EAGAIN;
	return fd;
}

static int is_live(struct sentry_journal *journal, const struct stat *file) {
	struct stat name;
	int failed = journal->path[0] ? fstatat(AT_FDCWD, journal->live, &name, AT_SYMLINK_NOFOLLOW) : -1;
	if (failed && (!journal->path[0] || errno == EACCES)) failed = fstatat(journal->dir, "live", &name, AT_SYMLINK_NOFOLLOW);
	return !failed && name.st_dev == file->st_dev && name.st_ino == file->st_ino;
}

/* a record on its way, over all rounds */
struct append {
	struct sentry_journal *journal;
	struct sentry_record *record;
	uint64_t elsewhere;		/* bytes of sealed files */
	uint64_t reserve;		/* bytes of the limit that it must leave free */
	unsigned char key[SENTRY_KEY_SIZE];
	uint64_t version;		/* of the key, and of the directory that it belongs to */
	uint64_t sealed_as;		/* the version that it was sealed for; UINT64_MAX: not yet */
	int is_batch;			/* of records that were sealed before */
	int written;			/* whole, into some file */
	enum sentry_drop outcome;
};

/* with `live` open: 1 if that is the outcome, 0 if the next round may have a better one */
static int write_to(int fd, struct append *append) {
	struct sentry_journal *journal = append->journal;
	struct sentry_record *record = append->record;
	struct stat st;
	append->outcome = SENTRY_UNUSABLE;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (st.st_uid != journal->owner && st.st_uid != 0)) return 1;
	if (st.st_nlink > 1) return 0;	/* it is being created, or has a second name */
	append->outcome = SENTRY_CONTENDED;
	if (st.st_nlink == 0) return 0;	/* sealed, read and unlinked since our open */
	uint64_t used = append->elsewhere + (uint64_t) st.st_size;
	if (append->sealed_as != append->version) {
		if (append->is_batch) return 1;	/* of records that are sealed with another key */
		int brief_allowed = append->sealed_as == UINT64_MAX && sentry_is_event(record->head) && !(record->head[SENTRY_AT_FLAGS] & SENTRY_FLAG_BRIEF);
		if (brief_allowed && used + record->length > journal->max / 2) sentry_record_make_brief(record);
		sentry_record_seal(record, append->key);
		append->sealed_as = append->version;
	}
	if (used + record->length + append->reserve > journal->max || (uint64_t) st.st_size + record->length > journal->file_limit) {
		append->outcome = SENTRY_JOURNAL_FULL;
		return 1;
	}
	/* a record that reports drops may use what is kept free: there are few of them, and they are small */
	if (append->reserve && !sentry_journal_has_room(journal, record->length)) {
		append->outcome = SENTRY_DISK_FULL;
		return 1;
	}
	ssize_t written = sentry_write(fd, record->piece, record->pieces);
	if (written == (ssize_t) record->length) {
		append->written = 1;
		if (!is_live(journal, &st) || sentry_journal_moved(journal, append->version)) return 0;
		append->outcome = SENTRY_APPENDED;
	}
	else append->outcome = written < 0 ? reason_of(errno) : SENTRY_DISK_FULL;
	return 1;
}

static enum sentry_drop append_in_rounds(struct append *append) {
	struct sentry_journal *journal = append->journal;
	for (int round = 0; round < ROUNDS; round++) {
		append->outcome = SENTRY_CONTENDED;
		if (round) sched_yield();
		if (!sentry_journal_place(journal, round > 0)) return SENTRY_UNUSABLE;
		if (!sentry_journal_key(journal, append->key, &append->version)) continue;
		append->elsewhere = sentry_sealed_bytes(journal);
		int fd = open_live(journal);
		if (fd < 0 && errno != EAGAIN) return reason_of(errno);
		if (fd < 0) continue;
		int is_final = write_to(fd, append);
		close(fd);
		if (is_final) break;
	}
	return append->outcome;
}

static enum sentry_drop append(struct sentry_journal *journal, struct sentry_record *record, uint64_t reserve, uint64_t sealed_as) {
	int saved = errno;
	int cancel = 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	struct append append = {.journal = journal, .record = record, .reserve = reserve, .sealed_as = sealed_as, .is_batch = sealed_as != UINT64_MAX};
	enum sentry_drop outcome = append_in_rounds(&append);
	/* the agent has most probably taken the first of them */
	if (outcome != SENTRY_APPENDED && append.written) outcome = SENTRY_UNSURE;
	if (outcome == SENTRY_APPENDED) __atomic_add_fetch(&journal->counters->appended, 1, __ATOMIC_RELAXED);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
	return outcome;
}

enum sentry_drop sentry_journal_append_count(struct sentry_journal *journal, struct sentry_record *record, uint64_t events) {
	int is_event = sentry_is_event(record->head);
	enum sentry_drop outcome = append(journal, record, RESERVE, UINT64_MAX);
	if (outcome != SENTRY_APPENDED && is_event) __atomic_add_fetch(&journal->counters->dropped[outcome], events, __ATOMIC_RELAXED);
	return outcome;
}

enum sentry_drop sentry_journal_append(struct sentry_journal *journal, struct sentry_record *record) {
	return sentry_journal_append_count(journal, record, 1);
}

int sentry_journal_append_sealed(struct sentry_journal *journal, struct sentry_record *batch, uint64_t version) {
	enum sentry_drop outcome = append(journal, batch, journal->max - journal->max / 2, version);
	if (outcome != SENTRY_APPENDED) return outcome == SENTRY_JOURNAL_FULL ? 0 : -1;
	__atomic_add_fetch(&journal->counters->appended, (uint64_t) batch->pieces - 1, __ATOMIC_RELAXED);
	return 1;
}

enum sentry_drop sentry_journal_append_notice(struct sentry_journal *journal, struct sentry_record *record, int from_reserve) {
	return append(journal, record, from_reserve ? 0 : RESERVE, UINT64_MAX);
}
