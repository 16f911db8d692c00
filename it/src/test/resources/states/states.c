/*
 * A plugin that enters everything of the sentry plugin's that uWSGI, Python or libc may call, wherever it is told to: as a hook
 * (hook-PHASE = states:NAME), after the request /states, in spoolers, at the exit of every process, and once nothing else is
 * left of it. Everything must come back, with errno and Python's pending exception as they were. uWSGI itself does not
 * call all of it everywhere; a function that minds where it is called breaks the server of whoever finds one more way to it.
 */
#include <uwsgi.h>

#include <dlfcn.h>
#include <pthread.h>

extern struct uwsgi_server uwsgi;

static const char *where = "";
static int entered, faults;

/* ---- Python, if it runs in this process and this thread has it ---- */

static struct {
	int (*initialized)(void);
	int (*has_gil)(void);
	int (*take)(void);
	void (*release)(int);
	void *(*occurred)(void);
	void (*clear)(void);
	void (*set)(void *, const char *);
	int (*run)(const char *, void *);
	void **value_error;
} python;

static void find_python(void) {
	*(void **) &python.initialized = dlsym(RTLD_DEFAULT, "Py_IsInitialized");
	*(void **) &python.has_gil = dlsym(RTLD_DEFAULT, "PyGILState_Check");
	*(void **) &python.take = dlsym(RTLD_DEFAULT, "PyGILState_Ensure");
	*(void **) &python.release = dlsym(RTLD_DEFAULT, "PyGILState_Release");
	*(void **) &python.occurred = dlsym(RTLD_DEFAULT, "PyErr_Occurred");
	*(void **) &python.clear = dlsym(RTLD_DEFAULT, "PyErr_Clear");
	*(void **) &python.set = dlsym(RTLD_DEFAULT, "PyErr_SetString");
	*(void **) &python.run = dlsym(RTLD_DEFAULT, "PyRun_SimpleStringFlags");
	python.value_error = dlsym(RTLD_DEFAULT, "PyExc_ValueError");
}

static int has_python(void) {
	return python.initialized && python.initialized() && python.has_gil();
}

/* ---- each of them ---- */

static struct uwsgi_plugin *sentry_plugin_of_uwsgi(void) {
	for (int i = 0; i < uwsgi.gp_cnt; i++) {
		if (uwsgi.gp[i]->name && !strcmp(uwsgi.gp[i]->name, "sentry")) return uwsgi.gp[i];
	}
	uwsgi_log("states: no sentry plugin\n");
	exit(1);
}

static void before(int raised) {
	entered++;
	if (has_python()) {
		python.clear();
		if (raised) python.set(*python.value_error, "it was there before");
	}
	errno = ENOTTY;
}

static void after(const char *what, int raised) {
	if (errno != ENOTTY) {
		faults++;
		uwsgi_log("states: %s: %s: errno became %d\n", where, what, errno);
	}
	if (!has_python()) return;
	if ((python.occurred() != NULL) != raised) {
		faults++;
		uwsgi_log("states: %s: %s: an exception of Python's %s\n", where, what, raised ? "is gone" : "is left behind");
	}
	python.clear();
}

#define ENTER(what, call) do { for (int raised = 0; raised <= has_python(); raised++) { before(raised); call; after(what, raised); } } while (0)

static void enter_callbacks(void) {
	struct uwsgi_plugin *p = sentry_plugin_of_uwsgi();
	ENTER("jail", p->jail(NULL, NULL));
	ENTER("init", p->init());
	ENTER("post_init", p->post_init());
	ENTER("init_apps", p->init_apps());
	ENTER("postinit_apps", p->postinit_apps());
	ENTER("post_fork", p->post_fork());
	ENTER("hijack_worker", p->hijack_worker());
	ENTER("spooler_init", p->spooler_init());
	ENTER("master_cycle", p->master_cycle());
	ENTER("master_cleanup", p->master_cleanup());
	ENTER("harakiri of nobody", p->harakiri(0));
	ENTER("harakiri of a worker", p->harakiri(1));
	ENTER("harakiri beyond the workers", p->harakiri(1 << 20));
}

static void enter_registered(void) {
	char empty[] = "", crash[] = "*** backtrace of 1 ***\nnothing", line[] = "a line\n";
	struct uwsgi_alarm_instance stranger = {.name = "stranger", .arg = empty};
	for (struct uwsgi_alarm *alarm = uwsgi.alarms; alarm; alarm = alarm->next) {
		if (strcmp(alarm->name, "sentry")) continue;
		ENTER("alarm's init", alarm->init(&stranger));
		ENTER("alarm without a text", alarm->func(&stranger, empty, 0));
		ENTER("alarm with a crash", alarm->func(&stranger, crash, strlen(crash)));
		ENTER("alarm with a line", alarm->func(&stranger, line, strlen(line)));
	}
	for (struct uwsgi_alarm_instance *alarm = uwsgi.alarm_instances; alarm; alarm = alarm->next) {
		if (!strcmp(alarm->alarm->name, "sentry")) ENTER("configured alarm without a text", alarm->alarm->func(alarm, empty, 0));
	}
	ENTER("hook", uwsgi_hook_by_name("sentry")->func("message=of nobody"));
	ENTER("watchdog's hook", uwsgi_hook_by_name("sentry-watchdog")->func(NULL));
	for (struct uwsgi_exception_handler *handler = uwsgi.exception_handlers; handler; handler = handler->next) {
		if (!strcmp(handler->name, "sentry")) ENTER("exception handler", handler->func(NULL, empty, 0));
	}
	for (struct uwsgi_imperial_monitor *monitor = uwsgi.emperor_monitors; monitor; monitor = monitor->next) {
		struct uwsgi_emperor_scanner scanner = {.arg = "sentry://"};
		if (strcmp(monitor->scheme, "sentry")) continue;
		ENTER("monitor's init", monitor->init(&scanner));
		ENTER("monitor", monitor->func(&scanner));
	}
}

