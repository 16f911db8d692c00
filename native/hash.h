/* Of what fold keys are made; docs/journal.md says of what each. No uWSGI in here. */
#ifndef SENTRY_HASH_H
#define SENTRY_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a 64; start with SENTRY_HASH_START and go on with what came of it */
#define SENTRY_HASH_START 0xcbf29ce484222325ull
uint64_t sentry_hash(uint64_t hash, const void *bytes, size_t len);
/* the same over a text in which every run of digits (and of hex digits behind 0x) counts as one */
uint64_t sentry_hash_template(uint64_t hash, const char *text, size_t len);

/* the same over the path of a request, up to its query: what looks like a number or an id in it counts as one, much as the agent names transactions */
uint64_t sentry_hash_path(uint64_t hash, const char *path, size_t len);
/* where an exception was raised: the innermost of the frames among these fields (`python.frame`, `python.exception`); the hash as it was if there is none */
uint64_t sentry_hash_raised(uint64_t hash, const unsigned char *fields, size_t len);

#endif
