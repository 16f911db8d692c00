/*
 * The count of what could not be appended. It must reach the agent once: it is claimed before it is reported, and given back if
 * that fails, so that no two threads report the same drops. It must also survive the exec of a reload, which the counters' memory does not.
 *
 * The journal keeps a few KiB of its limit free, so that drops can be reported while it is full. Each report waits twice as long as
 * the one before, so that this room lasts however long the journal stays full.
 */
#include "report/report.h"

/* not UWSGI_...: that would be an option */
#define CARRIED "SENTRY_UWSGI_DROPS"

/* dropped, and neither reported nor being reported */
static uint64_t unreported(int reason) {
	struct sentry_counters *counters = sentry.journal.counters;
	uint64_t reported = __atomic_load_n(&counters->reported[reason], __ATOMIC_RELAXED), dropped = __atomic_load_n(&counters->dropped[reason], __ATOMIC_RELAXED);
	return dropped > reported ? dropped - reported : 0;
}

static uint64_t claim(int reason) {
	uint64_t *reported = &sentry.journal.counters->reported[reason];
	uint64_t before = __atomic_load_n(reported, __ATOMIC_RELAXED);
	for (;;) {
		uint64_t dropped = __atomic_load_n(&sentry.journal.counters->dropped[reason], __ATOMIC_RELAXED);
		if (dropped <= before) return 0;
		if (__atomic_compare_exchange_n(reported, &before, dropped, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return dropped - before;
	}
}

static enum sentry_drop report(int from_reserve) {
	uint64_t claimed[SENTRY_DROP_REASONS];
	int any = 0;
	for (int i = 0; i < SENTRY_DROP_REASONS; i++) any |= (claimed[i] = claim(i)) != 0;
	if (!any) return SENTRY_APPENDED;
	struct sentry_record record;
	sentry_begin(&record, SENTRY_DROPS, NULL, NULL);
	const char *instance = sentry_instance_name();
	sentry_record_field(&record, "instance", instance, strlen(instance));
	/* where the report goes: the server's own destination */
	sentry_add_defaults(&record);
	for (int i = 0; i < SENTRY_DROP_REASONS; i++) {
		if (claimed[i]) sentry_record_pair_number(&record, "drop", sentry_drop_name[i], claimed[i]);
	}
	enum sentry_drop outcome = sentry_journal_append_notice(&sentry.journal, &record, from_reserve);
	/* one that came into some file must not be reported a second time */
	int given_back = outcome != SENTRY_APPENDED && outcome != SENTRY_UNSURE;
	for (int i = 0; given_back && i < SENTRY_DROP_REASONS; i++) __atomic_sub_fetch(&sentry.journal.counters->reported[i], claimed[i], __ATOMIC_RELAXED);
	return outcome;
}

static int known_unusable;

/* logged once, until the journal can be used again */
void sentry_say_unusable(int is_unusable) {
	if (!__atomic_exchange_n(&known_unusable, is_unusable, __ATOMIC_RELAXED) && is_unusable && sentry.journal.dir >= 0) {
		sentry_say("events are not recorded: the journal's directory is gone, or cannot be written to. Give %s back, or reload the server, which makes a new one", sentry.state);
	}
}

static int any_drops(void) {
	for (int i = 0; i < SENTRY_DROP_REASONS; i++) {
		if (unreported(i)) return 1;
	}
	return 0;
}

void sentry_report_drops(void) {
	struct sentry_counters *counters = sentry.journal.counters;
	if (!any_drops()) return;
	enum sentry_drop outcome = report(0);
	sentry_say_unusable(outcome == SENTRY_UNUSABLE);
	if (outcome == SENTRY_APPENDED) {	/* there is room */
		__atomic_store_n(&counters->reserve_used, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&counters->reserve_next, 0, __ATOMIC_RELAXED);
	}
	if (outcome != SENTRY_JOURNAL_FULL && outcome != SENTRY_DISK_FULL) return;
	uint64_t now = sentry_seconds(), next = __atomic_load_n(&counters->reserve_next, __ATOMIC_RELAXED);
	if (now < next) return;
	uint64_t used = __atomic_load_n(&counters->reserve_used, __ATOMIC_RELAXED);
	uint64_t wait = 1ull << (used < 30 ? used : 30);
	if (!__atomic_compare_exchange_n(&counters->reserve_next, &next, now + wait, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return;
	if (report(1) == SENTRY_APPENDED) __atomic_add_fetch(&counters->reserve_used, 1, __ATOMIC_RELAXED);
}

void sentry_last_drops(int may_append) {
	if (may_append) report(1);
	for (int i = 0; i < SENTRY_DROP_REASONS; i++) {
		uint64_t n = unreported(i);
		if (n) sentry_say("%llu events were dropped and not reported to the agent: %s", (unsigned long long) n, sentry_drop_name[i]);
	}
}

/* the master becomes another program, which keeps its pid and its environment */
void sentry_carry_drops(int may_append) {
	char text[32 + SENTRY_DROP_REASONS * 48];
	int len = snprintf(text, sizeof(text), "%ld", (long) getpid()), any = 0;
	for (int i = 0; i < SENTRY_DROP_REASONS; i++) {
		uint64_t n = unreported(i);
		len += snprintf(text + len, sizeof(text) - (size_t) len, " %llu", (unsigned long long) n);
		any |= n != 0;
	}
	if (any && setenv(CARRIED, text, 1)) sentry_last_drops(may_append);
}

void sentry_take_carried_drops(void) {
	const char *text = getenv(CARRIED);
	if (!text) return;
	char *at;
	if (strtol(text, &at, 10) == (long) getpid()) {
		for (int i = 0; i < SENTRY_DROP_REASONS && *at == ' '; i++) __atomic_add_fetch(&sentry.journal.counters->dropped[i], strtoull(at, &at, 10), __ATOMIC_RELAXED);
	}
	unsetenv(CARRIED);
}
