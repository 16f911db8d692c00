/* When the stacks of what takes too long are to be taken, so that it costs little. Knows nothing of uWSGI. */
#ifndef SENTRY_STACK_TIMES_H
#define SENTRY_STACK_TIMES_H

#include <stdint.h>

/* microseconds of the wall clock */
struct sentry_slow {
	uint64_t of;		/* what identifies it; 0: nothing is slow */
	uint64_t began;
	uint64_t deadline;	/* when it is to be killed; 0: never */
};

struct sentry_stack_times {
	uint64_t of, at;	/* the last attempt: of what, and when by the wall clock */
	uint64_t ended, cost;	/* of it, by a clock that is never set */
};

/*
 * A copy of the process is due when something else is slow than at the last one, and each time that the same has taken twice as
 * long; but copies take no more than a hundredth of the time. Just before a kill, once, a tenth will do: it is the last chance.
 */
int sentry_stacks_are_due(const struct sentry_stack_times *, const struct sentry_slow *, uint64_t now, uint64_t monotonic);
void sentry_stacks_were_tried(struct sentry_stack_times *, const struct sentry_slow *, uint64_t now, uint64_t started, uint64_t ended);
/* whether it is just before the kill: in the last second, or of a shorter time the last half */
int sentry_is_last_second(const struct sentry_slow *, uint64_t now);

#endif
