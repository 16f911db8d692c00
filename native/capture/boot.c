/*
 * A server that does not come up: an application that does not load, a start that ends early. uWSGI only logs these; with "no app
 * loaded, going in full dynamic mode" the server even looks healthy from outside.
 */
#include "capture/capture.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>

/*
 * uWSGI ends in exit() inside its handlers: of SIGSEGV and SIGFPE, and without a master of the signals that stop it. Whatever
 * was interrupted may hold malloc's lock or be in the middle of Python. A signal is blocked while its handler runs.
 */
int sentry_in_handler_of(const int *signals, size_t count) {
	sigset_t blocked;
	if (pthread_sigmask(SIG_BLOCK, NULL, &blocked)) return 1;
	for (size_t i = 0; i < count; i++) {
		if (sigismember(&blocked, signals[i]) == 1) return 1;
	}
	return 0;
}

int sentry_is_crashing(void) {
	static const int signals[] = {SIGSEGV, SIGFPE};
	return sentry_in_handler_of(signals, 2);
}

/* whether the last exception that Python printed may be why: once there is an application, it is of something else */
static int is_of_the_application(int code) {
	return code < 0 || code == UWSGI_FAILED_APP_CODE || !uwsgi.workers || uwsgi_apps_cnt < 1;
}

void sentry_boot_report(const struct sentry_boot *what) {
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
	int bare = sentry_is_crashing();
	if (!what->serving && !what->hook && !bare && is_of_the_application(what->code)) exception = sentry_python_last_exception(&len, sentry.with_locals);
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_BOOT), what->text, strlen(what->text));
	if (what->reason) fold = sentry_hash(fold, what->reason, strlen(what->reason));
	sentry_record_fold(&record, handler->hash, exception ? sentry_hash_raised(fold, exception, len) : fold);
	if (exception) {
		sentry_record_fields(&record, exception, len);
		sentry_record_field(&record, "exception.plugin", "python", 6);
	}
	if (!bare) sentry_log_read_now();
	if (!bare) sentry_add_log_lines(&record, SENTRY_LINES_MAX, &lines);
	sentry_append(&record);
	free(exception);
	free(lines);
}

static void report(const char *text, int code, int serving) {
	struct sentry_boot what = {.text = text, .code = code, .serving = serving};
	sentry_boot_report(&what);
}

/* of a server that serves */
void sentry_boot_report_serving(const char *what) {
	report(what, -1, 1);
}

/*
 * Several processes may fail alike at once, and one of them reports it. What the others do next has the master stop its workers, so
 * they wait until the report is written. If the one that was to write it is killed all the same, the next one does.
 *
 * A claim holds what failed in its upper half, and in the lower one the process that is about to report it; 0 once it has.
 */
#define CLAIM_PATIENCE 500	/* milliseconds */

static int claim(uint64_t *shared, uint32_t what) {
	uint64_t mine = (uint64_t) what << 32 | (uint32_t) getpid(), seen = __atomic_load_n(shared, __ATOMIC_ACQUIRE);
	for (int waited = 0;;) {
		pid_t by = (pid_t) (uint32_t) seen;
		if (seen >> 32 == what && !by) return 0;
		if (seen >> 32 == what && by != getpid() && waited < CLAIM_PATIENCE && !(kill(by, 0) && errno == ESRCH)) {
			usleep(1000);
			waited++;
			seen = __atomic_load_n(shared, __ATOMIC_ACQUIRE);
		}
		else if (__atomic_compare_exchange_n(shared, &seen, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return 1;
	}
}

static void claim_reported(uint64_t *shared, uint32_t what) {
	__atomic_store_n(shared, (uint64_t) what << 32, __ATOMIC_RELEASE);
}

/* A hook that failed. One that each worker runs stops the server at its first failure and is reported once. */
void sentry_boot_hook(const char *text, enum sentry_hook_effect effect) {
	static const char *const effects[] = {"goes on", "stops", "marks"};
	/* without its result, which may be another in a worker that is being stopped */
	const char *end = strstr(text, " failed with ");
	uint64_t hash = sentry_hash(SENTRY_HASH_START, text, end ? (size_t) (end - text) : strlen(text));
	uint32_t which = (uint32_t) hash | 1;
	int is_shared = effect == SENTRY_HOOK_STOPS && sentry.watch;
	if (is_shared && !claim(&sentry.watch->hook_claim, which)) return;
	struct sentry_boot what = {.text = text, .code = -1, .hook = effects[effect]};
	sentry_boot_report(&what);
	if (is_shared) claim_reported(&sentry.watch->hook_claim, which);
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
 * Whether an application is named whose language serves on if it does not load. A language plugin alone names none: it may
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

const char sentry_need_app[] = "no application was loaded, and need-app ended the server";

/* of all workers that fail at once, and of the master that ends after them, one reports it */
int sentry_boot_claim(void) {
	return !sentry.watch || claim(&sentry.watch->need_app_claim, 1);
}

void sentry_boot_claim_reported(void) {
	if (sentry.watch) claim_reported(&sentry.watch->need_app_claim, 1);
}

static void report_need_app(void) {
	report(sentry_need_app, UWSGI_FAILED_APP_CODE, 0);
}

static void report_no_application(void) {
	report("no application was loaded", -1, 0);
}

/*
 * In a worker that loads its own application (lazy-apps), after its language has tried, while the reason is still known. With
 * need-app the worker signals the master next, which kills it, perhaps before its exit; and at its exit Python is gone.
 */
void sentry_boot_loaded(void) {
	if (!sentry_capturing(SENTRY_CAPTURE_BOOT) || !uwsgi.workers || !(uwsgi.lazy || uwsgi.lazy_apps) || uwsgi.mywid < 1 || uwsgi.mounts || uwsgi.command_mode) return;
	int without = uwsgi_apps_cnt < 1;
	if (uwsgi.need_app) {
		if (!without || !sentry_boot_claim()) return;
		sentry_python_with_gil(report_need_app);
		sentry_boot_claim_reported();
		return;
	}
	/* of all workers that serve without an application one reports it, until one has it again */
	int known = sentry.watch ? __atomic_exchange_n(&sentry.watch->without_application, without, __ATOMIC_ACQ_REL) : 0;
	if (without && !known && is_to_have_an_application()) sentry_python_with_gil(report_no_application);
}

/* once all applications were to be loaded, before uWSGI forks; with lazy-apps that is each worker's business */
void sentry_boot_apps(void) {
	if (!is_to_have_an_application() || uwsgi_apps_cnt > 0 || uwsgi.lazy || uwsgi.lazy_apps) return;
	sentry_python_with_gil(report_no_application);
}

/* in the master, about once a second: with lazy-apps, a first worker that serves without any of its mounts */
void sentry_boot_served(void) {
	static int looked;
	sentry.served = 1;
	if (looked || !(uwsgi.lazy || uwsgi.lazy_apps) || uwsgi.numproc < 1 || !uwsgi.workers || !uwsgi.workers[1].accepting) return;
	looked = 1;
	if (sentry.watch && sentry.watch->without_application) return;
	if (!uwsgi.workers[1].apps_cnt && is_to_have_an_application()) report_no_application();
}

/* in each process that will serve; without a master it is the one that read the configuration */
void sentry_boot_forked(void) {
	if (!uwsgi.master_process) sentry.served = 1;
}
