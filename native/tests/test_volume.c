/* What the journal takes of a small volume, and what it leaves there. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "journal/journal.h"
#include "tests/check.h"

static char base[4096];
static char why[1024];

static void fresh(struct sentry_journal *journal, uint64_t max) {
	char state[4200];
	snprintf(state, sizeof(state), "%s/state", base);
	memset(journal, 0, sizeof(*journal));
	journal->max = max;
	journal->counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sentry_journal_open(journal, state, geteuid(), getegid(), why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
}

static enum sentry_drop append_text(struct sentry_journal *journal) {
	char text[1000];
	memset(text, 't', sizeof(text));
	struct sentry_record r;
	sentry_record_begin(&r, SENTRY_ALARM, SENTRY_PROCESS_WORKER, (uint32_t) getpid(), 1, 0);
	sentry_record_field(&r, "text", text, sizeof(text));
	return sentry_journal_append(journal, &r);
}

static uint64_t free_bytes(void) {
	struct statfs fs;
	if (statfs(base, &fs)) return 0;
	return (uint64_t) fs.f_bavail * (uint64_t) fs.f_bsize;
}

/* until that much is free */
static void fill(uint64_t left) {
	char path[4200], block[4096];
	snprintf(path, sizeof(path), "%s/filler", base);
	memset(block, 'f', sizeof(block));
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	while (free_bytes() >= left + sizeof(block) && write(fd, block, sizeof(block)) == sizeof(block)) {}
	close(fd);
}

static void a_second_passes(struct sentry_journal *journal) {
	journal->counters->room_looked--;
}

static void empty(void) {
	char path[4200];
	snprintf(path, sizeof(path), "%s/filler", base);
	unlink(path);
}

static void volume(const char *size) {
	char options[64];
	umount2(base, MNT_DETACH);
	snprintf(options, sizeof(options), "size=%s", size);
	if (mount("none", base, "tmpfs", 0, options)) {
		printf("SKIPPED: small volumes, no tmpfs can be mounted here\n");
		exit(check_result("volume"));
	}
}

static void bounds(void) {
	struct sentry_journal journal;
	CASE("on a large volume the limit is the one that was asked for");
	volume("4g");
	fresh(&journal, 64 << 20);
	CHECK(journal.max == 64 << 20);
	CHECK(journal.keep == (4ull << 30) / 20);

	CASE("on a small one a sixth of a quarter of what is free");
	volume("48m");
	uint64_t free_before = free_bytes();
	fresh(&journal, 64 << 20);
	CHECK(journal.max <= free_before / 24 && journal.max > free_before / 24 - 8192);
	CHECK(journal.keep == (48ull << 20) / 20);

	CASE("what the product itself holds counts as free: a reload changes nothing");
	uint64_t before = journal.max;
	for (int i = 0; i < 1000; i++) CHECK(append_text(&journal) == SENTRY_APPENDED);
	fresh(&journal, 64 << 20);
	CHECK(journal.max > before - 8192 && journal.max < before + 8192);

	CASE("a smaller one that was asked for stays");
	fresh(&journal, 100 << 10);
	CHECK(journal.max == 100 << 10);

	CASE("64k remain, however full the volume");
	volume("48m");
	fill(0);
	empty();
	fill(100 << 10);
	fresh(&journal, 64 << 20);
	CHECK(journal.max == SENTRY_SMALLEST_JOURNAL);
}

static void last_bytes(void) {
	struct sentry_journal journal;
	CASE("the last twentieth of a volume is not the journal's, even if others fill it");
	volume("8m");
	fresh(&journal, 64 << 20);
	fill(journal.keep + (50 << 10));
	int n = 0;
	while (append_text(&journal) == SENTRY_APPENDED && n < 1000) n++;
	CHECK(n > 10 && n < 60);
	CHECK(journal.counters->dropped[SENTRY_DISK_FULL] == 1);
	CHECK(free_bytes() >= journal.keep);

	CASE("what was filled in between by others is seen within a second");
	empty();
	CHECK(append_text(&journal) == SENTRY_APPENDED);
	fill(0);
	a_second_passes(&journal);
	CHECK(append_text(&journal) == SENTRY_DISK_FULL);

	CASE("room that was made is used at once");
	empty();
	CHECK(append_text(&journal) == SENTRY_APPENDED);

	CASE("a record that reports drops goes into what is kept");
	fill(64 << 10);
	a_second_passes(&journal);
	CHECK(append_text(&journal) == SENTRY_DISK_FULL);
	struct sentry_record drops;
	sentry_record_begin(&drops, SENTRY_DROPS, SENTRY_PROCESS_MASTER, (uint32_t) getpid(), 0, 0);
	sentry_record_pair_number(&drops, "drop", "disk_full", 1);
	CHECK(sentry_journal_append_notice(&journal, &drops, 1) == SENTRY_APPENDED);

	CASE("a disk that is full in mid-append is a counted drop, and what is whole stays readable");
	volume("64k");
	fresh(&journal, 1 << 20);
	journal.keep = 0;
	journal.max = 1 << 20;
	n = 0;
	while (append_text(&journal) == SENTRY_APPENDED && n < 1000) n++;
	CHECK(n > 10 && n < 100);
	CHECK(journal.counters->dropped[SENTRY_DISK_FULL] == 1);
}

int main(void) {
	snprintf(base, sizeof(base), "%s/uwsgi-sentry-room-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(base)) return 1;
	bounds();
	last_bytes();
	umount2(base, MNT_DETACH);
	rmdir(base);
	return check_result("volume");
}
