/*
 * The agent's process: when it is started, and when it is stopped. requirements.c says what it needs.
 *
 * The master forks it itself, in its cycle, and looks after it there. uWSGI's own daemons (attach-daemon) will not do: one that ends
 * within three seconds is throttled, which is a copy of the master that sleeps with the master's signal handlers, in which the
 * signal of a graceful reload kills the workers in the middle of their requests; its command is chosen before uWSGI gives root up;
 * and each reload stands still for a second to stop it. So whatever our command does, at worst it is not there: no process of it is
 * left between two tries, and a reload or a stop does not wait for it.
 *
 * What runs is a shell script (supervise.sh), which waits for the agent's lock and runs one JVM at a time: of many servers on one
 * state directory, only the holder of the lock costs a JVM. The JVM is the script's child, because the kernel kills the process that
 * it knows of when the master ends, and the agent has something to deliver then. The script itself starts the JVM again, each time
 * later; only its own end is the master's business.
 *
 * The script says why the agent does not run through a pipe that no process waits at: the master never touches a file for it.
 */
#include "agent/agent.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LONGEST_PAUSE 600
#define LONG_ENOUGH 60	/* seconds: what lived for so long had not failed to start */

/* ---- with a master ---- */

#define REASONS 16

static struct sentry_agent_start start;
static int ready, report[2] = {-1, -1};
static pid_t script, starter;
static time_t started, next_try;
static int failures;
static int has_said_why;	/* this one, through the pipe */

