/*
 * The state directory, the journal's and the key are removed, moved and replaced under writers that have them open.
 * usage: test_place [threads]   (threads: only the case for the thread sanitizer)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/journal.h"
#include "tests/check.h"

static char base[4096];
static char state[4200], other[4200];
static struct sentry_journal journal;

static void __attribute__((format(printf, 1, 2))) shell(const char *format, ...) {
	char command[20000];
	va_list ap;
	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	if (system(command)) abort();
}

static void open_at(struct sentry_journal *to, const char *path) {
	char why[1024];
	memset(to, 0, sizeof(*to));
	to->max = 1ull << 40;
	to->counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sentry_journal_open(to, path, geteuid(), getegid(), why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
}

static void fresh(const char *name) {
	snprintf(state, sizeof(state), "%s/%s", base, name);
	snprintf(other, sizeof(other), "%s/%s-other", base, name);
	open_at(&journal, state);
}

/* as another server makes it that starts now */
static void make_new(const char *path) {
	struct sentry_journal another;
	open_at(&another, path);
	close(another.dir);
}

static enum sentry_drop append(unsigned char id[16]) {
	struct sentry_record r;
	sentry_record_begin(&r, SENTRY_ALARM, SENTRY_PROCESS_WORKER, (uint32_t) getpid(), 1, 0);
	sentry_record_field(&r, "text", "something", 9);
	enum sentry_drop outcome = sentry_journal_append(&journal, &r);
	if (id) memcpy(id, r.head + 12, 16);
	return outcome;
}

/* ids of the records in `live` of that state directory that its own key knows; all others are counted as bytes */
static int records(const char *path, unsigned char (*ids)[16], size_t *strange) {
	char name[4300];
	unsigned char key[SENTRY_KEY_SIZE] = {0};
	snprintf(name, sizeof(name), "%s/key", path);
	int fd = open(name, O_RDONLY), n = 0;
	if (fd < 0 || read(fd, key, sizeof(key)) != sizeof(key)) return -1;
	close(fd);
	snprintf(name, sizeof(name), "%s/journal/live", path);
	fd = open(name, O_RDONLY);
	if (fd < 0) return 0;
	size_t size = (size_t) lseek(fd, 0, SEEK_END), at = 0;
	unsigned char *bytes = malloc(size + 1);
	if (pread(fd, bytes, size, 0) != (ssize_t) size) abort();
	close(fd);
	while (at < size) {
		size_t len = whole_record(bytes + at, size - at, key);
		if (len && ids) memcpy(ids[n], bytes + at + 12, 16);
		if (len) n++;
		else if (strange) ++*strange;
		at += len ? len : 1;
	}
	free(bytes);
	return n;
}

/* the writers' open of `live`: a test may come before it */
static void (*before_open)(void);

int openat(int dir, const char *name, int flags, ...) {
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	void (*now)(void) = flags & O_APPEND ? __atomic_exchange_n(&before_open, NULL, __ATOMIC_RELAXED) : NULL;
	if (now) now();
	return (int) syscall(SYS_openat, dir, name, flags, mode);
}

static int holds(const char *path) {
	return records(path, NULL, NULL);
}

static void replace_as_another_thread(void) {
	if (rename(state, other)) abort();
	make_new(state);
	sentry_journal_version(&journal, 1);
}

static void between_key_and_file(void) {
	size_t strange = 0;
	CASE("replaced by another thread between the look at the key and the file: the record comes once more, under the new key");
	fresh("between");
	before_open = replace_as_another_thread;
	CHECK(append(NULL) == SENTRY_APPENDED);
	CHECK(records(state, NULL, &strange) == 1 && strange > 0);
}

