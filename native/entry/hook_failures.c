/*
 * Which of uWSGI's own hooks (hook-pre-app = exec:./migrate.sh) failed.
 *
 * What uWSGI makes of a failure depends on the phase, and it never says which hook it was. Before there are workers it exits with 1.
 * While it loads applications (pre-app, post-app) it marks itself as dying and serves on all the same: sentry_stopping(). Later it
 * stops the instance, with exit code 0. In phases in which no failure is fatal, only the log shows it.
 *
 * So each hook's function is called through one of ours, which returns what that returned, with the same errno. The functions are
 * as many as there may be hooks, because a hook gets no hint which of them it is.
 */
#include "entry/entry.h"

#define MOST_HOOKS 64

static int (*wrapped[MOST_HOOKS])(char *);
static int wrapped_count;

/* ---- what failed ---- */

static char failure[600];	/* of a hook after which uWSGI exits */

const char *sentry_failed_hook(void) {
	return *failure ? failure : NULL;
}

/* the action as its user wrote it, with its argument, which lies in the same text; NULL: it is in no list of this phase */
static const char *action_in(struct uwsgi_string_list *list, const char *arg) {
	struct uwsgi_string_list *usl;
	uwsgi_foreach(usl, list) {
		size_t len = strlen(usl->value);
		if (arg > usl->value && arg <= usl->value + len) return usl->value;
		/* uWSGI makes a list with one element of "file action" */
		const char *action = usl->custom_ptr ? action_in(usl->custom_ptr, arg) : NULL;
		if (action) return action;
	}
	return NULL;
}

static const struct sentry_phase *phase_of(const char *arg, const char **action) {
	const struct sentry_phase *phases;
	size_t n = sentry_phases(&phases);
	for (size_t i = 0; i < n; i++) {
		if ((*action = action_in(*phases[i].list, arg))) return &phases[i];
	}
	return NULL;
}

static int is_loading(const struct sentry_phase *phase) {
	return phase->list == &uwsgi.hook_pre_app || phase->list == &uwsgi.hook_post_app;
}

/* the same text as in the configuration: what servers group by */
static void report(const char *arg, int result) {
	char what[sizeof(failure)];
	const char *action;
	const struct sentry_phase *phase = phase_of(arg, &action);
	if (!phase) return;
	sentry_configure();	/* the first hook comes before all else of ours */
	snprintf(what, sizeof(what), "%s = %.400s failed with %d", phase->name, action, result);
	int in_master = uwsgi.workers && getpid() == uwsgi.workers[0].pid;
	if (phase->goes_on) sentry_boot_hook(what, SENTRY_HOOK_GOES_ON);
	/* just like uwsgi_hooks_run(): it exits next, or tells the master to stop, or is the master and marks itself */
	else if (!uwsgi.master_process || !uwsgi.workers) snprintf(failure, sizeof(failure), "%s", what);
	else sentry_boot_hook(what, in_master && is_loading(phase) ? SENTRY_HOOK_MARKS : SENTRY_HOOK_STOPS);
}

static int run(int i, char *arg) {
	int result = wrapped[i](arg), saved = errno;
	if (result) report(arg, result);
	errno = saved;
	return result;
}

/* ---- one function for each hook ---- */

#define ONE(n) \
	static int hook_##n(char *arg) { \
		return run(n, arg); \
	}
#define EIGHT(t) ONE(0##t##0) ONE(0##t##1) ONE(0##t##2) ONE(0##t##3) ONE(0##t##4) ONE(0##t##5) ONE(0##t##6) ONE(0##t##7)
EIGHT(0) EIGHT(1) EIGHT(2) EIGHT(3) EIGHT(4) EIGHT(5) EIGHT(6) EIGHT(7)
#undef ONE
#define ONE(n) hook_##n,
static int (*const ours[MOST_HOOKS])(char *) = {EIGHT(0) EIGHT(1) EIGHT(2) EIGHT(3) EIGHT(4) EIGHT(5) EIGHT(6) EIGHT(7)};

static int is_ours(int (*function)(char *)) {
	if (function == sentry_hook || function == sentry_watchdog_hook) return 1;
	for (int i = 0; i < wrapped_count; i++) {
		if (ours[i] == function) return 1;
	}
	return 0;
}

/* when this plugin is loaded, and again once all are */
void sentry_hooks_wrap(void) {
	for (struct uwsgi_hook *hook = uwsgi.hooks; hook && wrapped_count < MOST_HOOKS; hook = hook->next) {
		if (!hook->func || is_ours(hook->func)) continue;
		wrapped[wrapped_count] = hook->func;
		hook->func = ours[wrapped_count++];
	}
}
