/*
 * Constraints: any process or thread of the server may be in here at once, in a signal handler too, and may be killed at any
 * instruction. So: no lock, no allocation, no descriptor that outlives the call but the directory's, a bounded number of steps.
 *
 * An append opens `live`, writes the record with one writev, and looks whether `live` is still the file that it wrote to.
 * The agent renames `live` before it reads it. If the name had moved on, the agent may or may not see the record: it is
 * appended again, with the same id, to the new `live`, and the agent drops the second of two.
 *
 * What can go wrong: a death in the middle of writev leaves a torn record (the reader resynchronises); a full disk gives a
 * short write (the same); a `live` that is not a plain file of ours is never written to.
 */
#define _GNU_SOURCE
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 8
#define RESERVE 16384	/* of the limit: some twenty records that tell of drops, which last for as long as anybody will wait */

const char *const sentry_drop_name[SENTRY_DROP_REASONS] = {"disk_full", "io_error", "journal_full", "unusable", "contended", "unsure"};

uint64_t sentry_seconds(void) {
	struct timespec ts = {0, 0};
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t) ts.tv_sec + 1;
}

struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* the size of the sealed files, counted anew once a second by whoever comes first (readdir would allocate) */
static uint64_t sealed_bytes(struct sentry_journal *journal) {
	struct sentry_counters *counters = journal->counters;
	uint64_t now = sentry_seconds();
	uint64_t looked = __atomic_load_n(&counters->sealed_looked, __ATOMIC_RELAXED);
	if (looked == now || !__atomic_compare_exchange_n(&counters->sealed_looked, &looked, now, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		return __atomic_load_n(&counters->sealed_bytes, __ATOMIC_RELAXED);
	}
	uint64_t total = 0;
	int fd = openat(journal->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return __atomic_load_n(&counters->sealed_bytes, __ATOMIC_RELAXED);
	union {
		char bytes[2048];
		struct linux_dirent64 aligned;
	} buffer;
	long n;
	int calls = 0;
	while (calls++ < 64 && (n = syscall(SYS_getdents64, fd, buffer.bytes, sizeof(buffer.bytes))) > 0) {
		for (long at = 0; at < n;) {
			struct linux_dirent64 *entry = (struct linux_dirent64 *) (buffer.bytes + at);
			struct stat st;
			if (!strncmp(entry->name, "sealed-", 7) && fstatat(fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0) total += (uint64_t) st.st_size;
			at += entry->reclen;
		}
	}
	close(fd);
	__atomic_store_n(&counters->sealed_bytes, total, __ATOMIC_RELAXED);
	return total;
}

static int is_ours(const struct sentry_journal *journal, const struct stat *st) {
	return st->st_dev == journal->dev && st->st_ino == journal->ino;
}

/* beside it is the key with which the agent would know our records */
static int has_our_key(const struct sentry_journal *journal, int dir) {
	unsigned char key[SENTRY_KEY_SIZE];
	int fd = openat(dir, "../key", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) return 0;
	ssize_t n = read(fd, key, sizeof(key));
	close(fd);
	return n == sizeof(key) && !memcmp(key, journal->key, sizeof(key));
}

/* in place of ours, and as the start of a server would take it */
static int may_replace(const struct sentry_journal *journal, int dir, const struct stat *st) {
	return st->st_uid == journal->owner && (!(st->st_mode & 0077) || fchmod(dir, 0700) == 0) && has_our_key(journal, dir);
}

/*
 * Our directory is the one that we opened: an application that closes all descriptors, and opens its own, must not get our records.
 * One that was removed takes none any more; if there is another in its place, that is ours from now on.
 */
static int directory_holds(struct sentry_journal *journal) {
	struct stat st;
	int old = journal->dir;
	int held = old >= 0 && fstat(old, &st) == 0 && is_ours(journal, &st);
	if (held && st.st_nlink > 0) return 1;
	if (!journal->path[0]) return 0;
	int fd = open(journal->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) return 0;
	if (fstat(fd, &st) || (!is_ours(journal, &st) && !may_replace(journal, fd, &st))) {
		close(fd);
		return 0;
	}
	/* under the old number, which another thread may be using; unless that is somebody else's now: then it is not ours to close */
	if (held && dup3(fd, old, O_CLOEXEC) == old) close(fd);
	else journal->dir = fd;
	journal->dev = st.st_dev;
	journal->ino = st.st_ino;
	return 1;
}

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
	return fstatat(journal->dir, "live", &name, AT_SYMLINK_NOFOLLOW) == 0 && name.st_dev == file->st_dev && name.st_ino == file->st_ino;
}

/* a record on its way, over all rounds */
struct append {
	struct sentry_journal *journal;
	struct sentry_record *record;
	uint64_t elsewhere;		/* bytes of sealed files */
	uint64_t reserve;		/* bytes of the limit that it must leave free */
	int sealed;
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
	if (st.st_nlink > 1) return 0;	/* being created, or somebody keeps a second name of it */
	append->outcome = SENTRY_CONTENDED;
	if (st.st_nlink == 0) return 0;	/* sealed, read and unlinked since our open */
	uint64_t used = append->elsewhere + (uint64_t) st.st_size;
	if (!append->sealed) {
		int brief_allowed = record->head[28] < SENTRY_CONFIGURATION;
		if (brief_allowed && used + record->length > journal->max / 2) sentry_record_make_brief(record);
		sentry_record_seal(record, journal->key);
		append->sealed = 1;
	}
	if (used + record->length + append->reserve > journal->max || (uint64_t) st.st_size + record->length > journal->file_limit) {
		append->outcome = SENTRY_JOURNAL_FULL;
		return 1;
	}
	ssize_t written = sentry_write(fd, record->piece, record->pieces);
	if (written == (ssize_t) record->length) {
		append->written = 1;
		if (!is_live(journal, &st)) return 0;
		append->outcome = SENTRY_APPENDED;
	}
	else append->outcome = written < 0 ? reason_of(errno) : SENTRY_DISK_FULL;
	return 1;
}

static enum sentry_drop append_in_rounds(struct append *append) {
	struct sentry_journal *journal = append->journal;
	if (!directory_holds(journal)) return SENTRY_UNUSABLE;
	append->elsewhere = sealed_bytes(journal);
	append->outcome = SENTRY_CONTENDED;
	for (int round = 0; round < ROUNDS; round++) {
		if (round) sched_yield();
		int fd = open_live(journal);
		if (fd < 0 && errno != EAGAIN) return reason_of(errno);
		/* nothing can be made in a directory that is removed */
		if (fd < 0 && !directory_holds(journal)) return SENTRY_UNUSABLE;
		if (fd < 0) continue;
		int is_final = write_to(fd, append);
		close(fd);
		if (is_final) break;
	}
	return append->outcome;
}

static enum sentry_drop append(struct sentry_journal *journal, struct sentry_record *record, uint64_t reserve) {
	int saved = errno;
	int cancel = 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	struct append append = {.journal = journal, .record = record, .reserve = reserve};
	enum sentry_drop outcome = append_in_rounds(&append);
	/* the agent has most probably taken the first of them */
	if (outcome != SENTRY_APPENDED && append.written) outcome = SENTRY_UNSURE;
	if (outcome == SENTRY_APPENDED) __atomic_add_fetch(&journal->counters->appended, 1, __ATOMIC_RELAXED);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
	return outcome;
}

enum sentry_drop sentry_journal_append(struct sentry_journal *journal, struct sentry_record *record) {
	enum sentry_drop outcome = append(journal, record, RESERVE);
	if (outcome != SENTRY_APPENDED) __atomic_add_fetch(&journal->counters->dropped[outcome], 1, __ATOMIC_RELAXED);
	return outcome;
}

enum sentry_drop sentry_journal_tell(struct sentry_journal *journal, struct sentry_record *record, int from_reserve) {
	return append(journal, record, from_reserve ? 0 : RESERVE);
}
