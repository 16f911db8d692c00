/*
 * The master's children: which died unexpectedly, which could not be started, how much memory each worker has.
 */
#include "watch/watch.h"

#include <fcntl.h>
#include <signal.h>

#define MOST_CHILDREN 1024
#define MOST_COMMANDS 256
#define SAMPLE_SECONDS 3

static struct sentry_child workers[MOST_CHILDREN + 1], mules[MOST_CHILDREN], commands[MOST_COMMANDS];

struct sentry_child *sentry_child_of_worker(int id) {
	return uwsgi.workers && id > 0 && id <= uwsgi.numproc && id <= MOST_CHILDREN ? &workers[id] : NULL;
}

/* ---- deaths ---- */

/* uWSGI's own exit codes, by which nothing went wrong */
static int expected_exit(int code) {
	return code == UWSGI_RELOAD_CODE || code == UWSGI_END_CODE || code == UWSGI_EXILE_CODE || code == UWSGI_DE_HIJACKED_CODE ||
		code == UWSGI_QUIET_CODE || code == UWSGI_BRUTAL_RELOAD_CODE || code == UWSGI_GO_CHEAP_CODE;
}

/* with which all processes of a server may be signalled to stop or reload it: by systemd, a terminal, tini -g, a supervisor */
static int is_group_signal(const siginfo_t *how) {
	return how->si_code != CLD_EXITED && (how->si_status == SIGTERM || how->si_status == SIGINT || how->si_status == SIGQUIT || how->si_status == SIGHUP);
}

static int is_stop_signal(const siginfo_t *how) {
	return is_group_signal(how) || (how->si_code != CLD_EXITED && how->si_status == SIGKILL);
}

/* such a signal comes to one process after the other, and to the master maybe last: its own is waited for, a few milliseconds */
static int stopping_as_well(const siginfo_t *how) {
	for (int turn = 0; turn < 30 && is_group_signal(how) && !sentry_stopping() && sentry_may_wait(); turn++) sentry_pause();
	return sentry_stopping();
}

static int serves(const struct uwsgi_worker *worker) {
	for (int i = 0; i < uwsgi.cores; i++) {
		if (worker->cores[i].in_request) return 1;
	}
	return 0;
}

/*
 * It was to go, and its interpreter aborted at the end. Python 3.11 and later does that in each process that had a second interpreter,
 * which uWSGI makes for each further mount. It would be an event for each worker and reload, without a request, for an end that
 * harms no request.
 */
static int aborted_at_its_end(const struct uwsgi_worker *worker, const struct sentry_child *child, const siginfo_t *how) {
	return how->si_code != CLD_EXITED && how->si_status == SIGABRT && (child->leaving || sentry_stopping()) && !serves(worker);
}

/*
 * The emperor told this vassal to go, or is gone, and the vassal was just being reloaded: uWSGI forgets to stop then, and each worker
 * that starts finds the emperor's pipe closed and exits, until the emperor kills the vassal.
 */
static int has_lost_its_emperor(void) {
	return uwsgi.has_emperor && fcntl(uwsgi.emperor_fd, F_GETFD) < 0 && errno == EBADF;
}

static int is_incident(struct uwsgi_worker *worker, struct sentry_child *child, const siginfo_t *how) {
	int exited = how->si_code == CLD_EXITED, code = how->si_status;
	if ((exited && expected_exit(code)) || sentry_evil_reload(child, worker, how)) return 0;
	/* reported by the worker itself; that an application did not load, only before it serves */
	if (exited && (code == UWSGI_EXCEPTION_CODE || (code == UWSGI_FAILED_APP_CODE && !worker->accepting))) return 0;
	if (aborted_at_its_end(worker, child, how)) return 0;
	if (exited && code == 1 && has_lost_its_emperor()) return 0;
	if (child->leaving && (exited ? code != 1 : is_stop_signal(how))) return 0;
	if (stopping_as_well(how) && (exited ? code == 0 : is_stop_signal(how))) return 0;
	return !worker->pending_harakiri || !child->harakiri_at;	/* else reported before the kill */
}

