/*
 * The configuration, read once: the state directory is opened, and every handler gets the fields of its records, so that the entry
 * points only add what they alone know.
 */
#include "server/server.h"

#include <dlfcn.h>
#include <sys/mman.h>

/* ---- what holds for the whole instance ---- */

struct buffer {
	unsigned char *bytes;
	size_t len, room;
};

static void put(struct buffer *b, const char *name, const void *value, size_t len) {
	size_t need = sentry_field_put(NULL, 0, name, value, len);
	if (need > b->room - b->len) {
		size_t room = (b->room + need) * 2;
		b->bytes = realloc(b->bytes, room);
		if (!b->bytes) {
			sentry_say("out of memory while reading the configuration");
			exit(1);
		}
		b->room = room;
	}
	sentry_field_put(b->bytes + b->len, b->room - b->len, name, value, len);
	b->len += need;
}

static void put_pair(struct buffer *b, const char *name, const char *key, const char *value) {
	size_t key_len = strlen(key), len = strlen(value);
	char *pair = uwsgi_malloc(key_len + 1 + len);
	memcpy(pair, key, key_len + 1);
	memcpy(pair + key_len + 1, value, len);
	put(b, name, pair, key_len + 1 + len);
	free(pair);
}

static struct buffer defaults;

static void default_value(const char *key, const char *value) {
	if (value && *value) put_pair(&defaults, "default", key, value);
}

/* where the application's relative file names start from; in a chroot the agent would look at another place */
static void default_directory(void) {
	if (uwsgi.chroot) return;
	if (!uwsgi.chdir || *uwsgi.chdir == '/') {
		default_value("cwd", uwsgi.chdir ? uwsgi.chdir : uwsgi.cwd);
		return;
	}
	char *path = uwsgi_concat3(uwsgi.cwd, "/", uwsgi.chdir);
	default_value("cwd", path);
	free(path);
}

static const char *environment(void) {
	return sentry.environment ? sentry.environment : getenv("SENTRY_ENVIRONMENT");
}

static const char *release(void) {
	return sentry.release ? sentry.release : getenv("SENTRY_RELEASE");
}

static void default_number(const char *key, long value) {
	char number[24];
	snprintf(number, sizeof(number), "%ld", value);
	default_value(key, number);
}

/* known as soon as the language's plugin is loaded */
static void default_language(void) {
	static const struct {
		const char *language, *symbol;
	} languages[] = {{"python", "Py_GetVersion"}, {"ruby", "ruby_version"}, {"perl", "perl_construct"}, {"lua", "lua_newstate"}, {"php", "php_module_startup"}, {"java", "JNI_CreateJavaVM"}};
	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
		if (!dlsym(RTLD_DEFAULT, languages[i].symbol)) continue;
		default_value("language", languages[i].language);
		break;
	}
	const char *(*python)(void);
	*(void **) &python = dlsym(RTLD_DEFAULT, "Py_GetVersion");
	if (!python) return;
	char version[32];
	snprintf(version, sizeof(version), "%.*s", (int) strcspn(python(), " "), python());	/* of "3.11.2 (main, ..." */
	default_value("python", version);
}

/* options by which two servers that are started the same way differ */
static int is_address(const char *option) {
	static const char *const names[] = {
		"socket", "uwsgi-socket", "http-socket", "https-socket", "fastcgi-socket", "scgi-socket", "raw-socket", "shared-socket", "http", "https",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(option, names[i])) return 1;
	}
	return 0;
}

/*
 * Which server of the state directory this is: the file that it is configured by, as it was named (behind a link that moves with
 * each deployment stands another file each time), else its working directory; and its addresses as they are written, by which
 * servers of one file differ. The same at each start and reload; no two servers that may have other owners have the same.
 */
static uint64_t server_hash(void) {
	const char *file = uwsgi.magic_table['O'];	/* of the first one; with its section */
	if (!file || !*file) file = uwsgi.magic_table['o'];	/* stdin, http://, exec://, emperor:// */
	if (!file) file = "";
	uint64_t hash = SENTRY_HASH_START;
	if (*file != '/') hash = sentry_hash(hash, uwsgi.cwd, strlen(uwsgi.cwd) + 1);
	hash = sentry_hash(hash, file, strlen(file) + 1);
	for (int i = 0; i < uwsgi.exported_opts_cnt; i++) {
		struct uwsgi_opt *option = uwsgi.exported_opts[i];
		if (option->value && is_address(option->key)) hash = sentry_hash(hash, option->value, strlen(option->value) + 1);
	}
	return hash;
}

