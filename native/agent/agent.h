/* The agent's process: started, looked after and stopped by the server. */
#ifndef SENTRY_AGENT_H
#define SENTRY_AGENT_H

#include "server/server.h"

/* ---- supervisor.c ---- */

void sentry_agent_prepare(void);	/* says once what is missing */
void sentry_agent_cycle(void);
void sentry_agent_stop(void);
void sentry_agent_last(int code);	/* the server exits */
void sentry_agent_forked(void);
void sentry_agent_detached(int drain_only);

/* ---- agent_start.c, requirements.c ---- */

struct sentry_agent_start {
	const char *mode, *jar, *java, *drain, *options;
	pid_t server;
	int urgent;	/* the server's exit waits for it: it need not make way for a server */
	int report;	/* where the script says why the agent does not run, or -1 */
	int failures;	/* in a row, if this one fails; and after that, so many seconds until the next */
	long pause;
};

#define SENTRY_AGENT_FIRST_PAUSE 5	/* seconds */
int sentry_agent_start_prepare(struct sentry_agent_start *, const char *mode);	/* 0: something is missing, or there is to be no agent */

#define SENTRY_AGENT_REPORTED 78	/* EX_CONFIG: it has said why */
void sentry_agent_become(struct sentry_agent_start *) __attribute__((noreturn));	/* in a child of its own */

#endif
