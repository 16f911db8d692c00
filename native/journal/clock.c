/* The two clocks: of records, and for waiting. Both are safe in signal handlers. */
#include "journal/record.h"

#include <time.h>

uint64_t sentry_now_us(void) {
	struct timespec ts = {0, 0};
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t) ts.tv_sec * 1000000u + (uint64_t) ts.tv_nsec / 1000u;
}

uint64_t sentry_seconds(void) {
	struct timespec ts = {0, 0};
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t) ts.tv_sec + 1;
}
