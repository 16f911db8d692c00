/*
 * Each drop is reported once: by any thread, however often that fails, and over a reload. `drops.c` as it is, with a journal of its own
 * and what little it needs of uWSGI in a few lines here.
 * usage: test_drops [threads]   (threads: only the case for the thread sanitizer)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/journal.h"
#include "tests/check.h"

/* ---- in place of uWSGI ---- */

#define SENTRY_REPORT_H
static struct {
	struct sentry_journal journal;
	const char *state;
} sentry = {.state = "state"};

static size_t defaults_len = 300;
static int said;
static uint64_t clock_seconds = 1000;

struct sentry_handler;
struct wsgi_request;

static void sentry_begin(struct sentry_record *record, enum sentry_kind kind, struct sentry_handler *handler, struct wsgi_request *request) {
	(void) handler;
	(void) request;
	sentry_record_begin(record, kind, SENTRY_PROCESS_MASTER, (uint32_t) getpid(), 0, SENTRY_NO_CORE);
}

static const char *sentry_instance_name(void) {
	return "shop";
}

static void sentry_add_defaults(struct sentry_record *record) {
	static char text[1000];
	sentry_record_field(record, "default", text, defaults_len);
}

static void __attribute__((format(printf, 1, 2))) sentry_say(const char *format, ...) {
	(void) format;
	__atomic_add_fetch(&said, 1, __ATOMIC_RELAXED);
}

static uint64_t fake_seconds(void) {
	return clock_seconds;
}

void sentry_say_unusable(int is_unusable);
void sentry_report_drops(void);
void sentry_last_drops(int may_append);
void sentry_carry_drops(int may_append);
void sentry_take_carried_drops(void);

#define sentry_seconds fake_seconds
#include "report/drops.c"
#undef sentry_seconds

/* ---- a journal, and the drops reported in it ---- */

static char base[4096];