static void tell_worker(struct sentry_child *child, int id, const siginfo_t *how, int collected) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_CRASHES];
	struct sentry_death death = {.process = SENTRY_PROCESS_WORKER, .pid = child->pid, .number = id, .how = how, .collected = collected, .rss = child->rss, .stack_slot = id, .stack_of = SENTRY_STACK_OF_CRASH};
	death.reported = how && how->si_code == CLD_EXITED && sentry_is_reported(id, child->pid);
	sentry_report_death(handler, &death);
}

/*
 * uWSGI can collect a child between our look and its own: there is another in its place then, and how it ended is known only if
 * it noted that at its exit.
 */
static const siginfo_t *last_word(int slot, struct sentry_child *child, siginfo_t *how) {
	int code, meant;
	if (!sentry_exit_of(slot, child->pid, &code, &meant)) return NULL;
	if (meant) child->leaving = 1;
	memset(how, 0, sizeof(*how));
	how->si_code = CLD_EXITED;
	how->si_status = code;
	return how;
}

static void missed_worker(struct sentry_child *child, int id) {
	struct uwsgi_worker *worker = &uwsgi.workers[id];
	siginfo_t exited;
	if (child->pid <= 0 || child->reported == child->pid || sentry_stopping() || worker->cheaped || child->leaving) return;
	if (child->harakiri_at) return;	/* reported before the kill */
	const siginfo_t *how = last_word(id, child, &exited);
	if (!how || is_incident(worker, child, how)) tell_worker(child, id, how, 1);
}

/* the signal to the master may come a little later than those to the workers */
static void tell_cut(struct sentry_child *child, int id, const siginfo_t *how) {
	int count = sentry_requests_in_flight(id), own = how && how->si_code == CLD_EXITED && how->si_status == UWSGI_EXCEPTION_CODE;
	if (count <= own) return;	/* the request that ended it is reported */
	int is_killed = how && how->si_code != CLD_EXITED && how->si_status == SIGKILL;
	for (int turn = 0; turn < 30 && !is_killed && !child->leaving && !sentry_stopping() && sentry_may_wait(); turn++) sentry_pause();
	sentry_report_cut(child, id, how);
}

/* uWSGI has collected it itself (an idle or graceful end), and there is no other in its place: what it had in flight is still there */
static void look_for_cuts(struct sentry_child *child, int id) {
	struct uwsgi_worker *worker = &uwsgi.workers[id];
	siginfo_t how;
	if (child->pid <= 0 || child->reported == child->pid || (!child->leaving && !worker->cheaped && !sentry_stopping())) return;
	child->reported = child->pid;
	if (!child->harakiri_at) tell_cut(child, id, last_word(id, child, &how));
}

static void look_at_worker(struct sentry_child *child, int id, int someone_died) {
	struct uwsgi_worker *worker = &uwsgi.workers[id];
	if (worker->pid > 0 && worker->pid != child->pid) {
		missed_worker(child, id);
		child->pid = worker->pid;
		child->rss = 0;
		child->harakiri_at = 0;
		child->leaving = 0;
		child->served = 0;
		child->cursed_at = 0;
		child->evil_rss = child->evil_as = 0;
	}
	/* in cheap mode the pid of a worker that is gone stays */
	if (worker->pid <= 0 || (worker->cheaped && kill(worker->pid, 0) && errno == ESRCH)) {
		look_for_cuts(child, id);
		return;
	}
	if (worker->rss_size) child->evil_rss = worker->rss_size;
	if (worker->vsz_size) child->evil_as = worker->vsz_size;
	if (!child->cursed_at) child->cursed_at = worker->cursed_at;
	/* it was told to go, or says that it will: any end is no incident then. A new worker says so too for its first moments */
	if (worker->manage_next_request) child->served = 1;
	if (worker->cursed_at || (!worker->manage_next_request && child->served) || worker->cheaped) child->leaving = 1;
	siginfo_t how;
	if (child->reported != child->pid && !child->harakiri_at && sentry_mercy_is_over(worker->cursed_at, worker->no_mercy_at) && sentry_requests_in_flight(id) && !sentry_has_died(worker->pid, &how)) {
		child->reported = child->pid;
		sentry_report_cut(child, id, NULL);
	}
	if (!someone_died || child->reported == child->pid || !sentry_has_died(worker->pid, &how)) return;
	child->reported = child->pid;
	int incident = is_incident(worker, child, &how), is_reported = child->harakiri_at != 0;
	child->harakiri_at = 0;
	if (incident) tell_worker(child, id, &how, 0);
	else if (!is_reported) tell_cut(child, id, &how);
}

