/*
 * What a worker, mule or spooler notes as it exits. uWSGI can collect it before the master has looked: then this note alone
 * distinguishes an intended end from one that is not.
 */
#include "capture/capture.h"

/* its slot among the stacks; 0: none of these, or a child of the application's that only looks like one */
static int own_slot(void) {
	pid_t pid = getpid();
	if (uwsgi.muleid > 0) return uwsgi.muleid <= uwsgi.mules_cnt && uwsgi.mules[uwsgi.muleid - 1].pid == pid ? sentry_slot_of_mule(uwsgi.muleid) : 0;
	if (uwsgi.i_am_a_spooler) return uwsgi.i_am_a_spooler->pid == pid ? sentry_slot_of_spooler(uwsgi.i_am_a_spooler) : 0;
	return uwsgi.workers && uwsgi.mywid > 0 && uwsgi.mywid <= uwsgi.numproc && uwsgi.workers[uwsgi.mywid].pid == pid ? uwsgi.mywid : 0;
}

/* a new worker does not manage requests either, for its first moments */
static int is_meant(void) {
	if (uwsgi.muleid > 0 || uwsgi.i_am_a_spooler) return 0;
	struct uwsgi_worker *worker = &uwsgi.workers[uwsgi.mywid];
	return worker->cursed_at || (!worker->manage_next_request && (worker->accepting || worker->requests > 0));
}

static int of_exception;

/* Python ends the process where a SystemExit is printed */
void sentry_exit_follows_exception(int is) {
	of_exception = is;
}

/* in a worker: an exception of that request is reported */
void sentry_note_reported(const struct wsgi_request *req) {
	int slot = sentry.watch && req && getpid() != sentry.main ? own_slot() : 0;
	if (slot > 0 && slot < sentry.watch->stacks) __atomic_store_n(&sentry.watch->stack[slot].reported, req->start_of_request, __ATOMIC_RELEASE);
}

/* an exit that follows from what is reported is the same incident: nothing else was in flight then */
int sentry_is_reported(int worker, pid_t pid) {
	if (!sentry.watch || worker < 1 || worker >= sentry.watch->stacks || worker > uwsgi.numproc) return 0;
	struct sentry_stack *stack = &sentry.watch->stack[worker];
	if (__atomic_load_n(&stack->exited, __ATOMIC_ACQUIRE) == pid && stack->exit_reported) return 1;
	uint64_t reported = __atomic_load_n(&stack->reported, __ATOMIC_ACQUIRE);
	int requests = 0;
	for (int i = 0; reported && i < uwsgi.cores; i++) {
		struct uwsgi_core *core = &uwsgi.workers[worker].cores[i];
		if (!core->in_request) continue;
		if (core->req.start_of_request != reported) return 0;
		requests++;
	}
	return requests > 0;
}

/* also inside uWSGI's handler of a crash, which exits */
void sentry_note_exit(int code) {
	int slot = sentry.watch && getpid() != sentry.main ? own_slot() : 0;
	if (slot < 1 || slot >= sentry.watch->stacks) return;
	sentry.watch->stack[slot].exit_code = code & 0xff;	/* as the kernel has it */
	sentry.watch->stack[slot].exit_meant = is_meant();
	sentry.watch->stack[slot].exit_reported = of_exception;
	__atomic_store_n(&sentry.watch->stack[slot].exited, getpid(), __ATOMIC_RELEASE);
}

int sentry_exit_of(int slot, pid_t pid, int *code, int *meant) {
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return 0;
	if (__atomic_load_n(&sentry.watch->stack[slot].exited, __ATOMIC_ACQUIRE) != pid) return 0;
	*code = sentry.watch->stack[slot].exit_code;
	*meant = sentry.watch->stack[slot].exit_meant;
	return 1;
}
