/*
 * The master's children: who died and was not to, who could not be started, how much memory each worker has.
 */
#include "watch.h"

#include <signal.h>

#define MOST_CHILDREN SENTRY_WORKERS_MAX
#define MOST_COMMANDS 256
#define SAMPLE_SECONDS 3

static struct sentry_child workers[MOST_CHILDREN + 1], mules[MOST_CHILDREN], commands[MOST_COMMANDS];

struct sentry_child *sentry_child_of_worker(int id) {
	return id > 0 && id <= uwsgi.numproc && id <= MOST_CHILDREN ? &workers[id] : NULL;
}

int sentry_stopping(void) {
	return uwsgi_instance_is_dying || uwsgi_instance_is_reloading;
}

/* ---- deaths ---- */

/* uWSGI's own exits, which tell of nothing that went wrong */
static int expected_exit(int code) {
	return code == UWSGI_RELOAD_CODE || code == UWSGI_END_CODE || code == UWSGI_EXILE_CODE || code == UWSGI_DE_HIJACKED_CODE ||
		code == UWSGI_QUIET_CODE || code == UWSGI_BRUTAL_RELOAD_CODE || code == UWSGI_GO_CHEAP_CODE;
}

static int is_stop_signal(const siginfo_t *how) {
	return how->si_code != CLD_EXITED && (how->si_status == SIGKILL || how->si_status == SIGTERM || how->si_status == SIGINT);
}

static int is_incident(struct uwsgi_worker *worker, struct sentry_child *child, const siginfo_t *how) {
	int exited = how->si_code == CLD_EXITED, code = how->si_status;
	if (exited && expected_exit(code)) return 0;
	if (exited && (code == UWSGI_EXCEPTION_CODE || code == UWSGI_FAILED_APP_CODE)) return 0;	/* told of by the worker itself */
	if (child->leaving && (exited ? code != 1 : is_stop_signal(how))) return 0;
	if (sentry_stopping() && (exited ? code == 0 : is_stop_signal(how))) return 0;
	return !worker->pending_harakiri || !child->harakiri_at;	/* else told of before the kill */
}

static void tell_worker(struct sentry_child *child, int id, const siginfo_t *how, int collected) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_CRASHES];
	struct sentry_death death = {.process = SENTRY_PROCESS_WORKER, .pid = child->pid, .number = id, .how = how, .collected = collected, .rss = child->rss};
	if (handler) sentry_tell_death(handler, &death);
}

/* a worker says with which code it leaves; no lock and no call, since it may be in a signal's handler */
void sentry_note_exit(int code) {
	if (!sentry.watch || uwsgi.mywid < 1 || uwsgi.mywid > SENTRY_WORKERS_MAX || getpid() != uwsgi.mypid) return;
	__atomic_store_n(&sentry.watch->said[uwsgi.mywid], (uint64_t) getpid() << 32 | (uint32_t) code, __ATOMIC_RELEASE);
}

static int said_its_code(pid_t pid, int id, siginfo_t *how) {
	uint64_t said = __atomic_load_n(&sentry.watch->said[id], __ATOMIC_ACQUIRE);
	memset(how, 0, sizeof(*how));
	how->si_code = CLD_EXITED;
	how->si_status = said & 0xff;	/* as the kernel does */
	return (pid_t) (said >> 32) == pid;
}

/*
 * uWSGI collected it before we looked. It may have been sent away and gone since our last look, and its successor shows nothing of
 * that; but who goes by exit() has said so. Of the others that they died is all that is known.
 */
static void look_at_collected(struct sentry_child *child, int id) {
	struct uwsgi_worker *worker = &uwsgi.workers[id];
	siginfo_t how;
	if (child->pid <= 0 || child->told == child->pid || child->harakiri_at || sentry_stopping() || worker->cheaped) return;
	if (!said_its_code(child->pid, id, &how)) {
		if (!child->leaving) tell_worker(child, id, NULL, 1);
	}
	else if (is_incident(worker, child, &how)) tell_worker(child, id, &how, 1);
}

/* who it is, and whether it is to go */
static void look_at_worker(struct sentry_child *child, int id) {
	struct uwsgi_worker *worker = &uwsgi.workers[id];
	if (worker->pid > 0 && worker->pid != child->pid) {
		look_at_collected(child, id);
		child->pid = worker->pid;
		child->harakiri_at = 0;
		child->rss = 0;
		child->leaving = 0;
		child->served = 0;
	}
	if (worker->pid <= 0) return;
	/* it was told to go, or says that it will: however it goes then is no incident. A new one says so too for its first moments */
	if (worker->manage_next_request) child->served = 1;
	if (worker->cursed_at || (!worker->manage_next_request && child->served) || worker->cheaped) child->leaving = 1;
}

/* whether it has died, and that is news */
static int look_for_death_of_worker(struct sentry_child *child, int id) {
	struct uwsgi_worker *worker = &uwsgi.workers[id];
	siginfo_t how;
	if (child->pid <= 0 || worker->pid != child->pid || child->told == child->pid || !sentry_has_died(child->pid, &how)) return 0;
	child->told = child->pid;
	int incident = is_incident(worker, child, &how);
	child->harakiri_at = 0;
	if (incident) tell_worker(child, id, &how, 0);
	return 1;
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
};

