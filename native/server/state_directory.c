/* Where the state directory is. The answer must be the same before and after a reload, as root and as the user that root became. */
#include "server/server.h"

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

/* mkdir -p; missing parents get 0755 */
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

/* relative to where uWSGI was started, as its own file options are */
static char *wanted_place(const char *wanted) {
	char cwd[PATH_MAX], with_slash[PATH_MAX + 1];
	if (wanted[0] == '/') return strdup(wanted);
	if (!getcwd(cwd, sizeof(cwd))) return NULL;
	snprintf(with_slash, sizeof(with_slash), "%s/", cwd);
	return joined(with_slash, wanted);
}

static char *place_of_user(void) {
	const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (base && base[0] == '/') return joined(base, "/uwsgi-sentry");
	if (!home || home[0] != '/' || access(home, W_OK)) {
		struct passwd *user = getpwuid(geteuid());
		home = user ? user->pw_dir : NULL;
	}
	return home ? joined(home, "/.local/state/uwsgi-sentry") : NULL;
}

/* systemd's StateDirectory=, the first of them */
static char *place_of_unit(void) {
	const char *given = getenv("STATE_DIRECTORY");
	char path[PATH_MAX];
	if (!given || *given != '/') return NULL;
	if ((size_t) snprintf(path, sizeof(path), "%.*s/uwsgi-sentry", (int) strcspn(given, ":"), given) >= sizeof(path)) return NULL;
	return strdup(path);
}

static char *name_of(uid_t owner) {
	struct passwd *user = getpwuid(owner);
	char number[24];
	if (user && *user->pw_name && !strchr(user->pw_name, '/')) return strdup(user->pw_name);
	snprintf(number, sizeof(number), "%ld", (long) owner);
	return strdup(number);
}

static char *usual_place(uid_t owner) {
	char system[PATH_MAX];
	struct stat st;
	char *unit = place_of_unit(), *name = unit ? NULL : name_of(owner);
	if (!name) return unit;
	int len = snprintf(system, sizeof(system), SYSTEM_STATE "/%s", name);
	free(name);
	if (len < 0 || (size_t) len >= sizeof(system)) return NULL;
	/* a server that started as root finds it again as a user because it exists */
	if (geteuid() == 0 || (stat(system, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == owner)) return strdup(system);
	return place_of_user();
}

static void no_place(char *why, size_t why_size, const char *what, uid_t owner) {
	char *name = name_of(owner);
	snprintf(why, why_size, "no place for the state directory: %s. Set sentry-dir to a directory of this user's (in a container, on a volume), set StateDirectory= in systemd's unit, "
		"or make " SYSTEM_STATE "/%s for uid %ld", what, name ? name : "NAME", (long) owner);
	free(name);
}

char *sentry_state_directory(const char *wanted, uid_t *owner, gid_t *group, char *why, size_t why_size) {
	future_owner(owner, group);
	char *path = wanted ? wanted_place(wanted) : usual_place(*owner);
	if (!path || strchr(path, '\n')) {
		no_place(why, why_size, "this user has no home", *owner);
		free(path);
		return NULL;
	}
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/') path[--len] = 0;
	if (make_parents(path)) {
		char what[PATH_MAX + 128];
		snprintf(what, sizeof(what), "the directories above %s cannot be made: %s", path, strerror(errno));
		no_place(why, why_size, what, *owner);
		free(path);
		return NULL;
	}
	return path;
}
