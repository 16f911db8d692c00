/*
 * The master's look at its children, about once a second and before it collects the dead: who died and of what, with the request
 * that was in flight, whose memory is still there; who is about to be killed for taking too long; whether the listen queue is full.
 */
#include "sentry.h"

#include <fcntl.h>
#include <sys/wait.h>

#define MOST_CHILDREN 1024
#define SAMPLE_SECONDS 3

/* uWSGI's own exits, which tell of nothing that went wrong */
static int expected_exit(int code) {
	return code == UWSGI_RELOAD_CODE || code == UWSGI_END_CODE || code == UWSGI_EXILE_CODE || code == UWSGI_DE_HIJACKED_CODE ||
		code == UWSGI_QUIET_CODE || code == UWSGI_BRUTAL_RELOAD_CODE || code == UWSGI_GO_CHEAP_CODE;
}

struct child {
	pid_t pid;		/* the one last seen */
	pid_t told;		/* its death, or its kill, is reported */
	uint64_t rss;		/* kilobytes, when last sampled */
	uint64_t harakiri_at;	/* start of the request for which it was reported */
	time_t deadline;	/* of a mule, spooler or cron: when uWSGI will kill it; of a worker 1: it is to go */
	int served;		/* a worker that was seen ready for requests */
	int stack_slot;		/* of a mule or spooler that was killed at its deadline: where its stacks are */
	time_t since;		/* first seen */
};

static struct child workers[MOST_CHILDREN + 1];
static struct child mules[MOST_CHILDREN + 1];
static uint64_t oom_kills;
static time_t sampled;

/* ---- what /proc tells ---- */

static ssize_t read_proc(pid_t pid, const char *name, char *to, size_t room) {
	char path[64];
	snprintf(path, sizeof(path), "/proc/%ld/%s", (long) pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) return -1;
	ssize_t n = read(fd, to, room - 1);
	close(fd);
	to[n > 0 ? n : 0] = 0;
	return n;
}

