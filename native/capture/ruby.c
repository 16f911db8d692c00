/*
 * Ruby's own C functions, found in the running process: to ask an exception for its message in a place that catches what that raises,
 * and to know what was raised and rescued in a request that then fails.
 */
#include "capture/capture.h"

#include <dlfcn.h>

#define RUBY_RAISE 0x80	/* RUBY_EVENT_RAISE */

/*
 * A Ruby exception's message may be made by Ruby code that raises and rescues (NameError does). The rack plugin asks for it where
 * nothing catches, and the worker dies of it; Ruby's own rb_protect makes a place that catches.
 */
static struct {
	uintptr_t (*protect)(uintptr_t (*)(uintptr_t), uintptr_t, int *);
	uintptr_t (*errinfo)(void);
	void (*set_errinfo)(uintptr_t);
	uintptr_t (*is_kind_of)(uintptr_t, uintptr_t);
	uintptr_t *exception;
	uintptr_t (*raised)(void *);
	void *(*argument)(uintptr_t);
	uintptr_t (*eval)(const char *, int *);
	uintptr_t nil;		/* it has another value in each few versions */
	int found;
} ruby;

static void find_ruby(void) {
	*(void **) &ruby.protect = dlsym(RTLD_DEFAULT, "rb_protect");
	*(void **) &ruby.errinfo = dlsym(RTLD_DEFAULT, "rb_errinfo");
	*(void **) &ruby.set_errinfo = dlsym(RTLD_DEFAULT, "rb_set_errinfo");
	*(void **) &ruby.is_kind_of = dlsym(RTLD_DEFAULT, "rb_obj_is_kind_of");
	ruby.exception = dlsym(RTLD_DEFAULT, "rb_eException");
	ruby.found = ruby.protect && ruby.errinfo && ruby.set_errinfo && ruby.is_kind_of && ruby.exception;
}

/* what is there may be nil, or the mark of a throw or of a thread that ends: neither has a message, nor may it be set again */
int sentry_ruby_is_raised(void) {
	return ruby.found && ruby.is_kind_of(ruby.errinfo(), *ruby.exception) != 0;	/* Qfalse is 0 everywhere */
}

/*
 * Rails, Sinatra and other frameworks answer an exception themselves. Ruby reports each that is raised, rescued later or not: the last
 * one of a request that then ends as 5xx is why (ended_requests.c). The object is kept until then; one request at a time.
 */
static uintptr_t last_raised;
static uint64_t last_raised_in;

static void ruby_raised(uintptr_t point, void *nothing) {
	SENTRY_ENTRY;
	(void) nothing;
	struct wsgi_request *req = uwsgi.cores == 1 && uwsgi.workers && uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc ? uwsgi.wsgi_req : NULL;
	if (!req || !req->uh || !uwsgi.workers[uwsgi.mywid].cores[0].in_request) return;
	void *argument = ruby.argument(point);
	last_raised = argument ? ruby.raised(argument) : 0;
	last_raised_in = req->start_of_request;
}

static void watch_ruby(void) {
	uintptr_t (*new_point)(uintptr_t, uint32_t, void (*)(uintptr_t, void *), void *);
	uintptr_t (*enable)(uintptr_t);
	void (*keep)(uintptr_t *);
	static uintptr_t point;
	*(void **) &new_point = dlsym(RTLD_DEFAULT, "rb_tracepoint_new");
	*(void **) &enable = dlsym(RTLD_DEFAULT, "rb_tracepoint_enable");
	*(void **) &keep = dlsym(RTLD_DEFAULT, "rb_gc_register_address");
	*(void **) &ruby.raised = dlsym(RTLD_DEFAULT, "rb_tracearg_raised_exception");
	*(void **) &ruby.argument = dlsym(RTLD_DEFAULT, "rb_tracearg_from_tracepoint");
	*(void **) &ruby.eval = dlsym(RTLD_DEFAULT, "rb_eval_string_protect");
	if (point || !ruby.found || !new_point || !enable || !keep || !ruby.raised || !ruby.argument || !ruby.eval) return;
	int state = 0;
	ruby.nil = ruby.eval("nil", &state);
	if (state) return;
	keep(&last_raised);
	keep(&point);
	point = new_point(0, RUBY_RAISE, ruby_raised, NULL);	/* all threads: 0 is false */
	enable(point);
}

/* nothing, where it is no exception: Ruby raises one if another thing is set */
static void set_raised(uintptr_t error) {
	ruby.set_errinfo(ruby.is_kind_of(error, *ruby.exception) ? error : ruby.nil);
}

/* sentry-ruby in the application */
int sentry_ruby_left_to_sdk(void) {
	int state = 0;
	if (sentry.with_sdk || !ruby.found || !ruby.eval) return 0;
	uintptr_t error = ruby.errinfo(), is = ruby.eval("defined?(::Sentry) && ::Sentry.respond_to?(:initialized?) && ::Sentry.initialized? ? Exception : nil", &state);
	set_raised(error);
	return !state && is == *ruby.exception;
}

/* what is raised is as it was afterwards */
void sentry_ruby_protected(uintptr_t (*call)(uintptr_t), uintptr_t data) {
	uintptr_t error = ruby.errinfo();
	int state = 0;
	ruby.protect(call, data, &state);
	ruby.set_errinfo(error);
}

/* 1: something was raised in this request */
int sentry_ruby_with_raised(struct wsgi_request *req, struct uwsgi_plugin *plugin, void (*call)(struct wsgi_request *, struct uwsgi_plugin *)) {
	if (!last_raised || last_raised_in != req->start_of_request) return 0;
	uintptr_t before = ruby.errinfo(), exception = last_raised;
	last_raised = 0;
	if (!ruby.is_kind_of(exception, *ruby.exception)) return 0;
	ruby.set_errinfo(exception);
	call(req, plugin);
	set_raised(before);
	return 1;
}

/* what was raised in it need not live longer */
void sentry_ruby_request_ended(void) {
	last_raised = 0;
}

void sentry_ruby_find(void) {
	find_ruby();
	for (int i = 0; i < 256; i++) {
		if (uwsgi.p[i] && uwsgi.p[i]->name && !strcmp(uwsgi.p[i]->name, "rack")) {	/* then Ruby runs */
			watch_ruby();
			return;
		}
	}
}
