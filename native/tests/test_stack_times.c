/* When the stacks of what takes too long are taken, and what that costs. */
#include <stdint.h>

#include "journal/record.h"
#include "capture/stack_times.h"
#include "tests/check.h"

#define MS 1000ull
#define SECOND 1000000ull
#define WALL (1700000000 * SECOND)	/* the two clocks have nothing in common */

static struct sentry_stack_times times;
static uint64_t spent, last_began;

/* one look of the watchdog's at that second of a run; a copy costs so much. 1: one was taken */
static int look(struct sentry_slow slow, uint64_t at, uint64_t cost) {
	if (!sentry_stacks_are_due(&times, &slow, WALL + at, at)) return 0;
	sentry_stacks_were_tried(&times, &slow, WALL + at, at, at + cost);
	spent += cost;
	last_began = slow.began;
	return 1;
}

static struct sentry_slow request(uint64_t began, uint64_t deadline) {
	return (struct sentry_slow) {WALL + began, WALL + began, deadline ? WALL + deadline : 0};
}

static void fresh(void) {
	times = (struct sentry_stack_times) {0};
	spent = 0;
}

int main(void) {
	CASE("the first that is slow is looked at, again after twice the time, and not in between");
	fresh();
	CHECK(look(request(10 * SECOND, 0), 12 * SECOND, MS));
	int copies = 0;
	for (uint64_t at = 12 * SECOND; at < 70 * SECOND; at += 200 * MS) copies += look(request(10 * SECOND, 0), at, MS);
	CHECK(copies == 4);	/* after 4, 8, 16 and 32 seconds */

	CASE("where every request is slow, one after the other, copies take a hundredth of the time and no more");
	fresh();
	copies = 0;
	for (uint64_t at = SECOND; at < 601 * SECOND; at += 200 * MS) copies += look(request(at - 300 * MS, 0), at, 40 * MS);
	CHECK(copies > 100);
	CHECK(spent <= 6 * SECOND + 40 * MS);

	CASE("a cheap copy is taken of each of them");
	fresh();
	copies = 0;
	for (uint64_t at = SECOND; at < 11 * SECOND; at += 200 * MS) copies += look(request(at - 300 * MS, 0), at, MS);
	CHECK(copies == 50);

	CASE("just before its kill a request is looked at, whatever was spent before");
	fresh();
	CHECK(look(request(9 * SECOND, 0), 12 * SECOND, 400 * MS));
	CHECK(!look(request(10 * SECOND, 20 * SECOND), 18 * SECOND + 900 * MS, 400 * MS));
	CHECK(look(request(10 * SECOND, 20 * SECOND), 19 * SECOND, 400 * MS));
	CHECK(last_began == WALL + 10 * SECOND);
	CHECK(!look(request(10 * SECOND, 20 * SECOND), 19 * SECOND + 600 * MS, 400 * MS));
	CHECK(!look(request(10 * SECOND, 20 * SECOND), 20 * SECOND + 800 * MS, 400 * MS));

	CASE("that is counted from the deadline that it has, not from its start");
	fresh();
	CHECK(look(request(10 * SECOND, 90 * SECOND), 25 * SECOND, MS));
	CHECK(!look(request(10 * SECOND, 90 * SECOND), 39 * SECOND, MS));
	CHECK(look(request(10 * SECOND, 30 * SECOND), 29 * SECOND, MS));

	CASE("of a deadline that is near at once it is the last half");
	struct sentry_slow soon = request(10 * SECOND, 11 * SECOND);
	CHECK(!sentry_is_last_second(&soon, WALL + 10 * SECOND + 400 * MS));
	CHECK(sentry_is_last_second(&soon, WALL + 10 * SECOND + 500 * MS));

	CASE("where every request lives within a second of its kill, copies take a tenth of the time and no more");
	fresh();
	for (uint64_t at = SECOND; at < 601 * SECOND; at += 200 * MS) look(request(at - 600 * MS, at + 100 * MS), at, 200 * MS);
	CHECK(spent > 30 * SECOND);
	CHECK(spent <= 60 * SECOND + 200 * MS);

	CASE("a process that was stopped in the middle of a copy takes the next one within minutes");
	fresh();
	CHECK(look(request(10 * SECOND, 0), 12 * SECOND, 3600 * SECOND));
	CHECK(look(request(4100 * SECOND, 0), 4110 * SECOND, MS));

	CASE("nothing is due where nothing is slow");
	CHECK(!look((struct sentry_slow) {0}, 9000 * SECOND, MS));
	return check_result("stack_times");
}