static uint64_t rss_of(pid_t pid) {
	char text[256];
	unsigned long total = 0, resident = 0;
	if (read_proc(pid, "statm", text, sizeof(text)) <= 0 || sscanf(text, "%lu %lu", &total, &resident) != 2) return 0;
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

/* how often the kernel has killed for want of memory, as far as this process may know: its cgroup's count, else the machine's */
static uint64_t count_oom_kills(void) {
	char cgroup[1024], path[1200];
	ssize_t n = read_proc(getpid(), "cgroup", cgroup, sizeof(cgroup));
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

/* ---- crashes: what uWSGI's own handler printed ---- */

/* written by the alarm thread, taken by the main thread, both of the master */
#define CRASHES 4
static struct {
	int state;	/* 0 free, 1 being written, 2 there */
	pid_t pid;
	int reported;	/* an alarm of the user's has told of it */
	time_t at;
	uint32_t len;
	char text[8192];
} crashes[CRASHES];

int sentry_watch_crash(const char *text, size_t len, int reported) {
	static const char head[] = "*** backtrace of ";
	if (len < sizeof(head) || memcmp(text, head, sizeof(head) - 1)) return 0;
	char digits[16] = {0};
	memcpy(digits, text + sizeof(head) - 1, len - sizeof(head) + 1 < 15 ? len - sizeof(head) + 1 : 15);
	pid_t pid = (pid_t) strtol(digits, NULL, 10);
	time_t now = time(NULL);
	for (int i = 0; i < CRASHES; i++) {
		int free_slot = 0, old = 2;
		if (!__atomic_compare_exchange_n(&crashes[i].state, &free_slot, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) &&
		    !(now - crashes[i].at > 10 && __atomic_compare_exchange_n(&crashes[i].state, &old, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))) continue;
		crashes[i].pid = pid;
		crashes[i].reported = reported;
		crashes[i].at = now;
		crashes[i].len = (uint32_t) (len < sizeof(crashes[i].text) ? len : sizeof(crashes[i].text));
		memcpy(crashes[i].text, text, crashes[i].len);
		__atomic_store_n(&crashes[i].state, 2, __ATOMIC_RELEASE);
		break;
	}
	return 1;
}

/* for whatever it waits, and for however many processes at once: the master does not stand still for longer than this in a cycle */
#define WAIT_MS 60
static int waits = WAIT_MS;

int sentry_may_wait(void) {
	return waits > 0 && waits--;
}

/* the slot of that process's crash. Its message is on its way through a pipe when it dies: a few milliseconds are waited for it */
static int crash_of(pid_t pid) {
	for (int turn = 0; turn < 30; turn++) {
		if (turn) {
			if (!sentry_may_wait()) return -1;
			usleep(1000);
		}
		for (int i = 0; i < CRASHES; i++) {
			if (__atomic_load_n(&crashes[i].state, __ATOMIC_ACQUIRE) == 2 && crashes[i].pid == pid) return i;
		}
	}
	return -1;
}

/* ---- the records ---- */

static void state_number(struct sentry_record *record, const char *key, uint64_t value, char digits[24]) {
	int len = snprintf(digits, 24, "%llu", (unsigned long long) value);
	sentry_record_pair(record, "death", key, strlen(key), digits, (size_t) len);
}

/* the innermost frames, without addresses and offsets */
static uint64_t hash_backtrace(uint64_t hash, const char *text, size_t len) {
	size_t end = 0;
	for (int lines = 0; lines < 8 && end < len; end++) lines += text[end] == '\n';
	return sentry_hash_template(hash, text, end);
}

static void tell_death(struct sentry_handler *handler, enum sentry_process process, struct child *child, int number, const siginfo_t *si, const char *name, const char *cause) {
	struct sentry_record record;
	char signal_or_code[24], rss[24], oom[24], seconds[24];
	unsigned char *copy = NULL;
	int crash = -1;
	/* uWSGI's handler ends in exit(1), or since 2.0.27 in the signal again */
	if (si && si->si_status == (si->si_code == CLD_EXITED ? 1 : si->si_status == SIGFPE ? SIGFPE : SIGSEGV)) crash = crash_of(child->pid);
	if (crash >= 0 && crashes[crash].reported) {
		__atomic_store_n(&crashes[crash].state, 0, __ATOMIC_RELEASE);
		return;
	}
	sentry_begin_about(&record, SENTRY_DEATH, handler, process, child->pid, number);
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_DEATH), &process, sizeof(process));
	if (name) fold = sentry_hash(fold, name, strlen(name));
	if (crash >= 0) fold = hash_backtrace(fold, crashes[crash].text, crashes[crash].len);
	if (si) {
		int exited = si->si_code == CLD_EXITED;
		fold = sentry_hash(fold, &exited, sizeof(exited));
		fold = sentry_hash(fold, &si->si_status, sizeof(si->si_status));
		state_number(&record, exited ? "code" : "signal", (uint64_t) si->si_status, signal_or_code);
		if (!exited && si->si_status == SIGKILL) {
			uint64_t kills = count_oom_kills();
			if (kills > oom_kills) state_number(&record, "oom_kills", kills - oom_kills, oom);
			oom_kills = kills;
		}
	}
	else sentry_record_pair(&record, "death", "unknown", 7, "1", 1);
	if (cause) sentry_record_pair(&record, "death", "cause", 5, cause, strlen(cause));
	if (name) sentry_record_pair(&record, "death", "name", 4, name, strlen(name));
	sentry_record_fold(&record, handler->hash, fold);
	if (child->since) state_number(&record, "seconds", (uint64_t) (uwsgi_now() - child->since), seconds);
	if (child->rss) state_number(&record, "rss", child->rss, rss);
	if (crash >= 0) sentry_record_field(&record, "backtrace", crashes[crash].text, crashes[crash].len);
	sentry_state(&record, process == SENTRY_PROCESS_WORKER ? number : 0);
	if (process == SENTRY_PROCESS_WORKER && si) sentry_requests_of(&record, number, &copy);
	char *stack = NULL;
	if (child->stack_slot) sentry_stack_of(&record, child->stack_slot, (uint64_t) child->deadline, &stack, 0, UINT64_MAX);
	sentry_lines(&record, SENTRY_LINES_MAX);
	sentry_append(&record);
	free(stack);
	free(copy);
	if (crash >= 0) __atomic_store_n(&crashes[crash].state, 0, __ATOMIC_RELEASE);
}