/* each time, for its pid and its deadline; the call only if somebody died */
static void look_at(struct sentry_child *child, struct other now, int someone_died) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_DAEMONS];
	if (now.pid != child->pid) {
		child->pid = now.pid;
		child->deadline = 0;
		child->since = uwsgi_now();
	}
	if (now.deadline > 0) child->deadline = now.deadline;
	siginfo_t how;
	if (!handler || !someone_died || child->told == now.pid || !sentry_has_died(now.pid, &how)) return;
	child->told = now.pid;
	if (sentry_stopping() || now.to_go) return;
	if (how.si_code == CLD_EXITED && how.si_status == 0) return;
	/* a command's own code may look like one of uWSGI's */
	if (how.si_code == CLD_EXITED && now.process != SENTRY_PROCESS_UNKNOWN && expected_exit(how.si_status)) return;
	int in_time = how.si_code == CLD_EXITED || how.si_status != SIGKILL || !child->deadline || uwsgi_now() < child->deadline;
	struct sentry_death death = {
		.process = now.process, .pid = now.pid, .number = now.number, .name = now.name, .how = &how, .since = child->since,
		.cause = in_time ? NULL : "harakiri", .stack_slot = in_time ? 0 : now.stack_slot, .stack_of = (uint64_t) child->deadline,
	};
	sentry_tell_death(handler, &death);
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

/*
 * A daemon with a pidfile is no child of the master's (it may even have been there before it): that its process is gone is all
 * that can be seen, between its end and uWSGI's own look at the pidfile, which starts it anew. Somebody else may have done that
 * on purpose: then the pidfile names another process before ours is missed.
 */
static void look_at_smart(struct sentry_child *child, struct uwsgi_daemon *daemon) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_DAEMONS];
	time_t now = uwsgi_now();
	if (!handler || daemon->status != 2 || daemon->pid <= 0 || now == child->looked) return;
	child->looked = now;	/* once a second */
	int there = !kill(daemon->pid, 0) || errno == EPERM;
	if (there) child->pid = daemon->pid;
	else if (child->pid == daemon->pid && child->told != child->pid) {
		child->told = child->pid;
		struct sentry_death death = {.process = SENTRY_PROCESS_UNKNOWN, .pid = child->pid, .name = daemon->command, .cause = "smart"};
		if (!sentry_stopping() && !lost_to_another_lord(daemon)) sentry_tell_death(handler, &death);
	}
}

static void look_at_others(int someone_died) {
	for (int i = 0; i < uwsgi.mules_cnt && i < MOST_CHILDREN; i++) {
		struct uwsgi_mule *mule = &uwsgi.mules[i];
		struct other now = {
			.pid = mule->pid, .process = SENTRY_PROCESS_MULE, .number = mule->id, .name = mule->patch, .stack_slot = sentry_slot_of_mule(mule->id),
			.deadline = mule->harakiri ? mule->harakiri : mule->user_harakiri, .to_go = mule->cursed_at != 0,
		};
		look_at(&mules[i], now, someone_died);
	}
	int n = 0;
	for (struct uwsgi_spooler *spooler = uwsgi.spoolers; spooler && n < MOST_COMMANDS; spooler = spooler->next, n++) {
		struct other now = {	/* it has no number that its user knows */
			.pid = spooler->pid, .process = SENTRY_PROCESS_SPOOLER, .name = spooler->dir, .stack_slot = sentry_slot_of_spooler(spooler),
			.deadline = spooler->harakiri ? spooler->harakiri : spooler->user_harakiri, .to_go = spooler->cursed_at != 0,
		};
		look_at(&commands[n], now, someone_died);
	}
	for (struct uwsgi_daemon *daemon = uwsgi.daemons; daemon && n < MOST_COMMANDS; daemon = daemon->next, n++) {
		if (strstr(daemon->command, "/runtime/supervise-")) continue;	/* our own agent */
		struct other now = {.pid = daemon->pid, .name = daemon->command, .to_go = is_sent_away(&commands[n], daemon)};
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
	if (!is_away) {
		child->away = child->away_told = 0;
		return;
	}
	if (child->away && !child->away_told) {
		char text[96];
		child->away_told = 1;
		snprintf(text, sizeof(text), "%s %d could not be started: fork failed", what, number);
		sentry_boot_tell(text);
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
		pid_t pid = uwsgi.mules[i].pid;	/* of a mule it stays what it was */
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

/*
 * Deaths come last: whoever dies between our look and uWSGI's own is collected unseen. Telling of one takes its time, too, in which
 * others may die.
 */
void sentry_look_at_children(void) {
	for (int i = 1; i <= uwsgi.numproc && i <= MOST_CHILDREN; i++) look_at_worker(&workers[i], i);
	look_for_the_missing();
	sample_memory();
	int someone_died = sentry_someone_died();
	look_at_others(someone_died);
	for (int news = someone_died; news;) {
		news = 0;
		for (int i = 1; i <= uwsgi.numproc && i <= MOST_CHILDREN; i++) news |= look_for_death_of_worker(&workers[i], i);
	}
}
