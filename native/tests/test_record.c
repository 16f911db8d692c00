/*
 * The format: known values, limits, and the golden files that hold C and Java to the same bytes.
 * usage: test_record TESTDATA [write]
 */
#include "journal/record.h"
#include "tests/check.h"

static const unsigned char key[SENTRY_KEY_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static size_t flatten(struct sentry_record *r, unsigned char *to, size_t room) {
	size_t at = 0;
	for (int i = 0; i < r->pieces; i++) {
		if (r->piece[i].iov_len > room - at) abort();
		memcpy(to + at, r->piece[i].iov_base, r->piece[i].iov_len);
		at += r->piece[i].iov_len;
	}
	return at;
}

static void known_crc(void) {
	CASE("the CRC is CRC-32C");
	CHECK(sentry_crc32c(0, "123456789", 9) == 0xe3069283u);
	CHECK(sentry_crc32c(0, "", 0) == 0);
	unsigned char bytes[1000];
	for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (unsigned char) (i * 7 + 3);
	CASE("a CRC may be taken in parts, at any boundary");
	uint32_t all = sentry_crc32c(0, bytes, sizeof(bytes));
	for (size_t cut = 0; cut <= sizeof(bytes); cut += 13) CHECK(sentry_crc32c(sentry_crc32c(0, bytes, cut), bytes + cut, sizeof(bytes) - cut) == all);

}

/* file NUL line NUL function NUL module: the module may have no NUL behind it */
static size_t put_frame(unsigned char *to, size_t room, const char *frame) {
	size_t len = 0;
	for (int parts = 0; parts < 4; parts++) len += strlen(frame + len) + 1;
	return sentry_field_put(to, room, "python.frame", frame, len - 1);
}

/* what is raised in `outer`, which calls `inner`, where it happens; of `cause`, if there is one */
static uint64_t raised(const char *outer, const char *inner, const char *cause) {
	unsigned char fields[1024];
	size_t n = sentry_field_put(fields, sizeof(fields), "python.exception", "\0json\0Error\0text", 16);
	n += put_frame(fields + n, sizeof(fields) - n, outer);
	n += sentry_field_put(fields + n, sizeof(fields) - n, "python.local", "n\00017", 4);
	n += put_frame(fields + n, sizeof(fields) - n, inner);
	size_t len = 0;
	for (int parts = 0; cause && parts < 4; parts++) len += strlen(cause + len) + 1;
	if (cause) n += sentry_field_put(fields + n, sizeof(fields) - n, "python.exception", cause, len - 1);
	return sentry_hash_raised(1, fields, n);
}

static void known_values(void) {
	known_crc();
	int by_instruction = sentry_crc_by_instruction;
	sentry_crc_by_instruction = 0;
	known_crc();
	sentry_crc_by_instruction = by_instruction;
	CASE("the hash is FNV-1a 64");
	CHECK(sentry_hash(SENTRY_HASH_START, "a", 1) == 0xaf63dc4c8601ec8cull);
	CASE("paths that differ by ids are one, others are not");
	static const struct {
		const char *one, *other;
		int same;
	} paths[] = {
		{"/orders/17", "/orders/4711?page=2", 1},
		{"/orders/17/items", "/orders/18/items#x", 1},
		{"/orders/17", "/orders/17/", 0},
		{"/orders/17", "/users/17", 0},
		{"/orders/new", "/orders/17", 0},
		{"/u/550e8400-e29b-41d4-a716-446655440000", "/u/123e4567-e89b-12d3-a456-426614174000", 1},
		{"/blob/deadbeef01", "/blob/0123456789abcdef", 1},
		{"/mail/a@example.com", "/mail/b%40example.com", 1},
		{"/2026-11-22/x", "/2025-01-01/x", 1},
		{"/2026-11/x", "/2025-01/x", 1},
		{"/v1/x", "/v2/x", 0},
		{"/img-12345.png", "/img-999.png", 1},
		{"/a-deadbeef01-b", "/a-0123456789-b", 1},
		{"/facade/x", "/decade/x", 0},
		{"", "/", 0},
	};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *a = paths[i].one, *b = paths[i].other;
		CHECK((sentry_hash_path(1, a, strlen(a)) == sentry_hash_path(1, b, strlen(b))) == paths[i].same);
	}
	CASE("an exception is where the application's functions were, and what it came from");
	static const char decoder[] = "/usr/lib/python3.11/json/decoder.py\000355\0raw_decode\0json.decoder";
	uint64_t order = raised("/srv/shop.py\0007\0order\0shop", decoder, NULL);
	CHECK(order != 1);
	CHECK(raised("/srv/shop.py\0007\0order\0shop", decoder, NULL) == order);
	CHECK(raised("/srv/shop.py\0009\0user\0shop", decoder, NULL) != order);
	CHECK(raised("/srv/shop.py\0008\0order\0shop", decoder, NULL) != order);
	CHECK(raised("/srv/shop.py\0007\0order\0shop", "/srv/venv/lib/python3.11/site-packages/x.py\0001\0x\0x", NULL) != order);
	CHECK(raised("/srv/shop.py\0007\0order\0shop", decoder, "__cause__\0builtins\0KeyError\0one") != order);
	CHECK(raised("/srv/shop.py\0007\0order\0shop", decoder, "__cause__\0builtins\0KeyError\0one") == raised("/srv/shop.py\0007\0order\0shop", decoder, "__cause__\0builtins\0KeyError\0two"));
	CHECK(raised("/srv/shop.py\0007\0order\0shop", decoder, "__cause__\0builtins\0OSError\0one") != raised("/srv/shop.py\0007\0order\0shop", decoder, "__cause__\0builtins\0KeyError\0one"));
	CASE("a library's own way to where it fails makes no other fault, but where it fails does");
	CHECK(raised("/usr/lib/python3.11/a.py\0001\0a\0a", decoder, NULL) == raised("/usr/lib64/python3/b.py\0002\0b\0b", decoder, NULL));
	CHECK(raised("/srv/lib/python_tools/a.py\0001\0a\0a", decoder, NULL) != raised("/srv/lib/python_tools/b.py\0002\0b\0b", decoder, NULL));
	CASE("a recursion is one fault however deep it went");
	unsigned char deep[8192], deeper[8192];
	size_t n = 0, m = 0;
	for (int i = 0; i < 7; i++) {
		n += put_frame(deep + n, sizeof(deep) - n, "/srv/a.py\0001\0walk\0a");
		m += put_frame(deeper + m, sizeof(deeper) - m, "/srv/a.py\0001\0walk\0a");
	}
	for (int i = 0; i < 60; i++) m += put_frame(deeper + m, sizeof(deeper) - m, "/srv/a.py\0001\0walk\0a");
	CHECK(sentry_hash_raised(1, deep, n) == sentry_hash_raised(1, deeper, m));
	CASE("fields that end early are read as far as they go");
	for (size_t cut = 0; cut < n; cut++) sentry_hash_raised(1, deep, cut);
	CHECK(sentry_hash_raised(1, deep, 20) == 1 && sentry_hash_raised(1, deep, 0) == 1);
}

