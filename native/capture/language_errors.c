/*
 * How PHP and Perl report the error that ends a request, taken in the worker where they report it: no log is needed, and no other
 * request's error can be mistaken for it. For languages without such a place the agent reads the log's lines.
 *
 *   - PHP hands each error to zend_error_cb, and each exception that is thrown, caught later or not, to zend_throw_exception_hook.
 *     Both are function pointers that extensions replace, and call on. The last one counts.
 *   - Perl leaves what ended the application's last call in $@, which the next call empties: it is there when the request has ended.
 *
 * No code of the application runs: only the properties that PHP's Exception itself has are read, and of $@ a string or an object's class.
 */
#include "capture/capture.h"

#include <dlfcn.h>
#include <pthread.h>

#define MOST_TEXT 4096

static struct wsgi_request *request_of_this_thread(void) {
	struct wsgi_request *req = uwsgi.threads > 1 ? pthread_getspecific(uwsgi.tur_key) : uwsgi.wsgi_req;
	if (!uwsgi.workers || uwsgi.mywid < 1 || uwsgi.mywid > uwsgi.numproc || !req || !req->uh || req->async_id < 0 || req->async_id >= uwsgi.cores) return NULL;
	return uwsgi.workers[uwsgi.mywid].cores[req->async_id].in_request ? req : NULL;
}

struct language_error {
	const char *type, *text, *file;
	size_t type_len, text_len, file_len;
	uint32_t line;
};

static size_t encode(unsigned char *to, size_t room, const struct language_error *error) {
	char digits[20];
	size_t used = 0;
#define PUT(name, value, len) used += sentry_field_put(to ? to + used : NULL, to ? room - used : 0, name, value, len)
	if (error->type_len) PUT("said.type", error->type, error->type_len);
	PUT("said.text", error->text, error->text_len);
	if (error->file_len) PUT("said.file", error->file, error->file_len);
	if (error->line) PUT("said.line", digits, sentry_digits(digits, error->line));
#undef PUT
	return used;
}

static void keep(struct wsgi_request *req, struct language_error error) {
	struct sentry_request_error *slot = sentry_request_error_of(req);
	if (!slot) return;
	if (error.text_len > MOST_TEXT) error.text_len = MOST_TEXT;
	if (error.file_len > 1024 || error.type_len > 256) error.file_len = error.type_len = 0;
	size_t len = encode(NULL, 0, &error);
	unsigned char *fields = malloc(len);
	if (!fields) return;
	encode(fields, len, &error);
	free(slot->language_error);
	slot->language_error = fields;
	slot->language_error_len = len;
	/* arguments and numbers vary, where it is said does not */
	uint64_t hash = sentry_hash(SENTRY_HASH_START, error.type, error.type_len);
	hash = sentry_hash(sentry_hash(hash, error.file, error.file_len), &error.line, sizeof(error.line));
	const char *end = memchr(error.text, '\n', error.text_len);
	slot->language_error_hash = error.line ? hash : sentry_hash_template(hash, error.text, end ? (size_t) (end - error.text) : error.text_len);
}

/* ---- PHP 8 ---- */

/* zend_string, zval, and the beginnings of zend_object and zend_class_entry: the same in PHP 8.0 to 8.5, where a long has 64 bits */
struct php_string {
	uint32_t references, info;
	uint64_t hash;
	size_t len;
	char text[];
};

struct php_value {
	union {
		int64_t number;
		struct php_string *string;
	};
	uint32_t info, more;
};

struct php_class {
	char kind;
	struct php_string *name;
};

struct php_object {
	uint32_t references, info, handle, flags;
	struct php_class *class;
};

#define PHP_NUMBER 4
#define PHP_STRING 6
#define PHP_FATAL (1 | 4 | 16 | 64 | 256 | 4096)	/* E_ERROR, E_PARSE, E_CORE_ERROR, E_COMPILE_ERROR, E_USER_ERROR, E_RECOVERABLE_ERROR */

static struct {
	void (**error)(int, void *, uint32_t, struct php_string *);
	void (*error_before)(int, void *, uint32_t, struct php_string *);
	void (**thrown)(struct php_object *);
	void (*thrown_before)(struct php_object *);
	struct php_class *(*base)(struct php_object *);
	struct php_value *(*property)(struct php_class *, struct php_object *, const char *, size_t, _Bool, struct php_value *);
	int file_is_text;	/* PHP 8.0 */
} php;

static void take_error(void *file, uint32_t line, const struct php_string *message) {
	struct wsgi_request *req = message ? request_of_this_thread() : NULL;
	if (!req) return;
	const struct php_string *string = file;
	keep(req, (struct language_error) {.text = message->text, .text_len = message->len, .file = php.file_is_text ? file : string ? string->text : NULL,
		.file_len = php.file_is_text ? (file ? strlen(file) : 0) : string ? string->len : 0, .line = line});
	struct sentry_request_error *slot = sentry_request_error_of(req);
	if (slot) slot->ended = 1;
}

/* the one before does not return from an error that ends the request */
static void php_error(int kind, void *file, uint32_t line, struct php_string *message) {
	SENTRY_ENTRY;
	if (kind & PHP_FATAL) take_error(file, line, message);
	errno = errno_before;
	php.error_before(kind, file, line, message);
}

