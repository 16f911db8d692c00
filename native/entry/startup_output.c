/*
 * What uWSGI prints while it starts: when it exits then, its last line is the reason, and nothing else has it. No plugin is asked
 * about a line, and there is no master yet that reads the log; so uWSGI's calls of write() are routed through a function of ours, from
 * the moment that this plugin is loaded until the server serves. It notes what goes to the log, and writes it.
 *
 * The route is uWSGI's own table of the functions that it takes from libc (the slot of `write` in its GOT), where the linker has put an
 * address and any library may put another. What is assumed of it is checked, and where a check fails nothing is noted:
 *
 *   - There is a slot, within the object that uWSGI is in. A static uWSGI has none, 32 bits and other processors are not looked at.
 *   - It holds a function's address. With lazy binding it first leads to the linker, which would overwrite ours: one call that writes
 *     nothing, to no descriptor, has it bound. If it still leads into the object itself, it is left alone.
 *   - It can be written. The kernel is asked (it answers EFAULT where a store would kill the server), before and after the page is
 *     made writable, as it has to be in a uWSGI with full RELRO. The page becomes read-only again at once.
 *   - Our function calls what was in the slot, never write() by name: a plugin that is built into uWSGI would find itself, and what
 *     another library has put there is not passed over.
 *   - Another library may put its function there later and go on calling ours (this plugin loaded twice, under two names): ours
 *     stays in memory and goes on writing, and notes nothing any more.
 *
 * Only the thread that loads the plugin is noted: lines of others are no reason for an exit.
 * Each process that serves restores the slot; any other that inherits it goes on noting in its own memory, and writes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "entry/startup_output.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern struct uwsgi_server uwsgi;

#define MOST_LINE 512

static struct {
	char text[MOST_LINE];	/* the last whole line; one thread runs then */
	size_t len;
} last_line;

typedef ssize_t (*write_function)(int, const void *, size_t);

static void **slot;	/* NULL: nothing is noted */
static write_function before;
static size_t protect_len;	/* of the page to make read-only again; 0: it was not */
static pthread_t starting;

/* what uWSGI prints as it goes, after which an exit has other reasons: a hook's, an application's */
static int is_usual(const char *line) {
	static const char *const usual[] = {"[uWSGI] ", "*** ", "running ", "added ", "your ", "uwsgi socket ", "mounting ", "spawned ", "WSGI app ", "Python "};
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (!strncmp(line, usual[i], strlen(usual[i]))) return 1;
	}
	return 0;
}

/* a line comes in one write; an empty one says nothing */
static void note(const char *text, size_t len) {
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r')) len--;
	const char *last = len ? memrchr(text, '\n', len) : NULL;
	if (last) {
		len -= (size_t) (last + 1 - text);
		text = last + 1;
	}
	/* what it says of the end itself, and what we say */
	if (len < 3 || !memcmp(text, "...", 3) || memmem(text, len, "[uwsgi-sentry] ", 15)) return;
	last_line.len = len < sizeof(last_line.text) - 1 ? len : sizeof(last_line.text) - 1;
	memcpy(last_line.text, text, last_line.len);
	last_line.text[last_line.len] = 0;
}

static ssize_t noting_write(int fd, const void *text, size_t len) {
	if (fd == 2 && slot && pthread_equal(starting, pthread_self())) note(text, len);
	return before(fd, text, len);
}

#if __SIZEOF_POINTER__ == 8 && (defined(__x86_64__) || defined(__aarch64__))

#ifdef __x86_64__
#define IS_SLOT(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT)
#else
#define IS_SLOT(type) ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT)
#endif

struct object {
	ElfW(Addr) base, from, to;	/* what is loaded of it lies between */
	const ElfW(Sym) *symbols;
	const char *names;
	const ElfW(Rela) *tables[2];
	size_t sizes[2];
};

/* glibc has made addresses of them, musl has not */
static ElfW(Addr) absolute(const struct object *object, ElfW(Addr) address) {
	return address < object->base ? object->base + address : address;
}

