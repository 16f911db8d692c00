/*
 * hook-PHASE = sentry:OPTIONS. Runs in any process of the server, at times before anything else of us has run. A hook that
 * returns an error can end the whole instance: ours returns none.
 */
#include "entry/entry.h"

static struct sentry_handler *handler_of(const char *arg) {
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		if (h->source == arg) return h;
	}
	/* a uWSGI that copies the list */
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		if (h->source && !strncmp(h->name, "hook-", 5) && !strcmp(h->options, arg)) return h;
	}
	return NULL;
}

int sentry_hook(char *arg) {
	SENTRY_ENTRY;
	sentry_configure();
	struct sentry_handler *handler = handler_of(arg);
	if (!handler) return 0;
	struct sentry_record record;
	sentry_begin(&record, SENTRY_HOOK, handler, NULL);
	/* the processes that uWSGI keeps no number of */
	if (sentry_handler_named(handler, "hook-as-gateway")) sentry_record_process(&record, SENTRY_PROCESS_GATEWAY);
	else if (sentry_handler_named(handler, "hook-as-vassal")) sentry_record_process(&record, SENTRY_PROCESS_VASSAL);
	else if (sentry_handler_named(handler, "hook-as-emperor") || sentry_handler_named(handler, "hook-emperor-start")) {
		sentry_record_process(&record, SENTRY_PROCESS_EMPEROR);
		/* an emperor without a server of its own calls nothing else that would start an agent */
		if (!uwsgi.master_process) sentry_agent_detached(0);
	}
	sentry_append(&record);
	return 0;
}
