/* Where the journal is: the parts of the writers' side that append.c does not show to others. */
#ifndef SENTRY_JOURNAL_PLACE_H
#define SENTRY_JOURNAL_PLACE_H

#include "journal/journal.h"

/* The key file of that name in `dir`, which may be anything: 0 if it is a key of the owner's, or of root's. */
int sentry_read_key(int dir, const char *name, uid_t owner, unsigned char key[SENTRY_KEY_SIZE]);

/* A file system on which another machine, or a daemon, stands between append and rename: its name. NULL: any other. */
const char *sentry_unfit_file_system(int fd);

/*
 * 1 if there is a directory to append to, and journal->dir is it. Looks at the path where `by_path` says so or the descriptor is not
 * enough, and follows it if another directory stands there.
 */
int sentry_journal_place(struct sentry_journal *, int by_path);

/* The key of the directory, and its version for sentry_journal_moved(); 0: both are being replaced by another thread. */
int sentry_journal_key(struct sentry_journal *, unsigned char key[SENTRY_KEY_SIZE], uint64_t *version);

/* Whether the directory or the key was replaced since. */
int sentry_journal_moved(struct sentry_journal *, uint64_t version);

#endif