static int stopping(void) {
	return uwsgi_instance_is_dying || uwsgi_instance_is_reloading;
}

static void look_at_workers(int someone_died) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_CRASHES];
	for (int i = 1; i <= uwsgi.numproc && i <= MOST_CHILDREN; i++) {
		struct uwsgi_worker *worker = &uwsgi.workers[i];
		struct child *child = &workers[i];
		if (worker->pid > 0 && worker->pid != child->pid) {
			/* uWSGI collected it before we looked: that it died is all that is known, and not even that if it was to go */
			if (child->pid > 0 && child->told != child->pid && handler && !stopping() && !worker->cheaped && !child->deadline) {
				tell_death(handler, SENTRY_PROCESS_WORKER, child, i, NULL, NULL, NULL);
			}
			child->pid = worker->pid;
			child->rss = 0;
			child->deadline = 0;
			child->served = 0;
		}
		if (worker->pid <= 0) continue;
		/* it was told to go, or says that it will: however it goes then is no incident. A new one says so too for its first moments */
		if (worker->manage_next_request) child->served = 1;
		if (worker->cursed_at || (!worker->manage_next_request && child->served) || worker->cheaped) child->deadline = 1;
		siginfo_t si;
		memset(&si, 0, sizeof(si));
		if (!someone_died || child->told == child->pid || waitid(P_PID, (id_t) worker->pid, &si, WEXITED | WNOHANG | WNOWAIT) || si.si_pid != worker->pid) continue;
		child->told = child->pid;
		int bad = si.si_code != CLD_EXITED || !expected_exit(si.si_status);
		if (si.si_code == CLD_EXITED && (si.si_status == UWSGI_EXCEPTION_CODE || si.si_status == UWSGI_FAILED_APP_CODE)) bad = 0;	/* told of by the worker itself */
		if (child->deadline && (si.si_code == CLD_EXITED ? si.si_status != 1 : si.si_status == SIGKILL || si.si_status == SIGTERM || si.si_status == SIGINT)) bad = 0;
		if (stopping() && (si.si_code == CLD_EXITED ? si.si_status == 0 : si.si_status == SIGKILL || si.si_status == SIGTERM || si.si_status == SIGINT)) bad = 0;
		if (worker->pending_harakiri && child->harakiri_at) bad = 0;	/* told of before the kill */
		child->harakiri_at = 0;
		if (bad && handler) tell_death(handler, SENTRY_PROCESS_WORKER, child, i, &si, NULL, NULL);
	}
}