static const struct php_value *property(struct php_object *object, const char *name, uint32_t kind, struct php_value *room) {
	const struct php_value *value = php.property(php.base(object), object, name, strlen(name), 1, room);
	return value && (value->info & 0xff) == kind ? value : NULL;
}

static void take_thrown(struct php_object *object) {
	struct wsgi_request *req = object && object->class ? request_of_this_thread() : NULL;
	if (!req) return;
	struct php_value room[3];
	const struct php_value *message = property(object, "message", PHP_STRING, &room[0]), *file = property(object, "file", PHP_STRING, &room[1]);
	const struct php_value *line = property(object, "line", PHP_NUMBER, &room[2]);
	const struct php_string *type = object->class->name;
	if (!type || !message) return;
	keep(req, (struct language_error) {.type = type->text, .type_len = type->len, .text = message->string->text, .text_len = message->string->len,
		.file = file ? file->string->text : NULL, .file_len = file ? file->string->len : 0, .line = line && line->number > 0 ? (uint32_t) line->number : 0});
}

/* NULL: what was thrown before goes on */
static void php_thrown(struct php_object *object) {
	SENTRY_ENTRY;
	take_thrown(object);
	errno = errno_before;
	if (php.thrown_before) php.thrown_before(object);
}

/* of any other, older or newer, the failed request is reported without its error */
static int is_known_php(const char *engine) {
	if (sizeof(long) != 8 || !engine || strncmp(engine, "Zend Engine v4.", 15) || engine[15] < '0' || engine[15] > '5' || engine[16] != '.') return 0;
	php.file_is_text = engine[15] == '0';
	return 1;
}

static void find_php(void) {
	const char *(*version)(void);
	*(void **) &version = dlsym(RTLD_DEFAULT, "get_zend_version");
	php.error = dlsym(RTLD_DEFAULT, "zend_error_cb");
	php.thrown = dlsym(RTLD_DEFAULT, "zend_throw_exception_hook");
	*(void **) &php.base = dlsym(RTLD_DEFAULT, "zend_get_exception_base");
	*(void **) &php.property = dlsym(RTLD_DEFAULT, "zend_read_property");
	if (!version || !php.error || !*php.error || *php.error == php_error) return;
	if (!is_known_php(version())) return;
	php.error_before = *php.error;
	*php.error = php_error;
	if (!php.thrown || !php.base || !php.property) return;
	php.thrown_before = *php.thrown;
	*php.thrown = php_thrown;
}

/* ---- Perl ---- */

/* SV and what it points to: the same in Perl 5.14 to 5.42; 5.10 had the length elsewhere */
struct perl_string {
	void *stash, *magic;
	size_t len, room;	/* a text ends before its room does; one that is shared has none */
};

struct perl_value {
	struct perl_string *any;
	uint32_t references, flags;
	union {
		char *text;
		struct perl_value *object;
	};
};

#define PERL_IS_TEXT 0x400
#define PERL_IS_REFERENCE 0x800

static struct {
	pthread_key_t *interpreter;
	struct perl_value *(*variable)(void *, const char *, int32_t);
	const char *(*class_of)(void *, struct perl_value *, int);
} perl;

static void take_from_perl(struct wsgi_request *req) {
	void *interpreter = perl.variable && perl.interpreter ? pthread_getspecific(*perl.interpreter) : NULL;
	const struct perl_value *error = interpreter ? perl.variable(interpreter, "@", 0) : NULL;
	if (!error) return;
	if (error->flags & PERL_IS_REFERENCE) {
		const char *class = error->object && perl.class_of ? perl.class_of(interpreter, error->object, 1) : NULL;
		if (class) keep(req, (struct language_error) {.type = class, .type_len = strlen(class), .text = "", .text_len = 0});
	}
	else if (error->flags & PERL_IS_TEXT && error->any && error->text && error->any->len && error->any->len < error->any->room) keep(req, (struct language_error) {.text = error->text, .text_len = error->any->len});
}

static int is_known_perl(void) {
	const unsigned char *revision = dlsym(RTLD_DEFAULT, "PL_revision"), *version = dlsym(RTLD_DEFAULT, "PL_version");
	return revision && version && *revision == 5 && *version >= 14 && *version <= 42;
}

/* a Perl without threads has no such key, and is left alone */
static void find_perl(void) {
	if (!is_known_perl()) return;
	perl.interpreter = dlsym(RTLD_DEFAULT, "PL_thr_key");
	*(void **) &perl.variable = dlsym(RTLD_DEFAULT, "Perl_get_sv");
	*(void **) &perl.class_of = dlsym(RTLD_DEFAULT, "Perl_sv_reftype");
}

/* ---- */

/* once languages are initialised, before uWSGI forks */
void sentry_language_errors_find(void) {
	if (!sentry_capturing(SENTRY_CAPTURE_FAILED)) return;
	find_php();
	find_perl();
}

/* in the request's thread, at its end */
void sentry_language_errors_at_end(struct wsgi_request *req, const struct uwsgi_plugin *plugin) {
	if (!strcmp(plugin->name, "psgi")) take_from_perl(req);
}
