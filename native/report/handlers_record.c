/*
 * The record that names every handler of this server, so that events which waited for a usable DSN find the one that now stands. It is no
 * event: a journal that has no room for it drops none, and it is tried again until there is room. By one thread at a time: first
 * the one that starts the server, then the master's writer, or without a master whichever process appends.
 */
#include "report/report.h"

static struct {
	struct sentry_fields handlers;
	int waits;
	uint64_t tried;
} kept;

static void try_to_append(void) {
	struct sentry_record record;
	sentry_begin(&record, SENTRY_CONFIGURATION, NULL, NULL);
	sentry_record_fields(&record, kept.handlers.bytes, kept.handlers.len);
	sentry_add_defaults(&record);
	enum sentry_drop outcome = sentry_journal_append_notice(&sentry.journal, &record, 0);
	__atomic_store_n(&kept.waits, outcome != SENTRY_APPENDED && outcome != SENTRY_UNSURE, __ATOMIC_RELEASE);
}

void sentry_retry_handlers(void) {
	uint64_t now = sentry_seconds(), tried = __atomic_load_n(&kept.tried, __ATOMIC_RELAXED);
	if (!__atomic_load_n(&kept.waits, __ATOMIC_ACQUIRE) || tried == now) return;
	if (__atomic_compare_exchange_n(&kept.tried, &tried, now, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) try_to_append();
}

void sentry_write_handlers(void) {
	const char *instance = sentry_instance_name();
	struct sentry_fields *b = &kept.handlers;
	b->len = 0;
	sentry_fields_put(b, "instance", instance, strlen(instance));
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) sentry_fields_put_pair(b, "definition", h->name, h->options);
	try_to_append();
}

/* for the master, once a second, by its writer: what the new state directory must know that the old one knew */
void sentry_follow_journal(void) {
	static uint64_t known;
	static unsigned gone;
	if (sentry.journal.dir < 0 || getpid() != sentry.main) return;
	uint64_t version = sentry_journal_version(&sentry.journal, 1);
	/* an agent makes the journal's directory again within a second: only then is it worth a line, and also if no event comes */
	unsigned before = gone;
	gone = __atomic_load_n(&sentry.journal.astray, __ATOMIC_RELAXED) ? before + (before < 3) : 0;
	if (gone == 3) sentry_say_unusable(1);
	else if (before == 3) sentry_say_unusable(0);
	if (version == known) return;
	known = version;
	sentry_say("%s, or the journal or the key in it, was replaced while the server runs: events are recorded in what stands there now", sentry.state);
	try_to_append();
}
