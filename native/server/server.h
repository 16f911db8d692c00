/*
 * What all parts of the plugin know: the server, its options and handlers, and the memory that its processes share.
 *
 * Nothing in native/ locks, waits, or allocates once the server serves, but for what uWSGI's own calls allocate (translation of a
 * route's values, an exception's texts). docs/architecture.md says what each folder is for and where it runs.
 */
#ifndef SENTRY_SERVER_H
#define SENTRY_SERVER_H

#include <uwsgi.h>

#include "journal/journal.h"
#include "server/option_values.h"

/* uWSGI built without PCRE has no routing. The plugin must load there too, if only to say that it was built for another uWSGI */
#ifndef UWSGI_ROUTING
struct uwsgi_route;
struct uwsgi_router *uwsgi_register_router(char *, int (*)(struct uwsgi_route *, char *));
int uwsgi_route_api_func(struct wsgi_request *, char *, char *);
#define UWSGI_ROUTE_NEXT 0
#endif
#pragma weak uwsgi_legion_i_am_the_lord
#pragma weak uwsgi_register_router
#pragma weak uwsgi_route_api_func
#pragma weak uwsgi_routing_translate

#ifndef SENTRY_PLUGIN_VERSION
#error "SENTRY_PLUGIN_VERSION is missing: build with uwsgi --build-plugin, which runs uwsgiplugin.py"
#endif

/* one place of the configuration that says `sentry:` */
struct sentry_handler {
	char *name;		/* as its user wrote it: "alarm lqfull", "hook-asap", "route ^/help" */
	char *options;		/* what stands behind "sentry:" */
	const char *source;	/* the options' own bytes, by which a hook is found again */
	unsigned char *fields;	/* ready for a record: instance, handler, options, defaults */
	size_t fields_len;
	uint64_t hash;
	uint64_t fold;		/* what the fold keys of its records start from */
	struct sentry_handler *next;
};

/* what is reported with no handler for it: the names of sentry-capture */
enum sentry_capture {
	SENTRY_CAPTURE_EXCEPTIONS,
	SENTRY_CAPTURE_FAILED,
	SENTRY_CAPTURE_CRASHES,
	SENTRY_CAPTURE_HARAKIRI,
	SENTRY_CAPTURE_SLOW,
	SENTRY_CAPTURE_BACKLOG,
	SENTRY_CAPTURE_BOOT,
	SENTRY_CAPTURE_DAEMONS,
	SENTRY_CAPTURE_LOGGED,	/* not among `all`: what an application logs, it has dealt with */
	SENTRY_CAPTURE_CLIENTS,	/* nor this: it is no fault of the server's */
	SENTRY_CAPTURE_CUT,
	SENTRY_CAPTURE_REFUSED,	/* only if it is named: a client may have it as often as it likes */
	SENTRY_CAPTURES,
};

#define SENTRY_STACK_MAX 24000
#define SENTRY_LINES_MAX 100	/* as many as Sentry takes */
#define SENTRY_LINE_MAX 400

/*
 * The stacks of a process's threads while it is too slow; written by its watchdog, read by the master and by itself. Workers are
 * found by their number, behind them come mules and spoolers.
 */
struct sentry_stack {
	uint32_t turn;		/* odd while it is being written */
	uint32_t len;
	uint64_t of;		/* SENTRY_STACK_OF_CRASH, or of a worker: start of the oldest request that was slow then; a mule or spooler: second of its deadline */
	uint64_t taken;		/* microseconds */
	uint64_t main_thread;
	pid_t exited;		/* the process that came to its exit, and with what */
	int exit_code;
	int exit_meant;		/* a worker's: it was to end */
	int exit_reported;		/* of an exception that is reported */
	uint64_t reported;		/* start of the worker's last request of which an exception was reported */
	char text[SENTRY_STACK_MAX];
};

#define SENTRY_STACK_OF_CRASH UINT64_MAX

struct sentry_line {
	uint64_t time;		/* microseconds; 0: none */
	uint32_t len;
	char text[SENTRY_LINE_MAX];
};

struct sentry_watch {
	uint64_t lines;		/* written so far; the last is lines[(lines - 1) % lines_max] */
	int lines_max;
	uint64_t need_app_claim;	/* that the server ends because it has no application; boot.c says what these two hold */
	uint64_t hook_claim;	/* the hook that failed last and that stops the server: each worker runs it */
	int without_application;	/* with lazy-apps: the worker that came last has none */
	int sdk_logged;		/* the log says that the application has an SDK */
	uint64_t peek_since;	/* a process looks at the log's unread lines; 0: none does */
	struct sentry_line line[SENTRY_LINES_MAX];
	int stacks;
	struct sentry_stack stack[];
};

