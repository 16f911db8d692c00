/*
 * Preloaded into the agent (LD_PRELOAD), it writes down every change that the process makes to the files of one directory, in the
 * order in which they happen, for CrashPointTest to build the directory as it would be had the machine stopped after any of them.
 * SQLite works in native code, so this is the one place where all changes can be seen.
 *
 * With RECORDER_FAIL=CALL:N:ERRNO:PART[:COUNT] the Nth and following calls of that name (write, fsync, truncate, rename, unlink,
 * open) on a file whose path below the directory holds PART fail with that error, COUNT of them or all. FaultyDiskTest uses that.
 *
 * Not seen: changes through a mapping. The agent maps no file of the directory but SQLite's -shm, which is rebuilt after a crash.
 *
 * Environment: RECORDER_DIR, the directory; RECORDER_TO, the file to write to, outside of it.
 * A change: a letter, then u64 inode, u64 offset or length, u32 and u32 lengths of the two texts that follow, all little-endian:
 *   C inode path         made                     W inode offset data   written
 *   T inode length       cut or extended          S inode               synced, with all its data
 *   D - path             directory synced         R - path path         renamed
 *   U - path             unlinked                 L - path path         has a second name
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *directory;
static size_t directory_len;
static int to = -1;

static char fail_call[16], fail_part[64];
static long fail_from, fail_errno, fail_count, fail_seen;

__attribute__((constructor)) static void begin(void) {
	directory = getenv("RECORDER_DIR");
	const char *target = getenv("RECORDER_TO"), *fail = getenv("RECORDER_FAIL");
	if (!directory) return;
	directory_len = strlen(directory);
	if (target) to = (int) syscall(SYS_openat, AT_FDCWD, target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	fail_count = LONG_MAX;
	if (fail && sscanf(fail, "%15[^:]:%ld:%ld:%63[^:]:%ld", fail_call, &fail_from, &fail_errno, fail_part, &fail_count) < 4) fail_call[0] = 0;
}

static int ours(const char *path) {
	return directory && !strncmp(path, directory, directory_len) && path[directory_len] == '/';
}

static int path_of(int fd, char path[PATH_MAX]) {
	if (!directory) return 0;
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0) return 0;
	path[n] = 0;
	return ours(path) || !strcmp(path, directory);
}

#define HELD "/proc/self/fd/"

static int resolved(int dir, const char *name, char path[PATH_MAX]) {
	if (!directory) return 0;
	char *rest;
	if (!strncmp(name, HELD, sizeof(HELD) - 1)) {	/* of a directory that the agent holds */
		dir = (int) strtol(name + sizeof(HELD) - 1, &rest, 10);
		if (*rest != '/') return path_of(dir, path);
		name = rest + 1;
	}
	else if (name[0] == '/' || dir == AT_FDCWD) {
		snprintf(path, PATH_MAX, "%s", name);
		return ours(path);
	}
	char base[PATH_MAX];
	if (!path_of(dir, base) || strlen(base) + strlen(name) + 2 > PATH_MAX) return 0;
	strcpy(path, base);
	strcat(path, "/");
	strcat(path, name);
	return 1;
}

static void put(char what, uint64_t inode, uint64_t offset, const void *a, size_t a_len, const void *b, size_t b_len) {
	if (to < 0) return;
	struct __attribute__((packed)) {
		char what;
		uint64_t inode, offset;
		uint32_t a, b;
	} head = {what, inode, offset, (uint32_t) a_len, (uint32_t) b_len};
	struct iovec parts[3] = {{&head, sizeof(head)}, {(void *) a, a_len}, {(void *) b, b_len}};
	if (syscall(SYS_writev, to, parts, 3) != (long) (sizeof(head) + a_len + b_len)) abort();
}

static uint64_t inode_of(int fd, uint64_t *size) {
	struct stat st;
	if (fstat(fd, &st)) return 0;
	if (size) *size = (uint64_t) st.st_size;
	return (uint64_t) st.st_ino;
}

/* whether this call is to fail instead; errno is set then */
static int fails(const char *call, const char *path) {
	if (!fail_call[0] || strcmp(call, fail_call)) return 0;
	if (!strstr(path + directory_len, fail_part)) return 0;
	long n = ++fail_seen;
	if (n < fail_from || n - fail_from >= fail_count) return 0;
	if (n == fail_from) dprintf(2, "recorder: %s of %s fails\n", call, path);
	errno = (int) fail_errno;
	return 1;
}

