/*
 * Writers that die. Four processes of four threads append numbered records to a journal, through the very code that runs in
 * uWSGI; the parent kills them with SIGKILL at random moments and starts others in their place. Some stop themselves between two
 * steps of an append (oracle_hooks.h): the parent lets them go on after a moment, or after so long that the agent has read and
 * removed the file which they have open, or kills them there.
 *
 * A record's number is its id. What became of each number is noted in a file that all share, before the append and after it
 * returned: a mapping outlives whoever wrote to it.
 *
 * usage: oracle STATE NOTES RUN MILLISECONDS MOST FOLD DSN [ONE_OF TEXT JOURNAL_MAX]
 *   RUN           a number: the records' first four bytes, and what is random
 *   NOTES         made; see struct notes
 *   MILLISECONDS  how long there are writers
 *   MOST          records of each of the 16 threads
 *   FOLD          own: a fold key for each record; one: the same for all
 *   DSN           where one record of ONE_OF (8) goes; the others have no destination and stay in the outbox
 *   TEXT          bytes of the longest text (300)
 *   JOURNAL_MAX   bytes; the volume may allow less. Without it there is no limit
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "journal/journal.h"

#define PROCESSES 4
#define THREADS 4
#define WRITERS (PROCESSES * THREADS)
#define MOST_EACH 65536
#define TEXT_ROOM 65536

enum { UNTOUCHED, BEGUN, ACKNOWLEDGED, DROPPED };

/* written by proof/oracle.c, read by proof/writers.py */
struct notes {
	uint32_t run;			/* the ids' first four bytes, big-endian */
	uint32_t most;
	uint32_t kills, stops;
	uint64_t next[WRITERS];		/* the number that the next writer in that place begins with */
	uint8_t fate[WRITERS][MOST_EACH];
};

_Thread_local struct stat oracle_opened;
static struct notes *notes;
static struct sentry_journal journal;
static uint64_t random_state;
static int fold_together;
static const char *dsn;
static int stop_one_of;
static uint64_t one_of = 8, text_most = 300;

static uint64_t next_random(uint64_t *state) {
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static _Thread_local uint64_t pause_random;

void oracle_pause(void) {
	if (stop_one_of && next_random(&pause_random) % (uint64_t) stop_one_of == 0) kill(getpid(), SIGSTOP);
}

static void make_id(unsigned char id[16], int writer, uint64_t number) {
	uint32_t run = notes->run;
	memset(id, 0, 16);
	id[0] = (unsigned char) (run >> 24);
	id[1] = (unsigned char) (run >> 16);
	id[2] = (unsigned char) (run >> 8);
	id[3] = (unsigned char) run;
	id[4] = (unsigned char) writer;
	for (int i = 0; i < 8; i++) id[8 + i] = (unsigned char) (number >> (56 - 8 * i));
	/* the id of a record that the journal minted is never zero in front, and neither is this */
	id[5] = 0x0a;
}

struct writer {
	int place;
	pid_t process;
};

static void *write_on(void *data) {
	struct writer *writer = data;
	pause_random = (uint64_t) getpid() * 2654435761u + (uint64_t) writer->place * 97 + random_state + 1;
	char text[TEXT_ROOM], options[400], filler[TEXT_ROOM - 100];
	memset(filler, '.', sizeof(filler));
	snprintf(options, sizeof(options), "dsn=%s", dsn);
	while (notes->next[writer->place] < notes->most) {
		uint64_t number = notes->next[writer->place]++;
		uint8_t *fate = &notes->fate[writer->place][number];
		struct sentry_record record;
		sentry_record_begin(&record, SENTRY_ALARM, SENTRY_PROCESS_WORKER, (uint32_t) getpid(), (uint16_t) (writer->place + 1), 0);
		make_id(record.head + 12, writer->place, number);
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		uint64_t micros = (uint64_t) now.tv_sec * 1000000u + (uint64_t) now.tv_nsec / 1000u;
		for (int i = 0; i < 8; i++) record.head[32 + i] = (unsigned char) (micros >> (8 * i));
		uint64_t own = ((uint64_t) notes->run << 32) + ((uint64_t) writer->place << 24) + number + 1;
		int sent = number % one_of == 0 && *dsn;
		sentry_record_fold(&record, sent ? 4711 : 4710, fold_together ? 4712u + (unsigned) sent : sentry_hash(SENTRY_HASH_START, &own, sizeof(own)));
		snprintf(text, sizeof(text), "%s %u %d %llu %.*s", fold_together ? "together" : "numbered", notes->run, writer->place, (unsigned long long) number,
			(int) (number * 7919 % text_most), filler);
		sentry_record_field(&record, "instance", "oracle", 6);
		sentry_record_field(&record, "handler", sent ? "alarm sent" : "alarm kept", 10);
		if (sent) sentry_record_field(&record, "options", options, strlen(options));
		sentry_record_field(&record, "text", text, strlen(text));
		*fate = BEGUN;
		enum sentry_drop outcome = sentry_journal_append(&journal, &record);
		__atomic_store_n(fate, outcome == SENTRY_APPENDED ? ACKNOWLEDGED : outcome == SENTRY_UNSURE ? BEGUN : DROPPED, __ATOMIC_RELEASE);
		struct timespec moment = {0, (long) (next_random(&pause_random) % 40000000)};
		nanosleep(&moment, NULL);
	}
	return NULL;
}

static pid_t start_process(int process) {
	pid_t pid = fork();
	if (pid) return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_t threads[THREADS];
	struct writer writers[THREADS];
	for (int i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){process * THREADS + i, getpid()};
		if (pthread_create(&threads[i], NULL, write_on, &writers[i])) _exit(1);
	}
	for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
	_exit(0);
}

