/*
 * What uWSGI prints while it starts: when it exits then, its last line is the reason, and nothing else has it. No plugin is asked
 * about a line, and there is no master yet that reads the log; so uWSGI's calls of write() are routed through a function of ours, from
 * the moment that this plugin is loaded until the server serves. It notes what goes to the log, and writes it.
 *
 * The route is uWSGI's own table of the functions that it takes from libc (the slot of `write` in its GOT), where the linker has put an
 * address and anybody may put another. Where the slot is not found (a static uWSGI, 32 bits) or cannot be written, nothing is noted.
 * Each process that serves gives it back; one that inherits it and is none of those goes on noting in its own memory, and writes.
 */
#include "server/server.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#define MOST_SAID 512

static struct {
	char line[MOST_SAID];	/* the last whole line; one thread runs then */
	size_t len;
} said;

static void **slot;
static void *before;
static size_t protect_len;	/* of the page to make read-only again; 0: it was not */

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
	said.len = len < sizeof(said.line) - 1 ? len : sizeof(said.line) - 1;
	memcpy(said.line, text, said.len);
	said.line[said.len] = 0;
}

static ssize_t noting_write(int fd, const void *text, size_t len) {
	if (fd == 2) note(text, len);
	return write(fd, text, len);
}

#if __SIZEOF_POINTER__ == 8 && (defined(__x86_64__) || defined(__aarch64__))

#ifdef __x86_64__
#define IS_SLOT(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT)
#else
#define IS_SLOT(type) ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT)
#endif

struct object {
	ElfW(Addr) base, relro, relro_end;
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

/* the object that uWSGI itself is in: a program, or a library where it is one */
static int look(struct dl_phdr_info *info, size_t size, void *to) {
	struct object object = {.base = info->dlpi_addr};
	ElfW(Addr) wanted = (ElfW(Addr)) &uwsgi;
	const ElfW(Dyn) *dynamic = NULL;
	int is_it = 0;
	(void) size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *head = &info->dlpi_phdr[i];
		ElfW(Addr) from = info->dlpi_addr + head->p_vaddr;
		if (head->p_type == PT_LOAD && wanted >= from && wanted < from + head->p_memsz) is_it = 1;
		else if (head->p_type == PT_DYNAMIC) dynamic = (const void *) from;
		else if (head->p_type == PT_GNU_RELRO) object.relro = from, object.relro_end = from + head->p_memsz;
	}
	if (!is_it || !dynamic) return 0;
	read_dynamic(&object, dynamic);
	slot = slot_in(&object);
	ElfW(Addr) page = (ElfW(Addr)) sysconf(_SC_PAGESIZE);
	/* read-only since the linker is done; its last part of a page is not */
	*(size_t *) to = slot && (ElfW(Addr)) slot >= object.relro && (ElfW(Addr)) slot < (object.relro_end & ~(page - 1)) ? page : 0;
	return 1;
}

static void find_slot(void) {
	dl_iterate_phdr(look, &protect_len);
}

#else

static void find_slot(void) {
}

#endif

static int put(void *function) {
	char *page = (char *) ((uintptr_t) slot & ~(uintptr_t) (protect_len ? protect_len - 1 : 0));
	if (protect_len && mprotect(page, protect_len, PROT_READ | PROT_WRITE)) return 0;
	__atomic_store_n(slot, function, __ATOMIC_RELEASE);
	if (protect_len && mprotect(page, protect_len, PROT_READ)) return 1;	/* writable, as it is in most programs */
	return 1;
}

void sentry_printed_begin(void) {
	if (slot) return;
	find_slot();
	if (!slot) return;
	before = *slot;
	if (!put((void *) noting_write)) slot = NULL;
}

/* where somebody else has put a function there since, that one stays */
void sentry_printed_end(void) {
	if (slot && *slot == (void *) noting_write) put(before);
	slot = NULL;
	said.len = 0;
}

/* uwsgi_log_verbose() and log-date put a time before it, ended by this */
const char *sentry_printed_last(void) {
	if (!said.len) return NULL;
	char *dash = strstr(said.line, " - ");
	const char *line = dash && dash - said.line <= 24 ? dash + 3 : said.line;
	return is_usual(line) ? NULL : line;
}
