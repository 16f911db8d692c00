/*
 * Preloaded into a server and its agent: the clock that people set (CLOCK_REALTIME) is as many nanoseconds ahead as the file says
 * that CHAOS_CLOCK names, 8 bytes that may change at any time. The monotonic clocks stay as they are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000

static const volatile int64_t *ahead;

__attribute__((constructor)) static void map(void) {
	const char *path = getenv("CHAOS_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) return;
	void *found = mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (found != MAP_FAILED) ahead = found;
}

int clock_gettime(clockid_t clock, struct timespec *to) {
	if (syscall(SYS_clock_gettime, clock, to)) return -1;	/* it has set errno */
	if (ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		int64_t all = (int64_t) to->tv_sec * BILLION + to->tv_nsec + *ahead;
		to->tv_sec = (time_t) (all / BILLION);
		to->tv_nsec = (long) (all % BILLION);
	}
	return 0;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
	(void) zone;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	*to = (struct timeval) {now.tv_sec, now.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *to) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (to) *to = now.tv_sec;
	return now.tv_sec;
}
