/* What may stand in an append's way, or in the start's: links, FIFOs, foreign directories, limits, loose modes, a key that is none. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/scratch.h"

/* the writers' look at the name: a test may come before it */
static void (*before_look)(void);

int fstatat(int dir, const char *name, struct stat *st, int flags) {
	void (*now)(void) = __atomic_exchange_n(&before_look, NULL, __ATOMIC_RELAXED);
	if (now) now();
	return (int) syscall(SYS_newfstatat, dir, name, st, flags);
}

/* what was synced, and whether the key had its name by then; or it fails */
static int synced, synced_with_a_name, sync_fails;
static char key_name[4300];

int fsync(int fd) {
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == SENTRY_KEY_SIZE) synced++;
	if (key_name[0] && access(key_name, F_OK) == 0) synced_with_a_name++;
	if (!sync_fails) return (int) syscall(SYS_fsync, fd);
	errno = EIO;
	return -1;
}

static int entries_in(const char *path) {
	DIR *dir = opendir(path);
	int n = 0;
	while (dir && readdir(dir)) n++;
	if (dir) closedir(dir);
	return n - 2;
}

static void key_is_made(void) {
	struct sentry_journal journal;
	struct stat st;
	char state[4200];
	CASE("the key is whole on the disk before it has its name, and its owner's alone whatever the umask");
	snprintf(state, sizeof(state), "%s/keyed", base);
	snprintf(key_name, sizeof(key_name), "%s/key", state);
	synced = synced_with_a_name = 0;
	mode_t before = umask(0);
	fresh(&journal, "keyed", 1 << 20);
	umask(before);
	CHECK(synced == 1 && synced_with_a_name == 0);
	CHECK(stat(key_name, &st) == 0 && st.st_size == SENTRY_KEY_SIZE && (st.st_mode & 07777) == 0600 && st.st_uid == geteuid());
	unsigned char first[SENTRY_KEY_SIZE];
	memcpy(first, journal.key, sizeof(first));

	CASE("the next start finds it, and makes no other");
	fresh(&journal, "keyed", 1 << 20);
	CHECK(!memcmp(first, journal.key, sizeof(first)) && synced == 1);

	CASE("a key that cannot be synced is none: the journal is not used, and nothing is left");
	snprintf(state, sizeof(state), "%s/unsynced", base);
	snprintf(key_name, sizeof(key_name), "%s/key", state);
	sync_fails = 1;
	CHECK(sentry_journal_open(&journal, state, geteuid(), getegid(), why, sizeof(why)) == -1 && strstr(why, "key"));
	CHECK(journal.dir == -1 && entries_in(state) == 0);
	sync_fails = 0;
	CHECK(sentry_journal_open(&journal, state, geteuid(), getegid(), why, sizeof(why)) == 0);
	key_name[0] = 0;
}

static struct sentry_journal *sealing;

static void seal_and_bar(void) {
	renameat(sealing->dir, "live", sealing->dir, "sealed-seen");
	mkdirat(sealing->dir, "live", 0700);
}

static void unsure(void) {
	struct sentry_journal journal;
	CASE("a record that came into a file which was sealed meanwhile, and into no other, is not counted as lost");
	fresh(&journal, "unsure", 1 << 20);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);
	sealing = &journal;
	before_look = seal_and_bar;
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNSURE);
	CHECK(journal.counters->dropped[SENTRY_UNSURE] == 1 && journal.counters->dropped[SENTRY_UNUSABLE] == 0);
	struct stat st;
	CHECK(stat(in(&journal, "sealed-seen"), &st) == 0 && st.st_size == 2 * (SENTRY_RECORD_HEAD + 10));
}