static void objects(void) {
	CASE("moved away: what comes is counted as lost, until the directory is back");
	fresh("away");
	CHECK(append(NULL) == SENTRY_APPENDED);
	CHECK(rename(state, other) == 0);
	/* the first one came into the directory that was moved, and is there: it may be found */
	CHECK(append(NULL) == SENTRY_UNSURE);
	CHECK(append(NULL) == SENTRY_UNUSABLE && append(NULL) == SENTRY_UNUSABLE);
	CHECK(rename(other, state) == 0 && holds(state) == 2);
	CHECK(append(NULL) == SENTRY_APPENDED && holds(state) == 3);
	CHECK(journal.counters->dropped[SENTRY_UNSURE] == 1 && journal.counters->dropped[SENTRY_UNUSABLE] == 2);

	CASE("moved away and replaced by a new one: the next record is in the new one, under its key");
	fresh("replaced");
	CHECK(append(NULL) == SENTRY_APPENDED);
	CHECK(rename(state, other) == 0);
	make_new(state);
	size_t strange = 0;
	CHECK(append(NULL) == SENTRY_APPENDED && append(NULL) == SENTRY_APPENDED);
	CHECK(records(state, NULL, &strange) == 2 && strange == 0);
	CHECK(journal.counters->appended == 3);

	CASE("removed with all that is in it, and made by a start: the same");
	fresh("removed");
	CHECK(append(NULL) == SENTRY_APPENDED);
	shell("rm -rf '%s'", state);
	CHECK(append(NULL) == SENTRY_UNUSABLE);
	make_new(state);
	CHECK(append(NULL) == SENTRY_APPENDED && records(state, NULL, &strange) == 1 && strange == 0);

	CASE("restored from a copy: the next record is in the copy");
	fresh("restored");
	CHECK(append(NULL) == SENTRY_APPENDED);
	shell("cp -a '%s' '%s'", state, other);
	CHECK(append(NULL) == SENTRY_APPENDED);
	shell("rm -rf '%s' && cp -a '%s' '%s'", state, other, state);
	CHECK(append(NULL) == SENTRY_APPENDED && holds(state) == 2);

	CASE("one that has no key yet is not the journal, and one that is a link neither");
	fresh("keyless");
	CHECK(rename(state, other) == 0 && mkdir(state, 0700) == 0);
	shell("mkdir -m 700 '%s/journal'", state);
	CHECK(append(NULL) == SENTRY_UNSURE && append(NULL) == SENTRY_UNUSABLE);
	shell("cp '%s/key' '%s/key'", other, state);
	CHECK(append(NULL) == SENTRY_APPENDED && holds(state) == 1);

	CASE("a key that is replaced is taken within a second; one that is removed or is none changes nothing");
	fresh("rekeyed");
	CHECK(append(NULL) == SENTRY_APPENDED);
	uint64_t version = sentry_journal_version(&journal, 0);
	shell("rm '%s/key'", state);
	journal.key_looked = 0;
	CHECK(append(NULL) == SENTRY_APPENDED && sentry_journal_version(&journal, 0) == version);
	shell("printf too-short >'%s/key'", state);
	journal.key_looked = 0;
	CHECK(append(NULL) == SENTRY_APPENDED && sentry_journal_version(&journal, 0) == version);
	shell("rm '%s/key' && head -c 16 /dev/urandom >'%s/key'", state, state);
	journal.key_looked = 0;
	CHECK(append(NULL) == SENTRY_APPENDED && sentry_journal_version(&journal, 0) != version);
	CHECK(holds(state) == 1);

	CASE("a process that only looks notices it too");
	fresh("looked");
	version = sentry_journal_version(&journal, 1);
	CHECK(rename(state, other) == 0);
	make_new(state);
	CHECK(sentry_journal_version(&journal, 1) == version + 1 && sentry_journal_version(&journal, 1) == version + 1);
	CHECK(append(NULL) == SENTRY_APPENDED && holds(state) == 1 && holds(other) == 0);

	CASE("a descriptor is all that a chroot leaves: it goes on being written to");
	fresh("chroot");
	journal.path[0] = 0;
	CHECK(rename(state, other) == 0);
	make_new(state);
	CHECK(append(NULL) == SENTRY_APPENDED && holds(other) == 1 && holds(state) == 0);

	CASE("a child that was forked while a thread replaced the directory does so itself");
	fresh("forked");
	journal.change = 1;	/* pid 1 is not us */
	journal.key[0] ^= 1;
	CHECK(append(NULL) == SENTRY_APPENDED && holds(state) == 1 && !(journal.change & 0xffffffffu));
}

