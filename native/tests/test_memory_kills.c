/* Which of the processes that died of SIGKILL the kernel killed for want of memory. */
#include <stdint.h>

#include "journal/record.h"
#include "watch/memory_kills.h"
#include "tests/check.h"

int main(void) {
	struct sentry_memory_kills kills;

	CASE("a kill by another process is not the kernel's, whatever was counted before the server began");
	sentry_memory_kills_begin(&kills, 5000);
	CHECK(sentry_memory_kills_take(&kills, 5000, 100) == 0);

	CASE("an OOM kill is distinguished from other kills, before and after");
	CHECK(sentry_memory_kills_take(&kills, 5001, 101) == 1);
	CHECK(sentry_memory_kills_take(&kills, 5001, 101) == 0);

	CASE("of several that the kernel killed at once each is one");
	CHECK(sentry_memory_kills_take(&kills, 5004, 102) == 3);
	CHECK(sentry_memory_kills_take(&kills, 5004, 102) == 2);
	CHECK(sentry_memory_kills_take(&kills, 5004, 103) == 1);
	CHECK(sentry_memory_kills_take(&kills, 5004, 103) == 0);

	CASE("the count rises before the victim is dead");
	sentry_memory_kills_seen(&kills, 5005, 200);
	sentry_memory_kills_seen(&kills, 5005, 203);
	CHECK(sentry_memory_kills_take(&kills, 5005, 203) == 1);

	CASE("a victim that was none of ours has nothing to do with a kill long after it");
	sentry_memory_kills_seen(&kills, 5006, 300);
	sentry_memory_kills_seen(&kills, 5006, 303);
	CHECK(sentry_memory_kills_take(&kills, 5006, 300 + SENTRY_MEMORY_KILL_SECONDS + 1) == 0);

	CASE("a count that cannot be read for once makes nothing new");
	sentry_memory_kills_seen(&kills, 0, 400);
	CHECK(sentry_memory_kills_take(&kills, 5006, 400) == 0);
	return check_result("memory_kills");
}
