/* What the master sees of its children, and an emperor of its vassals. */
#ifndef SENTRY_WATCH_H
#define SENTRY_WATCH_H

#include "capture/capture.h"

#include <sys/wait.h>

/* one that uWSGI started: a worker, mule, spooler, cron or attached daemon */
struct sentry_child {
	pid_t pid;		/* the one last seen */
	pid_t reported;		/* its death, or its kill, is reported */
	time_t since;		/* first seen */
	uint64_t rss;		/* a worker's kilobytes, when last sampled */
	uint64_t harakiri_at;	/* a worker's: start of the request for which it was reported */
	time_t deadline;	/* of a mule, spooler or cron: when uWSGI will kill it */
	time_t cursed_at;	/* when uWSGI first told it to go */
	uint64_t evil_rss, evil_as;	/* a worker's bytes, as uWSGI had them last */
	int short_lives;	/* of a mule: how many in a row */
	time_t looked;		/* of a daemon with a pidfile: the last look */
	uint64_t spawns;	/* of one: how often it had been started when its pidfile was last there */
	int served;		/* a worker that was seen ready for requests */
	int leaving;		/* it is to go */
	int away, away_reported;	/* it has no process; that it has none is reported */
};

struct sentry_death {
	enum sentry_process process;
	pid_t pid;
	int number;		/* of a worker or mule */
	const char *name;	/* of whatever has one, or NULL */
	const siginfo_t *how;	/* NULL: that it died is all that is known */
	int collected;		/* there is another in its place already: what is left of it is not its own */
	const char *cause;	/* or NULL */
	int reported;		/* an exception that led to it is reported: only a crash says more */
	time_t since;		/* when it began; 0: not known */
	uint64_t rss;		/* kilobytes before; 0: not known */
	int stack_slot;		/* where its stacks are, of that deadline or of its crash; 0: nowhere */
	uint64_t stack_of;
};

/* watch.c */
void sentry_watch_cycle(void);

/* harakiri.c */
void sentry_harakiri(int worker);

/* vassals.c */
void sentry_vassals_prepare(void);

/* children.c */
void sentry_look_at_children(void);
struct sentry_child *sentry_child_of_worker(int id);	/* NULL: beyond what is watched */

/* crashes.c: backtraces that uWSGI printed */
int sentry_is_crash(const char *text, size_t len);
int sentry_note_crash(const char *text, size_t len, struct sentry_handler *);	/* 1: the report of its death has it */
void sentry_late_crashes(int all);
struct sentry_crash {
	const char *text;
	size_t len;
	struct sentry_handler *handler;	/* of the user's alarm that brought it, or NULL */
	int slot;
};
void sentry_await_crash(pid_t);
int sentry_crash_of(pid_t, struct sentry_crash *);	/* 0: there is none */
void sentry_crash_reported(const struct sentry_crash *);

/* deaths.c */
void sentry_deaths_prepare(void);
void sentry_deaths_sample(void);	/* every few seconds */
void sentry_report_death(struct sentry_handler *, const struct sentry_death *);	/* without a handler: only what an alarm of the user's brought */
uint64_t sentry_deaths_reported(void);

/* cut_requests.c */
int sentry_mercy_is_over(time_t cursed_at, time_t no_mercy_at);	/* it is killed next, if it still lives */
/* the option by which uWSGI killed it for its memory; NULL: it did not */
const char *sentry_evil_reload(const struct sentry_child *, const struct uwsgi_worker *, const siginfo_t *how);
void sentry_report_cut(struct sentry_child *, int worker, const siginfo_t *how);	/* nothing, if it had no request in flight; how it ended may be NULL */
void sentry_report_cut_other(const struct sentry_child *, enum sentry_process, int number, const char *name, int stack_slot, int mercy, const siginfo_t *how);

/* backlog.c */
void sentry_look_at_backlog(void);

/* proc.c */
ssize_t sentry_proc_read(pid_t, const char *name, char *to, size_t room);	/* /proc/PID/NAME, ended by a NUL; -1: it cannot be read */
uint64_t sentry_proc_rss(pid_t);	/* kilobytes; 0: not known */
/* the number of OOM kills that this process can see: its cgroup's count, else the machine's */
uint64_t sentry_oom_kills(void);
/* this child has died; it is left for uWSGI to collect */
int sentry_has_died(pid_t, siginfo_t *how);
int sentry_someone_died(void);

#endif
