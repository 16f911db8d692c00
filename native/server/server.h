/*
 * What the parts of the plugin share. The files are:
 *
 *   plugin.c version_mismatch.c      registration; what is registered with a uWSGI that we were not built for
 *   server.c              what all know: the server, its log
 *   options.c handlers.c configuration.c state_directory.c   what the configuration says, made ready once, before uWSGI forks
 *   supervisor.c agent_start.c   the agent's process
 *   intake_*.c            one entry point each: alarm, hook, route, exception
 *   capture.c boot.c requests.c language_errors.c ruby.c watchdog.c stack_times.c crash_stacks.c log_lines.c python*.c vassals.c   what is reported without a handler
 *   hook_failures.c startup_output.c     of a start that fails: the hook that did, what uWSGI printed
 *   exit_notes.c               what a worker, mule or spooler says as it exits
 *   watch.c children.c deaths.c crashes.c cut_requests.c harakiri.c backlog.c proc.c   of that, what the master sees (watch.h)
 *   records.c             what all of these do alike
 *   drops.c               the count of what could not be recorded
 *   writer.c queue.c      what a master reports is appended by a thread of its own
 *   log_pipe.c log_peek.c   the pipe of the log: wide, read while the master waits; what is in it
 *   journal*.c write.c record.c hash.c crc32c.c   the record and its append; they know nothing of uWSGI
 *   option_values.c               what an option's value must look like; nor does this
 *
 * Who may run when is in docs/architecture.md. Nothing here locks, waits, or allocates once the server serves, but for
 * what uWSGI's own calls allocate (translation of a route's values, an exception's texts).
 */
#ifndef SENTRY_H
#define SENTRY_H

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
	int exit_told;		/* of an exception that is reported */
	uint64_t told;		/* start of the worker's last request of which an exception was reported */
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
	int need_app_told;	/* that the server ends for want of an application */
	uint64_t hook_told;	/* the hook that failed last and that stops the server: each worker runs it */
	int without_application;	/* with lazy-apps: the worker that came last has none */
	int sdk_said;		/* the log says that the application has an SDK */
	uint64_t unread_since;	/* somebody looks at the log's unread lines; 0: nobody */
	struct sentry_line line[SENTRY_LINES_MAX];
	int stacks;
	struct sentry_stack stack[];
};

struct sentry_server {
	/* options */
	char *dsn, *environment, *release, *server_name, *tags, *dir, *instance, *agent, *java, *jar, *capture;
	char *fold, *max_events_per_minute;
	char *outbox_max, *outbox_age, *outbox_entries, *event_max, *history, *lanes, *ca, *proxy;
	char *journal_max, *drain, *locals, *slow_request, *breadcrumbs, *scrub;
	char *failed_status;
	struct uwsgi_string_list *ignore;
	int send_default_pii, with_sdk;

	/* made by sentry_configure() */
	int configured;
	struct sentry_handler *handlers;	/* of the configuration; those of uwsgi.route() are not in here */
	int exception_handlers;
	unsigned captured;			/* bits: 1 << enum sentry_capture */
	struct sentry_handler *capture_handler[SENTRY_CAPTURES];
	int crash_alarms;			/* of the user's alarm-segfault, those of ours */
	int own_exceptions;			/* the user's exception handlers tell of them: capture does not */
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
	char *plugin;				/* this file, absolute; NULL if it could not be told */
	int agent_started;
};

extern struct uwsgi_server uwsgi;
extern struct sentry_server sentry;

/* the first line of whatever uWSGI, Python or libc calls: when it returns, errno is as it was. docs/uwsgi-interface.md lists them */
#define SENTRY_ENTRY int errno_before __attribute__((cleanup(sentry_errno_back))) = errno
static inline void sentry_errno_back(int *before) {
	errno = *before;
}

