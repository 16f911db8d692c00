/*
 * What the journal may take of its volume.
 *
 * At the start: of what is free (what the product itself holds counts as free) all of its files together may take a quarter, and
 * the journal a sixth of that; the agent keeps the rest to its own (Footprint.java has the other shares).
 * Later: never the last twentieth of the volume, which is the server's. Others write to it too, so that is looked at again each
 * second, and in between by what this server has appended itself: a look costs a system call.
 */
#define _GNU_SOURCE
#include "journal/journal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PRODUCT_SHARE 4		/* of what is free */
#define JOURNAL_SHARE 6		/* of that */
#define KEPT_SHARE 20		/* of the whole volume */
#define BLOCK 4096	/* files grow by whole ones */
#define KEPT_MOST (256ull << 20)	/* a twentieth of a large one would be far more than a server needs to live */

struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* the size of the sealed files, counted once a second by the first process that asks (readdir would allocate) */
uint64_t sentry_sealed_bytes(struct sentry_journal *journal) {
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

static uint64_t on_disk(int dir, const char *name) {
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ? (uint64_t) st.st_blocks * 512 : 0;
}

/* as Footprint.java counts it */
static uint64_t own_bytes(struct sentry_journal *journal) {
	return on_disk(journal->dir, "live") + sentry_sealed_bytes(journal) + on_disk(journal->dir, "../outbox.db") + on_disk(journal->dir, "../outbox.db-wal") +
		on_disk(journal->dir, "../reserve");
}

static uint64_t kept(const struct statfs *fs) {
	uint64_t keep = (uint64_t) fs->f_blocks * (uint64_t) fs->f_bsize / KEPT_SHARE;
	return keep < KEPT_MOST ? keep : KEPT_MOST;
}

void sentry_journal_bound(struct sentry_journal *journal) {
	struct statfs fs;
	journal->keep = 0;
	if (journal->dir < 0 || fstatfs(journal->dir, &fs) || fs.f_blocks == 0) return;	/* it does not say how large it is */
	journal->keep = kept(&fs);
	uint64_t share = ((uint64_t) fs.f_bavail * (uint64_t) fs.f_bsize + own_bytes(journal)) / PRODUCT_SHARE / JOURNAL_SHARE;
	if (share < SENTRY_SMALLEST_JOURNAL) share = SENTRY_SMALLEST_JOURNAL;
	if (journal->max > share) journal->max = share;
}

/* 1, and the bytes are taken off what is known to be there; any process may die in between, so that the next look puts it right */
int sentry_journal_has_room(struct sentry_journal *journal, uint64_t bytes) {
	struct sentry_counters *counters = journal->counters;
	int64_t needed = (int64_t) bytes + BLOCK;
	if (!journal->keep) return 1;
	uint64_t now = sentry_seconds();
	if (__atomic_load_n(&counters->room_looked, __ATOMIC_RELAXED) == now && __atomic_load_n(&counters->room, __ATOMIC_RELAXED) >= needed) {
		__atomic_sub_fetch(&counters->room, (int64_t) bytes, __ATOMIC_RELAXED);
		return 1;
	}
	/* also if there was too little a moment ago: there may be room again */
	struct statfs fs;
	/* the directory may be on another volume by now: place.c */
	if (fstatfs(__atomic_load_n(&journal->dir, __ATOMIC_RELAXED), &fs)) return 1;
	int64_t room = (int64_t) ((uint64_t) fs.f_bavail * (uint64_t) fs.f_bsize) - (int64_t) kept(&fs);
	__atomic_store_n(&counters->room, room - (int64_t) bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&counters->room_looked, now, __ATOMIC_RELAXED);
	return room >= needed;
}