static char server[17];	/* its digits */

static void make_defaults(void) {
	snprintf(server, sizeof(server), "%016llx", (unsigned long long) server_hash());
	default_value("server", server);
	default_value("dsn", sentry.dsn);
	if (!sentry.dsn) default_value("dsn_env", getenv("SENTRY_DSN"));
	default_value("environment", environment());
	default_value("release", release());
	default_value("fold", sentry.fold);
	default_value("max_events_per_minute", sentry.max_events_per_minute);
	default_value("server_name", sentry.server_name);
	default_value("tags", sentry.tags);
	default_value("scrub", sentry.scrub);
	default_value("ignore", sentry_ignore_rules());
	default_value("clients", sentry_capturing(SENTRY_CAPTURE_CLIENTS) ? "1" : NULL);
	default_value("ca", sentry.ca);
	default_value("proxy", sentry.proxy);
	default_value("send_default_pii", sentry.send_default_pii ? "1" : NULL);
	default_value("host", uwsgi.hostname);
	default_directory();
	default_value("uwsgi", UWSGI_VERSION);
	default_value("plugin", SENTRY_PLUGIN_VERSION);
	default_language();
	default_number("master", (long) sentry.main);
	default_number("started", (long) sentry.started);
}

void sentry_handler_ready(struct sentry_handler *h) {
	const char *instance = sentry_instance_name();
	struct buffer b = {NULL, 0, 0};
	put(&b, "instance", instance, strlen(instance));
	put(&b, "handler", h->name, strlen(h->name));
	put(&b, "options", h->options, strlen(h->options));
	h->fields = realloc(b.bytes, b.len + defaults.len);
	if (!h->fields) exit(1);
	memcpy(h->fields + b.len, defaults.bytes, defaults.len);
	h->fields_len = b.len + defaults.len;
	h->hash = sentry_hash(SENTRY_HASH_START, server, strlen(server) + 1);
	h->hash = sentry_hash(h->hash, instance, strlen(instance) + 1);
	h->hash = sentry_hash(h->hash, h->name, strlen(h->name));
	/* not the instance's name: a fault that two servers of the directory have is one. But never two releases or environments in one count */
	const char *parts[] = {h->name, h->options, environment(), release()};
	h->fold = SENTRY_HASH_START;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *part = parts[i] ? parts[i] : "";
		h->fold = sentry_hash(h->fold, part, strlen(part) + 1);
	}
}

static void open_journal(void) {
	char why[1024];
	uid_t owner;
	gid_t group;
	sentry.state = sentry_state_directory(sentry.dir, &owner, &group, why, sizeof(why));
	uint64_t wanted = sentry.journal.max;
	if (sentry.state && sentry_journal_open(&sentry.journal, sentry.state, owner, group, why, sizeof(why)) == 0) {
		uwsgi_add_safe_fd(sentry.journal.dir);
		/* a path means something else after chroot: then only the descriptor finds the directory */
		if (uwsgi.chroot || uwsgi.pivot_root) sentry.journal.path[0] = 0;
		if (sentry.journal.max < wanted) {
			sentry_say("the volume of %s has little room: %llu KiB of records may wait for the agent, not %llu (sentry-journal-max)", sentry.state,
				(unsigned long long) sentry.journal.max >> 10, (unsigned long long) wanted >> 10);
		}
		return;
	}
	sentry.journal.path[0] = 0;
	sentry_say("%s. The server runs on; no event is recorded", why);
}

/* once, of the first handler that has no destination */
static void say_if_kept_locally(void) {
	const char *env = getenv("SENTRY_DSN");
	if (sentry.dsn || (env && *env)) return;
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		char *dsn = sentry_option(h->options, "dsn");
		int none = !dsn || !*dsn;
		free(dsn);
		if (!none) continue;
		sentry_say("%s has no dsn, and there is no sentry-dsn: events without one are kept locally, see `uwsgi-sentry events --dir %s`", h->name,
			sentry.state ? sentry.state : "DIR");
		return;
	}
}

/* The one line of a good start. Its words are few: a user's alarm-log looks for patterns in the log */
static void say_ready(void) {
	if (sentry.journal.dir < 0) return;	/* why is said */
	const char *dsn = sentry.dsn ? sentry.dsn : getenv("SENTRY_DSN");
	const char *host = dsn ? strchr(dsn, '@') : NULL, *secret = dsn ? strstr(dsn, "://") : NULL;
	char to[300];
	if (host && secret && secret < host && !sentry_dsn_fault(dsn)) {
		snprintf(to, sizeof(to), "to %.*s***%s", (int) (secret + 3 - dsn), dsn, host);
		to[strcspn(to, "?#")] = 0;
	}
	else snprintf(to, sizeof(to), "no sentry-dsn");
	sentry_say(SENTRY_PLUGIN_VERSION ": capture %s, %s, state in %s; `uwsgi-sentry status` shows more", sentry.capture ? sentry.capture : sentry.dsn ? "all" : "none", to, sentry.state);
}

