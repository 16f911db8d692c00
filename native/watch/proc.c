/* What /proc says about a process, and about the memory that it may have. */
#include "watch/watch.h"

#include <fcntl.h>

ssize_t sentry_proc_read(pid_t pid, const char *name, char *to, size_t room) {
	char path[64];
	snprintf(path, sizeof(path), "/proc/%ld/%s", (long) pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) return -1;
	ssize_t n = read(fd, to, room - 1);
	close(fd);
	to[n > 0 ? n : 0] = 0;
	return n;
}

uint64_t sentry_proc_rss(pid_t pid) {
	char text[256];
	unsigned long total = 0, resident = 0;
	if (sentry_proc_read(pid, "statm", text, sizeof(text)) <= 0 || sscanf(text, "%lu %lu", &total, &resident) != 2) return 0;
	return (uint64_t) resident * (uint64_t) uwsgi.page_size / 1024;
}

static uint64_t counter_in(const char *path, const char *key) {
	char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0) return 0;
	text[n] = 0;
	size_t len = strlen(key);
	for (char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		if (!strncmp(line, key, len) && line[len] == ' ') return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}

uint64_t sentry_oom_kills(void) {
	char cgroup[1024], path[1200];
	ssize_t n = sentry_proc_read(getpid(), "cgroup", cgroup, sizeof(cgroup));
	char *own = n > 0 ? strstr(cgroup, "0::") : NULL;
	if (own) {
		own += 3;
		own[strcspn(own, "\n")] = 0;
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", own);
		if (access(path, R_OK) == 0) return counter_in(path, "oom_kill");
		if (access("/sys/fs/cgroup/memory.events", R_OK) == 0) return counter_in("/sys/fs/cgroup/memory.events", "oom_kill");
	}
	return counter_in("/proc/vmstat", "oom_kill");
}

int sentry_has_died(pid_t pid, siginfo_t *how) {
	memset(how, 0, sizeof(*how));
	return pid > 0 && !waitid(P_PID, (id_t) pid, how, WEXITED | WNOHANG | WNOWAIT) && how->si_pid == pid;
}

/* one call says whether there is a dead child to look for */
int sentry_someone_died(void) {
	siginfo_t any;
	memset(&any, 0, sizeof(any));
	return !waitid(P_ALL, 0, &any, WEXITED | WNOHANG | WNOWAIT) && any.si_pid > 0;
}
