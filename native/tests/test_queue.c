/*
 * The queue between threads that must not wait and the one that appends: what goes in comes out, whole and in order, or is counted.
 * usage: test_queue [threads]   (threads: only the cases for the thread sanitizer)
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "journal/queue.h"
#include "tests/check.h"

static void line(struct sentry_record *record, uint64_t fault, const char *text, size_t len) {
	sentry_record_begin(record, SENTRY_ALARM, SENTRY_PROCESS_MASTER, 1, 0, SENTRY_NO_CORE);
	sentry_record_fold(record, 7, fault);
	if (len) sentry_record_field(record, "text", text, len);
}

static uint64_t fault_of(const unsigned char *head) {
	return get32(head + 56) | (uint64_t) get32(head + 60) << 32;
}

/* ---- one thread ---- */

static void in_and_out(void) {
	CASE("a record comes out as it went in, with the time at which it went in");
	struct sentry_queue *queue = sentry_queue_new();
	struct sentry_record record, again;
	size_t len;
	CHECK(sentry_queue_is_empty(queue));
	CHECK(!sentry_queue_next(queue, &len));
	line(&record, 3, "FOO", 3);
	uint64_t before = sentry_now_us();
	CHECK(sentry_queue_put(queue, &record) == SENTRY_QUEUED);
	uint64_t after = sentry_now_us();
	CHECK(!sentry_queue_is_empty(queue));
	unsigned char *bytes = sentry_queue_next(queue, &len);
	CHECK(bytes && len == record.length);
	unsigned char key[SENTRY_KEY_SIZE] = {1};
	sentry_record_resume(&again, bytes, len);
	sentry_record_seal(&again, key);
	uint64_t time = get32(again.head + 32) | (uint64_t) get32(again.head + 36) << 32;
	CHECK(time >= before && time <= after);
	unsigned char file[256];
	size_t at = 0;
	for (int i = 0; i < again.pieces; i++) {
		memcpy(file + at, again.piece[i].iov_base, again.piece[i].iov_len);
		at += again.piece[i].iov_len;
	}
	size_t text_len = 0;
	CHECK(whole_record(file, at, key) == at);
	const unsigned char *text = field_of(file, "text", &text_len);
	CHECK(text && text_len == 3 && !memcmp(text, "FOO", 3));
	CHECK(!sentry_queue_next(queue, &len));
	sentry_queue_release(queue);
	CHECK(sentry_queue_is_empty(queue));
	sentry_queue_free(queue);
}

static void around(void) {
	CASE("records of all lengths go around the ring many times, whole and in order");
	struct sentry_queue *queue = sentry_queue_new();
	static char text[70000];
	memset(text, 'x', sizeof(text));
	uint64_t in = 0, out = 0, seed = 88172645463325252ull, bytes = 0;
	while (bytes < 20ull * SENTRY_QUEUE_BYTES) {
		struct sentry_record record;
		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		size_t len = 1 + seed % (seed & 15 ? 900 : sizeof(text) - 1);
		line(&record, in, text, len);
		if (sentry_queue_put(queue, &record) == SENTRY_QUEUED) in++, bytes += record.length;
		else for (unsigned slot = 0; slot < SENTRY_QUEUE_FAULTS; slot++) sentry_queue_take_count(queue, slot, record.head);
		if (seed % 5) continue;
		size_t got;
		for (unsigned char *one; (one = sentry_queue_next(queue, &got)); out++) {
			CHECK(fault_of(one) == out);
			CHECK(one[got - 1] == 'x');
		}
		sentry_queue_release(queue);
	}
	size_t got;
	while (sentry_queue_next(queue, &got)) out++;
	CHECK(in == out);
	CHECK(in > 5000);
	sentry_queue_free(queue);
}