static void read_dynamic(struct object *object, const ElfW(Dyn) *entry) {
	for (; entry->d_tag != DT_NULL; entry++) {
		ElfW(Addr) at = absolute(object, entry->d_un.d_ptr);
		switch (entry->d_tag) {
		case DT_SYMTAB: object->symbols = (const void *) at; break;
		case DT_STRTAB: object->names = (const void *) at; break;
		case DT_JMPREL: object->tables[0] = (const void *) at; break;
		case DT_PLTRELSZ: object->sizes[0] = entry->d_un.d_val; break;
		case DT_RELA: object->tables[1] = (const void *) at; break;
		case DT_RELASZ: object->sizes[1] = entry->d_un.d_val; break;
		default: break;
		}
	}
}

static void **slot_in(const struct object *object) {
	if (!object->symbols || !object->names) return NULL;
	for (int t = 0; t < 2; t++) {
		for (size_t i = 0; object->tables[t] && i < object->sizes[t] / sizeof(ElfW(Rela)); i++) {
			const ElfW(Rela) *entry = &object->tables[t][i];
			const char *name = object->names + object->symbols[ELF64_R_SYM(entry->r_info)].st_name;
			if (IS_SLOT(ELF64_R_TYPE(entry->r_info)) && !strcmp(name, "write")) return (void **) (object->base + entry->r_offset);
		}
	}
	return NULL;
}

static int is_within(const struct object *object, const void *address) {
	return (ElfW(Addr)) address >= object->from && (ElfW(Addr)) address < object->to;
}

static int is_bound(const struct object *object, void **found) {
	if (is_within(object, *found)) ((write_function) *found)(-1, "", 0);
	return !is_within(object, *found);
}

/* the object that uWSGI itself is in: a program, or a library where it is one */
static int look(struct dl_phdr_info *info, size_t size, void *to) {
	struct object object = {.base = info->dlpi_addr, .from = UINTPTR_MAX};
	ElfW(Addr) wanted = (ElfW(Addr)) &uwsgi;
	const ElfW(Dyn) *dynamic = NULL;
	int is_it = 0;
	(void) size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *head = &info->dlpi_phdr[i];
		ElfW(Addr) from = info->dlpi_addr + head->p_vaddr, end = from + head->p_memsz;
		if (head->p_type == PT_DYNAMIC) dynamic = (const void *) from;
		if (head->p_type != PT_LOAD) continue;
		if (wanted >= from && wanted < end) is_it = 1;
		if (from < object.from) object.from = from;
		if (end > object.to) object.to = end;
	}
	if (!is_it || !dynamic) return 0;
	read_dynamic(&object, dynamic);
	void **found = slot_in(&object);
	if (is_within(&object, found) && is_bound(&object, found)) *(void ***) to = found;
	return 1;
}

static void **find_slot(void) {
	void **found = NULL;
	dl_iterate_phdr(look, &found);
	return found;
}

#else

static void **find_slot(void) {
	return NULL;
}

#endif

/* has the kernel store there what is there */
static int is_writable(void **at) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return 0;
	int is = write(ends[1], at, sizeof(*at)) == sizeof(*at) && read(ends[0], at, sizeof(*at)) == sizeof(*at);
	close(ends[0]);
	close(ends[1]);
	return is;
}

static int protect(int how) {
	uintptr_t at = (uintptr_t) slot;
	return mprotect((void *) (at - at % protect_len), protect_len, how);
}

/* on the way back the page is writable at most where it was made so */
static int put(write_function function) {
	if (!protect_len && !is_writable(slot)) protect_len = (size_t) sysconf(_SC_PAGESIZE);
	if (protect_len && protect(PROT_READ | PROT_WRITE)) return 0;
	int can = is_writable(slot);
	if (can) __atomic_store_n(slot, (void *) function, __ATOMIC_RELEASE);
	if (protect_len) protect(PROT_READ);
	return can;
}

void sentry_startup_output_begin(void) {
	if (slot) return;
	protect_len = 0;
	slot = find_slot();
	if (!slot) return;
	starting = pthread_self();
	before = (write_function) *slot;
	if (!put(noting_write)) slot = NULL;
}

/* if another library has put a function there since, that one stays */
void sentry_startup_output_end(void) {
	if (slot && *slot == (void *) noting_write) put(before);
	slot = NULL;
	last_line.len = 0;
}

/* uwsgi_log_verbose() and log-date put a time before it, ended by this */
const char *sentry_startup_output_last(void) {
	if (!last_line.len) return NULL;
	char *dash = strstr(last_line.text, " - ");
	const char *line = dash && dash - last_line.text <= 24 ? dash + 3 : last_line.text;
	return is_usual(line) ? NULL : line;
}
