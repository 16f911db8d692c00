#ifndef SENTRY_SHAPE_H
#define SENTRY_SHAPE_H

#include <stdint.h>

/* what is wrong with a DSN, in words that fit behind "its DSN "; NULL: nothing that can be seen from here */
const char *sentry_dsn_fault(const char *dsn);
/* "64m": bytes, with k, m or g behind; 0 if it is none, or below `least` */
uint64_t sentry_parse_size(const char *text, uint64_t least);

#endif