/* as the agent's MessageTemplate: of each text there what its template must be */
static void templates(const char *directory) {
	CASE("texts that differ in what varies have one key, by the agent's own rules");
	char path[4096], line[1024];
	snprintf(path, sizeof(path), "%s/../templates.tsv", directory);
	FILE *file = fopen(path, "r");
	CHECK(file != NULL);
	int texts = 0;
	while (file && fgets(line, sizeof(line), file)) {
		char *tab = strchr(line, '\t');
		if (*line == '#' || !tab) continue;
		*tab = 0;
		uint64_t wanted = 1;
		for (char *c = tab + 1; *c && *c != '\n'; c++) {
			if (*c == '%' && *++c == 's') wanted = sentry_hash(wanted, "\0", 1);
			else wanted = sentry_hash(wanted, c, 1);
		}
		if (sentry_hash_template(1, line, strlen(line)) != wanted) {
			printf("not %s: %s\n", tab + 1, line);
			CHECK(0);
		}
		texts++;
	}
	if (file) fclose(file);
	CHECK(texts > 40);
}

static void limits(void) {
	static unsigned char big[SENTRY_RECORD_MAX + 1000], flat[SENTRY_RECORD_MAX + 1];
	struct sentry_record r;
	CASE("a value beyond the largest record is cut, and the record says so");
	sentry_record_begin(&r, SENTRY_ALARM, SENTRY_PROCESS_MASTER, 1, 0, SENTRY_NO_CORE);
	sentry_record_field(&r, "text", big, sizeof(big));
	sentry_record_field(&r, "late", "x", 1);
	sentry_record_seal(&r, key);
	CHECK(r.length == SENTRY_RECORD_MAX);
	CHECK(flatten(&r, flat, sizeof(flat)) == r.length);
	CHECK(whole_record(flat, r.length, key) == r.length);
	CHECK(flat[30] & SENTRY_FLAG_CUT);

	CASE("more fields than fit are left out, and the record stays whole");
	sentry_record_begin(&r, SENTRY_ROUTE, SENTRY_PROCESS_WORKER, 1, 1, 0);
	for (int i = 0; i < 1000; i++) {
		sentry_record_pair(&r, "tag", "some-key", 8, "value", 5);
		sentry_record_number(&r, "n", (uint64_t) i * 1000003u);
	}
	sentry_record_seal(&r, key);
	CHECK(flatten(&r, flat, sizeof(flat)) == r.length);
	CHECK(whole_record(flat, r.length, key) == r.length);
	CHECK(flat[30] & SENTRY_FLAG_CUT);
	size_t len;
	CHECK(field_of(flat, "nothing", &len) == NULL);
	CHECK(field_of(flat, "tag", &len) != NULL && len == 14);

	CASE("a name that does not fit its length byte is left out");
	char name[300];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	sentry_record_begin(&r, SENTRY_ROUTE, SENTRY_PROCESS_WORKER, 1, 1, 0);
	sentry_record_field(&r, name, "x", 1);
	CHECK(r.length == SENTRY_RECORD_HEAD && (r.head[30] & SENTRY_FLAG_CUT));
	CHECK(sentry_field_put(flat, sizeof(flat), name, "x", 1) == 305);

	CASE("numbers are decimal, whatever their size");
	sentry_record_begin(&r, SENTRY_DEATH, SENTRY_PROCESS_WORKER, 1, 1, 0);
	sentry_record_number(&r, "none", 0);
	sentry_record_number(&r, "most", UINT64_MAX);
	sentry_record_pair_number(&r, "death", "code", 22);
	sentry_record_seal(&r, key);
	CHECK(flatten(&r, flat, sizeof(flat)) == r.length && !(flat[30] & SENTRY_FLAG_CUT));
	const unsigned char *value = field_of(flat, "none", &len);
	CHECK(value && len == 1 && *value == '0');
	value = field_of(flat, "most", &len);
	CHECK(value && len == 20 && !memcmp(value, "18446744073709551615", 20));
	value = field_of(flat, "death", &len);
	CHECK(value && len == 7 && !memcmp(value, "code\00022", 7));

	CASE("a brief record is its head");
	sentry_record_begin(&r, SENTRY_ROUTE, SENTRY_PROCESS_WORKER, 1, 1, 0);
	sentry_record_field(&r, "text", "hello", 5);
	sentry_record_make_brief(&r);
	sentry_record_seal(&r, key);
	CHECK(flatten(&r, flat, sizeof(flat)) == SENTRY_RECORD_HEAD);
	CHECK(whole_record(flat, SENTRY_RECORD_HEAD, key) == SENTRY_RECORD_HEAD && (flat[30] & SENTRY_FLAG_BRIEF));

	CASE("ids differ, and sealing again keeps the id");
	struct sentry_record a, b;
	sentry_record_begin(&a, SENTRY_HOOK, SENTRY_PROCESS_MASTER, 1, 0, SENTRY_NO_CORE);
	sentry_record_begin(&b, SENTRY_HOOK, SENTRY_PROCESS_MASTER, 1, 0, SENTRY_NO_CORE);
	sentry_record_seal(&a, key);
	sentry_record_seal(&b, key);
	CHECK(memcmp(a.head + 12, b.head + 12, 16) != 0);
	unsigned char id[16];
	memcpy(id, a.head + 12, 16);
	sentry_record_seal(&a, key);
	CHECK(memcmp(a.head + 12, id, 16) == 0);
}

