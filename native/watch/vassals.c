/*
 * The vassals of an emperor: which died without being told to go.
 *
 * An emperor runs none of the plugins' functions, but it asks each of its monitors about once a cycle, and just before it collects
 * the dead, whether there are vassals to start. So a monitor of ours is entered behind those of the configuration; it never
 * starts any, and looks. A vassal that the emperor stops ends with code 0, or is seen alive for a while with the emperor's mark;
 * one that dies without that gets the mark (its pipe closes) when it is dead already, or all but so.
 */
#include "agent/agent.h"
#include "watch/watch.h"

#define MOST_VASSALS 1024

extern struct uwsgi_instance *ui __attribute__((weak));

static struct {
	pid_t pid;
	uint64_t marked;	/* milliseconds: when it was first seen alive after the emperor had told it to go; 0: never */
	int leaving;	/* it was so for longer than dying takes */
	int reported;
	uint64_t seen;	/* the look that saw it last */
} vassals[MOST_VASSALS];

static uint64_t looks;

static int slot_of(pid_t pid) {
	int unused = -1;
	for (int i = 0; i < MOST_VASSALS; i++) {
		if (vassals[i].pid == pid) return i;
		if (unused < 0 && (!vassals[i].pid || vassals[i].seen + 1 < looks)) unused = i;
	}
	if (unused < 0) return -1;
	vassals[unused].pid = pid;
	vassals[unused].leaving = vassals[unused].reported = 0;
	vassals[unused].marked = 0;
	return unused;
}

#define DYING_MS 300

static uint64_t now_ms(void) {
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

static void look(struct uwsgi_emperor_scanner *scanner) {
	SENTRY_ENTRY;
	(void) scanner;
	if (!&ui || !ui) return;
	sentry_writer_start();
	looks++;
	siginfo_t how;
	int someone_died = sentry_someone_died();
	for (struct uwsgi_instance *vassal = ui->ui_next; vassal; vassal = vassal->ui_next) {
		if (vassal->pid <= 0) continue;
		int i = slot_of(vassal->pid);
		if (i < 0) continue;
		vassals[i].seen = looks;
		if (!someone_died || !sentry_has_died(vassal->pid, &how)) {
			if (vassal->status > 0 && !vassals[i].marked) vassals[i].marked = now_ms();
			else if (vassal->status > 0 && now_ms() - vassals[i].marked > DYING_MS) vassals[i].leaving = 1;
			continue;
		}
		int orderly = how.si_code == CLD_EXITED && (how.si_status == 0 || how.si_status == UWSGI_EXILE_CODE);
		if (vassals[i].reported || vassals[i].leaving || orderly) continue;
		vassals[i].reported = 1;
		struct sentry_death death = {.process = SENTRY_PROCESS_VASSAL, .pid = vassal->pid, .name = vassal->name, .how = &how, .since = vassal->last_run};
		sentry_report_death(sentry.capture_handler[SENTRY_CAPTURE_DAEMONS], &death);
	}
}

/* an emperor without a master comes no further than this, and what it reports must be sent */
static void start(struct uwsgi_emperor_scanner *scanner) {
	SENTRY_ENTRY;
	scanner->fd = -1;
	if (getpid() == sentry.main && !uwsgi.master_process) sentry_agent_detached(0);
}

/* with all options known, and before the emperor has made its monitors of them */
void sentry_vassals_prepare(void) {
	if (!uwsgi.emperor || !&ui || !sentry_capturing(SENTRY_CAPTURE_DAEMONS)) return;
	uwsgi_register_imperial_monitor("sentry", start, look);
	uwsgi_string_new_list(&uwsgi.emperor, "sentry://");
}
