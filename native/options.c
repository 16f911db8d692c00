/*
 * The configuration, read once: every `sentry:` of it becomes a handler with the fields of its records ready, so that the entry
 * points only add what they alone know.
 */
#include "sentry.h"

#include <dlfcn.h>
#include <sys/mman.h>

#define DEFAULT_JOURNAL_MAX (64ull << 20)
#define SMALLEST_JOURNAL_MAX (64ull << 10)
#define LONGEST_NAME 200	/* a route's pattern is part of its name */

/* ---- option strings ---- */

/* one value of an option string, split as uWSGI splits it; the caller frees it; NULL if there is none */
char *sentry_option(const char *options, const char *key) {
	char *value = NULL;
	char *copy = uwsgi_str((char *) options);
	uwsgi_kvlist_parse(copy, strlen(copy), ',', '=', (char *) key, &value, NULL);
	free(copy);
	return value;
}

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

static void make_defaults(void) {
	char number[32];
	default_value("dsn", sentry.dsn);
	if (!sentry.dsn) default_value("dsn_env", getenv("SENTRY_DSN"));
	default_value("environment", environment());
	default_value("release", release());
	default_value("fold", sentry.fold);
	default_value("max_events_per_minute", sentry.max_events_per_minute);
	default_value("server_name", sentry.server_name);
	default_value("tags", sentry.tags);
	default_value("scrub", sentry.scrub);
	default_value("ca", sentry.ca);
	default_value("proxy", sentry.proxy);
	default_value("send_default_pii", sentry.send_default_pii ? "1" : NULL);
	default_value("host", uwsgi.hostname);
	default_directory();
	default_value("uwsgi", UWSGI_VERSION);
	default_value("plugin", SENTRY_PLUGIN_VERSION);
	/* known as soon as the language's plugin is loaded */
	static const struct {
		const char *language, *symbol;
	} languages[] = {{"python", "Py_GetVersion"}, {"ruby", "ruby_version"}, {"perl", "perl_construct"}, {"lua", "lua_newstate"}, {"java", "JNI_CreateJavaVM"}};
	const char *language = NULL;
	for (size_t i = 0; !language && i < sizeof(languages) / sizeof(languages[0]); i++) {
		if (dlsym(RTLD_DEFAULT, languages[i].symbol)) language = languages[i].language;
	}
	default_value("language", language);
	const char *(*python)(void);
	*(void **) &python = dlsym(RTLD_DEFAULT, "Py_GetVersion");
	if (python) {	/* "3.11.2 (main, ..." */
		snprintf(number, sizeof(number), "%.*s", (int) strcspn(python(), " "), python());
		default_value("python", number);
	}
	snprintf(number, sizeof(number), "%ld", (long) getpid());
	default_value("master", number);
	snprintf(number, sizeof(number), "%ld", (long) sentry.started);
	default_value("started", number);
}

const char *sentry_instance_name(void) {
	if (sentry.instance && *sentry.instance) return sentry.instance;
	/* %n of a configuration: the file's name without its extension; a vassal is called so too */
	char *file = uwsgi.magic_table['n'];
	return file && *file ? file : "uwsgi";
}

static void bad_option(const char *format, const char *value) {
	char line[1024];
	snprintf(line, sizeof(line), format, value);
	sentry_say("%s", line);
	if (sentry_strict()) exit(1);
}

static int is_count(const char *text) {
	return *text && strlen(text) <= 9 && strspn(text, "0123456789") == strlen(text);
}

/* "7d": up to six digits and a unit; the rest of the text in *rest */
static int parse_age(const char *text, const char **rest) {
	size_t digits = strspn(text, "0123456789");
	*rest = text + digits + 1;
	return digits > 0 && digits <= 6 && text[digits] && strchr("smhd", text[digits]) != NULL;
}

/*
 * What goes to the agent's command line: only values of a form that is checked here, since the script lets the shell split them.
 * The agent checks them again.
 */
