/*
 * Functions of the C library that fail when they are told to: these take the
 * place of its own in the whole program, so that what the libraries call
 * fails as well. Linked into causerie-torture only.
 */
#undef _FORTIFY_SOURCE

#include "fault.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
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

/*
 * Libraries that do not survive a failed allocation, which our code knows
 * before (base/room.h): theirs only fail where a ceiling is reached.
 */
static struct spared {
	const char *name;
	uintptr_t from, to;
} spared[] = {
	{ "/libfcgi.so", 0, 0 },
	{ "/libjson-c.so", 0, 0 },
};

#define SPARED (sizeof(spared) / sizeof(spared[0]))

static _Thread_local bool tracing;

static int
spared_find(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Phdr) * ph;
	struct spared *s = spared;
	int i;

	(void)size;
	(void)arg;
	while (s < spared + SPARED && strstr(info->dlpi_name, s->name) == NULL)
		s++;
	for (i = 0; i < info->dlpi_phnum && s < spared + SPARED; i++) {
		ph = &info->dlpi_phdr[i];
		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		s->from = info->dlpi_addr + ph->p_vaddr;
		s->to = s->from + ph->p_memsz;
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

static __attribute__((constructor)) void
fault_begin(void)
{
	const char *path = getenv("CAUSERIE_FAULT");
	struct fault_plan *map;
	void *address;
	int fd;

	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	map = mmap(
	    NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	dl_iterate_phdr(spared_find, NULL);
	backtrace(&address, 1); /* it loads a library at first */
	unsetenv("CAUSERIE_FAULT");
	plan = map;
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

	tracing = true;
	backtrace(at, FAULT_TRACE);
	for (i = 0; i < FAULT_TRACE; i++)
		call_name(plan->trace[i], at[i]);
	tracing = false;
}

/* Whether this call of a kind is one that is to fail. */
static bool
fault_strikes(enum fault_kind kind)
{
	int64_t left;

	if (plan == NULL || tracing)
		return false;
	plan->calls[kind]++;
	if (plan->kind != (int64_t)kind)
		return false;
	left = --plan->at;
	if (left > 0 || left <= -plan->times)
		return false;
	fault_trace();
	plan->fired++;
	errno = (int)plan->error;
	return true;
}

/*
 * Memory.
 */

static bool
memory_strikes(size_t n, const void *caller)
{
	bool over;

	if (plan == NULL || tracing)
		return false;
	over = plan->ceiling > 0 && plan->bytes + (int64_t)n > plan->ceiling;
	if (over) {
		fault_trace();
		plan->fired++;
	}
	if (over || (!spares(caller) && fault_strikes(FAULT_memory))) {
		errno = ENOMEM;
		return true;
	}
	return false;
}

static void *
memory_add(void *p)
{
	if (p != NULL && plan != NULL) {
		plan->blocks++;
		plan->bytes += (int64_t)malloc_usable_size(p);
	}
	return p;
}

static void
memory_take(void *p)
{
	if (p != NULL && plan != NULL) {
		plan->blocks--;
		plan->bytes -= (int64_t)malloc_usable_size(p);
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

/*
 * The system.
 */

/* The function that stands behind ours. */
#define FIND(real, name) \
	if (real == NULL) \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

#define WRAP(kind, type, failed, name, params, args) \
	type name params \
	{ \
		static type(*real) params; \
\
		FIND(real, name); \
		if (fault_strikes(FAULT_##kind)) \
			return failed; \
		return real args; \
	}

WRAP(accept4, int, -1, accept4,
    (int fd, __SOCKADDR_ARG sa, socklen_t *len, int flags),
    (fd, sa, len, flags))
WRAP(bind, int, -1, bind, (int fd, __CONST_SOCKADDR_ARG sa, socklen_t len),
    (fd, sa, len))
WRAP(connect, int, -1, connect,
    (int fd, __CONST_SOCKADDR_ARG sa, socklen_t len), (fd, sa, len))
WRAP(epoll_create1, int, -1, epoll_create1, (int flags), (flags))
WRAP(epoll_wait, int, -1, epoll_wait,
    (int fd, struct epoll_event *events, int most, int ms),
    (fd, events, most, ms))
WRAP(eventfd, int, -1, eventfd, (unsigned count, int flags), (count, flags))
WRAP(faccessat, int, -1, faccessat,
    (int fd, const char *path, int mode, int flags), (fd, path, mode, flags))
WRAP(fchmod, int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(fopen, FILE *, NULL, fopen, (const char *path, const char *mode),
    (path, mode))
WRAP(fstat, int, -1, fstat, (int fd, struct stat *st), (fd, st))
WRAP(getaddrinfo, int, (int)plan->error, getaddrinfo,
    (const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **found),
    (node, service, hints, found))
WRAP(getpeername, int, -1, getpeername,
    (int fd, __SOCKADDR_ARG sa, socklen_t *len), (fd, sa, len))
WRAP(getrlimit, int, -1, getrlimit,
    (__rlimit_resource_t what, struct rlimit *limit), (what, limit))
WRAP(getsockname, int, -1, getsockname,
    (int fd, __SOCKADDR_ARG sa, socklen_t *len), (fd, sa, len))
WRAP(getsockopt, int, -1, getsockopt,
    (int fd, int level, int name, void *value, socklen_t *len),
    (fd, level, name, value, len))
WRAP(listen, int, -1, listen, (int fd, int backlog), (fd, backlog))
WRAP(lstat, int, -1, lstat, (const char *path, struct stat *st), (path, st))
WRAP(mmap, void *, MAP_FAILED, mmap,
    (void *at, size_t n, int prot, int flags, int fd, off_t off),
    (at, n, prot, flags, fd, off))
WRAP(mprotect, int, -1, mprotect, (void *at, size_t n, int prot), (at, n, prot))
WRAP(poll, int, -1, poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms))
WRAP(pthread_create, int, (int)plan->error, pthread_create,
    (pthread_t * thread, const pthread_attr_t *attr, void *(*run)(void *),
	void *arg),
    (thread, attr, run, arg))
WRAP(setrlimit, int, -1, setrlimit,
    (__rlimit_resource_t what, const struct rlimit *limit), (what, limit))
WRAP(setsockopt, int, -1, setsockopt,
    (int fd, int level, int name, const void *value, socklen_t len),
    (fd, level, name, value, len))
WRAP(sigtimedwait, int, -1, sigtimedwait,
    (const sigset_t *set, siginfo_t *info, const struct timespec *time),
    (set, info, time))
WRAP(socket, int, -1, socket, (int domain, int type, int protocol),
    (domain, type, protocol))
WRAP(socketpair, int, -1, socketpair,
    (int domain, int type, int protocol, int fds[2]),
    (domain, type, protocol, fds))
WRAP(stat, int, -1, stat, (const char *path, struct stat *st), (path, st))
WRAP(unlink, int, -1, unlink, (const char *path), (path))

/*
 * Those that can also do a part of what they were asked for; but not of the 8
 * bytes of an eventfd, which are taken whole or not at all (eventfd(2)).
 */
#define WRAP_PART(kind, type, name, params, args) \
	type name params \
	{ \
		static type(*real) params; \
\
		FIND(real, name); \
		if (fault_strikes(FAULT_##kind)) { \
			if (plan->error != 0 || n == 0) \
				return -1; \
			if (n != 8) \
				n = 1; \
		} \
		return real args; \
	}

WRAP_PART(getrandom, ssize_t, getrandom, (void *to, size_t n, unsigned flags),
    (to, n, flags))
WRAP_PART(read, ssize_t, read, (int fd, void *to, size_t n), (fd, to, n))
WRAP_PART(recv, ssize_t, recv, (int fd, void *to, size_t n, int flags),
    (fd, to, n, flags))
WRAP_PART(send, ssize_t, send, (int fd, const void *from, size_t n, int flags),
    (fd, from, n, flags))
WRAP_PART(
    write, ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n))

/* A descriptor is closed also where close fails (close(2)). */
int
close(int fd)
{
	static int (*real)(int);
	int rc;

	FIND(real, close);
	rc = real(fd);
	return fault_strikes(FAULT_close) ? -1 : rc;
}

/* Nothing fails to be taken out. */
int
epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
	static int (*real)(int, int, int, struct epoll_event *);

	FIND(real, epoll_ctl);
	if (op != EPOLL_CTL_DEL && fault_strikes(FAULT_epoll_ctl))
		return -1;
	return real(ep, op, fd, event);
}

int
fcntl(int fd, int op, ...)
{
	static int (*real)(int, int, ...);
	va_list ap;
	void *arg;

	FIND(real, fcntl);
	va_start(ap, op);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fault_strikes(FAULT_fcntl) ? -1 : real(fd, op, arg);
}

int
open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	va_list ap;
	mode_t mode = 0;

	FIND(real, open);
	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return fault_strikes(FAULT_open) ? -1 : real(path, flags, mode);
}

int
prctl(int option, ...)
{
	static int (*real)(int, ...);
	unsigned long arg[4];
	va_list ap;
	int i;

	FIND(real, prctl);
	va_start(ap, option);
	for (i = 0; i < 4; i++)
		arg[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (fault_strikes(FAULT_prctl))
		return -1;
	return real(option, arg[0], arg[1], arg[2], arg[3]);
}