/* idempotent: the first hook may come before the jail callback */
void sentry_configure(void) {
	if (sentry.configured) return;
	sentry.configured = 1;
	sentry.main = getpid();
	sentry.started = time(NULL);
	sentry.journal.counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sentry.journal.counters == MAP_FAILED) sentry.journal.counters = uwsgi_calloc(sizeof(struct sentry_counters));
	sentry_take_carried_drops();

	sentry_options_read();
	make_defaults();
	sentry_handlers_find();
	sentry_capture_prepare();
	sentry_vassals_prepare();
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		sentry_handler_check(h);
		sentry_handler_ready(h);
	}
	open_journal();
	say_ready();
	say_if_kept_locally();
}

/* the master, or without one the process that read the configuration */
static pid_t main_process(void) {
	return uwsgi.workers && uwsgi.workers[0].pid > 0 ? uwsgi.workers[0].pid : getpid();
}

/* of what the master's own records say only that changes, which a thread of alarms may be about to copy */
void sentry_refresh_main(void) {
	sentry.main = main_process();
}

/* uWSGI becomes another process with daemonize, and once more with daemonize2: the records are to name the one that serves */
int sentry_refresh(void) {
	if (sentry.main == main_process()) return 0;
	sentry.main = main_process();
	free(defaults.bytes);
	memset(&defaults, 0, sizeof(defaults));
	make_defaults();
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		free(h->fields);
		sentry_handler_ready(h);
	}
	return 1;
}

/* what holds for the whole instance, for a record that no handler makes */
void sentry_default_fields(struct sentry_record *record) {
	sentry_record_fields(record, defaults.bytes, defaults.len);
}

/*
 * Tells the agent every handler of this server, so that events which waited for a usable DSN find the one that now stands. It is no
 * event: a journal that has no room for it drops none, and it is tried again until there is room. By one thread at a time: first
 * the one that starts the server, then the master's writer, or without a master whichever process appends.
 */
static struct {
	struct buffer handlers;
	int waits;
	uint64_t tried;
} told;

static void try_to_tell(void) {
	struct sentry_record record;
	sentry_begin(&record, SENTRY_CONFIGURATION, NULL, NULL);
	sentry_record_fields(&record, told.handlers.bytes, told.handlers.len);
	sentry_default_fields(&record);
	enum sentry_drop outcome = sentry_journal_tell(&sentry.journal, &record, 0);
	__atomic_store_n(&told.waits, outcome != SENTRY_APPENDED && outcome != SENTRY_UNSURE, __ATOMIC_RELEASE);
}

void sentry_retry_configuration(void) {
	uint64_t now = sentry_seconds(), tried = __atomic_load_n(&told.tried, __ATOMIC_RELAXED);
	if (!__atomic_load_n(&told.waits, __ATOMIC_ACQUIRE) || tried == now) return;
	if (__atomic_compare_exchange_n(&told.tried, &tried, now, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) try_to_tell();
}

void sentry_write_configuration(void) {
	const char *instance = sentry_instance_name();
	struct buffer *b = &told.handlers;
	b->len = 0;
	put(b, "instance", instance, strlen(instance));
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) put_pair(b, "definition", h->name, h->options);
	try_to_tell();
}

/* for the master, once a second, by its writer: what the new state directory must know that the old one knew */
void sentry_follow_journal(void) {
	static uint64_t known;
	static unsigned gone;
	if (sentry.journal.dir < 0 || getpid() != sentry.main) return;
	uint64_t version = sentry_journal_version(&sentry.journal, 1);
	/* an agent makes the journal's directory again within a second: only then is it worth a line, and also if no event comes */
	unsigned before = gone;
	gone = __atomic_load_n(&sentry.journal.astray, __ATOMIC_RELAXED) ? before + (before < 3) : 0;
	if (gone == 3) sentry_say_unusable(1);
	else if (before == 3) sentry_say_unusable(0);
	if (version == known) return;
	known = version;
	sentry_say("%s, or the journal or the key in it, was replaced while the server runs: events are recorded in what stands there now", sentry.state);
	try_to_tell();
}
