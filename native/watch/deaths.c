/*
 * The record of a death: its cause, what was printed, and the requests that were in flight, whose memory is still there.
 */
#include "watch/memory_kills.h"
#include "watch/watch.h"

static struct sentry_memory_kills memory_kills;

/* the innermost frames, without addresses and offsets */
static uint64_t hash_backtrace(uint64_t hash, const char *text, size_t len) {
	size_t end = 0;
	for (int lines = 0; lines < 12 && end < len; end++) lines += text[end] == '\n';
	return sentry_hash_template(hash, text, end);
}

/* whether it may have crashed: uWSGI's handler ends in exit(1), or since 2.0.27 in the signal again */
static int may_be_crash(const struct sentry_death *death) {
	const siginfo_t *how = death->how;
	if (death->process == SENTRY_PROCESS_VASSAL) return 0;
	if (!how) return death->collected && death->process == SENTRY_PROCESS_WORKER;
	return how->si_status == (how->si_code == CLD_EXITED ? 1 : how->si_status == SIGFPE ? SIGFPE : SIGSEGV);
}

/* how many OOM kills this death may be one of; 0: it cannot be one */
static uint64_t memory_kills_of(const struct sentry_death *death) {
	const siginfo_t *how = death->how;
	if (death->process == SENTRY_PROCESS_VASSAL || death->cause || !how || how->si_code == CLD_EXITED || how->si_status != SIGKILL) return 0;
	return sentry_memory_kills_take(&memory_kills, sentry_oom_kills(), sentry_seconds());
}

static uint64_t fold_of(struct sentry_handler *handler, const struct sentry_death *death, const struct sentry_crash *crash, int of_memory) {
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_DEATH), &death->process, sizeof(death->process));
	if (death->name) fold = sentry_hash(fold, death->name, strlen(death->name));
	if (crash) fold = hash_backtrace(fold, crash->text, crash->len);
	if (!death->how) return fold;
	int exited = death->how->si_code == CLD_EXITED;
	fold = sentry_hash(fold, &exited, sizeof(exited));
	if (of_memory) fold = sentry_hash(fold, "memory", 7);
	return sentry_hash(fold, &death->how->si_status, sizeof(death->how->si_status));
}

static void report(struct sentry_handler *handler, const struct sentry_death *death, const struct sentry_crash *crash) {
	struct sentry_record record;
	unsigned char *requests = NULL, *lines = NULL;
	char *stack = NULL;
	int is_worker = death->process == SENTRY_PROCESS_WORKER;
	sentry_begin_about(&record, SENTRY_DEATH, handler, death->process, death->pid, death->number);
	uint64_t kills = memory_kills_of(death);
	sentry_record_fold(&record, handler->hash, fold_of(handler, death, crash, kills > 0));
	if (!death->how) sentry_record_pair_number(&record, "death", "unknown", 1);
	else sentry_record_pair_number(&record, "death", death->how->si_code == CLD_EXITED ? "code" : "signal", (uint64_t) death->how->si_status);
	if (death->cause) sentry_record_pair(&record, "death", "cause", 5, death->cause, strlen(death->cause));
	if (death->name) sentry_record_pair(&record, "death", "name", 4, death->name, strlen(death->name));
	time_t now = uwsgi_now();
	if (death->since && now >= death->since) sentry_record_pair_number(&record, "death", "seconds", (uint64_t) (now - death->since));
	if (death->process != SENTRY_PROCESS_VASSAL) {	/* a vassal is a server of its own: its memory and its log are not ours */
		if (kills) sentry_record_pair_number(&record, "death", "oom_kills", kills);
		if (death->rss) sentry_record_pair_number(&record, "death", "rss", death->rss);
		if (crash) sentry_record_field(&record, "backtrace", crash->text, crash->len);
		sentry_add_state(&record, is_worker && !death->collected ? death->number : 0);
		if (is_worker && !death->collected) sentry_add_requests(&record, death->number, &requests);
		if (death->stack_slot) sentry_add_stack(&record, death->stack_slot, death->stack_of, &stack, 0, UINT64_MAX);
		sentry_add_log_lines(&record, SENTRY_LINES_MAX, &lines);
	}
	sentry_append(&record);
	free(stack);
	free(requests);
	free(lines);
}

static uint64_t reported;

uint64_t sentry_deaths_reported(void) {
	return reported;
}

void sentry_report_death(struct sentry_handler *handler, const struct sentry_death *death) {
	if (!handler && !sentry.crash_alarms) return;
	int of_alarms = 0;
	struct sentry_crash crash;
	reported++;
	if (may_be_crash(death)) {
		sentry_await_crash(death->pid);
		/* each alarm's own, else the one that capture has: there is none of ours beside the user's */
		while (sentry_crash_of(death->pid, &crash)) {
			struct sentry_handler *its = crash.handler ? crash.handler : handler;
			if (its && (crash.handler || !of_alarms)) report(its, death, &crash);
			of_alarms += its != NULL;
			sentry_crash_reported(&crash);
		}
	}
	if (!of_alarms && handler && !death->reported) report(handler, death, NULL);
}

/* before anything is forked: only what is killed from now on counts */
void sentry_deaths_prepare(void) {
	sentry_memory_kills_begin(&memory_kills, sentry_oom_kills());
}

void sentry_deaths_sample(void) {
	sentry_memory_kills_seen(&memory_kills, sentry_oom_kills(), sentry_seconds());
}
