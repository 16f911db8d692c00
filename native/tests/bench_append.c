/*
 * The cost of one append, as an entry point pays it: build, CRC, open, write, look, close.
 * usage: bench_append DIRECTORY...   prints one line a case: directory, bytes, writers, median and 99th percentile in microseconds
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "journal/journal.h"

#define EACH 20000
#define WRITERS 4

static struct sentry_journal journal;
static size_t record_size;

static uint32_t now_ns_since(const struct timespec *start) {
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t) ((ts.tv_sec - start->tv_sec) * 1000000000 + ts.tv_nsec - start->tv_nsec);
}

static void *write_many(void *data) {
	uint32_t *took = data;
	char text[8192];
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < EACH; i++) {
		struct timespec start;
		clock_gettime(CLOCK_MONOTONIC, &start);
		struct sentry_record r;
		sentry_record_begin(&r, SENTRY_ROUTE, SENTRY_PROCESS_WORKER, (uint32_t) getpid(), 1, 0);
		sentry_record_field(&r, "request.vars", text, record_size - SENTRY_RECORD_HEAD - 17);
		if (sentry_journal_append(&journal, &r) != SENTRY_APPENDED) abort();
		took[i] = now_ns_since(&start);
	}
	return NULL;
}

static int ascending(const void *a, const void *b) {
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
	return x < y ? -1 : x > y;
}

static void one_case(const char *directory, int writers, int processes) {
	uint32_t *took = mmap(NULL, sizeof(uint32_t) * EACH * WRITERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_t threads[WRITERS];
	pid_t pids[WRITERS];
	unlinkat(journal.dir, "live", 0);
	for (int i = 0; i < writers; i++) {
		if (!processes) pthread_create(&threads[i], NULL, write_many, took + i * EACH);
		else if (!(pids[i] = fork())) {
			write_many(took + i * EACH);
			_exit(0);
		}
	}
	for (int i = 0; i < writers; i++) {
		if (!processes) pthread_join(threads[i], NULL);
		else waitpid(pids[i], NULL, 0);
	}
	size_t n = (size_t) (EACH * writers);
	qsort(took, n, sizeof(uint32_t), ascending);
	printf("%s\t%zu\t%s\t%.2f\t%.2f\n", directory, record_size, writers == 1 ? "1 writer" : processes ? "4 processes" : "4 threads",
		took[n / 2] / 1000.0, took[n - n / 100] / 1000.0);
	fflush(stdout);
	munmap(took, sizeof(uint32_t) * EACH * WRITERS);
}

int main(int argc, char **argv) {
	static const size_t sizes[] = {300, 4096};
	for (int d = 1; d < argc; d++) {
		char state[4096], why[1024];
		snprintf(state, sizeof(state), "%s/uwsgi-sentry-bench-%ld", argv[d], (long) getpid());
		journal.counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (sentry_journal_open(&journal, state, geteuid(), getegid(), why, sizeof(why))) {
			fprintf(stderr, "%s\n", why);
			return 1;
		}
		journal.max = 1ull << 40;	/* the limit is not what is measured */
		for (int s = 0; s < 2; s++) {
			record_size = sizes[s];
			one_case(argv[d], 1, 0);
			one_case(argv[d], WRITERS, 0);
			one_case(argv[d], WRITERS, 1);
		}
		char command[4200];
		snprintf(command, sizeof(command), "rm -rf '%s'", state);
		if (system(command)) return 1;
	}
	return 0;
}
