/*
 * How a forked copy of the server becomes the agent's script: async-signal-safe throughout, since the server may have had threads, and
 * without a signal that could run a handler of uWSGI's. What fails here ends this process alone, which reports it.
 */
#include "agent/agent.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* native/agent/supervise.sh, which the build makes a string of */
static const char script[] = SENTRY_SUPERVISE_SCRIPT;

/* above those that are to be the script's own */
#define HIGH 10

static void put(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) return;
	if (write(fd, text, strlen(text)) < 0) {}	/* then it is as it was */
	close(fd);
}

/* for `status`; the rename comes last, so that no reader sees half of it */
static void note(const struct sentry_agent_start *start, const char *reason) {
	char text[1024], fresh[32];
	long now = (long) time(NULL);
	int state = open(sentry.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0) return;
	int len = snprintf(text, sizeof(text), "failures=%d\nat=%ld\nnext=%ld\nreason=%s\n", start->failures, now, now + start->pause, reason);
	snprintf(fresh, sizeof(fresh), ".failure-%ld", (long) getpid());
	int fd = openat(state, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) return;
	if (len <= 0 || (size_t) len >= sizeof(text) || write(fd, text, (size_t) len) != len || renameat(state, fresh, state, "agent.failure")) unlinkat(state, fresh, 0);
}

__attribute__((noreturn)) static void fail(const struct sentry_agent_start *start, const char *what, int is_owner) {
	char reason[512], line[640];
	snprintf(reason, sizeof(reason), "%s: %s", what, strerror(errno));
	int len = snprintf(line, sizeof(line), "%ld %s\n", start->pause, reason);
	if (start->report >= 0 && len > 0 && write(start->report, line, (size_t) len) < 0) {}	/* the pipe is full: enough was said */
	if (is_owner) note(start, reason);
	_exit(SENTRY_AGENT_REPORTED);
}

/* root does not run what the directory's owner could have written; and root's further groups are not the owner's */
static void become_owner(const struct sentry_agent_start *start) {
	if (geteuid() != 0 || sentry.journal.owner == 0) return;
	if (setgroups(0, NULL) || setgid(sentry.journal.group) || setuid(sentry.journal.owner)) {
		char what[96];
		snprintf(what, sizeof(what), "it cannot become uid %ld (run it yourself, sentry-agent = external)", (long) sentry.journal.owner);
		fail(start, what, 0);
	}
}

/* The server comes first: docs/operations.md says what of this has an effect where */
static void be_humble(void) {
	struct sched_param none = {0};
	if (sched_setscheduler(0, SCHED_IDLE, &none)) setpriority(PRIO_PROCESS, 0, 19);
	put("/proc/self/oom_score_adj", "1000");
}

static int high(int fd) {
	if (fd < 0 || fd >= HIGH) return fd;
	int to = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
	close(fd);
	return to;
}

/* a link would lead elsewhere, and opening a FIFO would wait for ever */
static int open_log(void) {
	char path[PATH_MAX];
	struct stat st;
	if ((size_t) snprintf(path, sizeof(path), "%s/agent.log", sentry.state) >= sizeof(path)) return -1;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0) return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) return high(fd);
	close(fd);
	return -1;
}

/* in memory: no file that can be damaged, or lie where nothing may be executed */
static int open_script(void) {
	int fd = memfd_create("uwsgi-sentry", MFD_CLOEXEC);
	if (fd < 0) return -1;
	struct iovec piece = {(void *) script, sizeof(script) - 1};
	if (sentry_write(fd, &piece, 1) == (ssize_t) sizeof(script) - 1 && lseek(fd, 0, SEEK_SET) == 0) return high(fd);
	close(fd);
	return -1;
}

static void close_from(int first) {
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned) first, ~0U, 0U) == 0) return;
#endif
	for (int fd = first; fd < 65536; fd++) close(fd);
}

void sentry_agent_become(struct sentry_agent_start *start) {
	pid_t server = start->server;
	int is_attached = !strcmp(start->mode, "attached");
	sigset_t none;
	if (is_attached) setsid();
	for (int sig = 1; sig < NSIG; sig++) signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	become_owner(start);
	/* after a change of user, which would take it back */
	if (is_attached && (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != server)) _exit(SENTRY_AGENT_REPORTED);
	if (!start->urgent) be_humble();
	umask(077);

	start->report = high(start->report);
	int in = open_script(), null = high(open("/dev/null", O_RDWR | O_CLOEXEC)), out = open_log();
	if (in < 0) fail(start, "no memory for its script", 1);
	if (out < 0) out = null;
	if (dup2(in, 0) < 0 || (out >= 0 && (dup2(out, 1) < 0 || dup2(out, 2) < 0))) fail(start, "no descriptors", 1);
	start->report = dup2(start->report >= 0 ? start->report : out, 3);
	close_from(4);
	char pid[24];
	snprintf(pid, sizeof(pid), "%ld", (long) server);
	const char *argv[] = {"sh", "-s", start->mode, start->jar, sentry.state, start->java, start->drain, start->options, pid, NULL};
	execv("/bin/sh", (char **) argv);
	int saved = errno;
	execvp("sh", (char **) argv);
	errno = saved;
	fail(start, "no shell, /bin/sh", 1);
}
