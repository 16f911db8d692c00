/*
 * What uWSGI prints while it starts.
 */
#ifndef SENTRY_STARTUP_OUTPUT_H
#define SENTRY_STARTUP_OUTPUT_H

void sentry_startup_output_begin(void);
void sentry_startup_output_end(void);
const char *sentry_startup_output_last(void);	/* why it is about to exit, if its last line says so; else NULL */

#endif
