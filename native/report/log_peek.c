/*
 * The lines of the log that no thread has read yet. Every process of the server has the reading end of the log's pipe, so each can
 * look at what waits there without taking it (MSG_PEEK). What a process itself wrote before it looks is there, or was read before.
 *
 * SO_PEEK_OFF lets a look begin near the end of the queue and go on from line to line. That place belongs to the socket and so to all
 * processes: one looks at a time, and a process that has to wait for another too long goes without. Reading is not changed by it.
 *
 * What is seen is what the ring of the last lines would have shown a moment later (log_lines.c): the log of this one server.
 */
#include "report/report.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif

#define MOST_QUEUED (256 << 10)	/* of more, each look would pass too many lines */
#define MOST_TRIES 10	/* a look takes some microseconds */
#define ABANDONED_US 1000000	/* one that looks for so long is dead */

/* what the call needs beside the lines */
struct sentry_peek_call {
	struct mmsghdr messages[SENTRY_PEEK_LINES];
	struct iovec parts[SENTRY_PEEK_LINES][2];
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control[SENTRY_PEEK_LINES];
	char rest[8192];	/* of long lines, which is not kept */
};

static int option(int fd, int name) {
	int value = -1;
	socklen_t size = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, name, &value, &size) ? -1 : value;
}

static dev_t device;
static ino_t known;	/* the socket; 0: there is none that can be looked into (a stream cannot) */

/* before the application runs in this process: it may close it, and open another socket of that number, which is none of our business */
void sentry_log_peek_prepare(void) {
	struct stat it;
	int fd = uwsgi.log_master && uwsgi.shared ? uwsgi.shared->worker_log_pipe[0] : -1;
	known = 0;
	if (fd < 0 || option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_SEQPACKET || fstat(fd, &it)) return;
	device = it.st_dev;
	known = it.st_ino;
}

static int is_log_pipe(int fd) {
	struct stat it;
	return known && !fstat(fd, &it) && S_ISSOCK(it.st_mode) && it.st_ino == known && it.st_dev == device;
}

static int take_turn(struct sentry_watch *watch) {
	uint64_t now = sentry_now_us();
	for (int tries = 0; tries < MOST_TRIES; tries++) {
		if (tries) sched_yield();
		uint64_t since = __atomic_load_n(&watch->peek_since, __ATOMIC_ACQUIRE);
		if (since && since <= now && now - since < ABANDONED_US) continue;
		if (__atomic_compare_exchange_n(&watch->peek_since, &since, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return 1;
	}
	return 0;
}

/* the process that wrote it, if the kernel says so (SO_PASSCRED) */
static pid_t writer_of(struct msghdr *message) {
	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
		struct ucred sender;
		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_CREDENTIALS || head->cmsg_len < CMSG_LEN(sizeof(sender))) continue;
		memcpy(&sender, CMSG_DATA(head), sizeof(sender));
		return sender.pid;
	}
	return 0;
}

/* all lines from that place on in one call; they are `count` */
static int look(int fd, int from, struct sentry_log_peek *peek, struct sentry_peek_call *call) {
	memset(call->messages, 0, sizeof(call->messages));
	/* without SO_PASSCRED that room would receive descriptors sent with a line */
	size_t control = option(fd, SO_PASSCRED) == 1 ? sizeof(call->control[0].bytes) : 0;
	for (int i = 0; i < SENTRY_PEEK_LINES; i++) {
		call->parts[i][0] = (struct iovec) {peek->line[i].text, sizeof(peek->line[i].text)};
		call->parts[i][1] = (struct iovec) {call->rest, sizeof(call->rest)};
		call->messages[i].msg_hdr = (struct msghdr) {.msg_iov = call->parts[i], .msg_iovlen = 2, .msg_control = call->control[i].bytes, .msg_controllen = control};
	}
	if (!take_turn(sentry.watch)) return 0;
	int count = setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof(from)) ? 0 : recvmmsg(fd, call->messages, SENTRY_PEEK_LINES, MSG_PEEK | MSG_DONTWAIT, NULL);
	__atomic_store_n(&sentry.watch->peek_since, 0, __ATOMIC_RELEASE);
	return count;
}

static void keep(struct sentry_log_peek *peek, struct sentry_peek_call *call, int count, int is_part) {
	for (int i = 0; i < count; i++) {
		struct sentry_peeked_line *line = &peek->line[i];
		size_t n = call->messages[i].msg_len;
		line->len = (uint32_t) (n < sizeof(line->text) ? n : sizeof(line->text));
		line->own = writer_of(&call->messages[i].msg_hdr) == getpid();
		/* what begins in a line's midst is no line, nor what goes on behind one that is too long, nor what alarms say of lines */
		if (!is_part && (line->len < 12 || memcmp(line->text, "[uwsgi-alarm", 12))) {
			if (peek->count != i) peek->line[peek->count] = *line;
			peek->count++;
		}
		is_part = n == sizeof(line->text) + sizeof(call->rest);
	}
}

/* NULL: there are none. To be freed */
struct sentry_log_peek *sentry_peek_at_log(void) {
	struct sentry_watch *watch = sentry.watch;
	int fd = uwsgi.log_master && uwsgi.shared ? uwsgi.shared->worker_log_pipe[0] : -1, queued = 0;
	if (fd < 0 || !watch || !watch->lines_max || !is_log_pipe(fd) || ioctl(fd, FIONREAD, &queued) || queued < 1 || queued > MOST_QUEUED) return NULL;
	struct sentry_log_peek *peek = malloc(sizeof(*peek));
	struct sentry_peek_call *call = peek ? malloc(sizeof(*call)) : NULL;
	if (peek) peek->count = 0;
	if (call) {
		int from = queued > SENTRY_PEEK_BYTES ? queued - SENTRY_PEEK_BYTES : 0;
		keep(peek, call, look(fd, from, peek, call), from > 0);
	}
	free(call);
	return peek;
}