static void check_agent_options(void) {
	const char *rest;
	if (sentry.outbox_max && !sentry_parse_size(sentry.outbox_max, 1 << 20)) {
		bad_option("sentry-outbox-max = %s is not a size of at least 1m: write for example 256m (used: 256m)", sentry.outbox_max);
		sentry.outbox_max = NULL;
	}
	if (sentry.outbox_age && (!parse_age(sentry.outbox_age, &rest) || *rest || !strpbrk(sentry.outbox_age, "123456789"))) {
		bad_option("sentry-outbox-age = %s is not an age: write for example 7d or 12h (used: 7d)", sentry.outbox_age);
		sentry.outbox_age = NULL;
	}
	if (sentry.outbox_entries) {
		size_t digits = strspn(sentry.outbox_entries, "0123456789");
		if (digits < 2 || digits > 9 || sentry.outbox_entries[digits] || sentry.outbox_entries[0] == '0') {
			bad_option("sentry-outbox-entries = %s is not a number from 10 to 999999999 (used: 250000)", sentry.outbox_entries);
			sentry.outbox_entries = NULL;
		}
	}
	if (sentry.event_max && (!sentry_parse_size(sentry.event_max, 16 << 10) || sentry_parse_size(sentry.event_max, 16 << 10) > 1 << 20)) {
		bad_option("sentry-event-max = %s is not a size from 16k to 1m: write for example 200k (used: 1m)", sentry.event_max);
		sentry.event_max = NULL;
	}
	if (sentry.history && strcmp(sentry.history, "0") &&
	    (!parse_age(sentry.history, &rest) || *rest != ',' || (strcmp(rest + 1, "0") && !sentry_parse_size(rest + 1, 1)))) {
		bad_option("sentry-history = %s is neither AGE,SIZE nor 0: write for example 7d,50m (used: 7d,50m)", sentry.history);
		sentry.history = NULL;
	}
	if (sentry.lanes && (strlen(sentry.lanes) > 3 || *sentry.lanes == '0' || strspn(sentry.lanes, "0123456789") != strlen(sentry.lanes) || atoi(sentry.lanes) < 2 || atoi(sentry.lanes) > 256)) {
		bad_option("sentry-lanes = %s is not a number from 2 to 256: write for example 64 (used: 64)", sentry.lanes);
		sentry.lanes = NULL;
	}
	if (sentry.ca && *sentry.ca != '/') bad_option("sentry-ca = %s is not an absolute path: write it from /", sentry.ca);
	if (sentry.proxy && strcmp(sentry.proxy, "none") && (strncmp(sentry.proxy, "http://", 7) || !sentry.proxy[7]))
		bad_option("sentry-proxy does not begin with http:// and is not none: write http://[USER:PASSWORD@]HOST:PORT%s", "");
}

static void check_options(void) {
	check_agent_options();
	sentry.journal.max = DEFAULT_JOURNAL_MAX;
	if (sentry.journal_max) {
		uint64_t max = sentry_parse_size(sentry.journal_max, SMALLEST_JOURNAL_MAX);
		if (max) sentry.journal.max = max;
		else bad_option("sentry-journal-max = %s is not a size of at least 64k: write for example 64m (used: 64m)", sentry.journal_max);
	}
	if (sentry.agent && strcmp(sentry.agent, "auto") && strcmp(sentry.agent, "external")) {
		bad_option("sentry-agent = %s is neither auto nor external (used: auto)", sentry.agent);
		sentry.agent = "auto";
	}
	if (sentry.drain && (!*sentry.drain || strlen(sentry.drain) > 4 || strspn(sentry.drain, "0123456789") != strlen(sentry.drain))) {
		bad_option("sentry-drain = %s is not a number of seconds (used: 2)", sentry.drain);
		sentry.drain = NULL;
	}
	if (sentry.fold && !is_count(sentry.fold)) {
		bad_option("sentry-fold = %s is not a whole number (used: 5)", sentry.fold);
		sentry.fold = NULL;
	}
	if (sentry.max_events_per_minute && !is_count(sentry.max_events_per_minute)) {
		bad_option("sentry-max-events-per-minute = %s is not a whole number (used: 0, no limit)", sentry.max_events_per_minute);
		sentry.max_events_per_minute = NULL;
	}
	const char *fault = sentry.dsn ? sentry_dsn_fault(sentry.dsn) : NULL;
	if (fault) {
		char line[512];
		snprintf(line, sizeof(line), "sentry-dsn %s; events that need it are kept until it is mended%%s", fault);
		bad_option(line, "");
	}
	const char *env = sentry.dsn ? NULL : getenv("SENTRY_DSN");
	fault = env && *env ? sentry_dsn_fault(env) : NULL;
	if (fault) sentry_say("SENTRY_DSN of the environment %s; events that need it are kept until it is mended", fault);
}

/* ---- handlers ---- */

struct sentry_handler *sentry_handler_by_name(const char *name) {
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		if (!strcmp(h->name, name)) return h;
	}
	return NULL;
}