/* below a directory that only root may search: the path says nothing to a process that is not root any more */
static void unsearchable(void) {
	if (geteuid() != 0) {
		printf("SKIPPED: a path that only root may search (not run as root)\n");
		return;
	}
	CASE("where the path cannot be searched the descriptor is enough");
	char why[1024];
	fresh("hidden");	/* the counters */
	CHECK(chmod(state, 0700) == 0);
	snprintf(state, sizeof(state), "%s/hidden/inner", base);
	CHECK(sentry_journal_open(&journal, state, 65534, 65534, why, sizeof(why)) == 0);
	pid_t pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534)) _exit(9);
		_exit(append(NULL) == SENTRY_APPENDED && append(NULL) == SENTRY_APPENDED ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	CHECK(status == 0 && holds(state) == 2);
}

/* ---- directories that are exchanged under writers ---- */

#define WRITERS 4
#define EACH 2000

struct writer {
	unsigned char (*ids)[16];
	int acknowledged;
};

static int done;

static void *write_many(void *data) {
	struct writer *w = data;
	for (int i = 0; i < EACH; i++) w->acknowledged += append(w->ids[w->acknowledged]) == SENTRY_APPENDED;
	return NULL;
}

static void *exchange_often(void *data) {
	(void) data;
	int times = 0;
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		if (syscall(SYS_renameat2, AT_FDCWD, state, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */)) abort();
		times++;
		usleep(500);
	}
	printf("exchanged %d times\n", times);
	return NULL;
}

static int by_bytes(const void *a, const void *b) {
	return memcmp(a, b, 16);
}

static void exchanged(void) {
	static unsigned char ids[WRITERS * EACH][16], found[WRITERS * EACH * 9][16];
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS], exchanger;
	CASE("two directories of different keys are exchanged all the time: what is acknowledged is in one of them, under its key");
	fresh("exchanged");
	make_new(other);
	pthread_create(&exchanger, NULL, exchange_often, NULL);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ids + i * EACH, 0};
		pthread_create(&threads[i], NULL, write_many, &writers[i]);
	}
	for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	pthread_join(exchanger, NULL);
	int n = records(state, found, NULL);
	int there = n;
	n += records(other, found + n, NULL);
	qsort(found, (size_t) n, 16, by_bytes);
	int acknowledged = 0, missing = 0, dropped = 0;
	for (int i = 0; i < WRITERS; i++) {
		acknowledged += writers[i].acknowledged;
		for (int k = 0; k < writers[i].acknowledged; k++) missing += !bsearch(writers[i].ids[k], found, (size_t) n, 16, by_bytes);
	}
	for (int i = 0; i < SENTRY_DROP_REASONS; i++) dropped += (int) journal.counters->dropped[i];
	CHECK(missing == 0);
	CHECK(acknowledged + dropped == WRITERS * EACH);
	CHECK(acknowledged > WRITERS * EACH / 2 && there > 0 && n > there);
	printf("exchanged: %d acknowledged, %d dropped, %d and %d found\n", acknowledged, dropped, there, n - there);
	int left = holds(state);
	CHECK(append(NULL) == SENTRY_APPENDED && holds(state) == left + 1);
}

int main(int argc, char **argv) {
	snprintf(base, sizeof(base), "%s/uwsgi-sentry-place-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(base)) return 1;
	if (chmod(base, 0755)) return 1;
	exchanged();
	if (argc < 2 || strcmp(argv[1], "threads")) {
		between_key_and_file();
		objects();
		unsearchable();
	}
	shell("rm -rf '%s'", base);
	return check_result(argc > 1 ? "place (threads)" : "place");
}
