/*
 * One record of the journal, as docs/journal.md specifies it. No uWSGI in here: the same code runs in the tests.
 *
 * A record is built on the stack from pieces that stay where they are (a request's buffer, an option string) and goes to
 * the file with one writev. Nothing is allocated, so that it can be built in a signal handler.
 */
#ifndef SENTRY_RECORD_H
#define SENTRY_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define SENTRY_RECORD_HEAD 64

/* where the head has what; the numbers are little-endian. docs/journal.md has the same table */
enum sentry_record_offset {
	SENTRY_AT_MAGIC = 0,	/* 3 bytes */
	SENTRY_AT_VERSION = 3,
	SENTRY_AT_CRC = 4,	/* of the key, and of the record without these 4 bytes */
	SENTRY_AT_LENGTH = 8,
	SENTRY_AT_ID = 12,	/* 16 bytes */
	SENTRY_AT_KIND = 28,
	SENTRY_AT_PROCESS = 29,
	SENTRY_AT_FLAGS = 30,
	SENTRY_AT_TIME = 32,
	SENTRY_AT_PID = 40,
	SENTRY_AT_WORKER = 44,
	SENTRY_AT_CORE = 46,
	SENTRY_AT_HANDLER = 48,
	SENTRY_AT_FOLD = 56,
};

#define SENTRY_ID_SIZE 16
#define SENTRY_RECORD_MAX (1u << 20)
#define SENTRY_RECORD_VERSION 1
#define SENTRY_KEY_SIZE 16
#define SENTRY_NO_CORE 0xffff

enum sentry_kind {
	SENTRY_ALARM = 1,
	SENTRY_HOOK = 2,
	SENTRY_ROUTE = 3,
	SENTRY_EXCEPTION = 4,
	SENTRY_HARAKIRI = 5,
	SENTRY_DEATH = 6,
	SENTRY_SLOW = 7,
	SENTRY_BACKLOG = 8,
	SENTRY_BOOT = 9,
	SENTRY_FAILED = 10,
	SENTRY_CUT = 11,
	SENTRY_CONFIGURATION = 16,
	SENTRY_DROPS = 17,
};

enum sentry_process {
	SENTRY_PROCESS_UNKNOWN,
	SENTRY_PROCESS_MASTER,
	SENTRY_PROCESS_WORKER,
	SENTRY_PROCESS_MULE,
	SENTRY_PROCESS_SPOOLER,
	SENTRY_PROCESS_GATEWAY,
	SENTRY_PROCESS_EMPEROR,
	SENTRY_PROCESS_VASSAL,
	SENTRY_PROCESS_STANDALONE,
};

#define SENTRY_FLAG_BRIEF 1
#define SENTRY_FLAG_CUT 2

/* enough for every field that one record can hold today, twice over; what does not fit is left out and flagged as cut */
#define SENTRY_RECORD_PIECES 320
#define SENTRY_RECORD_SCRATCH 6144

struct sentry_record {
	unsigned char head[SENTRY_RECORD_HEAD];
	struct iovec piece[SENTRY_RECORD_PIECES];	/* piece[0] is the head */
	int pieces;
	size_t length;
	size_t scratch_used;
	unsigned char scratch[SENTRY_RECORD_SCRATCH];	/* field names and lengths, numbers */
};

/* ---- clock.c ---- */

/* microseconds since 1970, as all times in records */
uint64_t sentry_now_us(void);
/* seconds since some start, never 0 */
uint64_t sentry_seconds(void);

/* ---- crc32c.c ---- */

/* CRC-32C; found out at load, tests turn it off */
extern int sentry_crc_by_instruction;
uint32_t sentry_crc32c(uint32_t crc, const void *bytes, size_t len);

/* ---- hash.c, message_template.c: what fold keys are made of; docs/journal.md says which of what ---- */

/* FNV-1a 64; start with SENTRY_HASH_START and go on with what came of it */
#define SENTRY_HASH_START 0xcbf29ce484222325ull
uint64_t sentry_hash(uint64_t hash, const void *bytes, size_t len);
/* the same over a text in which what varies (dates, numbers, ids, addresses) counts as one: the rules are those by which the agent makes the message's template */
uint64_t sentry_hash_template(uint64_t hash, const char *text, size_t len);

/* the same over the path of a request, up to its query: what looks like a number or an id in it counts as one, much as the agent names transactions */
uint64_t sentry_hash_path(uint64_t hash, const char *path, size_t len);
/*
 * Where an exception was raised, much as Sentry groups. It covers the exception and each of its causes: the application's functions on
 * the stack, and the innermost frame of the application and of all, with their lines. Two views that call one library with
 * a value that it does not take are two faults. `fields` are `python.exception` and `python.frame`; the hash as it was if there are none.
 */
uint64_t sentry_hash_raised(uint64_t hash, const unsigned char *fields, size_t len);

/* ---- record.c ---- */

void sentry_record_begin(struct sentry_record *, enum sentry_kind, enum sentry_process, uint32_t pid, uint16_t worker, uint16_t core);
/* another process than the one that it began with */
void sentry_record_process(struct sentry_record *, enum sentry_process);
/* whether the record with this head is an event, which is counted if it is dropped */
static inline int sentry_is_event(const unsigned char *head) {
	return head[SENTRY_AT_KIND] < SENTRY_CONFIGURATION;
}
void sentry_record_fold(struct sentry_record *, uint64_t handler_hash, uint64_t fold_key);
/* bytes that are fields already (see sentry_field_put); they and every value below must stay until the append */
void sentry_record_fields(struct sentry_record *, const void *encoded, size_t len);
void sentry_record_field(struct sentry_record *, const char *name, const void *value, size_t len);
/* a field of a few bytes, which need not stay */
void sentry_record_copy(struct sentry_record *, const char *name, const void *value, size_t len);
/* a value of the form key NUL value */
void sentry_record_pair(struct sentry_record *, const char *name, const char *key, size_t key_len, const void *value, size_t len);
void sentry_record_number(struct sentry_record *, const char *name, uint64_t value);
void sentry_record_pair_number(struct sentry_record *, const char *name, const char *key, uint64_t value);
/* gives it the time as it is now, for a record that is sealed later */
void sentry_record_stamp(struct sentry_record *);
/* goes on with a record that was copied: its head and, behind it, its fields, which stay where they are */
void sentry_record_resume(struct sentry_record *, const unsigned char *bytes, size_t len);
/* writes time and id unless it has them, length and CRC; after it the record is as it goes to the file */
void sentry_record_seal(struct sentry_record *, const unsigned char key[SENTRY_KEY_SIZE]);
/* cuts the record down to its head */
void sentry_record_make_brief(struct sentry_record *);

/* a number's digits, without an end; returns how many */
size_t sentry_digits(char to[20], uint64_t);

/* encodes one field into a buffer of the caller's: returns the bytes needed; writes nothing if `room` is less */
size_t sentry_field_put(unsigned char *to, size_t room, const char *name, const void *value, size_t len);

#endif
