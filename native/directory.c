/* Where the state directory is: an answer that must be the same before and after a reload, as root and as the user it became. */
#include "sentry.h"

#include <grp.h>
#include <pwd.h>

#define SYSTEM_STATE "/var/lib/uwsgi-sentry"

/* the uid and gid that the server will run as, before uWSGI has resolved the names */
static void future_owner(uid_t *owner, gid_t *group) {
	*owner = geteuid();
	*group = getegid();
	if (geteuid() != 0) return;
	struct passwd *user = NULL;
	if (uwsgi.uidname) user = getpwnam(uwsgi.uidname);
	else if (uwsgi.uid) user = getpwuid(uwsgi.uid);
	if (user) *owner = user->pw_uid;
	else if (uwsgi.uid) *owner = uwsgi.uid;
	if (uwsgi.gidname) {
		struct group *found = getgrnam(uwsgi.gidname);
		if (found) *group = found->gr_gid;
	}
	else if (uwsgi.gid) *group = uwsgi.gid;
	else if (user) *group = user->pw_gid;
}

/* mkdir -p; those that are missing on the way are 0755 */
static int make_parents(const char *path) {
	char part[PATH_MAX];
	if (strlen(path) >= sizeof(part)) return -1;
	strcpy(part, path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(part, 0755) && errno != EEXIST) return -1;
		*slash = '/';
	}
	return 0;
}

static char *joined(const char *a, const char *b) {
	char path[PATH_MAX];
	if ((size_t) snprintf(path, sizeof(path), "%s%s", a, b) >= sizeof(path)) return NULL;
	return strdup(path);
}

char *sentry_state_directory(const char *wanted, uid_t *owner, gid_t *group, char *why, size_t why_size) {
	future_owner(owner, group);
	char *path = NULL;
	if (wanted) {
		if (wanted[0] == '/') path = strdup(wanted);
		else {
			/* relative to where uWSGI was started, as its own file options are */
			char cwd[PATH_MAX];
			char with_slash[PATH_MAX + 1];
			if (getcwd(cwd, sizeof(cwd))) {
				snprintf(with_slash, sizeof(with_slash), "%s/", cwd);
				path = joined(with_slash, wanted);
			}
		}
	}
	else {
		char system[64];
		struct stat st;
		snprintf(system, sizeof(system), SYSTEM_STATE "/%ld", (long) *owner);
		/* a server that was root when it started finds it again, once it no longer is, by its being there */
		if (geteuid() == 0 || (stat(system, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == *owner)) path = strdup(system);
		else {
			const char *base = getenv("XDG_STATE_HOME");
			const char *home = getenv("HOME");
			if (base && base[0] == '/') path = joined(base, "/uwsgi-sentry");
			else {
				struct passwd *user = getpwuid(geteuid());
				if (!home || home[0] != '/' || access(home, W_OK)) home = user ? user->pw_dir : NULL;
				if (home) path = joined(home, "/.local/state/uwsgi-sentry");
			}
		}
	}
	if (!path || strchr(path, '\n')) {
		snprintf(why, why_size, "no place for the state directory: set sentry-dir");
		free(path);
		return NULL;
	}
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/') path[--len] = 0;
	if (make_parents(path)) {
		snprintf(why, why_size, "cannot create the directories above %s: %s; set sentry-dir", path, strerror(errno));
		free(path);
		return NULL;
	}
	return path;
}