/* a request that was never read, one without variables, one of a modifier that nobody serves */
static void enter_requests(struct wsgi_request *real) {
	struct {
		struct uwsgi_header head;
		char rest[64];
	} buffer = {.head = {.modifier1 = 201}};
	struct wsgi_request unread = {.async_id = 0}, bare = {.uh = &buffer.head, .buffer = buffer.rest, .status = 500, .start_of_request = 1};
	struct wsgi_request lying = bare;
	struct uwsgi_header too_long = {.pktsize = 65535, .modifier1 = 201};
	lying.uh = &too_long;
	struct wsgi_request *all[] = {&unread, &bare, &lying, real};
	void (*after_request)(struct wsgi_request *);
	*(void **) &after_request = dlsym(RTLD_DEFAULT, "sentry_after_request");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]) ENTER("after a request", after_request(all[i]));
#ifdef UWSGI_ROUTING
		ENTER("rule", uwsgi_route_api_func(all[i], "sentry", uwsgi_str("message=${HTTP_HOST} $0 $x,fingerprint=$1;${REQUEST_URI}")));
#endif
	}
#ifdef UWSGI_ROUTING
	ENTER("rule without a request", uwsgi_route_api_func(NULL, "sentry", uwsgi_str("message=${HTTP_HOST}")));
#endif
}

/* wherever Python's own function, which is called next, bears it; that one drops the exception */
static void enter_languages(struct wsgi_request *real) {
	struct uwsgi_plugin *p = uwsgi_plugin_get("python");
	if (!p || !p->exception_log || !has_python()) return;
	struct wsgi_request unread = {.async_id = 0};
	struct wsgi_request *all[] = {NULL, &unread, real};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (int raised = 0; raised <= 1; raised++) {
			before(raised);
			p->exception_log(all[i]);
			if (python.occurred()) faults++, uwsgi_log("states: %s: exception_log left its exception\n", where);
		}
	}
	if (p->mule) ENTER("mule", p->mule("nothing of Python's"));
	entered++;
	if (python.run("import sys\n"
		"sys.excepthook(None, None, None)\n"
		"sys.excepthook(ValueError, ValueError('entered'), None)\n"
		"try:\n sys.excepthook()\nexcept TypeError:\n pass\n"
		"try:\n sys.excepthook(1, 2, 3)\nexcept TypeError:\n pass\n"
		"import _thread\n"
		"try:\n _thread._excepthook(())\nexcept (TypeError, AttributeError):\n pass\n", NULL)) faults++, uwsgi_log("states: %s: a hook of Python's raised\n", where);
}

static void enter_all(const char *name, struct wsgi_request *real) {
	find_python();
	where = name;
	entered = faults = 0;
	int held = has_python();
	if (held && python.occurred()) return;
	enter_callbacks();
	enter_registered();
	enter_requests(real);
	enter_languages(real);
	uwsgi_log("states: %s (pid %d): %d entered, %d at fault%s\n", name, (int) getpid(), entered, faults, held ? ", beside Python" : "");
}

/* ---- where ---- */

static int as_hook(char *name) {
	enter_all(name, uwsgi.wsgi_req);
	return 0;
}

/* as inside of the application: uWSGI itself has let go of Python there, if it has threads */
static void enter_with_python(struct wsgi_request *req) {
	find_python();
	if (!python.initialized || !python.initialized()) return;
	int state = python.take();
	enter_all("python", req);
	python.release(state);
}

/* one of the application's own, or of the log's or of alarms: without a state of Python's, and without uWSGI's current request */
static void *in_thread(void *nothing) {
	where = "thread";
	entered = faults = 0;
	enter_registered();
	enter_requests(NULL);
	uwsgi_log("states: thread (pid %d): %d entered, %d at fault\n", (int) getpid(), entered, faults);
	return nothing;
}

/* uWSGI calls it by its name after each request, as it calls ours */
void states_after_request(struct wsgi_request *req) {
	pthread_t thread;
	if (uwsgi_strncmp(req->uri, req->uri_len, "/states", 7)) return;
	enter_all("request", req);
	enter_with_python(req);
	if (!pthread_create(&thread, NULL, in_thread, NULL)) pthread_join(thread, NULL);
	/* what an application forks and lets go on where it is */
	pid_t child = fork();
	if (child == 0) {
		enter_all("fork", req);
		_exit(0);
	}
	if (child > 0) waitpid(child, NULL, 0);
}

static void as_spooler(void) {
	enter_all("as-spooler", uwsgi.wsgi_req);
}

/* not in the master, where uWSGI has no such phase */
static void at_exit(void) {
	enter_all(uwsgi.muleid > 0 ? "mule-exit" : uwsgi.i_am_a_spooler ? "spooler-exit" : "worker-exit", NULL);
}

/* registered before anything else: the languages are gone when it runs */
static void at_end(void) {
	enter_all(uwsgi.muleid > 0 ? "mule-end" : uwsgi.i_am_a_spooler ? "spooler-end" : uwsgi.mywid > 0 ? "worker-end" : "master-end", NULL);
}

static void loaded(void) {
	atexit(at_end);
	uwsgi_register_hook("states", as_hook);
	uwsgi_string_new_list(&uwsgi.after_request_hooks, "states_after_request");
}

struct uwsgi_plugin states_plugin = {
	.name = "states",
	.on_load = loaded,
	.spooler_init = as_spooler,
	.atexit = at_exit,
};
