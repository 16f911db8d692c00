/*
 * The fields that all records of a handler share, made ready once: the handler's name and options, and the defaults of the whole
 * instance. The entry points add only what they alone know.
 */
#include "server/server.h"

#include <dlfcn.h>

void sentry_fields_put(struct sentry_fields *b, const char *name, const void *value, size_t len) {
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

void sentry_fields_put_pair(struct sentry_fields *b, const char *name, const char *key, const char *value) {
	size_t key_len = strlen(key), len = strlen(value);
	char *pair = uwsgi_malloc(key_len + 1 + len);
	memcpy(pair, key, key_len + 1);
	memcpy(pair + key_len + 1, value, len);
	sentry_fields_put(b, name, pair, key_len + 1 + len);
	free(pair);
}

static struct sentry_fields defaults;

static void default_value(const char *key, const char *value) {
	if (value && *value) sentry_fields_put_pair(&defaults, "default", key, value);
}

/* the directory of the application's relative file names; in a chroot the agent would look in another place */
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
	snprintf(version, sizeof(version), "%.*s", (int) strcspn(python(), " "), python());	/* from "3.11.2 (main, ..." */
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
 * Which server of the state directory this is: its configuration file as it was named (a link that moves with each deployment leads
 * to another file each time), else its working directory; and its addresses as they are written, because several servers may share
 * a file. It is the same at each start and reload, and differs between servers that may have different owners.
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

void sentry_defaults_prepare(void) {
	defaults.len = 0;
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
	struct sentry_fields b = {NULL, 0, 0};
	sentry_fields_put(&b, "instance", instance, strlen(instance));
	sentry_fields_put(&b, "handler", h->name, strlen(h->name));
	sentry_fields_put(&b, "options", h->options, strlen(h->options));
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

/* what holds for the whole instance, for a record that no handler makes */
void sentry_add_defaults(struct sentry_record *record) {
	sentry_record_fields(record, defaults.bytes, defaults.len);
}