struct sentry_server {
	/* options */
	char *dsn, *environment, *release, *server_name, *tags, *dir, *instance, *agent, *java, *jar, *capture;
	char *fold, *max_events_per_minute;
	char *outbox_max, *outbox_age, *outbox_entries, *event_max, *history, *max_requests, *ca, *proxy;
	char *journal_max, *drain, *locals, *slow_request, *breadcrumbs, *scrub;
	char *failed_status;
	struct uwsgi_string_list *ignore;
	int send_default_pii, with_sdk;

	/* made by sentry_configure(), entry/startup.c */
	int configured;
	struct sentry_handler *handlers;	/* of the configuration; those of uwsgi.route() are not in here */
	int exception_handlers;
	unsigned captured;			/* bits: 1 << enum sentry_capture */
	struct sentry_handler *capture_handler[SENTRY_CAPTURES];
	int crash_alarms;			/* of the user's alarm-segfault, those of ours */
	int own_exceptions;			/* the user's exception handlers report them: capture does not */
	int with_locals;
	int lines;				/* of the log that go with an event, at most */
	unsigned char failed[200];		/* of the statuses 400 to 599, those that count as failed */
	uint64_t slow_us;			/* a request that runs longer is slow; 0: off */
	struct sentry_watch *watch;		/* shared by all processes of the server; NULL: nothing is watched */
	char *state;				/* the state directory, absolute */
	struct sentry_journal journal;
	pid_t starter;				/* the process that loaded the plugin */
	int ending;				/* the start has failed already: no mistake ends it any more */
	pid_t main;				/* the process that read the configuration: the master, where there is one */
	time_t started;
	char *plugin;				/* this file, absolute; NULL if that is not known */
	int agent_started;
	int served;				/* the server has come up */
};

extern struct uwsgi_server uwsgi;
extern struct sentry_server sentry;

/* the first line of whatever uWSGI, Python or libc calls: when it returns, errno is as it was. docs/uwsgi-interface.md lists them */
#define SENTRY_ENTRY int errno_before __attribute__((cleanup(sentry_errno_back))) = errno
static inline void sentry_errno_back(int *before) {
	errno = *before;
}

/* ---- server.c ---- */

int sentry_strict(void);
const char *sentry_instance_name(void);
int sentry_may_wait(void);		/* another millisecond, in the master */
void sentry_new_cycle(void);
void sentry_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* of the configuration: with `strict` the server does not start */
void sentry_mistake(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* uWSGI stops or reloads: not only does it say so, every living worker and mule was told to go */
int sentry_stopping(void);

/* ---- capture_option.c ---- */

extern const char *const sentry_capture_name[SENTRY_CAPTURES];
void sentry_capture_read(void);
int sentry_capturing(enum sentry_capture);

/* ---- options.c ---- */

extern struct uwsgi_option sentry_options[];

/*
 * An option that bounds what the agent keeps or does: it goes to the agent's command line as --NAME VALUE. Only a value that
 * fits does, since the script lets the shell split them; the agent checks it again. The last row has no name.
 */
struct sentry_bound {
	const char *name;
	char **value;
	int (*fits)(const char *value);
	const char *fault;	/* what is wrong with one that does not fit, and what holds instead */
};
extern const struct sentry_bound sentry_bounds[];
void sentry_options_read(void);
void sentry_options_written(void);	/* those that uWSGI has not come to: as they are written */

/* ---- ignore_rules.c: the rules, a line each ---- */

char *sentry_ignore_rules(void);

/* ---- state_directory.c: the state directory and its owner; NULL with a sentence in why ---- */

char *sentry_state_directory(const char *wanted, uid_t *owner, gid_t *group, char *why, size_t why_size);

/* ---- handlers.c ---- */

struct sentry_phase {
	const char *name;
	struct uwsgi_string_list **list;
	int goes_on;	/* whatever its hooks return */
};
size_t sentry_phases(const struct sentry_phase **);
void sentry_handlers_find(void);
struct sentry_handler *sentry_handler_new(const char *name, const char *options, const char *source);
struct sentry_handler *sentry_handler_add(const char *name, const char *options, const char *source);
void sentry_handler_free(struct sentry_handler *);
struct sentry_handler *sentry_handler_by_name(const char *name);
int sentry_handler_named(struct sentry_handler *, const char *name);
void sentry_handler_check(struct sentry_handler *);
int sentry_reports_exceptions(struct sentry_handler *);
char *sentry_option(const char *options, const char *key);

/* ---- handler_fields.c ---- */

/* fields of a record in memory that grows, while the configuration is read: without memory the server does not start */
struct sentry_fields {
	unsigned char *bytes;
	size_t len, room;
};
void sentry_fields_put(struct sentry_fields *, const char *name, const void *value, size_t len);
void sentry_fields_put_pair(struct sentry_fields *, const char *name, const char *key, const char *value);

void sentry_defaults_prepare(void);	/* once more where the server became another process */
void sentry_add_defaults(struct sentry_record *);
void sentry_handler_ready(struct sentry_handler *);

#endif