static int opened(int dir, const char *name, int flags, mode_t mode) {
	char path[PATH_MAX];
	int watched = resolved(dir, name, path);
	if (!watched) return (int) syscall(SYS_openat, dir, name, flags, mode);
	pthread_mutex_lock(&lock);
	struct stat before;
	int fd = -1, was = stat(path, &before) == 0;
	if (!fails("open", path)) fd = (int) syscall(SYS_openat, dir, name, flags, mode);
	int saved = errno;
	if (fd >= 0 && !was) put('C', inode_of(fd, NULL), 0, path, strlen(path), NULL, 0);
	else if (fd >= 0 && (flags & O_TRUNC) && before.st_size) put('T', inode_of(fd, NULL), 0, NULL, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	errno = saved;
	return fd;
}

#define MODE_OF(flags) mode_t mode = 0; if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list ap; va_start(ap, flags); mode = va_arg(ap, mode_t); va_end(ap); }

int open(const char *path, int flags, ...) { MODE_OF(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE_OF(flags) return opened(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE_OF(flags) return opened(dir, path, flags | O_LARGEFILE, mode); }

static ssize_t written(int fd, const void *data, size_t len, off64_t at) {
	char path[PATH_MAX];
	int positioned = at >= 0;
	if (!path_of(fd, path)) return positioned ? syscall(SYS_pwrite64, fd, data, len, at) : syscall(SYS_write, fd, data, len);
	pthread_mutex_lock(&lock);
	uint64_t size = 0, inode = inode_of(fd, &size);
	ssize_t n = -1;
	if (!fails("write", path)) {
		if (!positioned) at = fcntl(fd, F_GETFL) & O_APPEND ? (off64_t) size : lseek64(fd, 0, SEEK_CUR);
		n = positioned ? syscall(SYS_pwrite64, fd, data, len, at) : syscall(SYS_write, fd, data, len);
	}
	int saved = errno;
	if (n > 0) put('W', inode, (uint64_t) at, data, (size_t) n, NULL, 0);
	if (n > 0 && fcntl(fd, F_GETFL) & O_DSYNC) put('S', inode, 0, NULL, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	errno = saved;
	return n;
}

ssize_t write(int fd, const void *data, size_t len) { return written(fd, data, len, -1); }
ssize_t pwrite(int fd, const void *data, size_t len, off_t at) { return written(fd, data, len, at); }
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at) { return written(fd, data, len, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
	char path[PATH_MAX];
	if (!path_of(fd, path)) return syscall(SYS_writev, fd, parts, count);
	return count ? written(fd, parts[0].iov_base, parts[0].iov_len, -1) : 0;
}

static int truncated(int fd, off64_t len) {
	char path[PATH_MAX];
	if (!path_of(fd, path)) return (int) syscall(SYS_ftruncate, fd, len);
	pthread_mutex_lock(&lock);
	int rc = fails("truncate", path) ? -1 : (int) syscall(SYS_ftruncate, fd, len);
	int saved = errno;
	if (rc == 0) put('T', inode_of(fd, NULL), (uint64_t) len, NULL, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	errno = saved;
	return rc;
}

int ftruncate(int fd, off_t len) { return truncated(fd, len); }
int ftruncate64(int fd, off64_t len) { return truncated(fd, len); }

static int synced(int fd, long call) {
	char path[PATH_MAX];
	if (!path_of(fd, path)) return (int) syscall(call, fd);
	pthread_mutex_lock(&lock);
	int rc = fails("fsync", path) ? -1 : (int) syscall(call, fd);
	int saved = errno;
	struct stat st;
	if (rc == 0 && fstat(fd, &st) == 0) {
		if (S_ISDIR(st.st_mode)) put('D', 0, 0, path, strlen(path), NULL, 0);
		else put('S', (uint64_t) st.st_ino, 0, NULL, 0, NULL, 0);
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
	return rc;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int renamed(int old_dir, const char *old, int new_dir, const char *new, unsigned flags) {
	char from[PATH_MAX], into[PATH_MAX];
	int watched = resolved(old_dir, old, from) & resolved(new_dir, new, into);
	if (!watched) return (int) syscall(SYS_renameat2, old_dir, old, new_dir, new, flags);
	pthread_mutex_lock(&lock);
	int rc = fails("rename", from) ? -1 : (int) syscall(SYS_renameat2, old_dir, old, new_dir, new, flags);
	int saved = errno;
	if (rc == 0) put('R', 0, 0, from, strlen(from), into, strlen(into));
	pthread_mutex_unlock(&lock);
	errno = saved;
	return rc;
}

int rename(const char *old, const char *new) { return renamed(AT_FDCWD, old, AT_FDCWD, new, 0); }
int renameat(int old_dir, const char *old, int new_dir, const char *new) { return renamed(old_dir, old, new_dir, new, 0); }

static int unlinked(int dir, const char *name, int flags) {
	char path[PATH_MAX];
	if ((flags & AT_REMOVEDIR) || !resolved(dir, name, path)) return (int) syscall(SYS_unlinkat, dir, name, flags);
	pthread_mutex_lock(&lock);
	int rc = fails("unlink", path) ? -1 : (int) syscall(SYS_unlinkat, dir, name, flags);
	int saved = errno;
	if (rc == 0) put('U', 0, 0, path, strlen(path), NULL, 0);
	pthread_mutex_unlock(&lock);
	errno = saved;
	return rc;
}

int unlink(const char *path) { return unlinked(AT_FDCWD, path, 0); }
int unlinkat(int dir, const char *path, int flags) { return unlinked(dir, path, flags); }

int link(const char *old, const char *new) {
	char from[PATH_MAX], into[PATH_MAX];
	int watched = resolved(AT_FDCWD, old, from) & resolved(AT_FDCWD, new, into);
	if (!watched) return (int) syscall(SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0);
	pthread_mutex_lock(&lock);
	int rc = fails("link", from) ? -1 : (int) syscall(SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0);
	int saved = errno;
	if (rc == 0) put('L', 0, 0, from, strlen(from), into, strlen(into));
	pthread_mutex_unlock(&lock);
	errno = saved;
	return rc;
}