/* one of uWSGI's other children, as uWSGI has it just now */
struct other {
	pid_t pid;
	enum sentry_process process;
	int number;
	const char *name;
	time_t deadline;	/* 0: none */
	int stack_slot;		/* where its watchdog leaves its stacks, or 0 */
	int to_go;		/* however it ends, it was to */
	int busy;		/* a spooler's: it runs a task */
	time_t cursed_at, no_mercy_at;
	int mercy;		/* seconds between that and uWSGI's kill */
	int stays;		/* it is restarted whenever it ends */
};

/*
 * uWSGI starts a mule again whenever it ends. One whose script just returns, or that has nothing to run, is started again for ever: that
 * is reported once, until one has lived for longer.
 */
#define SHORT_LIFE 2
#define SHORT_LIVES 3

static void count_short_lives(struct sentry_handler *handler, struct sentry_child *child, const struct other *now, const siginfo_t *how) {
	if (now->process != SENTRY_PROCESS_MULE || now->to_go || sentry_stopping()) return;
	if (uwsgi_now() - child->since > SHORT_LIFE) child->short_lives = 0;
	else if (++child->short_lives == SHORT_LIVES) {
		struct sentry_death death = {.process = now->process, .pid = child->pid, .number = now->number, .name = now->name, .how = how, .since = child->since, .cause = "returns"};
		sentry_report_death(handler, &death);
	}
}

/* whether its end was an incident, by `how` it ended (NULL: not known) */
static void judge(struct sentry_handler *handler, struct sentry_child *child, const struct other *now, const siginfo_t *how, int collected) {
	/* a command's own code may look like one of uWSGI's */
	if (how && how->si_code == CLD_EXITED && (how->si_status == 0 || (now->process != SENTRY_PROCESS_UNKNOWN && expected_exit(how->si_status)))) {
		count_short_lives(handler, child, now, how);
		return;
	}
	int killed = !how || (how->si_code != CLD_EXITED && how->si_status == SIGKILL);
	int late = killed && child->deadline && uwsgi_now() >= child->deadline;
	struct sentry_death death = {
		.process = now->process, .pid = child->pid, .number = now->number, .name = now->name, .how = how, .collected = collected, .since = child->since,
		.cause = late ? "harakiri" : NULL, .stack_slot = late && collected ? 0 : now->stack_slot, .stack_of = late ? (uint64_t) child->deadline : SENTRY_STACK_OF_CRASH,
	};
	sentry_report_death(handler, &death);
}

static void missed(struct sentry_handler *handler, struct sentry_child *child, const struct other *now) {
	siginfo_t exited;
	/* for a command that runs at its times alone, only a kill for its deadline is certain */
	int is_sure = now->stays ? now->pid > 0 : child->deadline && uwsgi_now() >= child->deadline;
	if ((!handler && !sentry.crash_alarms) || child->pid <= 0 || !is_sure || child->reported == child->pid || child->leaving || sentry_stopping()) return;
	judge(handler, child, now, last_word(now->stack_slot, child, &exited), 1);
}

/* it was to end, and does so in the middle of something: a spooler's task, or whatever holds a mule up until uWSGI kills it (NULL: next) */
static void look_for_cut(const struct sentry_child *child, const struct other *now, const siginfo_t *how) {
	int is_killed = !how || (how->si_code != CLD_EXITED && how->si_status == SIGKILL);
	int is_cut = now->process == SENTRY_PROCESS_SPOOLER ? now->busy : now->process == SENTRY_PROCESS_MULE && is_killed && child->cursed_at;
	if (is_cut) sentry_report_cut_other(child, now->process, now->number, now->name, now->stack_slot, now->mercy, how);
}

