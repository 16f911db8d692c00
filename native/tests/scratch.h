/* A journal of its own in a directory of its own, for the tests of the writers' side. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <sys/mman.h>
#include <unistd.h>

#include "journal/journal.h"
#include "tests/check.h"

static char base[4096];
static char why[1024];

static inline void fresh(struct sentry_journal *journal, const char *name, uint64_t max) {
	char state[4200];
	snprintf(state, sizeof(state), "%s/%s", base, name);
	memset(journal, 0, sizeof(*journal));
	journal->max = max;
	journal->counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sentry_journal_open(journal, state, geteuid(), getegid(), why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
}

static inline enum sentry_drop append_text(struct sentry_journal *journal, const void *text, size_t len, unsigned char id[16]) {
	struct sentry_record r;
	sentry_record_begin(&r, SENTRY_ALARM, SENTRY_PROCESS_WORKER, (uint32_t) getpid(), 1, 0);
	sentry_record_field(&r, "text", text, len);
	enum sentry_drop outcome = sentry_journal_append(journal, &r);
	if (id) memcpy(id, r.head + SENTRY_AT_ID, SENTRY_ID_SIZE);
	return outcome;
}

static inline char *in(struct sentry_journal *journal, const char *name) {
	static char path[5000];
	snprintf(path, sizeof(path), "%s/%s", journal->path, name);
	return path;
}

static inline int scratch_begin(void) {
	snprintf(base, sizeof(base), "%s/uwsgi-sentry-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	return mkdtemp(base) ? 0 : -1;
}

static inline int scratch_end(void) {
	char command[4200];
	snprintf(command, sizeof(command), "rm -rf '%s'", base);
	return system(command);
}

#endif