/* what the golden file holds: id 00..0f + n, time 1700000000123456 + n */
static size_t golden(unsigned char *to, size_t room) {
	size_t at = 0;
	for (int n = 0; n < 3; n++) {
		struct sentry_record r;
		enum sentry_kind kind = n == 0 ? SENTRY_ALARM : n == 1 ? SENTRY_ROUTE : SENTRY_HOOK;
		sentry_record_begin(&r, kind, n == 1 ? SENTRY_PROCESS_WORKER : SENTRY_PROCESS_MASTER, 4711, n == 1 ? 3 : 0, n == 1 ? 2 : SENTRY_NO_CORE);
		const char *handler = n == 0 ? "alarm lqfull" : n == 1 ? "route ^/help" : "hook-asap";
		uint64_t hash = sentry_hash(sentry_hash(sentry_hash(SENTRY_HASH_START, "5e7a11c0ffee0001", 17), "shop", 5), handler, strlen(handler));
		sentry_record_fold(&r, hash, sentry_hash_template(hash, "queue 101", 9));
		for (int i = 0; i < 16; i++) r.head[12 + i] = (unsigned char) (i + n);
		uint64_t time = 1700000000123456ull + (uint64_t) n;
		for (int i = 0; i < 8; i++) r.head[32 + i] = (unsigned char) (time >> (8 * i));
		sentry_record_field(&r, "instance", "shop", 4);
		sentry_record_field(&r, "handler", handler, strlen(handler));
		sentry_record_field(&r, "options", "dsn=http://key@127.0.0.1:1/1", 28);
		sentry_record_pair(&r, "default", "server", 6, "5e7a11c0ffee0001", 16);
		if (n == 0) sentry_record_field(&r, "text", "queue 101 \xc3\xa9 \xff", 13);
		if (n == 1) {
			sentry_record_pair(&r, "option", "message", 7, "help GET", 8);
			sentry_record_pair(&r, "tag", "path", 4, "", 0);
			sentry_record_field(&r, "request.vars", "\x0e\0REQUEST_METHOD\x03\0GET", 21);
			sentry_record_number(&r, "request.started", 1700000000000001ull);
		}
		if (n == 2) sentry_record_make_brief(&r);
		sentry_record_seal(&r, key);
		at += flatten(&r, to + at, room - at);
	}
	return at;
}