/* each time, for its pid and its deadline; the call only if a child died */
static void look_at(struct sentry_child *child, struct other now, int someone_died) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_DAEMONS];
	if (now.pid != child->pid) {
		missed(handler, child, &now);
		child->pid = now.pid;
		child->deadline = 0;
		child->leaving = 0;
		child->cursed_at = 0;
		child->since = uwsgi_now();
	}
	if (!child->cursed_at) child->cursed_at = now.cursed_at;
	if (now.deadline > 0) child->deadline = now.deadline;
	if (now.to_go) child->leaving = 1;
	siginfo_t how;
	if (child->reported != now.pid && sentry_mercy_is_over(now.cursed_at, now.no_mercy_at) && now.pid > 0 && !sentry_has_died(now.pid, &how)) {
		child->reported = now.pid;
		look_for_cut(child, &now, NULL);
	}
	if ((!handler && !sentry.crash_alarms) || !someone_died || child->reported == now.pid || !sentry_has_died(now.pid, &how)) return;
	child->reported = now.pid;
	if (!now.to_go && !stopping_as_well(&how)) judge(handler, child, &now, &how, 0);
	else look_for_cut(child, &now, &how);
}

static int lost_to_another_lord(struct uwsgi_daemon *daemon) {
#ifdef UWSGI_SSL
	return daemon->legion && !uwsgi_legion_i_am_the_lord(daemon->legion);
#else
	(void) daemon;
	return 0;
#endif
}

/* uWSGI stops it itself: its file was touched, or another node of its legion runs it now */
static int is_sent_away(struct sentry_child *child, struct uwsgi_daemon *daemon) {
	siginfo_t how;
	if (lost_to_another_lord(daemon)) return 1;
	if (!daemon->touch || !sentry_has_died(child->pid, &how)) return 0;
	return how.si_code == CLD_EXITED || how.si_status == daemon->stop_signal;
}

/* it was started, and its pidfile does not come: it did not detach, or it ended before, and is started again for ever */
static void look_for_pidfile(struct sentry_handler *handler, struct sentry_child *child, struct uwsgi_daemon *daemon) {
	int late = daemon->status == 1 && (uwsgi_now() - daemon->last_spawn > daemon->freq || daemon->respawns - child->spawns > 1);
	if (!late || child->away_reported || sentry_stopping() || lost_to_another_lord(daemon)) return;
	child->away_reported = 1;
	struct sentry_death death = {.process = SENTRY_PROCESS_UNKNOWN, .pid = daemon->pid, .name = daemon->command, .cause = "pidfile", .since = daemon->last_spawn};
	sentry_report_death(handler, &death);
}

/*
 * A daemon with a pidfile is no child of the master's (it may even have been there before it): that its process is gone is all
 * that can be seen, between its end and uWSGI's own look at the pidfile, which restarts it. Another program may have done that
 * on purpose: then the pidfile names another process before ours is missed.
 */
static void look_at_smart(struct sentry_child *child, struct uwsgi_daemon *daemon) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_DAEMONS];
	time_t now = uwsgi_now();
	if (!handler || now == child->looked) return;
	child->looked = now;	/* once a second */
	if (daemon->status != 2) look_for_pidfile(handler, child, daemon);
	if (daemon->status != 2 || daemon->pid <= 0) return;
	child->spawns = daemon->respawns;
	child->away_reported = 0;
	int there = !kill(daemon->pid, 0) || errno == EPERM;
	if (there) child->pid = daemon->pid;
	else if (child->pid == daemon->pid && child->reported != child->pid) {
		child->reported = child->pid;
		struct sentry_death death = {.process = SENTRY_PROCESS_UNKNOWN, .pid = child->pid, .name = daemon->command, .cause = "smart"};
		if (!sentry_stopping() && !lost_to_another_lord(daemon)) sentry_report_death(handler, &death);
	}
}

