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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 8

const char *const sentry_drop_name[SENTRY_DROP_REASONS] = {"disk_full", "io_error", "journal_full", "unusable", "contended", "too_large"};

/* ---- opening, at the start of the server ---- */

/* file systems on which another machine, or a daemon, stands between append and rename */
static const char *unfit_file_system(int fd) {
	struct statfs fs;
	if (fstatfs(fd, &fs)) return NULL;
	switch ((unsigned long) fs.f_type & 0xffffffffu) {
		case 0x6969: return "NFS";
		case 0x01021997: return "9p";
		case 0x65735546: return "FUSE";
		case 0xff534d42: case 0xfe534d42: case 0x517b: return "SMB";
		default: return NULL;
	}
}

static int complain(char *why, size_t size, const char *what, const char *path) {
	snprintf(why, size, "%s %s: %s", what, path, strerror(errno));
	return -1;
}

static int is_empty(int fd) {
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		if (copy >= 0) close(copy);
		return 0;
	}
	int empty = 1;
	for (struct dirent *entry; empty && (entry = readdir(dir));) empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	closedir(dir);
	return empty;
}

/* makes `path` a directory of the owner's, or finds it so */
static int own_directory(const char *path, uid_t owner, gid_t group, char *why, size_t size) {
	int made = mkdir(path, 0700) == 0;
	if (!made && errno != EEXIST) return complain(why, size, "cannot create", path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) return complain(why, size, "cannot open", path);
	struct stat st;
	if (fstat(fd, &st)) goto failed;
	if (st.st_uid != owner) {
		/* root may have made it for us, by hand: taken if nothing is in it yet */
		if (geteuid() != 0 || (!made && (st.st_uid != 0 || !is_empty(fd)))) {
			snprintf(why, size, "%s belongs to uid %ld, the server runs as uid %ld: chown it, or set sentry-dir", path, (long) st.st_uid, (long) owner);
			close(fd);
			return -1;
		}
		if (fchown(fd, owner, group)) goto failed;
	}
	if ((st.st_mode & 0077) && fchmod(fd, 0700)) goto failed;
	return fd;
failed:
	complain(why, size, "cannot take", path);
	close(fd);
	return -1;
}

/*
 * A file that appears whole or not at all, and belongs to the owner from its first moment: made under another name, given away,
 * then renamed unless the name is taken. A writer that is not root cannot open what root is just creating otherwise.
 */
static int create_for_owner(int dir, const char *name, const void *content, size_t len, uid_t owner, gid_t group) {
	char temporary[64];
	unsigned char salt[8] = {0};
	if (getrandom(salt, sizeof(salt), GRND_NONBLOCK) != sizeof(salt)) memcpy(salt, &temporary, sizeof(char *));
	snprintf(temporary, sizeof(temporary), "new-%ld-%02x%02x%02x%02x%02x%02x%02x%02x", (long) getpid(), salt[0], salt[1], salt[2], salt[3], salt[4], salt[5], salt[6], salt[7]);
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) return -1;
	int failed = (geteuid() == 0 && fchown(fd, owner, group)) || (len && write(fd, content, len) != (ssize_t) len);
	/* the key: empty after a power cut it would shut everybody out */
	if (len && fsync(fd)) failed = 1;
	close(fd);
	if (!failed && (syscall(SYS_renameat2, dir, temporary, dir, name, 1 /* RENAME_NOREPLACE */) == 0 || errno == EEXIST)) {
		unlinkat(dir, temporary, 0);
		return 0;
	}
	int saved = errno;
	if (!failed && (saved == ENOSYS || saved == EINVAL)) {
		/* a file system without that rename: link does the same, but for the moment in which the file has two names */
		if (linkat(dir, temporary, dir, name, 0) == 0 || errno == EEXIST) saved = 0;
		else saved = errno;
	}
	unlinkat(dir, temporary, 0);
	errno = saved;
	return saved ? -1 : 0;
}

static int read_key(int state, struct sentry_journal *journal) {
	/* a FIFO of that name must not stop the server's start */
	int fd = openat(state, "key", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) return -1;
	struct stat st;
	int good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == journal->owner || st.st_uid == 0) &&
		read(fd, journal->key, SENTRY_KEY_SIZE) == SENTRY_KEY_SIZE;
	close(fd);
	if (!good) errno = EINVAL;
	return good ? 0 : -1;
}

