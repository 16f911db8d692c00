/*
 * What is reported without a handler, and seen in the process itself: a worker, mule or spooler, and the master before
 * it forks. watch/ is what the master sees of the others.
 */
#ifndef SENTRY_CAPTURE_H
#define SENTRY_CAPTURE_H

#include "python/python.h"
#include "report/report.h"

/* ---- capture.c: how each kind is plugged into uWSGI ---- */

void sentry_capture_prepare(void);	/* before uWSGI sets up its alarms */
void sentry_capture_start(void);	/* in the process that will be the master, before it forks */

/* ---- boot.c: a server that does not come up, or not as it should ---- */

struct sentry_boot {
	const char *text;
	int code;		/* with which the server ends; -1: it does not, or not yet */
	int serving;		/* it served before */
	const char *reason;	/* uWSGI's own, or NULL */
	const char *hook;	/* what comes of a hook's failure, or NULL: it is none */
};
extern const char sentry_need_app[];	/* the text where need-app ends the server */
void sentry_boot_report(const struct sentry_boot *);
void sentry_boot_report_serving(const char *what);	/* of a server that serves */
enum sentry_hook_effect {
	SENTRY_HOOK_GOES_ON,	/* nothing comes of it */
	SENTRY_HOOK_STOPS,	/* uWSGI stops */
	SENTRY_HOOK_MARKS,	/* it only believes that it does */
};
void sentry_boot_hook(const char *what, enum sentry_hook_effect);
int sentry_boot_claim(void);		/* whether this process, of all that would, reports the missing application */
void sentry_boot_claim_reported(void);	/* it has */
void sentry_boot_loaded(void);
void sentry_boot_apps(void);
void sentry_boot_served(void);
void sentry_boot_forked(void);
int sentry_in_handler_of(const int *signals, size_t count);
int sentry_is_crashing(void);

/* ---- stacks.c: the stacks of a process's threads, in memory that the master shares ---- */

#define SENTRY_STACKS_MS 500	/* that a copy of the process may take; it needs one or two */
void sentry_stacks_take(struct sentry_stack *, uint64_t of);
int sentry_add_stack(struct sentry_record *, int slot, uint64_t of, char **copy, uint64_t from, uint64_t to);
int sentry_slot_of_mule(int id);
int sentry_slot_of_spooler(struct uwsgi_spooler *);

/* ---- crash_stacks.c: the same at a crash ---- */

void sentry_crash_stacks_prepare(void);
void sentry_crash_stacks_start(int slot);
int sentry_has_crashed(void);	/* this process: nothing else may take stacks of it */

/* ---- watchdog.c: the same of what takes too long ---- */

void sentry_watchdog_prepare(void);
void sentry_watchdog_start(void);
void sentry_watchdog_at_exit(void);	/* of a worker with a request in flight */
int sentry_watchdog_hook(char *);

/* ---- exit_notes.c: what a process leaves for the master that finds it gone ---- */

void sentry_note_exit(int code);
void sentry_exit_follows_exception(int);	/* an exit from now on is that of an exception which is reported */
void sentry_note_reported(const struct wsgi_request *);
int sentry_is_reported(int worker, pid_t);	/* what its requests in flight ended in is reported already */
/* 1: that process, of that worker, mule or spooler, came to its exit */
int sentry_exit_of(int slot, pid_t, int *code, int *meant);

/* ---- client_wait.c: how long a request has waited for its client, in microseconds ---- */

void sentry_client_watch(void);
uint64_t sentry_client_waited(const struct wsgi_request *);
void sentry_add_client(struct sentry_record *, const struct wsgi_request *);

/* ---- requests.c: what requests asked for ---- */

void sentry_add_request(struct sentry_record *, struct wsgi_request *);
/* of a request in flight: empty where they are not there */
void sentry_request_line(struct uwsgi_core *, char method[32], char uri[400]);
void sentry_add_requests(struct sentry_record *, int worker, unsigned char **copy);
int sentry_request_is_open(const struct wsgi_request *);	/* for as long as its client likes */
struct uwsgi_core *sentry_oldest_request(int worker, int *count);
int sentry_requests_in_flight(int worker);
int sentry_requests_unanswered(int worker);	/* of the others uWSGI has sent the answer, and only tidies up */

/* ---- ended_requests.c ---- */

SENTRY_EXPORT void sentry_after_request(struct wsgi_request *);

/* ---- request_errors.c: the exceptions of the requests in flight, a slot a core ---- */

struct sentry_request_error {
	uint64_t request;	/* its start: another one has another */
	const void *which;	/* the exception that was reported or noted; to be compared only */
	int reported;
	int left_to_sdk;
	int as_error;		/* the noted one was logged as an error, or worse */
	unsigned char *fields;	/* of the noted one */
	size_t len;
	const char *how;
	char type[128];
	unsigned char *language_error;	/* fields: how the language itself reported an error */
	size_t language_error_len;
	uint64_t language_error_hash;
	int ended;		/* the request ended by it, whatever was answered */
};
void sentry_request_errors_prepare(void);
struct sentry_request_error *sentry_request_error_of(const struct wsgi_request *);	/* NULL: there is no room for it */
void sentry_request_error_forget(struct sentry_request_error *);
void sentry_request_error_reported(const struct wsgi_request *, const void *which);

/* ---- exception_log.c: what a language plugin logs as an exception ---- */

int sentry_exception(struct uwsgi_exception_handler_instance *, char *, size_t);
void sentry_exceptions_wrap(void);
int sentry_exception_of_answer(struct wsgi_request *, struct uwsgi_plugin *);

/* ---- language_errors.c: how PHP and Perl report an error ---- */

void sentry_language_errors_find(void);
void sentry_language_errors_at_end(struct wsgi_request *, const struct uwsgi_plugin *);

/* ---- ruby.c ---- */

void sentry_ruby_find(void);
int sentry_ruby_is_raised(void);
void sentry_ruby_protected(uintptr_t (*)(uintptr_t), uintptr_t);
int sentry_ruby_left_to_sdk(void);
int sentry_ruby_with_raised(struct wsgi_request *, struct uwsgi_plugin *, void (*)(struct wsgi_request *, struct uwsgi_plugin *));
void sentry_ruby_request_ended(void);

/* ---- python_report.c ---- */

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

/* ---- python_frameworks.c: exceptions that a framework answers ---- */

void sentry_python_frameworks(void);		/* once applications are loaded */
void sentry_python_frameworks_again(void);	/* after a request */
void sentry_python_frameworks_forked(void);
struct wsgi_request *sentry_python_request(void);	/* that this thread or greenlet, which has the GIL, serves; or NULL */

/* ---- python_excepthooks.c: exceptions that belong to no request ---- */

void sentry_python_excepthooks(void);	/* once Python runs, before an application is loaded */
void sentry_python_prints_reported(int is);

#endif
