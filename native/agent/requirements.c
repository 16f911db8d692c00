/* What the agent needs: a jar, a Java, its options. What is missing is logged once. */
#include "agent/agent.h"

#include <fcntl.h>

/* whether a jar is the file's tail: a zip ends with its directory's end record, which says how much comment comes after it */
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

/* as packages install it; the command line looks there too */
static const char *const usual_jars[] = {"/usr/local/share/uwsgi-sentry/uwsgi-sentry.jar", "/usr/share/uwsgi-sentry/uwsgi-sentry.jar"};

/* the file that ends with the agent's jar, or NULL, and then it was said why */
static const char *find_jar(void) {
	if (sentry.jar) {
		if (*sentry.jar == '/' && has_jar(sentry.jar)) return sentry.jar;
		sentry_say("sentry-jar = %s: %s. Name the uwsgi-sentry.jar. Events wait in %s/journal", sentry.jar, *sentry.jar == '/' ? "that is no jar, or it cannot be read" : "that is no absolute path", sentry.state);
		return NULL;
	}
	if (sentry.plugin && has_jar(sentry.plugin)) return sentry.plugin;
	for (size_t i = 0; i < sizeof(usual_jars) / sizeof(usual_jars[0]); i++) {
		if (has_jar(usual_jars[i])) return usual_jars[i];
	}
	sentry_say("no agent: %s holds none (built without it, or stripped), and there is no %s. Install the agent there, name its jar in sentry-jar, or build the plugin with it. Events wait in %s/journal",
		sentry.plugin ? sentry.plugin : "the plugin", usual_jars[1], sentry.state);
	return NULL;
}

static char *java;
static const char *jar;

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
	jar = find_jar();
	if (!jar) return 0;
	java = find_java();
	if (!java) {
		sentry_say("%s%s: no java to run the agent with. Install a Java 17 runtime, or set sentry-java. Events wait in %s/journal", sentry.java ? "sentry-java = " : "java not found",
			sentry.java ? sentry.java : "", sentry.state);
		return 0;
	}
	return is = 1;
}

/* the bounds as the agent's options; nothing in them is more than letters, digits, commas and dashes */
static void agent_options(char *to, size_t room) {
	size_t len = 0;
	*to = 0;
	for (const struct sentry_bound *bound = sentry_bounds; bound->name; bound++) {
		if (!*bound->value) continue;
		int n = snprintf(to + len, room - len, "%s--%s %s", len ? " " : "", bound->name, *bound->value);
		if (n < 0 || (size_t) n >= room - len) {
			to[len] = 0;
			return;
		}
		len += (size_t) n;
	}
}

static char options[512];

int sentry_agent_start_prepare(struct sentry_agent_start *to, const char *mode) {
	if (!able()) return 0;
	agent_options(options, sizeof(options));
	*to = (struct sentry_agent_start) {
		.mode = mode, .jar = jar, .java = java, .drain = sentry.drain ? sentry.drain : "2", .options = options, .server = getpid(), .report = -1,
		.failures = 1, .pause = SENTRY_AGENT_FIRST_PAUSE,
	};
	return 1;
}