int sentry_journal_open(struct sentry_journal *journal, const char *state, uid_t owner, gid_t group, char *why, size_t size) {
	journal->dir = -1;
	journal->owner = owner;
	journal->group = group;
	if ((size_t) snprintf(journal->path, sizeof(journal->path), "%s/journal", state) >= sizeof(journal->path)) {
		snprintf(why, size, "the path is too long: set sentry-dir");
		return -1;
	}
	struct rlimit limit;
	journal->file_limit = getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t) limit.rlim_cur;

	int dir = own_directory(state, owner, group, why, size);
	if (dir < 0) return -1;
	const char *unfit = unfit_file_system(dir);
	if (unfit) {
		snprintf(why, size, "%s is on %s, which does not keep appends and renames in order: set sentry-dir to a directory on a local disk", state, unfit);
		close(dir);
		return -1;
	}
	if (read_key(dir, journal)) {
		unsigned char key[SENTRY_KEY_SIZE];
		if (errno == ENOENT) {
			if (getrandom(key, sizeof(key), 0) != sizeof(key) || create_for_owner(dir, "key", key, sizeof(key), owner, group) || read_key(dir, journal)) {
				complain(why, size, "cannot create the file key in", state);
				close(dir);
				return -1;
			}
		}
		else {
			snprintf(why, size, "%s/key is not a file of 16 bytes of uid %ld: remove it while no server and no agent runs", state, (long) owner);
			close(dir);
			return -1;
		}
	}
	close(dir);
	dir = own_directory(journal->path, owner, group, why, size);
	if (dir < 0) return -1;
	struct stat st;
	if (fstat(dir, &st)) {
		complain(why, size, "cannot look at", journal->path);
		close(dir);
		return -1;
	}
	journal->dev = st.st_dev;
	journal->ino = st.st_ino;
	journal->dir = dir;
	return 0;
}

/* ---- appending ---- */

static uint64_t monotonic_seconds(void) {
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
	uint64_t now = monotonic_seconds();
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

/* our directory is the one that we opened: an application that closes all descriptors, and opens its own, must not get our records */
static int directory_holds(struct sentry_journal *journal) {
	struct stat st;
	if (journal->dir >= 0 && fstat(journal->dir, &st) == 0 && st.st_dev == journal->dev && st.st_ino == journal->ino) return 1;
	if (!journal->path[0]) return 0;
	int fd = open(journal->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) return 0;
	if (fstat(fd, &st) == 0 && st.st_dev == journal->dev && st.st_ino == journal->ino) {
		journal->dir = fd;	/* the old number is somebody else's now: it is not ours to close */
		return 1;
	}
	close(fd);
	return 0;
}

static enum sentry_drop reason_of(int error) {
	switch (error) {
		case ENOSPC: case EDQUOT: return SENTRY_DISK_FULL;
		case EIO: case EFBIG: return SENTRY_IO_ERROR;
		default: return SENTRY_UNUSABLE;
	}
}

static enum sentry_drop append(struct sentry_journal *journal, struct sentry_record *record) {
	int brief_allowed = record->head[28] < SENTRY_CONFIGURATION;
	int sealed = 0;
	enum sentry_drop last = SENTRY_CONTENDED;
	if (journal->dir < 0 && !journal->path[0]) return SENTRY_UNUSABLE;
	if (!directory_holds(journal)) return SENTRY_UNUSABLE;
	uint64_t elsewhere = sealed_bytes(journal);

	for (int round = 0; round < ROUNDS; round++) {
		if (round) sched_yield();
		int fd = openat(journal->dir, "live", O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT) {
			if (geteuid() == 0 && journal->owner != 0) {
				if (create_for_owner(journal->dir, "live", NULL, 0, journal->owner, journal->group)) return reason_of(errno);
				continue;
			}
			fd = openat(journal->dir, "live", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		}
		if (fd < 0) {
			if (errno == ENOENT || errno == EINTR) continue;
			return reason_of(errno);
		}
		struct stat st;
		if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (st.st_uid != journal->owner && st.st_uid != 0)) {
			close(fd);
			return SENTRY_UNUSABLE;
		}
		if (st.st_nlink != 1) {	/* none: sealed, read and unlinked since our open; two: being created, or somebody keeps a second name of it */
			close(fd);
			last = st.st_nlink ? SENTRY_UNUSABLE : SENTRY_CONTENDED;
			continue;
		}
		uint64_t used = elsewhere + (uint64_t) st.st_size;
		if (!sealed) {
			if (brief_allowed && used + record->length > journal->max / 2) sentry_record_make_brief(record);
			sentry_record_seal(record, journal->key);
			sealed = 1;
		}
		if (used + record->length > journal->max || (uint64_t) st.st_size + record->length > journal->file_limit) {
			close(fd);
			return SENTRY_JOURNAL_FULL;
		}
		ssize_t written;
		do written = writev(fd, record->piece, record->pieces);
		while (written < 0 && errno == EINTR);
		int error = errno;
		struct stat name;
		int still = written == (ssize_t) record->length && fstatat(journal->dir, "live", &name, AT_SYMLINK_NOFOLLOW) == 0 &&
			name.st_dev == st.st_dev && name.st_ino == st.st_ino;
		close(fd);
		if (written < 0) return reason_of(error);
		if (written != (ssize_t) record->length) return SENTRY_DISK_FULL;
		if (still) return SENTRY_APPENDED;
	}
	return last;
}

enum sentry_drop sentry_journal_append(struct sentry_journal *journal, struct sentry_record *record) {
	int saved = errno;
	int cancel = 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	enum sentry_drop outcome = append(journal, record);
	if (outcome == SENTRY_APPENDED) __atomic_add_fetch(&journal->counters->appended, 1, __ATOMIC_RELAXED);
	else __atomic_add_fetch(&journal->counters->dropped[outcome], 1, __ATOMIC_RELAXED);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
	return outcome;
}