/* one of uWSGI's other children; `expected` if it is to go. Each time, for its pid and its deadline; the call only if somebody died */
static void look_at(struct child *child, int someone_died, pid_t pid, enum sentry_process process, int number, const char *name, time_t harakiri, int expected) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_DAEMONS];
	if (pid != child->pid) {
		child->pid = pid;
		child->deadline = 0;
		child->stack_slot = 0;
		child->since = uwsgi_now();
	}
	if (harakiri > 0) child->deadline = harakiri;
	siginfo_t si;
	memset(&si, 0, sizeof(si));
	if (!handler || !someone_died || pid <= 0 || child->told == pid || waitid(P_PID, (id_t) pid, &si, WEXITED | WNOHANG | WNOWAIT) || si.si_pid != pid) return;
	child->told = pid;
	if (stopping() || expected) return;
	int killed_for_time = si.si_code != CLD_EXITED && si.si_status == SIGKILL && child->deadline && uwsgi_now() >= child->deadline;
	if (si.si_code == CLD_EXITED && (si.si_status == 0 || expected_exit(si.si_status))) {
		if (process != SENTRY_PROCESS_UNKNOWN || si.si_status == 0) return;	/* a command's own code may look like one of uWSGI's */
	}
	if (killed_for_time && process == SENTRY_PROCESS_MULE) child->stack_slot = sentry_slot_of_mule(number);
	if (process == SENTRY_PROCESS_SPOOLER) {	/* it has no number that its user knows */
		child->stack_slot = killed_for_time ? number : 0;
		number = 0;
	}
	tell_death(handler, process, child, number, &si, name, killed_for_time ? "harakiri" : NULL);
}

#define MOST_COMMANDS 256
static struct child commands[MOST_COMMANDS];

static int lost_to_another_lord(struct uwsgi_daemon *daemon) {
#ifdef UWSGI_SSL
	return daemon->legion && !uwsgi_legion_i_am_the_lord(daemon->legion);
#else
	(void) daemon;
	return 0;
#endif
}

/* uWSGI stops it itself: its file was touched, or another node of its legion runs it now */
static int sent_away(struct child *child, struct uwsgi_daemon *daemon) {
	if (lost_to_another_lord(daemon)) return 1;
	siginfo_t si;
	memset(&si, 0, sizeof(si));
	if (!daemon->touch || child->pid <= 0 || waitid(P_PID, (id_t) child->pid, &si, WEXITED | WNOHANG | WNOWAIT) || si.si_pid != child->pid) return 0;
	return si.si_code == CLD_EXITED || si.si_status == daemon->stop_signal;
}

/*
 * A daemon with a pidfile is no child of the master's (it may even have been there before it): that its process is gone is all
 * that can be seen, between its end and uWSGI's own look at the pidfile, which starts it anew. Somebody else may have done that
 * on purpose: then the pidfile names another process before ours is missed.
 */
static void look_at_smart(struct child *child, struct uwsgi_daemon *daemon) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_DAEMONS];
	time_t now = uwsgi_now();
	if (!handler || daemon->status != 2 || daemon->pid <= 0 || now == child->deadline) return;
	child->deadline = now;	/* of the look: once a second */
	int there = !kill(daemon->pid, 0) || errno == EPERM;
	if (there) child->pid = daemon->pid;
	else if (child->pid == daemon->pid && child->told != child->pid) {
		child->told = child->pid;
		if (!stopping() && !lost_to_another_lord(daemon)) tell_death(handler, SENTRY_PROCESS_UNKNOWN, child, 0, NULL, daemon->command, "smart");
	}
}

static void look_at_the_rest(int someone_died) {
	for (int i = 0; i < uwsgi.mules_cnt && i < MOST_CHILDREN; i++) {
		struct uwsgi_mule *mule = &uwsgi.mules[i];
		time_t harakiri = mule->harakiri ? mule->harakiri : mule->user_harakiri;
		look_at(&mules[i], someone_died, mule->pid, SENTRY_PROCESS_MULE, mule->id, mule->patch, harakiri, mule->cursed_at != 0);
	}
	int n = 0;
	for (struct uwsgi_spooler *spooler = uwsgi.spoolers; spooler && n < MOST_COMMANDS; spooler = spooler->next) {
		time_t harakiri = spooler->harakiri ? spooler->harakiri : spooler->user_harakiri;
		look_at(&commands[n++], someone_died, spooler->pid, SENTRY_PROCESS_SPOOLER, sentry_slot_of_spooler(spooler), spooler->dir, harakiri, spooler->cursed_at != 0);
	}
	for (struct uwsgi_daemon *daemon = uwsgi.daemons; daemon && n < MOST_COMMANDS; daemon = daemon->next, n++) {
		if (strstr(daemon->command, "/runtime/supervise-")) continue;	/* our own agent */
		if (daemon->pidfile) look_at_smart(&commands[n], daemon);
		else look_at(&commands[n], someone_died, daemon->pid, SENTRY_PROCESS_UNKNOWN, 0, daemon->command, 0, sent_away(&commands[n], daemon));
	}
	for (struct uwsgi_cron *cron = uwsgi.crons; cron && n < MOST_COMMANDS; cron = cron->next, n++) {
		if (cron->command) look_at(&commands[n], someone_died, cron->pid, SENTRY_PROCESS_UNKNOWN, 1, cron->command, cron->harakiri, 0);
	}
}

