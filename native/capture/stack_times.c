#include "capture/stack_times.h"

#define SECOND 1000000u
#define PAUSE 800000u		/* at least, between two of the same */
#define MOST_COST (5 * SECOND)	/* a process that was stopped in the middle of a copy is not to pay for that for days */
#define SHARE 100		/* one part in so many of the time */
#define LAST_SHARE 10

static uint64_t last_second(const struct sentry_slow *slow) {
	if (slow->deadline <= slow->began) return slow->deadline;
	uint64_t half = slow->began + (slow->deadline - slow->began) / 2;
	return slow->deadline - half > SECOND ? slow->deadline - SECOND : half;
}

int sentry_is_last_second(const struct sentry_slow *slow, uint64_t now) {
	return slow->deadline && now >= last_second(slow);
}

int sentry_stacks_are_due(const struct sentry_stack_times *last, const struct sentry_slow *slow, uint64_t now, uint64_t monotonic) {
	if (!slow->of) return 0;
	uint64_t since = monotonic - last->ended;
	if (sentry_is_last_second(slow, now) && last->at < last_second(slow)) return since >= last->cost * (LAST_SHARE - 1);
	if (since < last->cost * (SHARE - 1)) return 0;
	if (last->of != slow->of) return 1;
	return since >= PAUSE && now - slow->began >= 2 * (last->at - slow->began);
}

void sentry_stacks_were_tried(struct sentry_stack_times *last, const struct sentry_slow *slow, uint64_t now, uint64_t started, uint64_t ended) {
	uint64_t cost = ended - started;
	last->of = slow->of;
	last->at = now;
	last->ended = ended;
	last->cost = cost < MOST_COST ? cost : MOST_COST;
}
