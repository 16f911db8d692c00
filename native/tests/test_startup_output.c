/*
 * What a program prints is noted, and written as it was: whatever the linker made of the program. This file is linked in several ways
 * (lazily, with all of its table read-only, not position-independent, statically), with the code built in, and loads it as two libraries,
 * as a plugin that is loaded twice would be.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef IS_STATIC
#include <dlfcn.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "entry/startup_output.h"
#include "journal/journal.h"
#include "tests/check.h"

struct uwsgi_server {
	int nothing;
} uwsgi;

static ssize_t (*volatile by_address)(int, const void *, size_t) = write;	/* gives it another place in the program */
static int log_pipe;

/* as uWSGI does, and what came of it at the other end */
static const char *arrived(const char *line) {
	static char came[256];
	if (write(2, line, strlen(line)) != (ssize_t) strlen(line)) return NULL;
	ssize_t n = read(log_pipe, came, sizeof(came) - 1);
	if (n < 0) return NULL;
	came[n] = 0;
	return came;
}

static int is(const char *text, const char *wanted) {
	return text ? wanted && !strcmp(text, wanted) : !wanted;
}

static void *print(void *line) {
	arrived(line);
	return NULL;
}

/* the memory of this program that can be written */
static size_t writable(void) {
	char line[512];
	size_t sum = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char mode[5];
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3 && mode[1] == 'w' && strstr(line, "test_startup_output")) sum += to - from;
	}
	if (maps) fclose(maps);
	return sum;
}

static void noted_from_begin_to_end(int is_static) {
	size_t before = writable();
	CASE("nothing is noted before it begins");
	CHECK(is(arrived("before\n"), "before\n"));
	CHECK(!sentry_startup_output_last());

	sentry_startup_output_begin();
	CASE("each line is written once, and the last is known");
	CHECK(is(arrived("bind(): no\n"), "bind(): no\n"));
	CHECK(is(sentry_startup_output_last(), is_static ? NULL : "bind(): no"));
	CHECK(writable() == before);
	CASE("what cannot be written fails as ever");
	errno = 0;
	CHECK(write(-1, "x", 1) == -1 && errno == EBADF);
	CHECK(by_address(-1, "x", 1) == -1);
	CASE("a line of another thread is written, and is no reason");
	pthread_t other;
	CHECK(!pthread_create(&other, NULL, print, "hello\n"));
	CHECK(!pthread_join(other, NULL));
	CHECK(is(sentry_startup_output_last(), is_static ? NULL : "bind(): no"));

	sentry_startup_output_end();
	CASE("nothing is noted after its end");
	CHECK(is(arrived("after\n"), "after\n"));
	CHECK(!sentry_startup_output_last());
	CHECK(writable() == before);
}

struct plugin {
	void (*begin)(void), (*end)(void);
	const char *(*last)(void);
};

#ifndef IS_STATIC
static int load(const char *library, struct plugin *plugin) {
	void *loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!loaded) return 0;
	*(void **) &plugin->begin = dlsym(loaded, "sentry_startup_output_begin");
	*(void **) &plugin->end = dlsym(loaded, "sentry_startup_output_end");
	*(void **) &plugin->last = dlsym(loaded, "sentry_startup_output_last");
	return plugin->begin && plugin->end && plugin->last;
}

/* each takes its function away when it likes, or does not */
static void beside_another(char **libraries) {
	struct plugin one, other;
	CASE("the libraries load");
	CHECK(load(libraries[0], &one) && load(libraries[1], &other));
	if (checks_failed) return;
	CASE("two at once, and the first leaves first");
	one.begin();
	other.begin();
	CHECK(is(arrived("both\n"), "both\n"));
	CHECK(is(one.last(), "both"));
	CHECK(is(other.last(), "both"));
	one.end();
	CHECK(is(arrived("one\n"), "one\n"));
	CHECK(!one.last());
	CHECK(is(other.last(), "one"));
	other.end();
	CHECK(is(arrived("none\n"), "none\n"));
	CHECK(!one.last());
	CHECK(!other.last());
}

#else
static void beside_another(char **libraries) {
	(void) libraries;
}
#endif

/* a sandbox in which no memory may be made writable */
static void without_mprotect(void) {
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return;
	CASE("where the page stays read-only nothing is noted, and all is written");
	sentry_startup_output_begin();
	CHECK(is(arrived("refused\n"), "refused\n"));
	const char *last = sentry_startup_output_last();
	CHECK(!last || is(last, "refused"));
	sentry_startup_output_end();
	CHECK(is(arrived("still\n"), "still\n"));
}

int main(int argc, char **argv) {
	int ends[2], kept = dup(2);
	if (pipe(ends) || kept < 0) return 1;
	dup2(ends[1], 2);
	stderr = fdopen(kept, "w");	/* of the checks themselves */
	log_pipe = ends[0];
	fcntl(log_pipe, F_SETFL, O_NONBLOCK);
#ifdef IS_STATIC
	int is_static = argc > 0;
#else
	int is_static = argc < 3;
#endif
	noted_from_begin_to_end(is_static);
	if (!is_static) beside_another(argv + 1);
	without_mprotect();
	return check_result(argv[0]);
}
