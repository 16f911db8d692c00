/*
 * The writers' side of the journal: docs/journal.md has the protocol and why it is right.
 */
#ifndef SENTRY_JOURNAL_H
#define SENTRY_JOURNAL_H

#include <sys/stat.h>
#include <sys/types.h>

#include "journal/record.h"

enum sentry_drop {
	SENTRY_APPENDED = -1,
	SENTRY_DISK_FULL,
	SENTRY_IO_ERROR,
	SENTRY_JOURNAL_FULL,
	SENTRY_UNUSABLE,
	SENTRY_CONTENDED,
	SENTRY_UNSURE,	/* written, but into a file that the agent may have read to its end already */
	SENTRY_STALLED,	/* the disk stood still for so long that there was no room left to keep it, or no time */
	SENTRY_DROP_REASONS,
};

extern const char *const sentry_drop_name[SENTRY_DROP_REASONS];

/* Counters of all processes of one server; in memory that they share. Plain additions only: any process may die anywhere. */
struct sentry_counters {
	uint64_t appended;
	uint64_t dropped[SENTRY_DROP_REASONS];
	uint64_t reported[SENTRY_DROP_REASONS];	/* of those dropped: reported to the agent by a record */
	uint64_t reserve_next, reserve_used;	/* monotonic second from which the reserve may be taken again, and how often it was */
	uint64_t sealed_bytes;			/* what waits in sealed files, as of `sealed_looked` */
	uint64_t sealed_looked;			/* seconds, monotonic */
	int64_t room;				/* bytes of the volume that may still be taken, as of `room_looked` and what was appended since */
	uint64_t room_looked;			/* seconds, monotonic */
};

struct sentry_journal {
	int dir;	/* <dir>/journal, or -1: there is none, every append is a drop */
	dev_t dev;	/* what `dir` is: the application may close our descriptor and get its number for another file */
	ino_t ino;
	uint64_t change;	/* version of `dir` and `key`, and the process that is replacing them: place.c */
	int astray;	/* nothing usable stood at the path when it was looked at last */
	uint64_t key_looked;	/* second in which the key's file was read last */
	char path[4096];	/* of `dir`: what stands there is the journal; empty if that says nothing */
	char live[4096 + 8];	/* of `live` in it */
	uid_t owner;
	gid_t group;
	unsigned char key[SENTRY_KEY_SIZE];
	uint64_t max;	/* bytes, all files together */
	uint64_t keep;	/* bytes of the volume that must stay free; 0: it does not say how large it is */
	uint64_t file_limit;	/* RLIMIT_FSIZE at the start: what does not fit is not begun */
	struct sentry_counters *counters;
};

/* of `max`, however small the volume */
#define SENTRY_SMALLEST_JOURNAL (64ull << 10)

/* Opens <state>/journal and <state>/key, creating both; everything goes to owner and group, and `max` shrinks to what the volume allows. Returns 0, or -1 with a sentence in `why`. */
int sentry_journal_open(struct sentry_journal *, const char *state, uid_t owner, gid_t group, char *why, size_t why_size);

/*
 * A file in `dir` that appears whole or not at all, and belongs to the owner from its first moment: a writer that is not root cannot
 * open what root is just creating otherwise. 0 if it is there now, even if another process made it; else -1 with errno.
 */
int sentry_create_for_owner(int dir, const char *name, const void *content, size_t len, uid_t owner, gid_t group);

/* writev() that is not interrupted and raises no SIGXFSZ */
ssize_t sentry_write(int fd, const struct iovec *, int pieces);

/*
 * Appends; never waits for another process. Returns SENTRY_APPENDED, or the reason for which the record was dropped and counted. What
 * is no event (from SENTRY_CONFIGURATION on) is not counted: its writer tries again. errno is kept.
 */
enum sentry_drop sentry_journal_append(struct sentry_journal *, struct sentry_record *);

/* The same for a record that stands for so many events: if it is dropped, they are all counted */
enum sentry_drop sentry_journal_append_count(struct sentry_journal *, struct sentry_record *, uint64_t events);

/*
 * Records that are sealed, each a piece of `batch`, with one write. 1: they are there. 0: none is, the journal is above half of its
 * limit, where records are to be brief. -1: some may be: append each alone, under the same id. Nothing is counted as dropped.
 */
int sentry_journal_append_sealed(struct sentry_journal *, struct sentry_record *batch, uint64_t version);

/* The key as it is now, and its version, to seal records with. 0: it is being replaced */
int sentry_journal_key(struct sentry_journal *, unsigned char key[SENTRY_KEY_SIZE], uint64_t *version);

/* Appends a record of the plugin's own; one that reports drops may use what is kept free for it (`from_reserve`). */
enum sentry_drop sentry_journal_append_notice(struct sentry_journal *, struct sentry_record *, int from_reserve);

/* Changes whenever the directory or its key was replaced by another; with `look` the path is looked at now, as an append does. */
uint64_t sentry_journal_version(struct sentry_journal *, int look);

/* ---- between the files of this folder ---- */

/* place.c: the key file of that name in `dir`, which may be anything: 0 if it is a key of the owner's, or of root's. */
int sentry_read_key(int dir, const char *name, uid_t owner, unsigned char key[SENTRY_KEY_SIZE]);

/* A file system on which another machine, or a daemon, stands between append and rename: its name. NULL: any other. */
const char *sentry_unfit_file_system(int fd);

/*
 * 1 if there is a directory to append to, and journal->dir is it. Looks at the path where `by_path` says so or the descriptor is not
 * enough, and follows it if another directory stands there.
 */
int sentry_journal_place(struct sentry_journal *, int by_path);

/* Whether the directory or the key was replaced since that version. */
int sentry_journal_moved(struct sentry_journal *, uint64_t version);

/* volume.c: takes from `max` what is too much for the volume, and finds out `keep`. */
void sentry_journal_bound(struct sentry_journal *);

/* Whether the volume has that much beyond what must stay free. */
int sentry_journal_has_room(struct sentry_journal *, uint64_t bytes);

/* The size of the sealed files, at most a second old. */
uint64_t sentry_sealed_bytes(struct sentry_journal *);

#endif
