/*
 * The plan, which call it makes fail, and memory. What is defined here and in
 * fault_calls.c takes the place of the C library's functions in the whole
 * program, so that what the libraries call fails as well. Linked into
 * causerie-torture only.
 */
#undef _FORTIFY_SOURCE

#include "fault.h"

#include <sys/mman.h>

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The C library's own. */
#define MEMORY(name) __libc_##name
void *MEMORY(malloc)(size_t);
void *MEMORY(calloc)(size_t, size_t);
void *MEMORY(realloc)(void *, size_t);
void *MEMORY(memalign)(size_t, size_t);
void MEMORY(free)(void *);

static struct fault_plan *plan;
static struct fault_process *self; /* of the plan */
static bool begun;                 /* with failing */

/* A library, and where its code is. */
struct object {
	const char *name;
	uintptr_t from, to;
};

/*
 * Libraries that do not survive a failed allocation, which our code knows
 * before (base/room.h): theirs only fail where a ceiling is reached.
 */
static struct object spared[] = {
	{ "/libfcgi.so", 0, 0 },
	{ "/libjson-c.so", 0, 0 },
};

#define SPARED (sizeof(spared) / sizeof(spared[0]))

/* What backtrace needs. */
static struct object tracer = { "/libgcc_s.so", 0, 0 };

static _Thread_local bool tracing;

static struct object *
object_of(const char *name)
{
	size_t i;

	for (i = 0; i < SPARED; i++)
		if (strstr(name, spared[i].name) != NULL)
			return &spared[i];
	return strstr(name, tracer.name) != NULL ? &tracer : NULL;
}

static int
object_find(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *o = object_of(info->dlpi_name);
	const ElfW(Phdr) * ph;
	int i;

	(void)size;
	(void)arg;
	for (i = 0; i < info->dlpi_phnum && o != NULL; i++) {
		ph = &info->dlpi_phdr[i];
		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		o->from = info->dlpi_addr + ph->p_vaddr;
		o->to = o->from + ph->p_memsz;
	}
	return 0;
}

static bool
spares(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;
	size_t i;

	for (i = 0; i < SPARED; i++)
		if (at >= spared[i].from && at < spared[i].to)
			return true;
	return false;
}

/* This is a process that was not counted yet. */
static void
process_add(const struct fault_process *parent)
{
	int64_t n = plan->count++;

	self = &plan->processes[n < FAULT_PROCESSES ? n : FAULT_PROCESSES - 1];
	self->pid = getpid();
	if (parent == NULL)
		return;
	self->depth = parent->depth + 1;
	self->blocks = parent->blocks;
	self->bytes = parent->bytes;
}

/*
 * Before the libraries begin, the C library too, since what they allocate then
 * is freed at the end as well.
 */
