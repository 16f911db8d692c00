/* How every record begins: which process it comes from, its handler's fields, the state of the server. */
#include "report/report.h"

static enum sentry_process process_of(pid_t pid) {
	if (uwsgi.muleid > 0) return SENTRY_PROCESS_MULE;
	if (uwsgi.i_am_a_spooler) return SENTRY_PROCESS_SPOOLER;
	if (uwsgi.mywid > 0) return uwsgi.master_process ? SENTRY_PROCESS_WORKER : SENTRY_PROCESS_STANDALONE;
	if (pid != sentry.main) return SENTRY_PROCESS_UNKNOWN;
	if (uwsgi.emperor && !uwsgi.master_process) return SENTRY_PROCESS_EMPEROR;
	return uwsgi.master_process ? SENTRY_PROCESS_MASTER : SENTRY_PROCESS_STANDALONE;
}

uint64_t sentry_fold_start(struct sentry_handler *handler, enum sentry_kind kind) {
	unsigned char code = (unsigned char) kind;
	return sentry_hash(handler->fold, &code, 1);
}

void sentry_begin_about(struct sentry_record *record, enum sentry_kind kind, struct sentry_handler *handler, enum sentry_process process, pid_t pid, int number) {
	sentry_record_begin(record, kind, process, (uint32_t) pid, number > 0 && number < 65536 ? (uint16_t) number : 0, SENTRY_NO_CORE);
	sentry_record_fold(record, handler->hash, sentry_fold_start(handler, kind));
	sentry_record_fields(record, handler->fields, handler->fields_len);
}

/* the state of the server, and of that worker if there is one: what uWSGI keeps in memory that all its processes share */
void sentry_add_state(struct sentry_record *record, int id) {
	if (!uwsgi.workers || !uwsgi.shared) return;
	struct {
		const char *key;
		uint64_t value;
	} numbers[16];
	int n = 0;
#define NUMBER(k, v) (numbers[n].key = (k), numbers[n].value = (uint64_t) (v), n++)
	NUMBER("workers", uwsgi.numproc);
	NUMBER("cores", uwsgi.cores);
	/* uWSGI's own counts are kept only where its cheaper algorithm asks for them */
	int busy = 0, idle = 0;
	for (int i = 1; i <= uwsgi.numproc; i++) {
		if (uwsgi.workers[i].pid <= 0 || uwsgi.workers[i].cheaped) continue;
		int serving = 0;
		for (int c = 0; c < uwsgi.cores && !serving; c++) serving = uwsgi.workers[i].cores[c].in_request;
		busy += serving;
		idle += !serving;
	}
	NUMBER("busy", busy);
	NUMBER("idle", idle);
	NUMBER("listen_queue", uwsgi.shared->backlog);
	/* a socket's own is known once the master has looked */
	if (uwsgi.sockets) NUMBER("listen_queue_max", uwsgi.sockets->max_queue ? uwsgi.sockets->max_queue : (uint64_t) uwsgi.listen_queue);
	NUMBER("reloads", uwsgi.reloads);
	NUMBER("threads", uwsgi.threads);
	NUMBER("async", uwsgi.async);
	if (id > 0 && id <= uwsgi.numproc) {
		NUMBER("requests", uwsgi.workers[id].requests);
		NUMBER("worker_started", uwsgi.workers[id].last_spawn);
		if (uwsgi.workers[id].respawn_count) NUMBER("respawns", uwsgi.workers[id].respawn_count - 1);	/* uWSGI counts the first start too */
		if (uwsgi.workers[id].rss_size) NUMBER("rss", uwsgi.workers[id].rss_size / 1024);
	}
#undef NUMBER
	/* encoded as one piece, in the record's own memory */
	unsigned char *to = record->scratch + record->scratch_used;
	size_t room = sizeof(record->scratch) - record->scratch_used, used = 0;
	for (int i = 0; i < n; i++) {
		char value[64];
		size_t key_len = strlen(numbers[i].key) + 1;
		memcpy(value, numbers[i].key, key_len);
		size_t need = sentry_field_put(to + used, room - used, "state", value, key_len + sentry_digits(value + key_len, numbers[i].value));
		if (need > room - used) break;
		used += need;
	}
	record->scratch_used += used;
	sentry_record_fields(record, to, used);
}

/* the handler may be NULL (records of the plugin's own), so may the request */
void sentry_begin(struct sentry_record *record, enum sentry_kind kind, struct sentry_handler *handler, struct wsgi_request *req) {
	pid_t pid = getpid();	/* a system call: once */
	enum sentry_process process = process_of(pid);
	int number = process == SENTRY_PROCESS_MULE ? uwsgi.muleid : uwsgi.mywid;
	uint16_t core = SENTRY_NO_CORE;
	if (req && req->async_id >= 0 && req->async_id < SENTRY_NO_CORE) core = (uint16_t) req->async_id;
	sentry_record_begin(record, kind, process, (uint32_t) pid, number > 0 && number < 65536 ? (uint16_t) number : 0, core);
	if (!handler) return;
	sentry_record_fold(record, handler->hash, sentry_fold_start(handler, kind));
	sentry_record_fields(record, handler->fields, handler->fields_len);
	/* a route's action may run for every request: it records the request alone */
	if (kind != SENTRY_ROUTE) sentry_add_state(record, uwsgi.mywid);
}
