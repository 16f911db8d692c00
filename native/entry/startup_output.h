/*
 * What uWSGI prints while it starts.
 */
#ifndef SENTRY_STARTUP_OUTPUT_H
#define SENTRY_STARTUP_OUTPUT_H

void sentry_printed_begin(void);
void sentry_printed_end(void);
const char *sentry_printed_last(void);	/* why it is about to exit, as far as its last line tells; NULL: that says nothing */

#endif
