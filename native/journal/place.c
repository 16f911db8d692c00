/*
 * A descriptor stays when its directory is removed, moved, or replaced by another; the agent, and the next server, find the
 * directory by its path. So the path decides: an append is acknowledged only if `live` is found there (append.c), and where it is
 * not, the writer follows the path to the directory that stands there now, and takes the key beside it. Each process
 * has a descriptor of its own and finds this out alone.
 *
 * The path says nothing where it cannot be searched (a worker that gave root up, below a directory of root's) or means something
 * else (a chroot). There the descriptor decides; a directory that is moved under it goes on being written to.
 *
 * Directory and key are replaced together. `change` is their version, with the pid of the process that is replacing them: a thread that
 * took its key from one version and finds another after its write has not appended anything that counts. The pid is there for
 * a child that was forked in the middle: the thread that was at it is not in it.
 */
#define _GNU_SOURCE
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

const char *sentry_unfit_file_system(int fd) {
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

int sentry_read_key(int dir, const char *name, uid_t owner, unsigned char key[SENTRY_KEY_SIZE]) {
	unsigned char bytes[SENTRY_KEY_SIZE + 1];
	struct stat st;
	/* a FIFO of that name must not block the open */
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) return -1;
	int good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == owner || st.st_uid == 0) && read(fd, bytes, sizeof(bytes)) == SENTRY_KEY_SIZE;
	close(fd);
	if (!good) {
		errno = EINVAL;
		return -1;
	}
	memcpy(key, bytes, SENTRY_KEY_SIZE);
	return 0;
}

/* ---- versions ---- */

#define OWNER_MASK 0xffffffffu

static uint64_t begin_change(struct sentry_journal *journal) {
	uint64_t before = __atomic_load_n(&journal->change, __ATOMIC_ACQUIRE);
	uint64_t self = (uint32_t) getpid();
	if ((before & OWNER_MASK) == self) return 0;
	uint64_t mine = (before & ~(uint64_t) OWNER_MASK) | self;
	return __atomic_compare_exchange_n(&journal->change, &before, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) ? mine : 0;
}

static void end_change(struct sentry_journal *journal, uint64_t mine) {
	__atomic_store_n(&journal->change, (mine & ~(uint64_t) OWNER_MASK) + OWNER_MASK + 1, __ATOMIC_RELEASE);
}

/* by a thread of the process that this one was forked from */
static int left_behind(struct sentry_journal *journal) {
	uint64_t owner = __atomic_load_n(&journal->change, __ATOMIC_RELAXED) & OWNER_MASK;
	return owner && owner != (uint32_t) getpid();
}

static void copy_key(const unsigned char *from, unsigned char *to) {
	for (int i = 0; i < SENTRY_KEY_SIZE; i++) __atomic_store_n(to + i, __atomic_load_n(from + i, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

int sentry_journal_key(struct sentry_journal *journal, unsigned char key[SENTRY_KEY_SIZE], uint64_t *version) {
	*version = __atomic_load_n(&journal->change, __ATOMIC_ACQUIRE);
	copy_key(journal->key, key);
	return !(*version & OWNER_MASK) && !sentry_journal_moved(journal, *version);
}

int sentry_journal_moved(struct sentry_journal *journal, uint64_t version) {
	/* an addition, and no load: what was read before it stays before it */
	return __atomic_fetch_add(&journal->change, 0, __ATOMIC_ACQ_REL) != version;
}

/* ---- the directory ---- */

static int is_ours(struct sentry_journal *journal, const struct stat *st) {
	return st->st_dev == __atomic_load_n(&journal->dev, __ATOMIC_RELAXED) && st->st_ino == __atomic_load_n(&journal->ino, __ATOMIC_RELAXED);
}

static int held(struct sentry_journal *journal, struct stat *st) {
	int dir = __atomic_load_n(&journal->dir, __ATOMIC_RELAXED);
	return dir >= 0 && fstat(dir, st) == 0 && is_ours(journal, st);
}

/* as the start of a server would take it */
static int is_fit(const struct sentry_journal *journal, int dir, const struct stat *st) {
	return st->st_uid == journal->owner && !sentry_unfit_file_system(dir) && (!(st->st_mode & 0077) || fchmod(dir, 0700) == 0);
}

/* `fd` is what stands at the path: it is the journal from now on. 0: it is none. Closes `fd`, or keeps it */
static int take(struct sentry_journal *journal, int fd, const struct stat *st) {
	unsigned char key[SENTRY_KEY_SIZE];
	int has_key = sentry_read_key(fd, "../key", journal->owner, key) == 0;
	if (!is_ours(journal, st) && (!has_key || !is_fit(journal, fd, st))) {
		close(fd);
		return 0;
	}
	uint64_t mine = begin_change(journal);
	if (!mine) {
		close(fd);
		return 1;	/* another thread is at it: the next round finds what it made of it */
	}
	struct stat old_st;
	int old = __atomic_load_n(&journal->dir, __ATOMIC_RELAXED);
	/* under the old number, which another thread may be using; unless the application has that number for another file now: then it is not ours to close */
	if (held(journal, &old_st) && dup3(fd, old, O_CLOEXEC) == old) close(fd);
	else __atomic_store_n(&journal->dir, fd, __ATOMIC_RELAXED);
	__atomic_store_n(&journal->dev, st->st_dev, __ATOMIC_RELAXED);
	__atomic_store_n(&journal->ino, st->st_ino, __ATOMIC_RELAXED);
	if (has_key) copy_key(key, journal->key);
	end_change(journal, mine);
	return 1;
}

/* once a second: a key that was replaced, and nothing else. One that is gone, or is none, leaves ours as it is */
static void look_at_key(struct sentry_journal *journal) {
	uint64_t now = sentry_seconds();
	int is_left = left_behind(journal);
	if (__atomic_exchange_n(&journal->key_looked, now, __ATOMIC_RELAXED) == now && !is_left) return;
	unsigned char key[SENTRY_KEY_SIZE], ours[SENTRY_KEY_SIZE];
	copy_key(journal->key, ours);
	if (sentry_read_key(__atomic_load_n(&journal->dir, __ATOMIC_RELAXED), "../key", journal->owner, key)) return;
	if (!is_left && !memcmp(key, ours, sizeof(key))) return;
	uint64_t mine = begin_change(journal);
	if (!mine) return;
	copy_key(key, journal->key);
	end_change(journal, mine);
}

static int find(struct sentry_journal *journal, int by_path) {
	struct stat st;
	/* an application that closes all descriptors, and opens its own, must not get our records */
	int usable = held(journal, &st) && st.st_nlink > 0;
	if (journal->path[0] && (by_path || !usable)) {
		int fd = open(journal->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return 0;
		if (fd >= 0) {
			if (fstat(fd, &st)) usable = 0;
			else if (!usable || !is_ours(journal, &st)) return take(journal, fd, &st);
			close(fd);
		}
	}
	if (usable) look_at_key(journal);
	return usable;
}

int sentry_journal_place(struct sentry_journal *journal, int by_path) {
	int found = find(journal, by_path || __atomic_load_n(&journal->astray, __ATOMIC_RELAXED));
	__atomic_store_n(&journal->astray, !found, __ATOMIC_RELAXED);
	return found;
}

uint64_t sentry_journal_version(struct sentry_journal *journal, int look) {
	if (look) sentry_journal_place(journal, 1);
	return __atomic_load_n(&journal->change, __ATOMIC_ACQUIRE) >> 32;
}
