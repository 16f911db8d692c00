/*
 * What a worker, a mule or a spooler says as it exits. uWSGI can collect it before the master has looked: then this alone tells
 * an end that was meant to be from one that was not.
 */
#include "sentry.h"

/* its place among the stacks; 0: it is none of these, or a child of the application's that only looks like one */
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

/* also inside uWSGI's handler of a crash, which exits */
void sentry_note_exit(int code) {
	int slot = sentry.watch && getpid() != sentry.main ? own_slot() : 0;
	if (slot < 1 || slot >= sentry.watch->stacks) return;
	sentry.watch->stack[slot].exit_code = code & 0xff;	/* as the kernel has it */
	sentry.watch->stack[slot].exit_meant = is_meant();
	__atomic_store_n(&sentry.watch->stack[slot].exited, getpid(), __ATOMIC_RELEASE);
}

int sentry_exit_of(int slot, pid_t pid, int *code, int *meant) {
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return 0;
	if (__atomic_load_n(&sentry.watch->stack[slot].exited, __ATOMIC_ACQUIRE) != pid) return 0;
	*code = sentry.watch->stack[slot].exit_code;
	*meant = sentry.watch->stack[slot].exit_meant;
	return 1;
}
