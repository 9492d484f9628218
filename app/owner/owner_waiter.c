/*
 * A web server may have a thousand of these. What makes them large is not what
 * they do, but the libraries that the owner needs: each has pages that the
 * dynamic linker wrote addresses into, half a megabyte in all. Nothing here
 * calls them, so they are unmapped; the process then leaves by _exit, past
 * whatever they would do at the end.
 */
#include "owner/owner_waiter.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MAX_OBJECTS 128

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED

struct range {
	uintptr_t from, to;
};

struct ranges {
	struct range list[MAX_OBJECTS];
	unsigned count;
};

/* From the first to the last byte that an object has in memory. */
static struct range
object_range(const struct dl_phdr_info *info)
{
	const ElfW(Phdr) *ph = info->dlpi_phdr;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1, from, to;
	struct range range = { UINTPTR_MAX, 0 };

	for (unsigned i = 0; i < info->dlpi_phnum; i++, ph++) {
		if (ph->p_type != PT_LOAD)
			continue;
		from = (info->dlpi_addr + ph->p_vaddr) & ~page;
		to = (info->dlpi_addr + ph->p_vaddr + ph->p_memsz + page) &
		     ~page;
		if (from < range.from)
			range.from = from;
		if (to > range.to)
			range.to = to;
	}
	return range;
}

static bool
has(const struct range *range, uintptr_t address)
{
	return address >= range->from && address < range->to;
}

/* The program, the C library, the dynamic linker, what the kernel added. */
static bool
is_needed(const struct range *range)
{
	return has(range, (uintptr_t)owner_waiter_wait) ||
	       has(range, (uintptr_t)dlsym(RTLD_DEFAULT, "_exit")) ||
	       has(range, (uintptr_t)getauxval(AT_BASE)) ||
	       has(range, (uintptr_t)getauxval(AT_SYSINFO_EHDR));
}

/*
 * The program's own tables of addresses, which the dynamic linker wrote to,
 * become the file's pages again. Those from _DYNAMIC on are still needed.
 */
static void
forget_tables(const struct dl_phdr_info *info)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1, from, to;
	const ElfW(Phdr) *ph = info->dlpi_phdr;

	to = (uintptr_t)_DYNAMIC & ~page;
	for (unsigned i = 0; i < info->dlpi_phnum; i++, ph++) {
		from = (info->dlpi_addr + ph->p_vaddr + page) & ~page;
		if (ph->p_type == PT_GNU_RELRO && from < to)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
}

static int
collect(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct ranges *ranges = arg;
	struct range range = object_range(info);

	(void)size;
	if (has(&range, (uintptr_t)owner_waiter_wait))
		forget_tables(info);
	if (range.from < range.to && !is_needed(&range) &&
	    ranges->count < MAX_OBJECTS)
		ranges->list[ranges->count++] = range;
	return 0;
}

static void
unmap_libraries(void)
{
	struct ranges ranges = { .count = 0 };

	dl_iterate_phdr(collect, &ranges);
	for (unsigned i = 0; i < ranges.count; i++)
		munmap((void *)ranges.list[i].from,
		    ranges.list[i].to - ranges.list[i].from);
}

#endif

/* The signals that end it. */
static void
signals_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGUSR1);
}

/* The same, as something to poll; or, with -1, as what ends any process. */
static int
signals_open(void)
{
	sigset_t set;
	int fd;

	signal(SIGHUP, SIG_IGN);
	signals_set(&set);
	if ((fd = signalfd(-1, &set, SFD_CLOEXEC)) == -1)
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	return fd;
}

void
owner_waiter_keep_signals(sigset_t *before)
{
	sigset_t set;

	signals_set(&set);
	sigprocmask(SIG_BLOCK, &set, before);
}

bool
owner_waiter_is_told(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && (sigismember(&set, SIGTERM) == 1 ||
					    sigismember(&set, SIGINT) == 1 ||
					    sigismember(&set, SIGUSR1) == 1);
}

_Noreturn void
owner_waiter_wait(int owner)
{
	struct pollfd pfds[2] = {
		{ .fd = owner, .events = POLLIN },
		{ .fd = signals_open(), .events = POLLIN },
	};

	malloc_trim(0);
#ifndef SANITIZED
	unmap_libraries();
#endif
	while (poll(pfds, 2, -1) == -1 && errno == EINTR)
		;
	_exit(0);
}