/* by a clock that is never set */
static time_t seconds(void) {
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

void sentry_agent_prepare(void) {
	if (!uwsgi.master_process) return;
	ready = sentry_agent_start_prepare(&start, "attached");
}

/* in a worker: the pipe is the master's and the script's */
void sentry_agent_forked(void) {
	if (!uwsgi.master_process || uwsgi.mywid < 1) return;
	for (int i = 0; i < 2; i++) {
		if (report[i] >= 0) close(report[i]);
		report[i] = -1;
	}
}

/* each reason once: the numbers in it (a pid, a time) do not make another one of it */
static int is_new(const char *reason) {
	static uint64_t known[REASONS];
	static int n;
	uint64_t hash = SENTRY_HASH_START;
	for (const char *c = reason; *c; c++) {
		if (*c < '0' || *c > '9') hash = sentry_hash(hash, c, 1);
	}
	for (int i = 0; i < n && i < REASONS; i++) {
		if (known[i] == hash) return 0;
	}
	known[n++ % REASONS] = hash;
	return 1;
}

static void say_why(const char *reason, long pause) {
	if (!is_new(reason)) return;
	sentry_say("the agent does not run: %s. Next try in %ld s, then at growing intervals; a reload tries at once. Events wait in %s/journal. `uwsgi-sentry status --dir %s` shows more",
		reason, pause, sentry.state, sentry.state);
}

/* lines of "PAUSE REASON"; what a writer could not finish at once does not come */
static void hear(void) {
	static char text[2048];
	static size_t len;
	ssize_t n;
	while (report[0] >= 0 && (n = read(report[0], text + len, sizeof(text) - 1 - len)) > 0) {
		len += (size_t) n;
		text[len] = 0;
		char *end, *line = text;
		while ((end = strchr(line, '\n'))) {
			char *reason;
			*end = 0;
			long pause = strtol(line, &reason, 10);
			if (reason != line && *reason == ' ') has_said_why = 1, say_why(reason + 1, pause);
			line = end + 1;
		}
		len = strlen(line);
		memmove(text, line, len);
		if (len >= sizeof(text) - 1) len = 0;
	}
}

static long pause_after(int n) {
	long pause = SENTRY_AGENT_FIRST_PAUSE;
	while (--n > 0 && pause < LONGEST_PAUSE) pause *= 2;
	return pause < LONGEST_PAUSE ? pause : LONGEST_PAUSE;
}

/* the script has ended, which it should not: no shell, no such user, no memory, or it was killed */
static void bury(int status, int is_known) {
	time_t now = seconds();
	failures = now - started >= LONG_ENOUGH ? 1 : failures + 1;
	long pause = pause_after(failures);
	next_try = now + pause;
	script = 0;
	hear();
	char reason[96];
	/* uWSGI collects the dead as well, and may have been first; what ended has then said why, or nothing is known */
	if (!is_known && has_said_why) return;
	if (!is_known) snprintf(reason, sizeof(reason), "its supervisor ended");
	else if (WIFSIGNALED(status)) snprintf(reason, sizeof(reason), "its supervisor was killed by signal %d", WTERMSIG(status));
	/* what has a code of its own has said why */
	else if (WEXITSTATUS(status) == SENTRY_AGENT_REPORTED) return;
	else snprintf(reason, sizeof(reason), "its supervisor (a shell) ended with status %d, see %s/agent.log", WEXITSTATUS(status), sentry.state);
	say_why(reason, pause);
}

/* until they are the child's own, no signal may run the server's handlers in it */
static pid_t quiet_fork(sigset_t *before) {
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
	return fork();
}

static void try_to_start(void) {
	sigset_t before;
	/*
	 * For what is said; without it the agent runs all the same. Not made before the server serves: uWSGI closes descriptors that
	 * it does not know when it inherits its sockets in a reload, and their numbers are used again.
	 */
	if (report[0] < 0 && pipe2(report, O_CLOEXEC | O_NONBLOCK)) report[0] = report[1] = -1;
	start.server = starter = getpid();
	start.failures = failures + 1;
	start.pause = pause_after(start.failures);
	start.report = report[1];
	has_said_why = 0;
	pid_t child = quiet_fork(&before);
	if (child == 0) sentry_agent_become(&start);
	int saved = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	started = seconds();
	if (child > 0) {
		script = child;
		return;
	}
	failures++;
	next_try = started + start.pause;
	char reason[96];
	snprintf(reason, sizeof(reason), "no process can be started for it: %s", strerror(saved));
	say_why(reason, start.pause);
}

/* in the master's cycle; nothing in here waits */
void sentry_agent_cycle(void) {
	static time_t heard;
	if (!ready || sentry_stopping()) return;
	if (script > 0) {
		int status = 0;
		pid_t dead = waitpid(script, &status, WNOHANG);
		if (dead == script) bury(status, 1);
		else if (dead < 0 && errno == ECHILD) bury(0, 0);	/* uWSGI was first */
	}
	time_t now = seconds();
	if (now == heard) return;
	heard = now;
	hear();
	if (script <= 0 && now >= next_try) try_to_start();
}

/* ---- the end ---- */

/* milliseconds of a clock that is never set */
static int64_t now_ms(void) {
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Whether all ends with this process: it is a container's first, or the only child of it (tini, a shell). The kernel kills whatever is
 * left in the container then, the agent too. The inode is that of the machine's own process numbers (PROC_PID_INIT_INO).
 */
static int all_ends_with_us(void) {
	struct stat own;
	if (getpid() == 1) return 1;
	return getppid() == 1 && !stat("/proc/self/ns/pid", &own) && own.st_ino != 0xEFFFFFFCu;
}

/* until when the exit may wait for the agent: sentry-drain and the start of a JVM, for all that is done at the exit together */
static int64_t last_moment(void) {
	static int64_t moment;
	long drain = sentry.drain ? strtol(sentry.drain, NULL, 10) : 2;
	if (!moment) moment = now_ms() + (drain > 0 ? drain * 1000 + 3000 : 0);
	return moment;
}

/* an agent that was told to stop goes on while its server is there, unless another waits for its place: here that is the end */
static void hurry(void) {
	char path[PATH_MAX];
	if ((size_t) snprintf(path, sizeof(path), "%s/agent.wanted", sentry.state) >= sizeof(path)) return;
	int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd >= 0) close(fd);
}

/* until no process of that group is left; as the first process we inherit those whose parent has ended */
static void wait_for_group(pid_t group, int64_t until, int hurried) {
	for (int turn = 0; now_ms() < until; turn++) {
		while (waitpid(-group, NULL, WNOHANG) > 0);
		if (kill(-group, 0) && errno == ESRCH) return;
		if (hurried && turn % 10 == 0) hurry();
		usleep(5000);
	}
}

static void stop_group(pid_t group) {
	int waits = !uwsgi_instance_is_reloading && all_ends_with_us();
	if (kill(-group, SIGTERM)) kill(group, SIGTERM);
	if (waits) wait_for_group(group, last_moment(), 1);
	else {
		/* the script alone, which ends by the signal; the JVM goes on until it has delivered */
		for (int turns = 20; turns > 0 && waitpid(group, NULL, WNOHANG) == 0; turns--) usleep(5000);
	}
}

/* the master ends, or becomes its successor; the workers are gone */
void sentry_agent_stop(void) {
	if (script <= 0 || getpid() != starter) return;	/* also in what the master forked and could not exec */
	stop_group(script);
	script = 0;
}

/* records that no agent has taken: none ran, or it was told to stop while its JVM was starting */
static int something_waits(void) {
	struct stat live;
	return sentry.journal.dir >= 0 && !fstatat(sentry.journal.dir, "live", &live, AT_SYMLINK_NOFOLLOW) && live.st_size > 0;
}

/* ---- without ---- */

static pid_t detached_group;

/* a process of its own, which ends when this one does */
void sentry_agent_detached(int drain_only) {
	struct sentry_agent_start detached;
	if (sentry.agent_started || !sentry_agent_start_prepare(&detached, drain_only ? "drain" : "detached")) return;
	sentry.agent_started = 1;
	detached.urgent = drain_only && all_ends_with_us();
	sigset_t before;
	pid_t child = quiet_fork(&before);
	if (child == 0) {
		setsid();
		if (fork() != 0) _exit(0);
		sentry_agent_become(&detached);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (child > 0) waitpid(child, NULL, 0);
	detached_group = child > 0 ? child : 0;
}

/*
 * The server exits, by whatever way. Where no agent was started, or it went before its time, another delivers what is there; where all
 * ends with the server, that is waited for. A master's may have gone before its time at any stop: told to stop while its JVM was
 * starting, or after a reload, in which the agent of before has left and the next one had yet to come. If it is there after all, the
 * other one waits and finds nothing left to do.
 */
void sentry_agent_last(int code) {
	int waits = all_ends_with_us();
	if (waits && detached_group && !uwsgi.master_process) stop_group(detached_group);
	if (!something_waits()) return;
	if (waits || uwsgi.master_process) sentry.agent_started = 0;
	if (sentry.agent_started) return;
	sentry_agent_detached(1);
	if (waits && detached_group) wait_for_group(detached_group, last_moment(), 0);
}
