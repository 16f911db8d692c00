/*
 * The pipe through which the application's log goes to the master (log-master). Nobody may wait at its end: a line that finds it full
 * is an error in the application, and it holds some 280 of them where nothing is done about it.
 */
#include "report/report.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#define WANTED (4 << 20)	/* some 10,000 short lines */

/* what any process may ask for; 0: not known */
static int most_allowed(void) {
	char text[32] = "";
	int fd = open("/proc/sys/net/core/wmem_max", O_RDONLY | O_CLOEXEC);
	if (fd < 0) return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	long most = n > 0 ? strtol(text, NULL, 10) : 0;
	return most > 0 && most < WANTED ? (int) most : most >= WANTED ? WANTED : 0;
}

static void widen(int fd) {
	int before = 0, wanted = WANTED, allowed = most_allowed();
	socklen_t size = sizeof(before);
	/* the kernel doubles what it is given, and returns the double */
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &before, &size) || before >= 2 * WANTED) return;
	if (!setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted))) return;
	if (allowed > before / 2 && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &allowed, sizeof(allowed))) errno = 0;
}

/*
 * Then a line that waits there has the pid of its writer (log_peek.c). What read() gives is the same; but not of a stream
 * (log-master-stream), of which it would no longer take together what several processes wrote.
 */
static void know_writers(int fd) {
	int type = 0, on = 1;
	socklen_t size = sizeof(type);
	if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) && type == SOCK_SEQPACKET) setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
}

/* whenever there may be a new one: with daemonize2 it is made last. It holds as many lines as is allowed; no failure matters */
void sentry_log_pipe_widen(void) {
	static int widened = -1;
	int saved = errno, fd = uwsgi.log_master && uwsgi.shared ? uwsgi.shared->worker_log_pipe[1] : -1;
	if (fd == widened || (!sentry.handlers && !sentry.captured)) return;
	widened = fd;
	widen(fd);
	if (fd > -1) know_writers(uwsgi.shared->worker_log_pipe[0]);
	sentry_log_peek_prepare();
	if (uwsgi.req_log_master) widen(uwsgi.shared->worker_req_log_pipe[1]);
	errno = saved;
}

/*
 * Nobody reads it before the master is in its loop, and what a hook's command or an application has just printed is still in it. uWSGI
 * does the same as it exits.
 */
void sentry_log_read_now(void) {
	if (!uwsgi.log_master || !uwsgi.shared || uwsgi.threaded_logger || getpid() != sentry.main) return;
	struct pollfd pipe = {.fd = uwsgi.shared->worker_log_pipe[0], .events = POLLIN};
	if (pipe.fd < 0) return;
	char *own = uwsgi.log_master_buf ? NULL : malloc(uwsgi.log_master_bufsize);
	if (own) uwsgi.log_master_buf = own;
	for (int lines = 0; uwsgi.log_master_buf && lines < 1000 && poll(&pipe, 1, 0) > 0; lines++) {
		if (uwsgi_master_log()) break;
	}
	if (own) uwsgi.log_master_buf = NULL;
	free(own);
}

static uint64_t now_us(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t) time.tv_sec * 1000000 + (uint64_t) time.tv_nsec / 1000;
}

/*
 * A millisecond for another process or thread. Where it is the master's main thread that has to read the log, it goes on reading:
 * in the thirty of them that a death may take, a flood of lines would fill the pipe.
 */
void sentry_pause(void) {
	int reads = uwsgi.log_master && !uwsgi.threaded_logger && getpid() == sentry.main && uwsgi.log_master_buf && uwsgi.shared->worker_log_pipe[0] > -1;
	uint64_t end = now_us() + 1000, now;
	if (!reads) {
		usleep(1000);
		return;
	}
	struct pollfd pipes[2] = {{.fd = uwsgi.shared->worker_log_pipe[0], .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	if (uwsgi.req_log_master) pipes[1].fd = uwsgi.shared->worker_req_log_pipe[0];
	while ((now = now_us()) < end) {
		struct timespec left = {0, (long) (end - now) * 1000};
		int ready = ppoll(pipes, 2, &left, NULL);
		if (ready <= 0) continue;
		int took = pipes[0].revents & POLLIN && uwsgi_master_log() == 0;
		took |= pipes[1].revents & POLLIN && uwsgi_master_req_log() == 0;
		if (!took) {	/* it is closed, or broken */
			usleep(1000);
			return;
		}
	}
}
