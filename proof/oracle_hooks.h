/*
 * Put before native/journal/append.c and native/journal/write.c when the oracle is built: between any two of their steps the process may stop
 * itself (SIGSTOP), for its parent to let it go on, or kill it, some time later. The sources are compiled as they are.
 *
 * With -DPLANT_NO_LOOK the look at the name always finds the file that was written to: a fault for the oracle to find.
 */
#ifndef ORACLE_HOOKS_H
#define ORACLE_HOOKS_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

void oracle_pause(void);
extern _Thread_local struct stat oracle_opened;

static inline int oracle_openat(int dir, const char *name, int flags, int mode) {
	int fd = openat(dir, name, flags, mode);
	if (flags & O_APPEND) oracle_pause();
	return fd;
}

static inline int oracle_fstat(int fd, struct stat *st) {
	int rc = fstat(fd, st);
	oracle_opened = *st;
	return rc;
}

static inline ssize_t oracle_writev(int fd, const struct iovec *piece, int pieces) {
	oracle_pause();
	ssize_t n = writev(fd, piece, pieces);
	oracle_pause();
	return n;
}

static inline int oracle_fstatat(int dir, const char *name, struct stat *st, int flags) {
	int rc = fstatat(dir, name, st, flags);
#ifdef PLANT_NO_LOOK
	if (!strcmp(name + strlen(name) - 4, "live")) {
		*st = oracle_opened;
		rc = 0;
	}
#endif
	return rc;
}

#define OPENAT_4(dir, name, flags, mode) oracle_openat(dir, name, flags, mode)
#define OPENAT_3(dir, name, flags) oracle_openat(dir, name, flags, 0)
#define OPENAT_OF(a, b, c, d, chosen, ...) chosen
#define openat(...) OPENAT_OF(__VA_ARGS__, OPENAT_4, OPENAT_3, )(__VA_ARGS__)
#define fstat(fd, st) oracle_fstat(fd, st)
#define writev(fd, piece, pieces) oracle_writev(fd, piece, pieces)
#define fstatat(dir, name, st, flags) oracle_fstatat(dir, name, st, flags)

#endif
