/* Which deaths by SIGKILL were OOM kills: the kernel only counts how many there were. Knows nothing of uWSGI. */
#ifndef SENTRY_MEMORY_KILLS_H
#define SENTRY_MEMORY_KILLS_H

#include <stdint.h>

/*
 * The count may rise for a process that is not ours (a command that a worker ran, another server of the machine), and rises
 * before the victim is dead, which may be one of several. So a kill waits for its victim, for these seconds, and has one.
 */
#define SENTRY_MEMORY_KILL_SECONDS 10

struct sentry_memory_kills {
	uint64_t counted;	/* as the kernel had it when last looked at */
	uint64_t waiting;	/* kills whose victim was not seen */
	uint64_t since;		/* seconds: when the last of them was seen */
};

/* what was before does not count */
void sentry_memory_kills_begin(struct sentry_memory_kills *, uint64_t count);
/* at each look */
void sentry_memory_kills_seen(struct sentry_memory_kills *, uint64_t count, uint64_t seconds);
/* one was killed: how many kills by the kernel it may have been, 0 if by none; one of them is used up */
uint64_t sentry_memory_kills_take(struct sentry_memory_kills *, uint64_t count, uint64_t seconds);

#endif