/* of that name, or a further one of it ("NAME #2") */
int sentry_handler_named(struct sentry_handler *h, const char *name) {
	size_t len = strlen(name);
	return !strncmp(h->name, name, len) && (!h->name[len] || !strncmp(h->name + len, " #", 2));
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
	h->hash = sentry_hash(SENTRY_HASH_START, instance, strlen(instance) + 1);
	h->hash = sentry_hash(h->hash, h->name, strlen(h->name));
	/* not the instance's name: a fault that two servers of the directory have is one. But never two releases or environments in one count */
	const char *parts[] = {h->name, h->options, environment(), release()};
	h->fold = SENTRY_HASH_START;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *part = parts[i] ? parts[i] : "";
		h->fold = sentry_hash(h->fold, part, strlen(part) + 1);
	}
}

/* a handler that is not in the list of the configuration: name and options are copied */
struct sentry_handler *sentry_handler_new(const char *name, const char *options, const char *source) {
	struct sentry_handler *h = uwsgi_calloc(sizeof(struct sentry_handler));
	h->name = strndup(name, LONGEST_NAME);
	if (!h->name) exit(1);
	h->options = uwsgi_str((char *) options);
	h->source = source;
	h->source_len = source ? strlen(source) : 0;
	return h;
}

struct sentry_handler *sentry_handler_add(const char *name, const char *options, const char *source) {
	struct sentry_handler *h = sentry_handler_new(name, options, source);
	char *numbered = NULL;
	for (int n = 2; sentry_handler_by_name(numbered ? numbered : name); n++) {
		free(numbered);
		numbered = uwsgi_malloc(strlen(name) + 16);
		snprintf(numbered, strlen(name) + 16, "%s #%d", name, n);
	}
	if (numbered) {
		free(h->name);
		h->name = numbered;
	}
	struct sentry_handler **last = &sentry.handlers;
	while (*last) last = &(*last)->next;
	*last = h;
	return h;
}

void sentry_handler_free(struct sentry_handler *h) {
	free(h->name);
	free(h->options);
	free(h->fields);
	free(h);
}

void sentry_check_handler(struct sentry_handler *h) {
	char *dsn = sentry_option(h->options, "dsn");
	const char *fault = dsn && *dsn ? sentry_dsn_fault(dsn) : NULL;
	free(dsn);
	if (!fault) return;
	sentry_say("%s: its DSN %s; its events are kept until that is mended", h->name, fault);
	if (sentry_strict()) exit(1);
}

/* what stands behind "sentry:" in the action of an option; NULL if the action is somebody else's */
static char *ours(char *action) {
	if (*action == '!') action++;
	return strncmp(action, "sentry:", 7) ? NULL : action + 7;
}

static void find_alarms(void) {
	struct uwsgi_string_list *usl;
	uwsgi_foreach(usl, uwsgi.alarm_list) {
		char *space = strchr(usl->value, ' ');
		char *options = space ? ours(space + 1) : NULL;
		if (!options) continue;
		char *name = uwsgi_concat2n("alarm ", 6, usl->value, (int) (space - usl->value));
		sentry_handler_add(name, options, NULL);
		free(name);
	}
}

static void find_hooks(void) {
	struct {
		const char *name;
		struct uwsgi_string_list *list;
	} phases[] = {
		{"hook-asap", uwsgi.hook_asap}, {"hook-pre-jail", uwsgi.hook_pre_jail}, {"hook-post-jail", uwsgi.hook_post_jail},
		{"hook-in-jail", uwsgi.hook_in_jail}, {"hook-as-root", uwsgi.hook_as_root}, {"hook-as-user", uwsgi.hook_as_user},
		{"hook-as-user-atexit", uwsgi.hook_as_user_atexit}, {"hook-pre-app", uwsgi.hook_pre_app}, {"hook-post-app", uwsgi.hook_post_app},
		{"hook-post-fork", uwsgi.hook_post_fork}, {"hook-accepting", uwsgi.hook_accepting}, {"hook-accepting1", uwsgi.hook_accepting1},
		{"hook-accepting-once", uwsgi.hook_accepting_once}, {"hook-accepting1-once", uwsgi.hook_accepting1_once},
		{"hook-master-start", uwsgi.hook_master_start}, {"hook-emperor-start", uwsgi.hook_emperor_start},
		{"hook-emperor-stop", uwsgi.hook_emperor_stop}, {"hook-emperor-reload", uwsgi.hook_emperor_reload},
		{"hook-emperor-lost", uwsgi.hook_emperor_lost}, {"hook-as-vassal", uwsgi.hook_as_vassal}, {"hook-as-emperor", uwsgi.hook_as_emperor},
		{"hook-as-mule", uwsgi.hook_as_mule}, {"hook-as-gateway", uwsgi.hook_as_gateway}, {"hook-touch", uwsgi.hook_touch},
	};
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		struct uwsgi_string_list *usl;
		uwsgi_foreach(usl, phases[i].list) {
			char *action = usl->value;
			if (phases[i].list == uwsgi.hook_touch) {	/* "file action" */
				action = strchr(action, ' ');
				if (!action) continue;
				action++;
			}
			char *options = ours(action);
			if (options) sentry_handler_add(phases[i].name, options, options);
		}
	}
}