static void sample_memory(void) {
	time_t now = uwsgi_now();
	if (now - sampled < SAMPLE_SECONDS) return;
	sampled = now;
	static int counted;
	if (!counted) {
		counted = 1;
		oom_kills = count_oom_kills();
	}
	for (int i = 1; i <= uwsgi.numproc && i <= MOST_CHILDREN; i++) {
		if (uwsgi.workers[i].pid <= 0 || uwsgi.workers[i].pid != workers[i].pid) continue;
		uint64_t rss = rss_of(uwsgi.workers[i].pid);
		if (rss) workers[i].rss = rss;
	}
}

/* ---- the listen queue ---- */

/* of a request in flight: pointers into the core's buffer only, as far as it goes */
static void request_line(struct uwsgi_core *core, char method[32], char uri[400]) {
	char *low = core->buffer, *high = core->buffer + sizeof(struct uwsgi_header) + uwsgi.buffer_size;
	char *m = core->req.method, *u = core->req.uri;
	size_t ml = core->req.method_len, ul = core->req.uri_len;
	*method = *uri = 0;
	if (m >= low && m + ml <= high) snprintf(method, 32, "%.*s", (int) (ml < 31 ? ml : 31), m);
	if (u >= low && u + ul <= high) snprintf(uri, 400, "%.*s", (int) (ul < 399 ? ul : 399), u);
}

/* one event for a time in which the queue is full: when it ends, or after ten seconds of it, with the table of its beginning */
static void look_at_the_queue(void) {
	static time_t since, told;
	static uint64_t worst;
	static unsigned char table[16384];
	static size_t table_len;
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_BACKLOG];
	if (!handler) return;
	uint64_t queue = 0, max = 0;
	for (struct uwsgi_socket *socket = uwsgi.sockets; socket; socket = socket->next) {
		if (socket->max_queue && (uint64_t) socket->queue * max >= queue * (uint64_t) socket->max_queue) {
			queue = (uint64_t) socket->queue;
			max = (uint64_t) socket->max_queue;
		}
	}
	time_t now = uwsgi_now();
	int full = max > 0 && queue >= max;
	if (full && !since) {
		since = now;
		worst = queue;
		table_len = 0;
		for (int w = 1; w <= uwsgi.numproc; w++) {
			for (int c = 0; c < uwsgi.cores; c++) {
				struct uwsgi_core *core = &uwsgi.workers[w].cores[c];
				if (!core->in_request || !core->buffer) continue;
				/* worker NUL core NUL start NUL method NUL URI */
				char value[600], method[32], uri[400];
				request_line(core, method, uri);
				int len = snprintf(value, sizeof(value), "%d%c%d%c%llu%c%s%c%s", w, 0, c, 0, (unsigned long long) core->req.start_of_request, 0, method, 0, uri);
				size_t need = sentry_field_put(table + table_len, sizeof(table) - table_len, "busy", value, (size_t) len);
				if (need <= sizeof(table) - table_len) table_len += need;
			}
		}
	}
	if (full && queue > worst) worst = queue;
	if (since && !told && (!full || now - since >= 10)) {
		struct sentry_record record;
		char digits[4][24];
		sentry_begin(&record, SENTRY_BACKLOG, handler, NULL);
		const char *keys[] = {"queue", "max", "seconds", "still"};
		uint64_t values[] = {worst, max, (uint64_t) (now - since), (uint64_t) full};
		for (int i = 0; i < 4; i++) {
			int len = snprintf(digits[i], sizeof(digits[i]), "%llu", (unsigned long long) values[i]);
			sentry_record_pair(&record, "backlog", keys[i], strlen(keys[i]), digits[i], (size_t) len);
		}
		sentry_record_fields(&record, table, table_len);
		sentry_lines(&record, SENTRY_LINES_MAX);
		sentry_append(&record);
		told = now;
	}
	if (!full && since) {
		since = 0;
		told = 0;
	}
}

