#include "watch/memory_kills.h"

void sentry_memory_kills_begin(struct sentry_memory_kills *kills, uint64_t count) {
	kills->counted = count;
	kills->waiting = 0;
}

void sentry_memory_kills_seen(struct sentry_memory_kills *kills, uint64_t count, uint64_t seconds) {
	if (kills->waiting && seconds - kills->since > SENTRY_MEMORY_KILL_SECONDS) kills->waiting = 0;
	/* a count that could not be read is 0: what is read next is not new because of that */
	if (count <= kills->counted) return;
	kills->waiting += count - kills->counted;
	kills->counted = count;
	kills->since = seconds;
}

uint64_t sentry_memory_kills_take(struct sentry_memory_kills *kills, uint64_t count, uint64_t seconds) {
	sentry_memory_kills_seen(kills, count, seconds);
	uint64_t waiting = kills->waiting;
	if (waiting) kills->waiting--;
	return waiting;
}