static void obstacles(void) {
	struct sentry_journal journal;
	struct stat st;
	CASE("a symbolic link at the file's name is not followed");
	fresh(&journal, "symlink", 1 << 20);
	char victim[4200];
	snprintf(victim, sizeof(victim), "%s/victim", base);
	close(open(victim, O_CREAT | O_WRONLY, 0600));
	CHECK(symlink(victim, in(&journal, "live")) == 0);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);
	CHECK(stat(victim, &st) == 0 && st.st_size == 0);
	CHECK(journal.counters->dropped[SENTRY_UNUSABLE] == 1);

	CASE("a file with a second name is not written to");
	fresh(&journal, "hardlink", 1 << 20);
	CHECK(link(victim, in(&journal, "live")) == 0);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);
	CHECK(stat(victim, &st) == 0 && st.st_size == 0);

	CASE("a FIFO or a directory does not stop the writer");
	fresh(&journal, "fifo", 1 << 20);
	CHECK(mkfifo(in(&journal, "live"), 0600) == 0);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);
	unlink(in(&journal, "live"));
	CHECK(mkdir(in(&journal, "live"), 0700) == 0);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);
	rmdir(in(&journal, "live"));
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);

	CASE("a descriptor that the application closed is opened again");
	close(journal.dir);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);

	CASE("a descriptor whose number is another directory's now gets no record");
	char other[4200], there[4300];
	snprintf(other, sizeof(other), "%s/other", base);
	mkdir(other, 0700);
	int fd = open(other, O_RDONLY | O_DIRECTORY);
	dup2(fd, journal.dir);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);
	snprintf(there, sizeof(there), "%s/live", other);
	CHECK(access(there, F_OK) != 0);
	journal.path[0] = 0;
	dup2(fd, journal.dir);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);

	CASE("a directory that was removed is missed, and the one that is made in its place is taken");
	fresh(&journal, "removed", 1 << 20);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);
	int number = journal.dir;
	for (int times = 0; times < 2; times++) {
		unlink(in(&journal, "live"));
		CHECK(rmdir(journal.path) == 0);
		CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);
		CHECK(mkdir(journal.path, times ? 0755 : 0700) == 0);
		CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);
		CHECK(stat(in(&journal, "live"), &st) == 0 && st.st_size == SENTRY_RECORD_HEAD + 10);
		CHECK(stat(journal.path, &st) == 0 && (st.st_mode & 0777) == 0700);
	}
	CHECK(journal.dir == number && journal.counters->dropped[SENTRY_UNUSABLE] == 2 && journal.counters->dropped[SENTRY_CONTENDED] == 0);

	CASE("a link in its place is none of ours");
	unlink(in(&journal, "live"));
	CHECK(rmdir(journal.path) == 0 && symlink(other, journal.path) == 0);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);
	CHECK(unlink(journal.path) == 0 && mkdir(journal.path, 0700) == 0);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);

	CASE("above half of the limit records are brief, at the limit they are dropped and counted");
	fresh(&journal, "limit", 64 << 10);
	char text[1000];
	memset(text, 't', sizeof(text));
	enum sentry_drop outcome = SENTRY_APPENDED;
	int n = 0;
	while ((outcome = append_text(&journal, text, sizeof(text), NULL)) == SENTRY_APPENDED && n < 100000) n++;
	CHECK(outcome == SENTRY_JOURNAL_FULL);
	CHECK(stat(in(&journal, "live"), &st) == 0 && st.st_size <= 64 << 10);
	int full = (32 << 10) / (int) (SENTRY_RECORD_HEAD + 9 + sizeof(text));
	CHECK(n == full + ((48 << 10) - full * (int) (SENTRY_RECORD_HEAD + 9 + sizeof(text))) / SENTRY_RECORD_HEAD);
	CHECK(journal.counters->dropped[SENTRY_JOURNAL_FULL] == 1);

	CASE("what is kept free is for records that report drops, and their own drop is none");
	struct sentry_record drops;
	sentry_record_begin(&drops, SENTRY_DROPS, SENTRY_PROCESS_MASTER, 1, 0, SENTRY_NO_CORE);
	sentry_record_pair_number(&drops, "drop", "journal_full", 1);
	CHECK(sentry_journal_append_notice(&journal, &drops, 0) == SENTRY_JOURNAL_FULL);
	CHECK(journal.counters->dropped[SENTRY_JOURNAL_FULL] == 1);
	int notices = 0;
	for (; sentry_journal_append_notice(&journal, &drops, 1) == SENTRY_APPENDED && notices < 1000; notices++) memset(drops.head + SENTRY_AT_ID, 0, SENTRY_ID_SIZE);
	CHECK(notices >= 30 && notices < 1000);
	CHECK(stat(in(&journal, "live"), &st) == 0 && st.st_size <= 64 << 10);
	CHECK(journal.counters->dropped[SENTRY_JOURNAL_FULL] == 1);

	CASE("sealed files count too");
	CHECK(rename(in(&journal, "live"), "/dev/null/x") != 0);
	char sealed[5100];
	snprintf(sealed, sizeof(sealed), "%s/sealed-1", journal.path);
	CHECK(rename(in(&journal, "live"), sealed) == 0);
	journal.counters->sealed_looked = 0;
	CHECK(append_text(&journal, text, sizeof(text), NULL) == SENTRY_JOURNAL_FULL);

	CASE("a limit on file sizes drops the record instead of the process");
	fresh(&journal, "rlimit", 1 << 20);
	journal.file_limit = 2000;
	CHECK(append_text(&journal, text, sizeof(text), NULL) == SENTRY_APPENDED);
	CHECK(append_text(&journal, text, sizeof(text), NULL) == SENTRY_JOURNAL_FULL);

	CASE("a limit that another writer reached first, or that was lowered since, drops the record instead of the process");
	fresh(&journal, "lowered", 1 << 20);
	struct rlimit before, low;
	sigset_t limit_signal, pending;
	sigemptyset(&limit_signal);
	sigaddset(&limit_signal, SIGXFSZ);
	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
	low = before;
	low.rlim_cur = 1000;
	CHECK(append_text(&journal, text, 500, NULL) == SENTRY_APPENDED);
	CHECK(setrlimit(RLIMIT_FSIZE, &low) == 0);
	CHECK(append_text(&journal, text, 500, NULL) == SENTRY_DISK_FULL);
	CHECK(stat(in(&journal, "live"), &st) == 0 && st.st_size == 1000);
	CHECK(append_text(&journal, text, 500, NULL) == SENTRY_IO_ERROR);
	CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGXFSZ));

	CASE("a caller that blocks the signal itself keeps its pending one, and gets none of ours");
	CHECK(pthread_sigmask(SIG_BLOCK, &limit_signal, NULL) == 0);
	CHECK(append_text(&journal, text, 500, NULL) == SENTRY_IO_ERROR);
	CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGXFSZ));
	raise(SIGXFSZ);
	CHECK(append_text(&journal, text, 500, NULL) == SENTRY_IO_ERROR);
	CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) && sigwaitinfo(&limit_signal, NULL) == SIGXFSZ);
	CHECK(pthread_sigmask(SIG_UNBLOCK, &limit_signal, NULL) == 0);

	CASE("with no file of any size the key cannot be made, and that is all");
	low.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_FSIZE, &low) == 0);
	char none[4200];
	snprintf(none, sizeof(none), "%s/none", base);
	CHECK(sentry_journal_open(&journal, none, geteuid(), getegid(), why, sizeof(why)) == -1 && strstr(why, "key"));
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);

	CASE("errno is the caller's");
	errno = 4242;
	append_text(&journal, text, sizeof(text), NULL);
	CHECK(errno == 4242);

	CASE("a directory with loose modes is tightened; one that cannot be made is reported");
	char state[4200];
	snprintf(state, sizeof(state), "%s/loose", base);
	mkdir(state, 0777);
	chmod(state, 0777);
	fresh(&journal, "loose", 1 << 20);
	CHECK(stat(state, &st) == 0 && (st.st_mode & 0777) == 0700);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);
	CHECK(stat(in(&journal, "live"), &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(sentry_journal_open(&journal, "/proc/nothing", geteuid(), getegid(), why, sizeof(why)) == -1 && strstr(why, "/proc/nothing"));
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);

	CASE("a key that is none is reported");
	snprintf(state, sizeof(state), "%s/badkey", base);
	mkdir(state, 0700);
	snprintf(there, sizeof(there), "%s/key", state);
	close(open(there, O_CREAT | O_WRONLY, 0600));
	CHECK(sentry_journal_open(&journal, state, geteuid(), getegid(), why, sizeof(why)) == -1 && strstr(why, "key"));

	CASE("a FIFO or a link in place of the key does not stop the server, and is not followed");
	unlink(there);
	CHECK(mkfifo(there, 0600) == 0);
	CHECK(sentry_journal_open(&journal, state, geteuid(), getegid(), why, sizeof(why)) == -1 && strstr(why, "key"));
	unlink(there);
	CHECK(symlink(victim, there) == 0);
	CHECK(sentry_journal_open(&journal, state, geteuid(), getegid(), why, sizeof(why)) == -1 && strstr(why, "key"));

	CASE("a link in place of a directory is refused");
	snprintf(state, sizeof(state), "%s/linked", base);
	CHECK(symlink(base, state) == 0);
	CHECK(sentry_journal_open(&journal, state, geteuid(), getegid(), why, sizeof(why)) == -1 && strstr(why, "linked"));
}

