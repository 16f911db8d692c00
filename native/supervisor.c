/*
 * The agent's process. uWSGI supervises a shell script, which waits for the agent's lock and runs one JVM at a time: of many
 * servers on one state directory, only the holder of the lock costs a JVM.
 *
 * Why a script that stays, and sleeps before it ends: uWSGI throttles a daemon that lives less than three seconds, and while it
 * does, that child is a copy of the master with the master's signal handlers, in which the signal of a graceful reload kills
 * the workers in the middle of their requests. And why the JVM is the script's child: the kernel and uWSGI kill the process
 * that they know of at once when the master ends, and the agent has something to deliver then.
 */
#include "sentry.h"

#include <fcntl.h>
#include <grp.h>

/* native/supervise.sh, which the build makes a string of */
static const char script[] = SENTRY_SUPERVISE_SCRIPT;

/* the jar is this file's tail: a zip ends with its directory's end record, which says how much comment comes after it */
static int has_jar(const char *path) {
	unsigned char tail[66000];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return 0;
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > (off_t) sizeof(tail) ? size - (off_t) sizeof(tail) : 0;
	ssize_t n = pread(fd, tail, sizeof(tail), from);
	close(fd);
	for (ssize_t at = n - 22; at >= 0; at--) {
		/* without the comment's length the words of this very line would do, in a plugin whose tail they are */
		if (!memcmp(tail + at, "PK\005\006", 4) && at + 22 + (tail[at + 20] | tail[at + 21] << 8) == n) return 1;
	}
	return 0;
}

static char *executable(const char *directory, size_t len, const char *name) {
	char path[PATH_MAX];
	if ((size_t) snprintf(path, sizeof(path), "%.*s/%s", (int) len, directory, name) >= sizeof(path)) return NULL;
	return access(path, X_OK) ? NULL : strdup(path);
}

static char *in_path(const char *name) {
	char *found = NULL, *path = getenv("PATH");
	if (!path || !*path) path = "/usr/local/bin:/usr/bin:/bin";
	while (!found && *path) {
		size_t len = strcspn(path, ":");
		if (len) found = executable(path, len, name);
		path += len + (path[len] == ':');
	}
	return found;
}

static char *find_java(void) {
	if (sentry.java) return strchr(sentry.java, '/') ? (access(sentry.java, X_OK) ? NULL : strdup(sentry.java)) : strdup(sentry.java);
	char *home = getenv("JAVA_HOME");
	char *found = home && *home ? executable(home, strlen(home), "bin/java") : NULL;
	if (!found) found = in_path("java");
	return found ? found : executable("/usr/bin", 8, "java");
}

static char *script_path;
static char *java;

/*
 * <dir>/runtime, open; it belongs to the directory's owner, and so may be replaced by a link to anywhere: while this is root,
 * nothing below it is ever reached by its path.
 */
