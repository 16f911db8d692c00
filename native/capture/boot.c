/*
 * A server that does not come up: an application that does not load, a start that ends early. uWSGI only logs these; with "no app
 * loaded, going in full dynamic mode" the server even looks healthy from outside.
 */
#include "server/server.h"
#include "entry/startup_output.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>

static int served;

/*
 * uWSGI ends in exit() inside its handlers: of SIGSEGV and SIGFPE, and without a master of the signals that stop it. Whatever
 * was interrupted may hold malloc's lock or be in the middle of Python. A signal is blocked while its handler runs.
 */
static int in_handler_of(const int *signals, size_t count) {
	sigset_t blocked;
	if (pthread_sigmask(SIG_BLOCK, NULL, &blocked)) return 1;
	for (size_t i = 0; i < count; i++) {
		if (sigismember(&blocked, signals[i]) == 1) return 1;
	}
	return 0;
}

static int told_to_stop(void) {
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	return in_handler_of(signals, 4);
}

static int crashing(void) {
	static const int signals[] = {SIGSEGV, SIGFPE};
	return in_handler_of(signals, 2);
}

/* whether the last exception that Python printed may be why: once there is an application, it is of something else */
static int is_of_the_application(int code) {
	return code < 0 || code == UWSGI_FAILED_APP_CODE || !uwsgi.workers || uwsgi_apps_cnt < 1;
}

struct what {
	const char *text;
	int code;		/* with which the server ends; -1: it does not, or not yet */
	int serving;		/* it served before */
	const char *reason;	/* uWSGI's own, or NULL */
	const char *hook;	/* what comes of a hook's failure, or NULL: it is none */
};

static void tell_what(const struct what *what) {
	struct sentry_handler *handler = sentry.capture_handler[SENTRY_CAPTURE_BOOT];
	if (!handler) return;
	struct sentry_record record;
	size_t len = 0;
	unsigned char *exception = NULL, *lines = NULL;
	sentry_begin(&record, SENTRY_BOOT, handler, NULL);
	sentry_record_pair(&record, "boot", "what", 4, what->text, strlen(what->text));
	if (what->code >= 0) sentry_record_pair_number(&record, "boot", "code", (uint64_t) what->code);
	if (what->serving) sentry_record_pair_number(&record, "boot", "serving", 1);
	if (what->reason) sentry_record_pair(&record, "boot", "reason", 6, what->reason, strlen(what->reason));
	if (what->hook) sentry_record_pair(&record, "boot", "hook", 4, what->hook, strlen(what->hook));
	int bare = crashing();
	if (!what->serving && !what->hook && !bare && is_of_the_application(what->code)) exception = sentry_python_last_exception(&len, sentry.with_locals);
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_BOOT), what->text, strlen(what->text));
	if (what->reason) fold = sentry_hash(fold, what->reason, strlen(what->reason));
	sentry_record_fold(&record, handler->hash, exception ? sentry_hash_raised(fold, exception, len) : fold);
	if (exception) {
		sentry_record_fields(&record, exception, len);
		sentry_record_field(&record, "exception.plugin", "python", 6);
	}
	if (!bare) sentry_log_read_now();
	if (!bare) sentry_lines(&record, SENTRY_LINES_MAX, &lines);
	sentry_append(&record);
	free(exception);
	free(lines);
}

static void tell(const char *text, int code, int serving) {
	struct what what = {.text = text, .code = code, .serving = serving};
	tell_what(&what);
}

/* of a server that serves */
void sentry_boot_tell(const char *what) {
	tell(what, -1, 1);
}

/*
 * A hook that failed. One that each worker runs stops the server at its first failure, and is told once of it.
 */
void sentry_boot_hook(const char *text, enum sentry_hook_effect effect) {
	static const char *const effects[] = {"goes on", "stops", "marks"};
	/* what it returns to the next is another matter: that one is being stopped */
	const char *end = strstr(text, " failed with ");
	uint64_t hash = sentry_hash(SENTRY_HASH_START, text, end ? (size_t) (end - text) : strlen(text));
	if (effect == SENTRY_HOOK_STOPS && sentry.watch && __atomic_exchange_n(&sentry.watch->hook_told, hash, __ATOMIC_ACQ_REL) == hash) return;
	struct what what = {.text = text, .code = -1, .hook = effects[effect]};
	tell_what(&what);
}