static size_t read_file(const char *directory, const char *name, unsigned char *to, size_t room) {
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "rb");
	if (!file) return 0;
	size_t n = fread(to, 1, room, file);
	fclose(file);
	return n;
}

int main(int argc, char **argv) {
	static unsigned char ours[65536], theirs[1 << 20];
	const char *testdata = argc > 1 ? argv[1] : "../testdata/journal";
	size_t len = golden(ours, sizeof(ours));
	if (argc > 2 && !strcmp(argv[2], "write")) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/written-by-c-v1.journal", testdata);
		FILE *file = fopen(path, "wb");
		if (!file || fwrite(ours, 1, len, file) != len || fclose(file)) return 1;
		printf("wrote %s\n", path);
		return 0;
	}
	known_values();
	templates(testdata);
	limits();
	CASE("the same record gives the same bytes as ever");
	CHECK(read_file(testdata, "written-by-c-v1.journal", theirs, sizeof(theirs)) == len && !memcmp(ours, theirs, len));
	CASE("what Java writes is whole for C");
	size_t there = read_file(testdata, "written-by-java-v1.journal", theirs, sizeof(theirs)), at = 0;
	int records = 0;
	while (at < there) {
		size_t n = whole_record(theirs + at, there - at, key);
		if (!n) break;
		at += n;
		records++;
	}
	CHECK(there > 0 && at == there && records > 0);
	return check_result("record");
}