static struct sentry_counters *new_counters(void) {
	return mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void fresh(const char *name, uint64_t max) {
	char state[4200], why[1024];
	snprintf(state, sizeof(state), "%s/%s", base, name);
	memset(&sentry.journal, 0, sizeof(sentry.journal));
	sentry.journal.max = max;
	sentry.journal.counters = new_counters();
	known_unusable = said = 0;
	if (sentry_journal_open(&sentry.journal, state, geteuid(), getegid(), why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
}

static void drop(int reason) {
	__atomic_add_fetch(&sentry.journal.counters->dropped[reason], 1, __ATOMIC_RELAXED);
}

#define MOST_TOLD 200000
static unsigned char (*ids)[16];	/* a record that was appended again has its id */
static int id_count;
static uint64_t reported[SENTRY_DROP_REASONS];

static int is_known(const unsigned char *id) {
	for (int i = id_count - 1; i >= 0; i--) {
		if (!memcmp(ids[i], id, 16)) return 1;
	}
	memcpy(ids[id_count++], id, 16);
	return 0;
}

static void count_record(const unsigned char *record, size_t len) {
	for (size_t at = SENTRY_RECORD_HEAD; at < len;) {
		size_t name_len = record[at], value_len = get32(record + at + 1 + name_len);
		const char *name = (const char *) record + at + 1, *value = name + name_len + 4;
		size_t reason_len = strnlen(value, value_len);
		for (int i = 0; name_len == 4 && !memcmp(name, "drop", 4) && i < SENTRY_DROP_REASONS; i++) {
			char digits[32] = {0};
			if (reason_len != strlen(sentry_drop_name[i]) || memcmp(value, sentry_drop_name[i], reason_len)) continue;
			memcpy(digits, value + reason_len + 1, value_len - reason_len - 1);
			reported[i] += strtoull(digits, NULL, 10);
		}
		at += 5 + name_len + value_len;
	}
}

static void read_file(const char *name) {
	int fd = openat(sentry.journal.dir, name, O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned char *bytes = malloc((size_t) size + 1);
	ssize_t n = pread(fd, bytes, (size_t) size, 0);
	for (size_t at = 0; n > 0 && at < (size_t) n;) {
		size_t len = whole_record(bytes + at, (size_t) n - at, sentry.journal.key);
		if (!len) {
			CHECK(!"a whole record");
			break;
		}
		if (!is_known(bytes + at + 12)) count_record(bytes + at, len);
		at += len;
	}
	free(bytes);
	close(fd);
}

/* everything that was ever appended: sealed files in their order, then `live`. Returns the number of records */
static int read_all(void) {
	memset(reported, 0, sizeof(reported));
	id_count = 0;
	struct dirent **entries;
	int n = scandir(sentry.journal.path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (!strncmp(entries[i]->d_name, "sealed-", 7)) read_file(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (faccessat(sentry.journal.dir, "live", F_OK, 0) == 0) read_file("live");
	return id_count;
}

/* ---- several report at once ---- */

#define TELLERS 4
#define EACH 1500
#define MOST (MOST_TOLD / TELLERS - 100)

struct teller {
	int reason;
	uint64_t dropped;
};

static int done, in_the_way;

/* whether some have been reported and others failed, which the scheduler decides */
static int has_happened(void) {
	return __atomic_load_n(&in_the_way, __ATOMIC_RELAXED) > 0 && __atomic_load_n(&sentry.journal.counters->appended, __ATOMIC_RELAXED) > 20;
}

static void *drop_and_tell(void *data) {
	struct teller *teller = data;
	while (teller->dropped < EACH || (!has_happened() && teller->dropped < MOST)) {
		drop(teller->reason);
		teller->dropped++;
		sentry_report_drops();
		if (teller->dropped >= EACH) sched_yield();
	}
	return NULL;
}

/* has them appended again, and fail: in turns the file is renamed, and there is a directory in its place */
static void *get_in_the_way(void *data) {
	(void) data;
	for (int n = 0; !__atomic_load_n(&done, __ATOMIC_ACQUIRE); n++) {
		char name[64];
		snprintf(name, sizeof(name), "sealed-%032d", n);
		renameat(sentry.journal.dir, "live", sentry.journal.dir, name);
		if (mkdirat(sentry.journal.dir, "live", 0700) == 0) {
			__atomic_fetch_add(&in_the_way, 1, __ATOMIC_RELAXED);
			sched_yield();
			unlinkat(sentry.journal.dir, "live", AT_REMOVEDIR);
		}
		usleep(200);
	}
	return NULL;
}

static void at_once(void) {
	CASE("threads that report at the same time, and fail now and then, report each drop once");
	fresh("at-once", 1ull << 40);
	struct teller each[TELLERS] = {{SENTRY_DISK_FULL, 0}, {SENTRY_JOURNAL_FULL, 0}, {SENTRY_JOURNAL_FULL, 0}, {SENTRY_CONTENDED, 0}};
	pthread_t tellers[TELLERS], other;
	pthread_create(&other, NULL, get_in_the_way, NULL);
	for (int i = 0; i < TELLERS; i++) pthread_create(&tellers[i], NULL, drop_and_tell, &each[i]);
	for (int i = 0; i < TELLERS; i++) pthread_join(tellers[i], NULL);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	pthread_join(other, NULL);
	sentry_report_drops();
	int records = read_all();
	CHECK(in_the_way > 0);
	CHECK(records > 10);
	CHECK(reported[SENTRY_DISK_FULL] == each[0].dropped);
	CHECK(reported[SENTRY_JOURNAL_FULL] == each[1].dropped + each[2].dropped);
	CHECK(reported[SENTRY_CONTENDED] == each[3].dropped);
	CHECK(reported[SENTRY_IO_ERROR] == 0);
	sentry_report_drops();
	CHECK(read_all() == records);
}

/* ---- over a reload ---- */

static void carried(void) {
	CASE("what could not be reported goes to the successor, which reports it once");
	fresh("carried", 1 << 20);
	drop(SENTRY_IO_ERROR);
	sentry_report_drops();
	for (int i = 0; i < 7; i++) drop(SENTRY_JOURNAL_FULL);
	drop(SENTRY_UNSURE);
	sentry_carry_drops(1);
	sentry.journal.counters = new_counters();	/* what an exec leaves of them */
	sentry_take_carried_drops();
	CHECK(getenv(CARRIED) == NULL);
	sentry_report_drops();
	sentry_carry_drops(1);
	CHECK(getenv(CARRIED) == NULL);
	sentry.journal.counters = new_counters();
	sentry_take_carried_drops();
	sentry_report_drops();
	CHECK(read_all() == 2);
	CHECK(reported[SENTRY_IO_ERROR] == 1);
	CHECK(reported[SENTRY_JOURNAL_FULL] == 7);
	CHECK(reported[SENTRY_UNSURE] == 1);

	CASE("another program that inherits the environment has none of them");
	drop(SENTRY_JOURNAL_FULL);
	sentry_carry_drops(1);
	pid_t pid = fork();
	if (!pid) {
		sentry.journal.counters = new_counters();
		sentry_take_carried_drops();
		_exit(unreported(SENTRY_JOURNAL_FULL) == 0 && getenv(CARRIED) == NULL ? 0 : 1);
	}
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(getenv(CARRIED) != NULL);
	unsetenv(CARRIED);
}

/* ---- a journal that stays full ---- */

static void fill(void) {
	static const char text[8000];
	struct sentry_counters *counters = sentry.journal.counters;
	uint64_t dropped = counters->dropped[SENTRY_JOURNAL_FULL];
	for (size_t len = sizeof(text); len > 0; len /= 2) {
		struct sentry_record record;
		do {
			sentry_record_begin(&record, SENTRY_CONFIGURATION, SENTRY_PROCESS_MASTER, 1, 0, SENTRY_NO_CORE);
			sentry_record_field(&record, "text", text, len);
		} while (sentry_journal_append(&sentry.journal, &record) == SENTRY_APPENDED);
	}
	counters->dropped[SENTRY_JOURNAL_FULL] = dropped;	/* these were none of the server's */
}

static void full(void) {
	CASE("a journal that is full for a week is reported at growing intervals, and what is new when the server ends is reported too");
	fresh("full", 64 << 10);
	fill();
	int before = read_all(), steps = 0;
	uint64_t start = clock_seconds;
	for (; clock_seconds < start + 7 * 24 * 3600; clock_seconds += 1 + (clock_seconds - start) / 16, steps++) {
		drop(SENTRY_JOURNAL_FULL);
		sentry_report_drops();
	}
	int times = read_all() - before;
	CHECK(times >= 15 && times < 25);
	CHECK(reported[SENTRY_JOURNAL_FULL] + unreported(SENTRY_JOURNAL_FULL) == (uint64_t) steps);
	drop(SENTRY_JOURNAL_FULL);
	sentry_last_drops(1);
	CHECK(read_all() == before + times + 1);
	CHECK(reported[SENTRY_JOURNAL_FULL] == (uint64_t) steps + 1);
	CHECK(said == 0);

	CASE("once there was room, the intervals start again");
	struct stat st;
	CHECK(fstatat(sentry.journal.dir, "live", &st, 0) == 0 && st.st_size <= 64 << 10);
	unlinkat(sentry.journal.dir, "live", 0);
	drop(SENTRY_JOURNAL_FULL);
	sentry_report_drops();
	fill();
	before = read_all();
	for (int i = 0; i < 8; i++, clock_seconds++) {	/* reported after 0, 1, 3 and 7 seconds */
		drop(SENTRY_JOURNAL_FULL);
		sentry_report_drops();
	}
	CHECK(read_all() == before + 4);
	CHECK(unreported(SENTRY_JOURNAL_FULL) == 0);

	CASE("where not even that takes them, the log has them");
	drop(SENTRY_JOURNAL_FULL);
	sentry.journal.max = 0;
	sentry_last_drops(1);
	CHECK(said == 1);
}

/* ---- a directory that is removed ---- */

static void append(void) {
	struct sentry_record record;
	sentry_record_begin(&record, SENTRY_ALARM, SENTRY_PROCESS_WORKER, 1, 1, 0);
	sentry_journal_append(&sentry.journal, &record);
	sentry_report_drops();
}

static void removed(void) {
	CASE("that the journal is removed is logged when it is seen, and what it cost is reported by the next");
	fresh("removed", 1 << 20);
	CHECK(rmdir(sentry.journal.path) == 0);
	for (int i = 0; i < 3; i++) append();
	CHECK(said == 1);
	CHECK(mkdir(sentry.journal.path, 0700) == 0);
	append();
	CHECK(said == 1);
	CHECK(read_all() == 2);
	CHECK(reported[SENTRY_UNUSABLE] == 3);
	CHECK(unlinkat(sentry.journal.dir, "live", 0) == 0 && rmdir(sentry.journal.path) == 0);
	append();
	CHECK(said == 2);
}

int main(int argc, char **argv) {
	snprintf(base, sizeof(base), "%s/uwsgi-sentry-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(base)) return 1;
	ids = calloc(MOST_TOLD, 16);
	at_once();
	if (argc < 2 || strcmp(argv[1], "threads")) {
		carried();
		full();
		removed();
	}
	free(ids);
	char command[4200];
	snprintf(command, sizeof(command), "rm -rf '%s'", base);
	if (system(command)) return 1;
	return check_result(argc > 1 ? "drops (threads)" : "drops");
}
