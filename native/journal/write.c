/*
 * A write that cannot end the process. One beyond RLIMIT_FSIZE raises SIGXFSZ, which kills a process that does not ignore it (Python
 * does). Checking the limit beforehand is not enough: another writer may come between, and a running server's limit may be lowered.
 * So the signal is blocked in this thread during the write, and taken if it came.
 */
#define _GNU_SOURCE
#include "journal/journal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

/* one that waits already, of a caller that holds it back itself, is the caller's */
static int waits_already(void) {
	sigset_t pending;
	return sigpending(&pending) || sigismember(&pending, SIGXFSZ) == 1;
}

ssize_t sentry_write(int fd, const struct iovec *piece, int pieces) {
	static const struct timespec at_once = {0, 0};
	sigset_t limit, before;
	ssize_t written;
	sigemptyset(&limit);
	sigaddset(&limit, SIGXFSZ);
	int error = pthread_sigmask(SIG_BLOCK, &limit, &before);
	if (error) {
		errno = error;
		return -1;
	}
	int held_back = sigismember(&before, SIGXFSZ) == 1;
	int is_ours = !held_back || !waits_already();
	do written = writev(fd, piece, pieces);
	while (written < 0 && errno == EINTR);
	error = errno;
	if (written < 0 && error == EFBIG && is_ours) sigtimedwait(&limit, NULL, &at_once);
	if (!held_back) pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return written;
}
