/*
 * The writers' side against real files: many writers, threads and processes, while the file is renamed under them.
 * usage: test_append [threads]   (threads: only the case for the thread sanitizer)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/scratch.h"

/* ---- writers against renames ---- */

#define WRITERS 4
#define EACH 3000

struct writer {
	struct sentry_journal *journal;
	unsigned char (*ids)[16];	/* of what was acknowledged */
	int acknowledged;
};

static void *write_many(void *data) {
	struct writer *w = data;
	char text[400];
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < EACH; i++) {
		if (append_text(w->journal, text, (size_t) (i % 400), w->ids[w->acknowledged]) == SENTRY_APPENDED) w->acknowledged++;
	}
	return NULL;
}

static unsigned char (*seen)[16];
static int seen_count;

static void read_sealed(struct sentry_journal *journal, const char *name) {
	int fd = openat(journal->dir, name, O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned char *bytes = malloc((size_t) size + 1);
	/* what was acknowledged before the rename is here now; a late one may come after this and is appended again elsewhere */
	ssize_t n = pread(fd, bytes, (size_t) size, 0);
	size_t at = 0;
	while (at < (size_t) n) {
		size_t len = whole_record(bytes + at, (size_t) n - at, journal->key);
		if (!len) {
			at++;
			continue;
		}
		memcpy(seen[seen_count++], bytes + at + 12, 16);
		at += len;
	}
	free(bytes);
	close(fd);
	unlinkat(journal->dir, name, 0);
}

static int by_bytes(const void *a, const void *b) {
	return memcmp(a, b, 16);
}

static int done;

static void *seal_often(void *data) {
	struct sentry_journal *journal = data;
	for (int n = 0;; n++) {
		int last = __atomic_load_n(&done, __ATOMIC_ACQUIRE);
		char name[64];
		snprintf(name, sizeof(name), "sealed-%032d", n);
		if (renameat(journal->dir, "live", journal->dir, name) == 0) read_sealed(journal, name);
		if (last) return NULL;
		sched_yield();
	}
}

static void renames(int processes) {
	struct sentry_journal journal;
	fresh(&journal, processes ? "processes" : "threads", 1ull << 40);
	unsigned char (*ids)[16] = mmap(NULL, WRITERS * EACH * 16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	seen = calloc(WRITERS * EACH * 9, 16);
	seen_count = 0;
	__atomic_store_n(&done, 0, __ATOMIC_RELEASE);
	struct writer *writers = mmap(NULL, sizeof(struct writer) * WRITERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_t threads[WRITERS], sealer;
	pid_t pids[WRITERS];
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){&journal, ids + i * EACH, 0};
		if (!processes) continue;
		pids[i] = fork();
		if (!pids[i]) {
			write_many(&writers[i]);
			_exit(0);
		}
	}
	pthread_create(&sealer, NULL, seal_often, &journal);
	for (int i = 0; i < WRITERS && !processes; i++) pthread_create(&threads[i], NULL, write_many, &writers[i]);
	for (int i = 0; i < WRITERS; i++) {
		if (processes) waitpid(pids[i], NULL, 0);
		else pthread_join(threads[i], NULL);
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	pthread_join(sealer, NULL);

	int acknowledged = 0, missing = 0;
	qsort(seen, (size_t) seen_count, 16, by_bytes);
	for (int i = 0; i < WRITERS; i++) {
		for (int k = 0; k < writers[i].acknowledged; k++) {
			acknowledged++;
			if (!bsearch(writers[i].ids[k], seen, (size_t) seen_count, 16, by_bytes)) missing++;
		}
	}
	uint64_t dropped = 0;
	for (int i = 0; i < SENTRY_DROP_REASONS; i++) dropped += journal.counters->dropped[i];
	CHECK(missing == 0);
	CHECK(acknowledged + (int) dropped == WRITERS * EACH);
	CHECK(acknowledged > 0);
	CHECK((int) journal.counters->appended == acknowledged);
	printf("%s: %d acknowledged, %d read, %d of them twice or more, %d dropped\n", processes ? "processes" : "threads", acknowledged, seen_count,
		seen_count - acknowledged, (int) dropped);
	free(seen);
}

int main(int argc, char **argv) {
	if (scratch_begin()) return 1;
	CASE("threads: nothing acknowledged is lost while the file is renamed");
	renames(0);
	if (argc < 2 || strcmp(argv[1], "threads")) {
		CASE("processes: nothing acknowledged is lost while the file is renamed");
		renames(1);
	}
	if (scratch_end()) return 1;
	return check_result(argc > 1 ? "append (threads)" : "append");
}
