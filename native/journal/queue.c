/*
 * The ring: a counter of bytes reserved (`tail`) and one of bytes given back (`head`). A thread reserves by moving the tail, copies,
 * and then stores the entry's length, by which the reader knows that it is whole. What does not fit before the ring's end goes to its
 * beginning, behind an entry that is to be skipped. Bytes that are given back are zero again: a length that was not stored yet reads
 * as 0. A record never wraps, so that it can be written from where it is.
 *
 * The table: open addressing over a word for each fault, `tag << 32 | count`. A thread that finds its fault's tag adds one; one that
 * finds a free word claims it, writes the head and publishes it with the count of 1. The reader takes count and tag at once, which
 * frees the word. Two threads that claim for one fault at the same moment make two entries of it: the sum is what counts. A tag is 32
 * bits of a hash: of four billion pairs of faults two are counted as one.
 */
#define _GNU_SOURCE
#include "journal/queue.h"

#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 16
#define HALF (SENTRY_QUEUE_BYTES / 2)
#define SKIPPED 0x80000000u	/* of a length: no record */
#define CLAIMED 1u		/* a tag: its head is being written */
#define PROBES 16

struct entry {
	uint32_t length;	/* of all of it, this head too; 0: it is not there yet */
	uint32_t bytes;		/* of the record */
	uint64_t unused;	/* the record is aligned as the entry is */
};

struct fault {
	uint64_t word;
	unsigned char head[SENTRY_RECORD_HEAD];
};

struct sentry_queue {
	uint64_t tail __attribute__((aligned(64)));
	uint64_t head __attribute__((aligned(64)));
	uint64_t read;		/* the reader's own: how far it has looked */
	uint64_t counted __attribute__((aligned(64)));	/* in the table */
	struct fault fault[SENTRY_QUEUE_FAULTS];
	unsigned char ring[SENTRY_QUEUE_BYTES] __attribute__((aligned(64)));
};