static void
fault_count(int argc, char **argv, char **environment)
{
	static const char name[] = "CAUSERIE_FAULT=";
	struct fault_plan *map;
	int fd;

	(void)argc;
	(void)argv;
	while (*environment != NULL &&
	       strncmp(*environment, name, sizeof(name) - 1) != 0)
		environment++;
	if (*environment == NULL)
		return;
	fd = open(*environment + sizeof(name) - 1, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	map = mmap(
	    NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	plan = map;
	process_add(NULL);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(
    int, char **, char **) = fault_count;

static __attribute__((constructor)) void
fault_begin(void)
{
	void *address;

	if (plan == NULL)
		return;
	backtrace(&address, 1); /* it loads a library at first */
	dl_iterate_phdr(object_find, NULL);
	unsetenv("CAUSERIE_FAULT");
	begun = true;
}

/* The object and the place in it, for addr2line. */
static void
call_name(char name[FAULT_CALL], void *at)
{
	Dl_info info;
	const char *slash;

	if (at == NULL || dladdr(at, &info) == 0) {
		name[0] = '\0';
		return;
	}
	slash = strrchr(info.dli_fname, '/');
	snprintf(name, FAULT_CALL, "%s+%#tx %s",
	    slash != NULL ? slash + 1 : info.dli_fname,
	    (char *)at - (char *)info.dli_fbase,
	    info.dli_sname != NULL ? info.dli_sname : "");
}

/* Where it failed; what tracing itself needs does not fail. */
static void
fault_trace(void)
{
	void *at[FAULT_TRACE] = { NULL };
	int i;

	if (tracer.from == 0)
		return;
	tracing = true;
	backtrace(at, FAULT_TRACE);
	for (i = 0; i < FAULT_TRACE; i++)
		call_name(plan->trace[i], at[i]);
	tracing = false;
}

/* Of several, the first is traced. */
static void
fault_struck(void)
{
	if (plan->fired++ == 0)
		fault_trace();
}

bool
fault_strikes(enum fault_kind kind)
{
	int64_t left;

	if (!begun || tracing)
		return false;
	plan->calls[kind]++;
	if (plan->kind != (int64_t)kind)
		return false;
	left = --plan->at;
	if (left > 0 || left <= -plan->times)
		return false;
	fault_struck();
	errno = (int)plan->error;
	return true;
}

int
fault_error(void)
{
	return (int)plan->error;
}

void
fault_forked(void)
{
	if (plan != NULL)
		process_add(self);
}

void
fault_unmapped(const void *from, size_t n)
{
	if (tracer.from - (uintptr_t)from < n)
		tracer.from = 0;
}

/*
 * Memory.
 */

static bool
memory_strikes(size_t n, const void *caller)
{
	bool over;

	if (!begun || tracing)
		return false;
	over = plan->ceiling > 0 && self->bytes + (int64_t)n > plan->ceiling;
	if (over)
		fault_struck();
	if (over || (!spares(caller) && fault_strikes(FAULT_memory))) {
		errno = ENOMEM;
		return true;
	}
	return false;
}

static void *
memory_add(void *p)
{
	if (p != NULL && self != NULL) {
		self->blocks++;
		self->bytes += (int64_t)malloc_usable_size(p);
	}
	return p;
}

static void
memory_take(void *p)
{
	if (p != NULL && self != NULL) {
		self->blocks--;
		self->bytes -= (int64_t)malloc_usable_size(p);
	}
}

#define CALLER __builtin_return_address(0)

void *
malloc(size_t n)
{
	if (memory_strikes(n, CALLER))
		return NULL;
	return memory_add(MEMORY(malloc)(n));
}

void *
calloc(size_t count, size_t n)
{
	if (memory_strikes(count * n, CALLER))
		return NULL;
	return memory_add(MEMORY(calloc)(count, n));
}

void *
realloc(void *p, size_t n)
{
	void *longer;

	if (n > 0 && memory_strikes(n, CALLER))
		return NULL;
	memory_take(p);
	if ((longer = MEMORY(realloc)(p, n)) == NULL && n > 0) {
		memory_add(p);
		return NULL;
	}
	return memory_add(longer);
}

void *
memalign(size_t alignment, size_t n)
{
	if (memory_strikes(n, CALLER))
		return NULL;
	return memory_add(MEMORY(memalign)(alignment, n));
}

void *
aligned_alloc(size_t alignment, size_t n)
{
	if (memory_strikes(n, CALLER))
		return NULL;
	return memory_add(MEMORY(memalign)(alignment, n));
}

int
posix_memalign(void **p, size_t alignment, size_t n)
{
	if (memory_strikes(n, CALLER))
		return ENOMEM;
	*p = memory_add(MEMORY(memalign)(alignment, n));
	return *p != NULL ? 0 : ENOMEM;
}

char *
strdup(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy;

	if (memory_strikes(n, CALLER))
		return NULL;
	copy = memory_add(MEMORY(malloc)(n));
	return copy != NULL ? memcpy(copy, text, n) : NULL;
}

void
free(void *p)
{
	memory_take(p);
	MEMORY(free)(p);
}