/* `uwsgi shop.py`: what the language plugins take for an application when it stands alone on the command line */
static int is_application_file(const char *argument) {
	static const char *const endings[] = {".py", ".wsgi", ".psgi", ".pl"};
	size_t len = strcspn(argument, ":");
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t ending = strlen(endings[i]);
		if (len > ending && !strncmp(argument + len - ending, endings[i], ending)) return 1;
	}
	return argument[len] && memchr(argument, '.', len);	/* package.module:callable */
}

/*
 * Whether an application is named anywhere, of a language that serves on where it does not load. A language plugin alone names none: it may
 * be there for files, mules and crons, or for applications that requests name. The Ruby, Lua and JVM plugins end the server themselves.
 */
static int names_an_application(void) {
	static const char *const options[] = {"module", "wsgi", "wsgi-file", "file", "eval", "pecan", "paste", "ini-paste", "ini-paste-logged", "web3", "pump",
		"wsgi-lite", "psgi", "pypy-wsgi", "pypy-wsgi-file", "pypy-paste"};
	if (uwsgi.mounts) return 1;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (uwsgi_get_exported_opt((char *) options[i])) return 1;
	}
	for (int i = optind; i > 0 && i < uwsgi.argc; i++) {
		if (uwsgi.argv[i] && is_application_file(uwsgi.argv[i])) return 1;
	}
	return 0;
}

/* an emperor, a router, a server of static files have no application and are to have none */
static int is_to_have_an_application(void) {
	if (!uwsgi.workers || uwsgi.numproc < 1 || uwsgi.command_mode || uwsgi.no_server || !uwsgi.sockets || !names_an_application()) return 0;
	for (int i = 0; i < 256; i++) {
		if (uwsgi.p[i] && uwsgi.p[i]->init_apps) return 1;
	}
	return 0;
}

static const char need_app[] = "no application was loaded, and need-app ended the server";

/* of all workers that fail at once, and of the master that ends after them, one tells */
static int first_to_tell(void) {
	return !sentry.watch || !__atomic_exchange_n(&sentry.watch->need_app_told, 1, __ATOMIC_ACQ_REL);
}

static void tell_last_words(void) {
	tell(need_app, UWSGI_FAILED_APP_CODE, 0);
}

static void tell_no_application(void) {
	tell("no application was loaded", -1, 0);
}

/*
 * In a worker that loads its own application (lazy-apps), once its language has tried, while it can still say why not. With
 * need-app it signals the master next, which kills it, perhaps before it has come to its exit; and there Python is gone.
 */
void sentry_boot_loaded(void) {
	if (!sentry_capturing(SENTRY_CAPTURE_BOOT) || !uwsgi.workers || !(uwsgi.lazy || uwsgi.lazy_apps) || uwsgi.mywid < 1 || uwsgi.mounts || uwsgi.command_mode) return;
	int without = uwsgi_apps_cnt < 1;
	if (uwsgi.need_app) {
		if (without && first_to_tell()) sentry_python_with_gil(tell_last_words);
		return;
	}
	/* of all workers that serve without one tells, until one has it again */
	int known = sentry.watch ? __atomic_exchange_n(&sentry.watch->without_application, without, __ATOMIC_ACQ_REL) : 0;
	if (without && !known && is_to_have_an_application()) sentry_python_with_gil(tell_no_application);
}

/* once all applications were to be loaded, before uWSGI forks; with lazy-apps that is each worker's business */
void sentry_boot_apps(void) {
	if (!is_to_have_an_application() || uwsgi_apps_cnt > 0 || uwsgi.lazy || uwsgi.lazy_apps) return;
	sentry_python_with_gil(tell_no_application);
}