struct sentry_queue *sentry_queue_new(void) {
	void *memory = mmap(NULL, sizeof(struct sentry_queue), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

void sentry_queue_free(struct sentry_queue *queue) {
	if (queue) munmap(queue, sizeof(*queue));
}

static uint64_t used(const struct sentry_queue *queue) {
	uint64_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&queue->tail, __ATOMIC_SEQ_CST) - head;
}

int sentry_queue_is_pressed(const struct sentry_queue *queue) {
	return used(queue) >= HALF;
}

int sentry_queue_is_empty(const struct sentry_queue *queue) {
	return !used(queue) && !__atomic_load_n(&queue->counted, __ATOMIC_SEQ_CST);
}

static struct entry *entry_at(struct sentry_queue *queue, uint64_t position) {
	return (struct entry *) (queue->ring + position % SENTRY_QUEUE_BYTES);
}

static struct entry *reserve(struct sentry_queue *queue, uint64_t need, uint64_t room) {
	uint64_t tail = __atomic_load_n(&queue->tail, __ATOMIC_SEQ_CST), before_end, all;
	do {
		/* the head may have been read before the tail, and be less than it is: then there seems to be less room */
		uint64_t in_use = tail - __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);
		before_end = SENTRY_QUEUE_BYTES - tail % SENTRY_QUEUE_BYTES;
		all = need <= before_end ? need : before_end + need;
		if (in_use > SENTRY_QUEUE_BYTES) {	/* the tail is an old one */
			tail = __atomic_load_n(&queue->tail, __ATOMIC_SEQ_CST);
			continue;
		}
		if (in_use + all > room) return NULL;
		if (__atomic_compare_exchange_n(&queue->tail, &tail, tail + all, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) break;
	} while (1);
	if (all == need) return entry_at(queue, tail);
	__atomic_store_n(&entry_at(queue, tail)->length, (uint32_t) before_end | SKIPPED, __ATOMIC_RELEASE);
	return entry_at(queue, tail + before_end);
}

static int put_whole(struct sentry_queue *queue, const struct sentry_record *record, uint64_t room) {
	uint64_t need = (sizeof(struct entry) + record->length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct entry *entry = reserve(queue, need, room);
	if (!entry) return 0;
	unsigned char *to = (unsigned char *) (entry + 1);
	for (int i = 0; i < record->pieces; i++) {
		memcpy(to, record->piece[i].iov_base, record->piece[i].iov_len);
		to += record->piece[i].iov_len;
	}
	entry->bytes = (uint32_t) record->length;
	__atomic_store_n(&entry->length, (uint32_t) need, __ATOMIC_SEQ_CST);
	return 1;
}

#define IDENTITY_SIZE (SENTRY_RECORD_HEAD - SENTRY_AT_HANDLER)	/* handler and fold key */

int sentry_queue_count(struct sentry_queue *queue, const unsigned char head[SENTRY_RECORD_HEAD]) {
	uint64_t hash = sentry_hash(sentry_hash(SENTRY_HASH_START, head + SENTRY_AT_HANDLER, IDENTITY_SIZE), head + SENTRY_AT_KIND, 1);
	uint64_t tag = hash >> 32 > CLAIMED ? hash >> 32 : CLAIMED + 1;
	for (unsigned probe = 0; probe < PROBES; probe++) {
		struct fault *fault = &queue->fault[(hash + probe) % SENTRY_QUEUE_FAULTS];
		uint64_t word = __atomic_load_n(&fault->word, __ATOMIC_ACQUIRE);
		while (!word || (word >> 32 == tag && (uint32_t) word != UINT32_MAX)) {
			if (!__atomic_compare_exchange_n(&fault->word, &word, word ? word + 1 : (uint64_t) CLAIMED << 32, 0, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)) continue;
			if (!word) {
				memcpy(fault->head, head, SENTRY_RECORD_HEAD);
				__atomic_store_n(&fault->word, tag << 32 | 1, __ATOMIC_SEQ_CST);
			}
			__atomic_add_fetch(&queue->counted, 1, __ATOMIC_SEQ_CST);
			return 1;
		}
	}
	return 0;
}

enum sentry_queued sentry_queue_put(struct sentry_queue *queue, struct sentry_record *record) {
	int is_line = record->head[SENTRY_AT_KIND] == SENTRY_ALARM;
	sentry_record_stamp(record);
	if (put_whole(queue, record, is_line ? HALF : SENTRY_QUEUE_BYTES)) return SENTRY_QUEUED;
	/* what is no event has no count */
	if (sentry_is_event(record->head) && sentry_queue_count(queue, record->head)) return SENTRY_COUNTED;
	return SENTRY_NOT_QUEUED;
}

/* ---- the reader ---- */

unsigned char *sentry_queue_next(struct sentry_queue *queue, size_t *len) {
	uint64_t tail = __atomic_load_n(&queue->tail, __ATOMIC_SEQ_CST);
	while (queue->read < tail) {
		struct entry *entry = entry_at(queue, queue->read);
		uint32_t length = __atomic_load_n(&entry->length, __ATOMIC_ACQUIRE);
		if (!length) break;	/* reserved, and still being copied */
		queue->read += length & ~SKIPPED;
		if (length & SKIPPED) continue;
		*len = entry->bytes;
		return (unsigned char *) (entry + 1);
	}
	return NULL;
}

void sentry_queue_release(struct sentry_queue *queue) {
	for (uint64_t at = queue->head; at < queue->read;) {
		uint64_t to_end = SENTRY_QUEUE_BYTES - at % SENTRY_QUEUE_BYTES, size = queue->read - at;
		if (size > to_end) size = to_end;
		memset(queue->ring + at % SENTRY_QUEUE_BYTES, 0, size);
		at += size;
	}
	__atomic_store_n(&queue->head, queue->read, __ATOMIC_SEQ_CST);
}

uint64_t sentry_queue_take_count(struct sentry_queue *queue, unsigned slot, unsigned char head[SENTRY_RECORD_HEAD]) {
	struct fault *fault = &queue->fault[slot];
	uint64_t word = __atomic_load_n(&fault->word, __ATOMIC_ACQUIRE);
	do {
		if (word >> 32 <= CLAIMED) return 0;
		/* no thread writes it while the tag stands, and only the reader removes the tag */
		memcpy(head, fault->head, SENTRY_RECORD_HEAD);
	} while (!__atomic_compare_exchange_n(&fault->word, &word, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));
	__atomic_sub_fetch(&queue->counted, (uint32_t) word, __ATOMIC_SEQ_CST);
	return (uint32_t) word;
}

uint64_t sentry_queue_abandon(struct sentry_queue *queue) {
	unsigned char head[SENTRY_RECORD_HEAD];
	const unsigned char *record;
	uint64_t left = 0;
	size_t len;
	while ((record = sentry_queue_next(queue, &len))) left += sentry_is_event(record);
	for (unsigned slot = 0; slot < SENTRY_QUEUE_FAULTS; slot++) left += sentry_queue_take_count(queue, slot, head);
	return left;
}