static void look_at_others(int someone_died) {
	for (int i = 0; i < uwsgi.mules_cnt && i < MOST_CHILDREN; i++) {
		struct uwsgi_mule *mule = &uwsgi.mules[i];
		struct other now = {
			.pid = mule->pid, .process = SENTRY_PROCESS_MULE, .number = mule->id, .name = mule->patch, .stack_slot = sentry_slot_of_mule(mule->id),
			.deadline = mule->harakiri ? mule->harakiri : mule->user_harakiri, .to_go = mule->cursed_at != 0, .stays = 1,
			.cursed_at = mule->cursed_at, .no_mercy_at = mule->no_mercy_at, .mercy = uwsgi.mule_reload_mercy,
		};
		look_at(&mules[i], now, someone_died);
	}
	int n = 0;
	for (struct uwsgi_spooler *spooler = uwsgi.spoolers; spooler && n < MOST_COMMANDS; spooler = spooler->next, n++) {
		struct other now = {	/* it has no number that its user knows */
			.pid = spooler->pid, .process = SENTRY_PROCESS_SPOOLER, .name = spooler->dir, .stack_slot = sentry_slot_of_spooler(spooler),
			.deadline = spooler->harakiri ? spooler->harakiri : spooler->user_harakiri, .to_go = spooler->cursed_at != 0, .stays = 1,
			.busy = spooler->running, .cursed_at = spooler->cursed_at, .no_mercy_at = spooler->no_mercy_at, .mercy = uwsgi.spooler_reload_mercy,
		};
		look_at(&commands[n], now, someone_died);
	}
	for (struct uwsgi_daemon *daemon = uwsgi.daemons; daemon && n < MOST_COMMANDS; daemon = daemon->next, n++) {
		struct other now = {.pid = daemon->pid, .name = daemon->command, .to_go = is_sent_away(&commands[n], daemon), .stays = !daemon->touch};
		if (daemon->pidfile) look_at_smart(&commands[n], daemon);
		else look_at(&commands[n], now, someone_died);
	}
	for (struct uwsgi_cron *cron = uwsgi.crons; cron && n < MOST_COMMANDS; cron = cron->next, n++) {
		struct other now = {.pid = cron->pid, .number = 1, .name = cron->command, .deadline = cron->harakiri};
		if (cron->command) look_at(&commands[n], now, someone_died);
	}
}

/*
 * ---- children that could not be started ----
 *
 * uWSGI logs that fork() failed and goes on without: a worker that could not be respawned stays away until the next reload, and
 * the server serves with one less. One is away if it has no process at two looks that are a second apart: a look can fall between
 * its death and its respawn.
 */

static void look_for(struct sentry_child *child, int is_away, const char *what, int number) {
	const char *cause = uwsgi_instance_is_dying ? "uWSGI believes that it stops" : "fork failed";
	if (!is_away) {
		child->away = child->away_reported = 0;
		return;
	}
	if (child->away && !child->away_reported) {
		char text[96];
		child->away_reported = 1;
		snprintf(text, sizeof(text), "%s %d could not be started: %s", what, number, cause);
		sentry_boot_report_serving(text);
	}
	child->away = 1;
}

static void look_for_the_missing(void) {
	static time_t last;
	time_t now = uwsgi_now();
	if (now == last || !sentry_capturing(SENTRY_CAPTURE_BOOT) || sentry_stopping()) return;
	last = now;
	for (int i = 1; i <= uwsgi.numproc && i <= MOST_CHILDREN; i++) {
		struct uwsgi_worker *worker = &uwsgi.workers[i];
		look_for(&workers[i], worker->pid <= 0 && !worker->cheaped && worker->respawn_count > 0 && !uwsgi.status.is_cheap, "worker", i);
	}
	for (int i = 0; i < uwsgi.mules_cnt && i < MOST_CHILDREN; i++) {
		pid_t pid = uwsgi.mules[i].pid;	/* a mule's stays what it was */
		look_for(&mules[i], pid > 0 && kill(pid, 0) && errno == ESRCH, "mule", i + 1);
	}
}

/* ---- memory ---- */

static void sample_memory(void) {
	static time_t sampled;
	time_t now = uwsgi_now();
	if (now - sampled < SAMPLE_SECONDS) return;
	sampled = now;
	sentry_deaths_sample();
	for (int i = 1; i <= uwsgi.numproc && i <= MOST_CHILDREN; i++) {
		if (uwsgi.workers[i].pid <= 0 || uwsgi.workers[i].pid != workers[i].pid) continue;
		uint64_t rss = sentry_proc_rss(uwsgi.workers[i].pid);
		if (rss) workers[i].rss = rss;
	}
}

static void look_at_all(int someone_died) {
	for (int i = 1; i <= uwsgi.numproc && i <= MOST_CHILDREN; i++) look_at_worker(&workers[i], i, someone_died);
	look_at_others(someone_died);
}

void sentry_look_at_children(void) {
	look_at_all(0);
	look_for_the_missing();
	sample_memory();
	/* the dead after all that takes time, since uWSGI collects one of them next: it is to be one that was seen */
	uint64_t before;
	int turns = 5;
	do {
		before = sentry_deaths_reported();
		if (sentry_someone_died()) look_at_all(1);
	} while (sentry_deaths_reported() != before && --turns > 0);
}
