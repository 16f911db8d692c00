/* The journal's directory and its key: found, or made, at the start of the server. Nothing here runs while it serves but the creation of a file. */
#define _GNU_SOURCE
#include "journal/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int complain(char *why, size_t size, const char *what, const char *path) {
	snprintf(why, size, "%s %s: %s", what, path, strerror(errno));
	return -1;
}

static int is_empty(int fd) {
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		if (copy >= 0) close(copy);
		return 0;
	}
	int empty = 1;
	for (struct dirent *entry; empty && (entry = readdir(dir));) empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	closedir(dir);
	return empty;
}

/* makes `path` a directory of the owner's, or finds it so */
static int own_directory(const char *path, uid_t owner, gid_t group, char *why, size_t size) {
	int made = mkdir(path, 0700) == 0;
	if (!made && errno != EEXIST) return complain(why, size, "cannot create", path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) return complain(why, size, "cannot open", path);
	struct stat st;
	if (fstat(fd, &st)) goto failed;
	if (st.st_uid != owner) {
		/* root may have made it for us, by hand: taken if nothing is in it yet */
		if (geteuid() != 0 || (!made && (st.st_uid != 0 || !is_empty(fd)))) {
			snprintf(why, size, "%s belongs to uid %ld, the server runs as uid %ld: chown it, or set sentry-dir", path, (long) st.st_uid, (long) owner);
			close(fd);
			return -1;
		}
		if (fchown(fd, owner, group)) goto failed;
	}
	if ((st.st_mode & 0077) && fchmod(fd, 0700)) goto failed;
	return fd;
failed:
	complain(why, size, "cannot take", path);
	close(fd);
	return -1;
}

/* made under another name, given away, then renamed unless the name is taken */
int sentry_create_for_owner(int dir, const char *name, const void *content, size_t len, uid_t owner, gid_t group) {
	char temporary[64];
	unsigned char salt[8] = {0};
	if (getrandom(salt, sizeof(salt), GRND_NONBLOCK) != sizeof(salt)) memcpy(salt, &temporary, sizeof(char *));
	snprintf(temporary, sizeof(temporary), "new-%ld-%02x%02x%02x%02x%02x%02x%02x%02x", (long) getpid(), salt[0], salt[1], salt[2], salt[3], salt[4], salt[5], salt[6], salt[7]);
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) return -1;
	struct iovec piece = {(void *) content, len};
	int failed = (geteuid() == 0 && fchown(fd, owner, group)) || (len && sentry_write(fd, &piece, 1) != (ssize_t) len);
	/* the key: if it were empty after a power cut, no server could start */
	if (len && fsync(fd)) failed = 1;
	close(fd);
	if (!failed && (syscall(SYS_renameat2, dir, temporary, dir, name, 1 /* RENAME_NOREPLACE */) == 0 || errno == EEXIST)) {
		unlinkat(dir, temporary, 0);
		return 0;
	}
	int saved = errno;
	if (!failed && (saved == ENOSYS || saved == EINVAL)) {
		/* a file system without that rename: link does the same, but for the moment in which the file has two names */
		if (linkat(dir, temporary, dir, name, 0) == 0 || errno == EEXIST) saved = 0;
		else saved = errno;
	}
	unlinkat(dir, temporary, 0);
	errno = saved;
	return saved ? -1 : 0;
}

int sentry_journal_open(struct sentry_journal *journal, const char *state, uid_t owner, gid_t group, char *why, size_t size) {
	journal->dir = -1;
	journal->owner = owner;
	journal->group = group;
	if ((size_t) snprintf(journal->path, sizeof(journal->path), "%s/journal", state) >= sizeof(journal->path)) {
		snprintf(why, size, "the path is too long: set sentry-dir");
		return -1;
	}
	snprintf(journal->live, sizeof(journal->live), "%s/live", journal->path);
	struct rlimit limit;
	journal->file_limit = getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t) limit.rlim_cur;

	int dir = own_directory(state, owner, group, why, size);
	if (dir < 0) return -1;
	const char *unfit = sentry_unfit_file_system(dir);
	if (unfit) {
		snprintf(why, size, "%s is on %s, which does not keep appends and renames in order: set sentry-dir to a directory on a local disk", state, unfit);
		close(dir);
		return -1;
	}
	if (sentry_read_key(dir, "key", owner, journal->key)) {
		unsigned char key[SENTRY_KEY_SIZE];
		if (errno == ENOENT) {
			if (getrandom(key, sizeof(key), 0) != sizeof(key) || sentry_create_for_owner(dir, "key", key, sizeof(key), owner, group) ||
				sentry_read_key(dir, "key", owner, journal->key)) {
				complain(why, size, "cannot create the file key in", state);
				close(dir);
				return -1;
			}
		}
		else {
			snprintf(why, size, "%s/key is not a file of 16 bytes of uid %ld: remove it while no server and no agent runs", state, (long) owner);
			close(dir);
			return -1;
		}
	}
	close(dir);
	dir = own_directory(journal->path, owner, group, why, size);
	if (dir < 0) return -1;
	struct stat st;
	if (fstat(dir, &st)) {
		complain(why, size, "cannot look at", journal->path);
		close(dir);
		return -1;
	}
	journal->change = 0;
	journal->astray = 0;
	journal->dev = st.st_dev;
	journal->ino = st.st_ino;
	journal->dir = dir;
	sentry_journal_bound(journal);
	return 0;
}
