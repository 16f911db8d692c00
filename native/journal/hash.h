/* Of what fold keys are made; docs/journal.md says of what each. No uWSGI in here. */
#ifndef SENTRY_HASH_H
#define SENTRY_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a 64; start with SENTRY_HASH_START and go on with what came of it */
#define SENTRY_HASH_START 0xcbf29ce484222325ull
uint64_t sentry_hash(uint64_t hash, const void *bytes, size_t len);
/* the same over a text in which what varies (dates, numbers, ids, addresses) counts as one: the rules are those by which the agent makes the message's template */
uint64_t sentry_hash_template(uint64_t hash, const char *text, size_t len);

/* the same over the path of a request, up to its query: what looks like a number or an id in it counts as one, much as the agent names transactions */
uint64_t sentry_hash_path(uint64_t hash, const char *path, size_t len);
/*
 * Where an exception was raised, much as Sentry groups by: of it and of each that it came from, the application's functions that were
 * on their way, and the innermost frame of the application and of all, with their lines. Two views that call one library with
 * something that it does not take are two faults. `fields` are `python.exception` and `python.frame`; the hash as it was if there are none.
 */
uint64_t sentry_hash_raised(uint64_t hash, const unsigned char *fields, size_t len);

#endif
