/*
 * The stacks of all of Python's threads, in memory that the master shares: taken by the watchdog, at a crash and at the exit of a
 * worker that was cut; read by the master and by the process itself.
 *
 * The stacks must come while C code holds the GIL, and from inside: under uid= no process can read a worker from outside.
 * Python's own function for that, the one behind faulthandler, takes no lock and needs no GIL; but it reads frames that running
 * threads change under it, and a process in which it is called again and again dies of that. So it is called in a child that shares
 * nothing with its parent but that memory: a copy of the process at one moment, made with a bare clone(), in which no other thread
 * runs and which no wait() of the application sees. What fails there ends that child alone. It is bound in time and dies with its
 * parent. It has every signal blocked, so that a fault of the child's never reaches uWSGI's handlers.
 * The copy costs what a fork costs (0.4 ms; 30 ms where a gigabyte is resident).
 */
#include "capture/capture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* near a memory limit the copy should be killed, not the worker. A worker that gave root up may not ask the kernel for that */
static void be_the_first_to_go(void) {
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0) return;
	if (write(fd, "1000", 4) != 4) errno = 0;
	close(fd);
}

/* in the child; a text from before stays whole until there is a new one */
static void dump_and_end(struct sentry_stack *stack, uint64_t of, pid_t parent) {
	struct rlimit nothing = {0, 0}, second = {1, 1};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	be_the_first_to_go();	/* its /proc is root's from the next line on */
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &nothing);
	setrlimit(RLIMIT_CPU, &second);
	int fd = getppid() == parent ? memfd_create("uwsgi-sentry-stacks", MFD_CLOEXEC) : -1;
	if (fd >= 0) {
		sentry_python_stacks_write(fd);
		ssize_t n = pread(fd, stack->text, sizeof(stack->text), 0);
		if (n > 0) {
			stack->len = (uint32_t) n;
			stack->of = of;
			stack->taken = sentry_now_us();
		}
	}
	_exit(0);
}

static void pause_us(long us) {
	struct timespec time = {0, us * 1000};
	nanosleep(&time, NULL);
}

/* makes the copy and waits for its end, which is bounded; only system calls, since the handler of a crash comes here, too */
void sentry_stacks_take(struct sentry_stack *stack, uint64_t of) {
	pid_t self = getpid();
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
	/* no flags, and no signal when it ends; that all arguments are 0 makes their order the same on every processor */
	pid_t child = (pid_t) syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	if (child == 0) dump_and_end(stack, of, self);
	int status, ended = child < 0;
	for (int i = 0; i < SENTRY_STACKS_MS * 2 && !ended; i++) {
		pause_us(500);
		ended = waitpid(child, &status, __WCLONE | WNOHANG) != 0;
	}
	if (!ended) {
		kill(child, SIGKILL);
		while (waitpid(child, &status, __WCLONE) < 0 && errno == EINTR);
	}
	__atomic_add_fetch(&stack->turn, 1, __ATOMIC_ACQ_REL);
}

int sentry_slot_of_mule(int id) {
	return id > 0 && id <= uwsgi.mules_cnt ? uwsgi.numproc + id : 0;
}

int sentry_slot_of_spooler(struct uwsgi_spooler *wanted) {
	int slot = uwsgi.numproc + uwsgi.mules_cnt + 1;
	for (struct uwsgi_spooler *spooler = uwsgi.spoolers; spooler; spooler = spooler->next, slot++) {
		if (spooler == wanted) return slot;
	}
	return 0;
}

/*
 * Adds the stacks in that slot, if they were taken for `of` (0: for anything) between those two times. The copy is to be freed after
 * the append. The master waits, within its bounds, for a process that is writing them. 1: added.
 */
int sentry_add_stack(struct sentry_record *record, int slot, uint64_t of, char **copy, uint64_t from, uint64_t to) {
	char main_thread[32];
	*copy = NULL;
	if (!sentry.watch || slot < 1 || slot >= sentry.watch->stacks) return 0;
	struct sentry_stack *stack = &sentry.watch->stack[slot];
	while (getpid() == sentry.main && __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) & 1 && sentry_may_wait()) sentry_pause();
	uint32_t turn = __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE);
	uint32_t len = stack->len;
	uint64_t taken = stack->taken;
	if (!len || len > SENTRY_STACK_MAX || !stack->of || (of && stack->of != of) || taken <= from || taken >= to) return 0;
	if (!(*copy = malloc(len))) return 0;
	memcpy(*copy, stack->text, len);
	/* a mix of two is worse than none, but the last of a process that was killed while it wrote will do */
	int torn = turn & 1 || __atomic_load_n(&stack->turn, __ATOMIC_ACQUIRE) != turn;
	if (torn && getpid() != sentry.main) return 0;
	sentry_record_number(record, "stack.taken", taken);
	int digits = snprintf(main_thread, sizeof(main_thread), "0x%016llx", (unsigned long long) stack->main_thread);
	sentry_record_copy(record, "stack.main", main_thread, (size_t) digits);
	sentry_record_field(record, "stack", *copy, len);
	sentry_add_python_path(record);
	return 1;
}
