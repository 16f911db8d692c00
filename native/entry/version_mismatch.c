/*
 * For a uWSGI that the plugin was not built for: entry points that do nothing, so that a configuration which names them loads, and
 * the server starts and serves. Nothing in here looks into a struct of uWSGI's.
 */
#include "entry/entry.h"

#include <malloc.h>

static void inert_alarm_init(struct uwsgi_alarm_instance *uai) {
	(void) uai;
}

static void inert_alarm(struct uwsgi_alarm_instance *uai, char *msg, size_t len) {
	(void) uai;
	(void) msg;
	(void) len;
}

static int inert_hook(char *arg) {
	(void) arg;
	return 0;
}

static int inert_exception(struct uwsgi_exception_handler_instance *uehi, char *msg, size_t len) {
	(void) uehi;
	(void) msg;
	(void) len;
	return 0;
}

/*
 * A rule must be given its function, and the place for it in struct uwsgi_route differs between versions. So uWSGI shows it to
 * us: it is made to run a rule of which every word is the address of another function; the one that it calls shows the place.
 */
#define PLACES 24
static void **probed;
static int place = -1;

static int inert_route(struct wsgi_request *req, struct uwsgi_route *ur) {
	(void) req;
	(void) ur;
	return UWSGI_ROUTE_NEXT;
}

static int probe_hit(int n) {
	place = n;
	for (int i = 0; i < PLACES; i++) probed[i] = NULL;
	return 0;
}

#define PROBE(n) static int probe_##n(void) { return probe_hit(n); }
PROBE(0) PROBE(1) PROBE(2) PROBE(3) PROBE(4) PROBE(5) PROBE(6) PROBE(7) PROBE(8) PROBE(9) PROBE(10) PROBE(11)
PROBE(12) PROBE(13) PROBE(14) PROBE(15) PROBE(16) PROBE(17) PROBE(18) PROBE(19) PROBE(20) PROBE(21) PROBE(22) PROBE(23)
static int (*const probes[PLACES])(void) = {probe_0, probe_1, probe_2, probe_3, probe_4, probe_5, probe_6, probe_7, probe_8, probe_9, probe_10, probe_11,
	probe_12, probe_13, probe_14, probe_15, probe_16, probe_17, probe_18, probe_19, probe_20, probe_21, probe_22, probe_23};

static int probe_parse(struct uwsgi_route *ur, char *args) {
	(void) args;
	probed = (void **) ur;
	if (malloc_usable_size(ur) < PLACES * sizeof(void *)) return -1;
	for (int i = 0; i < PLACES; i++) probed[i] = *(void *const *) &probes[i];
	return 0;
}

static int inert_route_parse(struct uwsgi_route *ur, char *args) {
	(void) args;
	if (place < 0) {
		uwsgi_route_api_func(NULL, "sentry-probe", uwsgi_str(""));
		if (place < 0) return -1;
	}
	int (*func)(struct wsgi_request *, struct uwsgi_route *) = inert_route;
	memcpy((void **) ur + place, &func, sizeof(func));
	return 0;
}

void sentry_version_mismatch_register(void) {
	uwsgi_register_alarm("sentry", inert_alarm_init, inert_alarm);
	uwsgi_register_hook("sentry", inert_hook);
	if (uwsgi_register_router && uwsgi_route_api_func) {
		uwsgi_register_router("sentry-probe", probe_parse);
		uwsgi_register_router("sentry", inert_route_parse);
	}
	uwsgi_register_exception_handler("sentry", inert_exception);
}