static uint64_t milliseconds(void) {
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

struct process {
	pid_t pid;		/* 0: it has written all its numbers */
	uint64_t goes_on;	/* when, in milliseconds, if it is stopped */
};

static void end_process(struct process *process) {
	if (!process->pid) return;
	kill(process->pid, SIGKILL);
	waitpid(process->pid, NULL, 0);
	notes->kills++;
}

static void look_after(struct process *process, int i, uint64_t now) {
	if (!process->pid) return;
	int status;
	pid_t changed = waitpid(process->pid, &status, WNOHANG | WUNTRACED);
	if (changed == process->pid && !WIFSTOPPED(status)) {
		process->pid = 0;
		return;
	}
	if (changed == process->pid) {
		notes->stops++;
		int longer = next_random(&random_state) % 8 == 0;
		process->goes_on = now + (longer ? 1100 + next_random(&random_state) % 900 : next_random(&random_state) % 30);
	}
	if (process->goes_on && now >= process->goes_on) {
		process->goes_on = 0;
		kill(process->pid, SIGCONT);
	}
	if (next_random(&random_state) % 100 == 0) {
		end_process(process);
		*process = (struct process){start_process(i), 0};
	}
	else if (next_random(&random_state) % 200 == 0) kill(process->pid, SIGSTOP);
}

int main(int argc, char **argv) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc != 8 && argc != 11) {
		fprintf(stderr, "usage: oracle STATE NOTES RUN MILLISECONDS MOST FOLD DSN [ONE_OF TEXT JOURNAL_MAX]\n");
		return 2;
	}
	uint32_t run = (uint32_t) strtoul(argv[3], NULL, 10);
	uint64_t duration = strtoull(argv[4], NULL, 10);
	uint32_t most = (uint32_t) strtoul(argv[5], NULL, 10);
	fold_together = !strcmp(argv[6], "one");
	dsn = argv[7];
	if (argc == 11) {
		one_of = strtoull(argv[8], NULL, 10);
		text_most = strtoull(argv[9], NULL, 10);
		if (!one_of || !text_most || text_most > TEXT_ROOM - 100) return 2;
	}
	random_state = ((uint64_t) run + 1) * 0x9e3779b97f4a7c15ull;
	if (most > MOST_EACH) most = MOST_EACH;

	int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct notes))) return perror(argv[2]), 1;
	notes = mmap(NULL, sizeof(struct notes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (notes == MAP_FAILED) return perror("mmap"), 1;
	notes->run = run;
	notes->most = most;

	char why[1024];
	journal.counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (journal.counters == MAP_FAILED) return perror("mmap"), 1;
	journal.max = argc == 11 ? strtoull(argv[10], NULL, 10) : 0;
	if (sentry_journal_open(&journal, argv[1], geteuid(), getegid(), why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	if (argc != 11) journal.max = 1ull << 40;

	stop_one_of = 40;
	struct process processes[PROCESSES] = {{0}};
	for (int i = 0; i < PROCESSES; i++) processes[i].pid = start_process(i);
	uint64_t end = milliseconds() + duration, now;
	while ((now = milliseconds()) < end) {
		struct timespec moment = {0, (long) (next_random(&random_state) % 5000000)};
		nanosleep(&moment, NULL);
		for (int i = 0; i < PROCESSES; i++) look_after(&processes[i], i, now);
	}
	/* the last ones die in the middle of what they are at, or where they have stopped in it */
	for (int i = 0; i < PROCESSES; i++) end_process(&processes[i]);
	return 0;
}