/* in the master, about once a second: with lazy-apps, a first worker that serves without any of its mounts */
void sentry_boot_served(void) {
	static int told;
	served = 1;
	if (told || !(uwsgi.lazy || uwsgi.lazy_apps) || uwsgi.numproc < 1 || !uwsgi.workers || !uwsgi.workers[1].accepting) return;
	told = 1;
	if (sentry.watch && sentry.watch->without_application) return;
	if (!uwsgi.workers[1].apps_cnt && is_to_have_an_application()) tell_no_application();
}

/* in each process that will serve; without a master it is the one that read the configuration */
void sentry_boot_forked(void) {
	if (!uwsgi.master_process) served = 1;
}

static int is_accepting(void) {
	return uwsgi.workers && uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc && uwsgi.workers[uwsgi.mywid].accepting;
}

/* a mule, a spooler and what an application forks have our handler too, and end with whatever code they like */
static int is_worker_that_loads(void) {
	return uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc && getpid() == uwsgi.mypid && !uwsgi.muleid && !uwsgi.i_am_a_spooler && !is_accepting();
}

static void tell_end(int code, int is_reload) {
	const char *hook = sentry_failed_hook();
	struct what what = {
		.text = hook ? hook : !served ? "the server ended before it served" : is_reload ? "the reload failed and ended the server" : "the server ended while it served",
		.code = code, .serving = served, .reason = hook || served ? NULL : sentry_printed_last(), .hook = hook ? "stops" : NULL,
	};
	tell_what(&what);
}

/* at the exit of the process that read the configuration, or of a worker that could not load its application */
static void tell_exit(int code) {
	if (!sentry.captured || !code || told_to_stop()) return;
	int is_main = getpid() == sentry.main;
	if (code == UWSGI_FAILED_APP_CODE && !is_main) {
		if (is_worker_that_loads() && first_to_tell()) tell(uwsgi.need_app ? need_app : "no application was loaded", code, 0);
	}
	else if (code == UWSGI_FAILED_APP_CODE && uwsgi.need_app) {
		/* a worker of lazy-apps may do so at any reload; the master ends after it, and with the same code */
		if ((!served || !uwsgi.master_process) && !is_accepting() && first_to_tell()) tell(need_app, code, 0);
	}
	else if (is_main && (!served || sentry_failed_hook())) tell_end(code, 0);
	/* a reload replaces the process, and does not exit with a code; told to stop it does so with 0, but where its emperor is lost */
	else if (is_main && uwsgi.master_process && !uwsgi_instance_is_dying) tell_end(code, uwsgi_instance_is_reloading);
}

/*
 * An option that uWSGI cannot use ends it while the options are still being read, before anything of ours was called but the load:
 * what this server is comes from what was read, and from what is written and was not reached.
 */
static int is_ready(int code) {
	if (sentry.configured) return 1;
	if (!code || getpid() != sentry.starter || told_to_stop() || crashing()) return 0;
	sentry.ending = 1;
	sentry_options_written();
	if (!sentry.dsn && !sentry.capture) return 0;	/* with `strict` uWSGI reads no line below the one that it does not know */
	sentry_configure();
	return 1;
}

/* a server that ends before it came to start its agent (an app that does not load, need-app) still has its say */
static void at_exit(int code, void *nothing) {
	SENTRY_ENTRY;
	(void) nothing;
	if (!is_ready(code)) return;
#ifdef __GLIBC__
	sentry_note_exit(code);
#endif
	if (!crashing()) sentry_watchdog_at_exit();
	sentry_writer_close();
	if (code == UWSGI_FAILED_APP_CODE || getpid() == sentry.main) tell_exit(code);
	if (getpid() != sentry.main || crashing()) return;
	sentry_last_drops();
	sentry_agent_last(code);
}

#ifndef __GLIBC__
static void at_exit_unknown(void) {
	at_exit(0, NULL);
}
#endif

/* as soon as the plugin is there */
void sentry_boot_watch_exit(void) {
#ifdef __GLIBC__
	on_exit(at_exit, NULL);
#else
	atexit(at_exit_unknown);
#endif
}
