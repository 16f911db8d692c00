/*
 * Children that could not be started. uWSGI logs that fork() failed and goes on without: a worker that could not be respawned
 * stays away until the next reload, and the server serves with one less.
 */
#include "sentry.h"

#include <signal.h>

#define MOST_CHILDREN 1024

/* a child is away if it has no process, at two looks that are a second apart: a look can fall between its death and its respawn */
struct away {
	char seen, told;
};

static struct away workers[MOST_CHILDREN + 1], mules[MOST_CHILDREN + 1];

static void look(struct away *child, int is_away, const char *what, int number) {
	if (!is_away) {
		child->seen = child->told = 0;
		return;
	}
	if (child->seen && !child->told) {
		char text[96];
		child->told = 1;
		snprintf(text, sizeof(text), "%s %d could not be started: fork failed", what, number);
		sentry_boot_tell(text);
	}
	child->seen = 1;
}

static int is_gone(pid_t pid) {
	return pid > 0 && kill(pid, 0) && errno == ESRCH;
}

void sentry_spawn_cycle(void) {
	static time_t last;
	time_t now = uwsgi_now();
	if (now == last || !sentry_capturing(SENTRY_CAPTURE_BOOT) || uwsgi_instance_is_dying || uwsgi_instance_is_reloading) return;
	last = now;
	for (int i = 1; i <= uwsgi.numproc && i <= MOST_CHILDREN; i++) {
		struct uwsgi_worker *worker = &uwsgi.workers[i];
		look(&workers[i], worker->pid <= 0 && !worker->cheaped && worker->respawn_count > 0 && !uwsgi.status.is_cheap, "worker", i);
	}
	/* a mule's process id stays what it was */
	for (int i = 0; i < uwsgi.mules_cnt && i < MOST_CHILDREN; i++) look(&mules[i], is_gone(uwsgi.mules[i].pid), "mule", i + 1);
}
