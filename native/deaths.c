/*
 * The record of a death: of what, with what was printed, and with the requests that were in flight, whose memory is still there.
 */
#include "memory_kills.h"
#include "watch.h"

static struct sentry_memory_kills memory_kills;

/* ---- crashes: what uWSGI's own handler printed ---- */

/* written by the alarm thread, taken by the main thread, both of the master */
#define CRASHES 4
static struct {
	int state;	/* 0 free, 1 being written, 2 there */
	pid_t pid;
	int reported;	/* an alarm of the user's has told of it */
	time_t at;
	uint32_t len;
	char text[8192];
} crashes[CRASHES];

int sentry_note_crash(const char *text, size_t len, int reported) {
	static const char head[] = "*** backtrace of ";
	if (len < sizeof(head) || memcmp(text, head, sizeof(head) - 1)) return 0;
	char digits[16] = {0};
	memcpy(digits, text + sizeof(head) - 1, len - sizeof(head) + 1 < 15 ? len - sizeof(head) + 1 : 15);
	pid_t pid = (pid_t) strtol(digits, NULL, 10);
	time_t now = time(NULL);
	for (int i = 0; i < CRASHES; i++) {
		int free_slot = 0, old = 2;
		if (!__atomic_compare_exchange_n(&crashes[i].state, &free_slot, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) &&
		    !(now - crashes[i].at > 10 && __atomic_compare_exchange_n(&crashes[i].state, &old, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))) continue;
		crashes[i].pid = pid;
		crashes[i].reported = reported;
		crashes[i].at = now;
		crashes[i].len = (uint32_t) (len < sizeof(crashes[i].text) ? len : sizeof(crashes[i].text));
		memcpy(crashes[i].text, text, crashes[i].len);
		__atomic_store_n(&crashes[i].state, 2, __ATOMIC_RELEASE);
		break;
	}
	return 1;
}

/* the slot of that process's crash. Its message is on its way through a pipe when it dies: a few milliseconds are waited for it */
static int crash_of(pid_t pid) {
	for (int turn = 0; turn < 30; turn++) {
		if (turn) {
			if (!sentry_may_wait()) return -1;
			sentry_pause();
		}
		for (int i = 0; i < CRASHES; i++) {
			if (__atomic_load_n(&crashes[i].state, __ATOMIC_ACQUIRE) == 2 && crashes[i].pid == pid) return i;
		}
	}
	return -1;
}

/* ---- the record ---- */

/* the innermost frames, without addresses and offsets */
static uint64_t hash_backtrace(uint64_t hash, const char *text, size_t len) {
	size_t end = 0;
	for (int lines = 0; lines < 8 && end < len; end++) lines += text[end] == '\n';
	return sentry_hash_template(hash, text, end);
}

/* the slot of what it printed, -1: it did not crash. uWSGI's handler ends in exit(1), or since 2.0.27 in the signal again */
static int crash_by(const struct sentry_death *death) {
	const siginfo_t *how = death->how;
	if (death->process == SENTRY_PROCESS_VASSAL) return -1;
	if (!how) return death->collected && death->process == SENTRY_PROCESS_WORKER ? crash_of(death->pid) : -1;
	int of_a_crash = how->si_code == CLD_EXITED ? 1 : how->si_status == SIGFPE ? SIGFPE : SIGSEGV;
	return how->si_status == of_a_crash ? crash_of(death->pid) : -1;
}

/* how many kills of the kernel's for want of memory this one may be; 0 where that cannot be what it died of */
static uint64_t memory_kills_of(const struct sentry_death *death) {
	const siginfo_t *how = death->how;
	if (death->process == SENTRY_PROCESS_VASSAL || death->cause || !how || how->si_code == CLD_EXITED || how->si_status != SIGKILL) return 0;
	return sentry_memory_kills_take(&memory_kills, sentry_oom_kills(), sentry_seconds());
}

static uint64_t fold_of(struct sentry_handler *handler, const struct sentry_death *death, int crash, int of_memory) {
	uint64_t fold = sentry_hash(sentry_fold_start(handler, SENTRY_DEATH), &death->process, sizeof(death->process));
	if (death->name) fold = sentry_hash(fold, death->name, strlen(death->name));
	if (crash >= 0) fold = hash_backtrace(fold, crashes[crash].text, crashes[crash].len);
	if (!death->how) return fold;
	int exited = death->how->si_code == CLD_EXITED;
	fold = sentry_hash(fold, &exited, sizeof(exited));
	if (of_memory) fold = sentry_hash(fold, "memory", 7);
	return sentry_hash(fold, &death->how->si_status, sizeof(death->how->si_status));
}

static void tell(struct sentry_handler *handler, const struct sentry_death *death, int crash) {
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
		if (crash >= 0) sentry_record_field(&record, "backtrace", crashes[crash].text, crashes[crash].len);
		sentry_state(&record, is_worker && !death->collected ? death->number : 0);
		if (is_worker && !death->collected) sentry_requests_of(&record, death->number, &requests);
		if (death->stack_slot) sentry_stack_of(&record, death->stack_slot, death->stack_of, &stack, 0, UINT64_MAX);
		sentry_lines(&record, SENTRY_LINES_MAX, &lines);
	}
	sentry_append(&record);
	free(stack);
	free(requests);
	free(lines);
}

static uint64_t told;

uint64_t sentry_deaths_told(void) {
	return told;
}

void sentry_tell_death(struct sentry_handler *handler, const struct sentry_death *death) {
	int crash = crash_by(death);
	told++;
	if (crash < 0 || !crashes[crash].reported) tell(handler, death, crash);
	if (crash >= 0) __atomic_store_n(&crashes[crash].state, 0, __ATOMIC_RELEASE);
}

/* before anything is forked: only what is killed from now on counts */
void sentry_deaths_prepare(void) {
	sentry_memory_kills_begin(&memory_kills, sentry_oom_kills());
}

void sentry_deaths_sample(void) {
	sentry_memory_kills_seen(&memory_kills, sentry_oom_kills(), sentry_seconds());
}