static void find_exception_handlers(void) {
	struct uwsgi_string_list *usl;
	uwsgi_foreach(usl, uwsgi.exception_handlers_instance) {
		char *options = strcmp(usl->value, "sentry") ? ours(usl->value) : "";
		if (!options) continue;
		sentry_handler_add("exception-handler", options, usl->value);
		sentry.exception_handlers++;
	}
}

static void open_journal(void) {
	char why[1024];
	uid_t owner;
	gid_t group;
	sentry.state = sentry_state_directory(sentry.dir, &owner, &group, why, sizeof(why));
	if (sentry.state && sentry_journal_open(&sentry.journal, sentry.state, owner, group, why, sizeof(why)) == 0) {
		uwsgi_add_safe_fd(sentry.journal.dir);
		/* a path means something else after chroot: then only the descriptor finds the directory */
		if (uwsgi.chroot || uwsgi.pivot_root) sentry.journal.path[0] = 0;
		return;
	}
	sentry.journal.path[0] = 0;
	sentry_say("%s. The server runs on; no event is recorded", why);
}

#ifndef __GLIBC__
static void sentry_agent_at_exit_unknown(void) {
	sentry_agent_at_exit(0, NULL);
}
#endif

/* idempotent: the first hook may come before the jail callback */
void sentry_configure(void) {
	if (sentry.configured) return;
	sentry.configured = 1;
	sentry.main = getpid();
	sentry.started = time(NULL);
	sentry.journal.counters = mmap(NULL, sizeof(struct sentry_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sentry.journal.counters == MAP_FAILED) sentry.journal.counters = uwsgi_calloc(sizeof(struct sentry_counters));

	check_options();
	make_defaults();
	find_alarms();
	find_hooks();
	find_exception_handlers();
	sentry_capture_read();
	sentry_capture_prepare();
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		sentry_check_handler(h);
		sentry_handler_ready(h);
	}
	open_journal();

	const char *env = getenv("SENTRY_DSN");
	if (!sentry.dsn && !(env && *env)) {
		for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
			char *dsn = sentry_option(h->options, "dsn");
			int none = !dsn || !*dsn;
			free(dsn);
			if (!none) continue;
			sentry_say("%s has no dsn, and there is no sentry-dsn: events without one are kept locally, see `uwsgi-sentry events --dir %s`", h->name,
				sentry.state ? sentry.state : "DIR");
			break;
		}
	}
#ifdef __GLIBC__
	on_exit(sentry_agent_at_exit, NULL);
#else
	atexit(sentry_agent_at_exit_unknown);
#endif
}

/* uWSGI may have become another process since (daemonize): the records are to name the one that serves */
void sentry_refresh(void) {
	if (sentry.main == getpid()) return;
	sentry.main = getpid();
	free(defaults.bytes);
	memset(&defaults, 0, sizeof(defaults));
	make_defaults();
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) {
		free(h->fields);
		sentry_handler_ready(h);
	}
}

/* tells the agent every handler of this server, so that events which waited for a usable DSN find the one that now stands */
void sentry_write_configuration(void) {
	const char *instance = sentry_instance_name();
	struct buffer b = {NULL, 0, 0};
	put(&b, "instance", instance, strlen(instance));
	for (struct sentry_handler *h = sentry.handlers; h; h = h->next) put_pair(&b, "definition", h->name, h->options);
	struct sentry_record record;
	sentry_begin(&record, SENTRY_CONFIGURATION, NULL, NULL);
	sentry_record_fields(&record, b.bytes, b.len);
	sentry_record_fields(&record, defaults.bytes, defaults.len);
	sentry_append(&record);
	free(b.bytes);
}