/* server.c */
int sentry_strict(void);
const char *sentry_instance_name(void);
int sentry_may_wait(void);		/* another millisecond, in the master */
void sentry_new_cycle(void);
void sentry_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* of the configuration: with `strict` the server does not start */
void sentry_mistake(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* uWSGI stops or reloads: not only does it say so, all that lives was told to go */
int sentry_stopping(void);

/* version_mismatch.c */
void sentry_inert_register(void);

/* hook_failures.c: uWSGI's own hooks */
void sentry_hooks_wrap(void);
const char *sentry_failed_hook(void);	/* after which the process exits; NULL: none failed */

/* options.c */
extern struct uwsgi_option sentry_options[];
void sentry_options_read(void);
void sentry_options_written(void);	/* those that uWSGI has not come to: as they are written */

/* configuration.c */
void sentry_configure(void);
int sentry_refresh(void);		/* the server may have become another process since: 1 if it has */
void sentry_refresh_main(void);		/* the same where threads of ours run */
void sentry_write_configuration(void);
void sentry_say_unusable(int is_unusable);	/* whether nothing can be recorded */
void sentry_follow_journal(void);	/* the state directory may have been replaced */
void sentry_retry_configuration(void);
void sentry_handler_ready(struct sentry_handler *);

/* handlers.c */
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
char *sentry_option(const char *options, const char *key);

/* state_directory.c: the state directory and whom it belongs to; NULL with a sentence in why */
char *sentry_state_directory(const char *wanted, uid_t *owner, gid_t *group, char *why, size_t why_size);

/* supervisor.c */
void sentry_agent_prepare(void);	/* says once what is missing */
void sentry_agent_cycle(void);
void sentry_agent_stop(void);
void sentry_agent_last(int code);	/* the server exits */
void sentry_agent_forked(void);
void sentry_agent_detached(int drain_only);

/* agent_start.c */
struct sentry_agent_start {
	const char *mode, *jar, *java, *drain, *options;
	pid_t server;
	int urgent;	/* somebody waits for it, and there is no server any more that comes first */
	int report;	/* where the script says why the agent does not run, or -1 */
	int failures;	/* in a row, if this one fails; and after that, so many seconds until the next */
	long pause;
};

#define SENTRY_AGENT_SAID 78	/* EX_CONFIG: it has said why */
void sentry_agent_become(struct sentry_agent_start *) __attribute__((noreturn));	/* in a child of its own */

/* records.c: what all entry points do */
void sentry_begin(struct sentry_record *, enum sentry_kind, struct sentry_handler *, struct wsgi_request *);
/* the same, about another process than the one that writes it */
void sentry_begin_about(struct sentry_record *, enum sentry_kind, struct sentry_handler *, enum sentry_process, pid_t, int number);
/* what the fold key of such a record starts from; docs/journal.md says what is added */
uint64_t sentry_fold_start(struct sentry_handler *, enum sentry_kind);
void sentry_state(struct sentry_record *, int worker);
void sentry_request_fields(struct sentry_record *, struct wsgi_request *);
void sentry_append(struct sentry_record *);
void sentry_default_fields(struct sentry_record *);

/* writer.c: what a master reports goes to a thread that appends it; in all other processes it is appended at once */
void sentry_writer_start(void);
void sentry_writer_close(void);
void sentry_writer_wake(void);
void sentry_writer_duties(void);	/* each second */
int sentry_writer_takes(struct sentry_record *);	/* 0: there is none, append it */
int sentry_writer_is_pressed(void);	/* a log line would only be counted */
int sentry_writer_runs(void);
int sentry_writer_gave_up(void);	/* the disk stood still at the end: nothing may wait for it any more */

/* log_pipe.c */
void sentry_log_pipe_widen(void);
void sentry_log_read_now(void);		/* in the master: what waits in it, also before there is anybody to read it */
void sentry_pause(void);

/* drops.c: the count of what could not be appended */
void sentry_report_drops(void);
void sentry_last_drops(void);		/* the server ends: what cannot be told is logged */
void sentry_carry_drops(void);		/* the server is about to become its successor */
void sentry_take_carried_drops(void);

/* capture.c: what is reported without a handler */
void sentry_capture_read(void);
void sentry_capture_prepare(void);	/* before uWSGI sets up its alarms */
void sentry_capture_start(void);	/* in the process that will be the master, before it forks */
int sentry_capturing(enum sentry_capture);
int sentry_tells_exceptions(struct sentry_handler *);

/* log_lines.c: the log's last lines */
void sentry_line(const char *, size_t);
void sentry_lines(struct sentry_record *, int most, unsigned char **copy);

/* log_peek.c: of the log's lines, those that are still on their way */
#define SENTRY_UNREAD_BYTES 3072	/* short enough that its lines are not more than: */
#define SENTRY_UNREAD_LINES 64
struct sentry_unread_line {
	uint32_t len;
	int own;	/* this process wrote it, for sure */
	char text[SENTRY_LINE_MAX];
};
struct sentry_unread {
	int count;
	struct sentry_unread_line line[SENTRY_UNREAD_LINES];
};
void sentry_unread_prepare(void);
struct sentry_unread *sentry_unread_lines(void);	/* NULL: none are known of. To be freed */

/* watch.c: the master's look at its children */
void sentry_watch_cycle(void);

/* crashes.c: backtraces that uWSGI printed */
int sentry_is_crash(const char *text, size_t len);
int sentry_note_crash(const char *text, size_t len, struct sentry_handler *);	/* 1: the report of its death has it */
void sentry_late_crashes(int all);

/* alarm.c */
void sentry_alarm_report(struct sentry_handler *, const char *text, size_t len);

/* harakiri.c */
void sentry_harakiri(int worker);

/* boot.c */
void sentry_boot_loaded(void);
void sentry_boot_apps(void);
void sentry_boot_served(void);
void sentry_boot_forked(void);
void sentry_boot_watch_exit(void);
void sentry_boot_tell(const char *what);
enum sentry_hook_effect {
	SENTRY_HOOK_GOES_ON,	/* nothing comes of it */
	SENTRY_HOOK_STOPS,	/* uWSGI stops */
	SENTRY_HOOK_MARKS,	/* it only believes that it does */
};
void sentry_boot_hook(const char *what, enum sentry_hook_effect);

/* ignore_rules.c: the rules, a line each */
char *sentry_ignore_rules(void);

/* client_wait.c: how long a request has waited for its client, in microseconds */
void sentry_client_watch(void);
uint64_t sentry_client_waited(const struct wsgi_request *);
void sentry_client_fields(struct sentry_record *, const struct wsgi_request *);

/* exit_notes.c: 1: that process, of that worker, mule or spooler, came to its exit */
void sentry_note_exit(int code);
void sentry_exits_of_exception(int);	/* an exit from now on is that of an exception which is reported */
void sentry_note_told(const struct wsgi_request *);
int sentry_is_told(int worker, pid_t);	/* what its requests in flight ended in is reported already */
int sentry_exit_of(int slot, pid_t, int *code, int *meant);

/* requests.c */
void sentry_request_repair(struct wsgi_request *);	/* what a language did to the block that it was sent in */
/* of a request in flight: empty where they are not there */
void sentry_request_line(struct uwsgi_core *, char method[32], char uri[400]);
void sentry_requests_of(struct sentry_record *, int worker, unsigned char **copy);
int sentry_request_is_open(const struct wsgi_request *);	/* for as long as its client likes */
SENTRY_EXPORT void sentry_after_request(struct wsgi_request *);

/* watchdog.c */
void sentry_watchdog_prepare(void);
void sentry_watchdog_start(void);
void sentry_watchdog_at_exit(void);	/* of a worker with a request in flight */
int sentry_stack_of(struct sentry_record *, int slot, uint64_t of, char **copy, uint64_t from, uint64_t to);
int sentry_slot_of_mule(int id);
int sentry_slot_of_spooler(struct uwsgi_spooler *);
int sentry_watchdog_hook(char *);

/* request_errors.c: exceptions of the requests in flight, a slot a core */
struct sentry_answered {
	uint64_t request;	/* its start: another one has another */
	const void *which;	/* the exception that was reported or noted; to be compared only */
	int reported;
	int left_to_sdk;
	int as_error;		/* the noted one was logged as an error, or worse */
	unsigned char *fields;	/* of the noted one */
	size_t len;
	const char *how;
	char type[128];
	unsigned char *said;	/* fields of what the language said of an error */
	size_t said_len;
	uint64_t said_hash;
	int ended;		/* the request ended by it, whatever was answered */
};
void sentry_answered_prepare(void);
struct sentry_answered *sentry_answered_of(const struct wsgi_request *);	/* NULL: there is no room for it */
void sentry_answered_forget(struct sentry_answered *);
void sentry_answered_reported(const struct wsgi_request *, const void *which);

/* language_errors.c: what PHP and Perl say of an error */
void sentry_said_find(void);
void sentry_said_at_end(struct wsgi_request *, const struct uwsgi_plugin *);

/* ruby.c */
void sentry_ruby_find(void);
int sentry_ruby_is_raised(void);
void sentry_ruby_protected(uintptr_t (*)(uintptr_t), uintptr_t);
int sentry_ruby_left_to_sdk(void);
int sentry_ruby_with_raised(struct wsgi_request *, struct uwsgi_plugin *, void (*)(struct wsgi_request *, struct uwsgi_plugin *));
void sentry_ruby_request_ended(void);

void sentry_stacks_of_crash(struct sentry_stack *, uint64_t thread);	/* in the handler of a crash */

/* crash_stacks.c */
void sentry_crash_stacks_start(int slot);

/* python.c */
void sentry_python_find(void);
int sentry_python_is_raised(void);	/* an exception is set in this thread, which has the GIL */
void sentry_python_with_gil(void (*)(void));	/* without Python it is just called */

/* thread_stacks.c: of all of Python's threads */
void sentry_python_stacks_find(void);
int sentry_python_stacks_can(void);
void sentry_python_stacks_write(int fd);	/* in a child that ends after it; without the GIL */

/* exception.c: the fields of an exception, to be freed; NULL: there is none, or it cannot be read */
unsigned char *sentry_python_exception(size_t *len, int with_locals, const char **type);
unsigned char *sentry_python_last_exception(size_t *len, int with_locals);

/* python_report.c */
struct sentry_python_exception_seen {
	struct wsgi_request *req;	/* NULL: it belongs to none */
	const char *how, *type;
	unsigned char *fields;
	size_t len;
	const char *thread, *route;
	size_t thread_len, route_len;
};
void sentry_python_report(const struct sentry_python_exception_seen *);
int sentry_python_left_to_sdk(void);
int sentry_python_error_left_to_sdk(void);	/* the same while an exception is set, which stays */

/* python_frameworks.c: exceptions that a framework answers */
void sentry_python_frameworks(void);		/* once applications are loaded */
void sentry_python_frameworks_again(void);	/* after a request */
void sentry_python_frameworks_forked(void);
struct wsgi_request *sentry_python_request(void);	/* that this thread or greenlet, which has the GIL, serves; or NULL */

/* python_excepthooks.c: exceptions that belong to no request, and where modules are */
void sentry_python_outside(void);	/* once Python runs, before an application is loaded */
void sentry_python_printing(int is);
void sentry_python_loaded(void);
void sentry_python_path_field(struct sentry_record *);

/* vassals.c */
void sentry_vassals_prepare(void);

/* the entry points */
void sentry_alarm_init(struct uwsgi_alarm_instance *);
void sentry_alarm(struct uwsgi_alarm_instance *, char *, size_t);
int sentry_hook(char *);
int sentry_route_parse(struct uwsgi_route *, char *);
int sentry_exception(struct uwsgi_exception_handler_instance *, char *, size_t);
void sentry_exceptions_wrap(void);
int sentry_exception_answered(struct wsgi_request *, struct uwsgi_plugin *);

#endif
