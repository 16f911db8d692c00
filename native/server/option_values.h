#ifndef SENTRY_SHAPE_H
#define SENTRY_SHAPE_H

#include <stddef.h>
#include <stdint.h>

/* what is wrong with a DSN, in words that fit behind "its DSN "; NULL: nothing that can be seen from here */
const char *sentry_dsn_fault(const char *dsn);
/* "64m": bytes, with k, m or g behind; 0 if it is none, or below `least` */
uint64_t sentry_parse_size(const char *text, uint64_t least);

/* of "$(NAME)", which uWSGI leaves as it is where the environment has no NAME: its name and *len; NULL where the value is anything else */
const char *sentry_unset_variable(const char *value, size_t *len);

#endif