static void as_root(void) {
	if (geteuid() != 0) {
		printf("SKIPPED: owners, which need root\n");
		return;
	}
	struct sentry_journal journal;
	struct stat st;
	char state[4200];
	CASE("what root makes belongs to the directory's owner, from its first moment");
	snprintf(state, sizeof(state), "%s/owned", base);
	memset(&journal, 0, sizeof(journal));
	journal.max = 1 << 20;
	journal.counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(sentry_journal_open(&journal, state, 65534, 65534, why, sizeof(why)) == 0);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_APPENDED);
	CHECK(stat(in(&journal, "live"), &st) == 0 && st.st_uid == 65534 && st.st_gid == 65534 && (st.st_mode & 0777) == 0600);
	CHECK(stat(state, &st) == 0 && st.st_uid == 65534 && (st.st_mode & 0777) == 0700);
	snprintf(state, sizeof(state), "%s/owned/key", base);
	CHECK(stat(state, &st) == 0 && st.st_uid == 65534 && st.st_size == 16);
	chmod(base, 0755);
	pid_t pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534)) _exit(9);
		_exit(append_text(&journal, "y", 1, NULL) == SENTRY_APPENDED ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	CHECK(status == 0);

	CASE("another user's directory is refused");
	snprintf(state, sizeof(state), "%s/foreign", base);
	mkdir(state, 0700);
	CHECK(chown(state, 12345, 12345) == 0);
	CHECK(sentry_journal_open(&journal, state, 65534, 65534, why, sizeof(why)) == -1 && strstr(why, "12345"));

	CASE("a directory of root's that holds something is not given away");
	snprintf(state, sizeof(state), "%s/roots", base);
	mkdir(state, 0755);
	char file[4300];
	snprintf(file, sizeof(file), "%s/something", state);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	CHECK(sentry_journal_open(&journal, state, 65534, 65534, why, sizeof(why)) == -1 && strstr(why, "belongs to uid 0"));
	CHECK(stat(state, &st) == 0 && st.st_uid == 0);

	CASE("another user's directory in place of one that was removed is not taken");
	fresh(&journal, "taken", 1 << 20);
	CHECK(rmdir(journal.path) == 0 && mkdir(journal.path, 0700) == 0 && chown(journal.path, 12345, 12345) == 0);
	CHECK(append_text(&journal, "x", 1, NULL) == SENTRY_UNUSABLE);
}

int main(void) {
	if (scratch_begin()) return 1;
	unsure();
	key_is_made();
	obstacles();
	as_root();
	if (scratch_end()) return 1;
	return check_result("obstacles");
}