static int runtime_directory(void) {
	struct stat st;
	int state = open(sentry.state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd = -1;
	if (state < 0) return -1;
	if (mkdirat(state, "runtime", 0700) == 0 || errno == EEXIST) fd = openat(state, "runtime", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int saved = errno;
	close(state);
	errno = saved;
	if (fd < 0) return -1;
	int root = geteuid() == 0 && sentry.journal.owner != 0;
	if (fstat(fd, &st) == 0) {
		if (st.st_uid == sentry.journal.owner) return fd;
		if (root && st.st_uid == 0 && fchown(fd, sentry.journal.owner, sentry.journal.group) == 0) return fd;
	}
	close(fd);
	errno = EPERM;
	return -1;
}

static int write_script(void) {
	char path[PATH_MAX], fresh[64];
	struct stat st;
	uint32_t version = sentry_crc32c(0, script, sizeof(script) - 1);
	if ((size_t) snprintf(path, sizeof(path), "%s/runtime/supervise-%08x.sh", sentry.state, version) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	const char *name = strrchr(path, '/') + 1;
	snprintf(fresh, sizeof(fresh), ".supervise-%ld", (long) getpid());
	int runtime = runtime_directory();
	if (runtime < 0) return -1;
	int failed = 0;
	if (fstatat(runtime, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) || st.st_size != (off_t) sizeof(script) - 1) {
		unlinkat(runtime, fresh, 0);
		int fd = openat(runtime, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		failed = fd < 0;
		if (fd >= 0) {
			struct iovec piece = {(void *) script, sizeof(script) - 1};
			failed |= sentry_write(fd, &piece, 1) != (ssize_t) sizeof(script) - 1;
			failed |= geteuid() == 0 && sentry.journal.owner != 0 && fchown(fd, sentry.journal.owner, sentry.journal.group);
			failed |= close(fd) != 0;
			failed = failed || renameat(runtime, fresh, runtime, name);
			int saved = errno;
			if (failed) unlinkat(runtime, fresh, 0);
			errno = saved ? saved : EIO;
		}
	}
	int saved = errno;
	close(runtime);
	errno = saved;
	if (failed) return -1;
	script_path = strdup(path);
	return script_path ? 0 : -1;
}

/* for a shell: 'it'\''s' */
static char *quoted(const char *text) {
	char *out = uwsgi_malloc(strlen(text) * 4 + 3);
	char *to = out;
	*to++ = '\'';
	for (; *text; text++) {
		if (*text == '\'') {
			memcpy(to, "'\\''", 4);
			to += 4;
		}
		else *to++ = *text;
	}
	*to++ = '\'';
	*to = 0;
	return out;
}

/* whether this server is to run an agent, and has what that needs; says once what is missing */
static int able(void) {
	static int known, is;
	if (known) return is;
	known = 1;
	if (sentry.agent && !strcmp(sentry.agent, "external")) return 0;
	if (sentry.journal.dir < 0) return 0;	/* said already */
	if (uwsgi.chroot || uwsgi.pivot_root) {
		sentry_say("no agent is started from inside a chroot: run `uwsgi-sentry agent --dir %s` outside of it (sentry-agent = external)", sentry.state);
		return 0;
	}
	if (!sentry.plugin || !has_jar(sentry.plugin)) {
		sentry_say("%s holds no agent (built without a JDK, or stripped): build it with ./run build. Events wait in %s/journal", sentry.plugin ? sentry.plugin : "the plugin", sentry.state);
		return 0;
	}
	java = find_java();
	if (!java) {
		sentry_say("%s%s: no java to run the agent with. Install a Java 17 runtime, or set sentry-java. Events wait in %s/journal", sentry.java ? "sentry-java = " : "java not found",
			sentry.java ? sentry.java : "", sentry.state);
		return 0;
	}
	if (write_script()) {
		sentry_say("cannot write to %s/runtime: %s. No agent is started; events wait in %s/journal", sentry.state, strerror(errno), sentry.state);
		return 0;
	}
	return is = 1;
}

/* the bounds as the agent's options; nothing in them is more than letters, digits, commas and dashes */
static void agent_options(char *to, size_t room) {
	struct {
		const char *name, *value;
	} all[] = {
		{"--outbox-max", sentry.outbox_max}, {"--outbox-age", sentry.outbox_age}, {"--outbox-entries", sentry.outbox_entries},
		{"--event-max", sentry.event_max}, {"--history", sentry.history}, {"--lanes", sentry.lanes},
	};
	size_t len = 0;
	*to = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i].value) continue;
		int n = snprintf(to + len, room - len, "%s%s %s", len ? " " : "", all[i].name, all[i].value);
		if (n < 0 || (size_t) n >= room - len) {
			to[len] = 0;
			return;
		}
		len += (size_t) n;
	}
}

static char *command(const char *mode, const char *master) {
	char options[512];
	agent_options(options, sizeof(options));
	char *parts[] = {quoted(script_path), quoted(sentry.plugin), quoted(sentry.state), quoted(java)};
	size_t size = 128 + sizeof(options) + strlen(parts[0]);
	for (int i = 0; i < 4; i++) size += strlen(parts[i]);
	char *line = uwsgi_malloc(size);
	/* not even a directory that somebody removed may make a daemon that ends at once */
	snprintf(line, size, "[ -r %s ] || sleep 5; exec sh %s %s %s %s %s %s '%s' %s", parts[0], parts[0], mode, parts[1], parts[2], parts[3], sentry.drain ? sentry.drain : "2", options,
		master);
	for (int i = 0; i < 4; i++) free(parts[i]);
	return line;
}

#define MANY_FILES 4000000	/* half a second of a processor */

/* uWSGI closes them one by one before it runs a daemon */
static void warn_of_many_files(void) {
	if (uwsgi.max_fd <= MANY_FILES) return;
	sentry_say("%llu open files are allowed: uWSGI closes each of them before it starts a daemon such as the agent, which can take minutes of a processor. Set max-fd, say 65536",
		(unsigned long long) uwsgi.max_fd);
}

/* in the process that will be the master, before it forks */
void sentry_agent_register(void) {
	if (!uwsgi.master_process || !able()) return;
	warn_of_many_files();
	char *line = command("attached", "");
	if (geteuid() != 0 || sentry.journal.owner == 0) {
		uwsgi_opt_add_daemon("attach-daemon", line, NULL);
		free(line);
		return;
	}
	/*
	 * master-as-root: root must not run what the directory's owner could have written. What uWSGI itself does for a daemon's uid=
	 * would leave it root's supplementary groups.
	 */
	char *setpriv = in_path("setpriv");
	if (!setpriv) {
		sentry_say("no setpriv (of util-linux) in PATH: the agent of a master that stays root cannot be started as another user. Install it, or run `uwsgi-sentry agent --dir %s` "
			"as uid %ld (sentry-agent = external). Events wait in %s/journal", sentry.state, (long) sentry.journal.owner, sentry.state);
		free(line);
		return;
	}
	free(setpriv);
	char *script_line = quoted(line);
	size_t size = strlen(script_line) + 256;
	char *as_owner = uwsgi_malloc(size);
	snprintf(as_owner, size, "command -v setpriv >/dev/null || { sleep 30; exit 127; }; exec setpriv --reuid=%ld --regid=%ld --clear-groups sh -c %s",
		(long) sentry.journal.owner, (long) sentry.journal.group, script_line);
	char *escaped = uwsgi_malloc(strlen(as_owner) * 2 + 8);
	char *to = escaped + sprintf(escaped, "cmd=");
	for (char *c = as_owner; *c; c++) {
		if (*c == ',' || *c == '\\') *to++ = '\\';
		*to++ = *c;
	}
	*to = 0;
	uwsgi_opt_add_daemon2("attach-daemon2", escaped, NULL);
	free(escaped);
	free(as_owner);
	free(script_line);
	free(line);
}

/* where no master supervises: a process of its own, which ends when this one does */
void sentry_agent_detached(int drain_only) {
	if (sentry.agent_started || !able()) return;
	sentry.agent_started = 1;
	char pid[32];
	snprintf(pid, sizeof(pid), "%ld", (long) getpid());
	char *line = command(drain_only ? "drain" : "detached", pid);
	pid_t child = fork();
	if (child == 0) {
		setsid();
		if (fork() != 0) _exit(0);
		if (geteuid() == 0 && sentry.journal.owner != 0) {
			/* root's further groups are not the owner's */
			if (setgroups(1, &sentry.journal.group) || setgid(sentry.journal.group) || setuid(sentry.journal.owner)) _exit(1);
		}
		for (int sig = 1; sig < 32; sig++) signal(sig, SIG_DFL);
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		int null = open("/dev/null", O_RDWR);
		if (null >= 0) {
			dup2(null, 0);
			dup2(null, 1);
			dup2(null, 2);
		}
		for (int fd = 3; fd < 65536; fd++) close(fd);
		execl("/bin/sh", "sh", "-c", line, (char *) NULL);
		_exit(127);
	}
	if (child > 0) {
		int status;
		waitpid(child, &status, 0);
	}
	free(line);
}