void sentry_watch_cycle(void) {
	waits = WAIT_MS;
	if (!sentry.captured || !sentry.watch || getpid() != sentry.main) return;
	siginfo_t si;
	memset(&si, 0, sizeof(si));
	/* one call tells whether there is anybody to look for */
	int someone_died = waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid > 0;
	look_at_workers(someone_died);
	look_at_the_rest(someone_died);
	look_at_the_queue();
	sample_memory();
}

/* ---- harakiri: the worker lives, and is killed when this returns ---- */

void sentry_harakiri(int id) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_HARAKIRI];
	if (!handler || id < 1 || id > uwsgi.numproc || id > MOST_CHILDREN || uwsgi.workers[id].pid <= 0) return;
	struct uwsgi_worker *worker = &uwsgi.workers[id];
	struct child *child = &workers[id];
	/* uWSGI comes again each second until the worker is dead, and twice if it kills in two steps */
	uint64_t oldest = 1;
	struct uwsgi_core *stuck = NULL;
	for (int i = 0; i < uwsgi.cores; i++) {
		if (!worker->cores[i].in_request || (oldest != 1 && worker->cores[i].req.start_of_request >= oldest)) continue;
		oldest = worker->cores[i].req.start_of_request;
		stuck = &worker->cores[i];
	}
	if (child->harakiri_at == oldest && child->pid == worker->pid) return;
	child->pid = worker->pid;
	child->harakiri_at = oldest;

	struct sentry_record record;
	unsigned char *copy = NULL;
	char syscall_text[512], wchan[256], rss[24];
	sentry_begin_about(&record, SENTRY_HARAKIRI, handler, SENTRY_PROCESS_WORKER, worker->pid, id);
	if (stuck && stuck->buffer) {
		char method[32], uri[400];
		request_line(stuck, method, uri);
		uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_HARAKIRI), method, strlen(method) + 1);
		sentry_record_fold(&record, handler->hash, sentry_hash_path(fold, uri, strlen(uri)));
	}
	sentry_state(&record, id);
	ssize_t n = read_proc(worker->pid, "syscall", syscall_text, sizeof(syscall_text));
	if (n > 0) sentry_record_pair(&record, "proc", "syscall", 7, syscall_text, strcspn(syscall_text, "\n"));
	n = read_proc(worker->pid, "wchan", wchan, sizeof(wchan));
	if (n > 0) sentry_record_pair(&record, "proc", "wchan", 5, wchan, (size_t) n);
	uint64_t memory = rss_of(worker->pid);
	if (memory) state_number(&record, "rss", memory, rss);
	char limit[24];
	int digits = snprintf(limit, sizeof(limit), "%d", uwsgi.harakiri_options.workers);
	sentry_record_pair(&record, "proc", "harakiri", 8, limit, (size_t) digits);
	char *stack_copy = NULL;
	/* first, since many requests can fill the record */
	sentry_stack_of(&record, id, 0, &stack_copy, 0, UINT64_MAX);
	sentry_requests_of(&record, id, &copy);
	sentry_lines(&record, SENTRY_LINES_MAX);
	sentry_append(&record);
	free(stack_copy);
	free(copy);
}