static void full(void) {
	CASE("lines leave half of the ring to what is rarer, and are counted from there on, each fault by itself");
	struct sentry_queue *queue = sentry_queue_new();
	struct sentry_record record;
	char text[1000] = "";
	uint64_t whole = 0, counted = 0, sum[3] = {0};
	do {
		CHECK(!sentry_queue_is_pressed(queue) || whole);
		line(&record, whole % 3, text, sizeof(text));
	} while (sentry_queue_put(queue, &record) == SENTRY_QUEUED && ++whole);
	counted = 1;
	CHECK(whole > 900 && whole < 1100);
	for (int i = 0; i < 3000; i++, counted++) {
		line(&record, (uint64_t) i % 3, text, sizeof(text));
		CHECK(sentry_queue_put(queue, &record) == SENTRY_COUNTED);
	}
	sentry_record_begin(&record, SENTRY_DEATH, SENTRY_PROCESS_WORKER, 1, 1, SENTRY_NO_CORE);
	static char large[900000];
	sentry_record_field(&record, "request.vars", large, sizeof(large));
	CHECK(sentry_queue_put(queue, &record) == SENTRY_QUEUED);
	CHECK(sentry_queue_put(queue, &record) == SENTRY_COUNTED);
	uint64_t taken = 0;
	unsigned char head[SENTRY_RECORD_HEAD];
	for (unsigned slot = 0; slot < SENTRY_QUEUE_FAULTS; slot++) {
		uint64_t n = sentry_queue_take_count(queue, slot, head);
		if (!n) continue;
		taken += n;
		if (head[28] == SENTRY_ALARM) sum[fault_of(head)] += n;
	}
	CHECK(taken == counted + 1);
	CHECK(sum[0] + sum[1] + sum[2] == counted);
	CHECK(sum[0] >= 1000 && sum[1] >= 1000 && sum[2] >= 1000);

	CASE("what is no event is not counted as one");
	sentry_record_begin(&record, SENTRY_CONFIGURATION, SENTRY_PROCESS_MASTER, 1, 0, SENTRY_NO_CORE);
	sentry_record_field(&record, "definition", large, sizeof(large));
	CHECK(sentry_queue_put(queue, &record) == SENTRY_NOT_QUEUED);

	CASE("a table of faults that is full takes no other fault");
	int refused = 0;
	uint64_t faults = 0;
	for (uint64_t fault = 100; fault < 100 + 4 * SENTRY_QUEUE_FAULTS; fault++) {
		line(&record, fault, text, sizeof(text));
		if (sentry_queue_put(queue, &record) == SENTRY_COUNTED) faults++;
		else refused++;
	}
	CHECK(refused > 0 && faults > SENTRY_QUEUE_FAULTS / 2);

	CASE("what is left of a queue that is given up is known");
	CHECK(sentry_queue_abandon(queue) == whole + 1 + faults);
	sentry_queue_free(queue);
}

/* ---- many threads ---- */

#define PRODUCERS 4
#define EACH 60000

static struct sentry_queue *shared;
static uint64_t queued[PRODUCERS], counted_by[PRODUCERS], lost[PRODUCERS];
static int producing;

static void *produce(void *data) {
	uint64_t self = (uint64_t) (size_t) data;
	char text[300];
	memset(text, 'a' + (int) self, sizeof(text));
	for (uint64_t i = 0; i < EACH; i++) {
		struct sentry_record record;
		line(&record, self << 32 | i % 7, text, 1 + i % sizeof(text));
		sentry_record_number(&record, "turn", i);
		switch (sentry_queue_put(shared, &record)) {
			case SENTRY_QUEUED: queued[self]++; break;
			case SENTRY_COUNTED: counted_by[self]++; break;
			default: lost[self]++;
		}
		if (i % 64 == 0) sched_yield();
	}
	__atomic_sub_fetch(&producing, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void together(void) {
	CASE("threads fill it while one empties it: each record is there once and whole, in its thread's order, or it is counted");
	shared = sentry_queue_new();
	pthread_t thread[PRODUCERS];
	uint64_t out[PRODUCERS] = {0}, counts[PRODUCERS] = {0}, next[PRODUCERS] = {0};
	producing = PRODUCERS;
	for (size_t i = 0; i < PRODUCERS; i++) CHECK(!pthread_create(&thread[i], NULL, produce, (void *) i));
	int last = 0;
	for (uint64_t turn = 0; !last; turn++) {
		last = !__atomic_load_n(&producing, __ATOMIC_SEQ_CST);
		size_t len;
		int batch = 0;
		for (unsigned char *one; (one = sentry_queue_next(shared, &len));) {
			uint64_t self = fault_of(one) >> 32;
			size_t text_len = 0, digits = 0;
			memcpy(one + 8, &(uint32_t) {(uint32_t) len}, 4);
			const unsigned char *text = field_of(one, "text", &text_len), *number = field_of(one, "turn", &digits);
			int good = self < PRODUCERS && text && number && digits < 20;
			for (size_t i = 0; good && i < text_len; i++) good = text[i] == 'a' + (int) self;
			CHECK(good);
			if (!good) continue;
			char copy[21] = "";
			memcpy(copy, number, digits);
			uint64_t i = strtoull(copy, NULL, 10);
			CHECK(i >= next[self] && text_len == 1 + i % 300);
			next[self] = i + 1;
			out[self]++;
			if (++batch == 100) {
				sentry_queue_release(shared);
				batch = 0;
			}
		}
		sentry_queue_release(shared);
		unsigned char head[SENTRY_RECORD_HEAD];
		if (turn % 3 == 0 || last) for (unsigned slot = 0; slot < SENTRY_QUEUE_FAULTS; slot++) {
			uint64_t n = sentry_queue_take_count(shared, slot, head);
			if (n) counts[fault_of(head) >> 32] += n;
		}
		if (turn % 16 == 0) usleep(2000);	/* it falls behind now and then */
	}
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_join(thread[i], NULL);
		CHECK(out[i] == queued[i]);
		CHECK(counts[i] == counted_by[i]);
		CHECK(queued[i] + counted_by[i] + lost[i] == EACH);
	}
	CHECK(sentry_queue_is_empty(shared));
	sentry_queue_free(shared);
}

int main(int argc, char **argv) {
	(void) argv;
	if (argc < 2) {
		in_and_out();
		around();
		full();
	}
	together();
	return check_result(argc > 1 ? "queue (threads)" : "queue");
}
