/*
 * Functions of the C library that fail when they are told to: these take the
 * place of its own in the whole program, so that what the libraries call
 * fails as well. Linked into causerie-torture only.
 */
#undef _FORTIFY_SOURCE

#include "fault.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

/* Eventfds: they are read and written whole, and nothing in them can fail. */
#define MAX_EVENTFDS 1024
static atomic_bool eventfds[MAX_EVENTFDS];

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

/* Whether this call of a kind is one that is to fail. */
static bool
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

	if (!begun || tracing)
		return false;
	over = plan->ceiling > 0 && self->bytes + (int64_t)n > plan->ceiling;
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
WRAP(access, int, -1, access, (const char *path, int mode), (path, mode))
WRAP(bind, int, -1, bind, (int fd, __CONST_SOCKADDR_ARG sa, socklen_t len),
    (fd, sa, len))
WRAP(connect, int, -1, connect,
    (int fd, __CONST_SOCKADDR_ARG sa, socklen_t len), (fd, sa, len))
WRAP(dup2, int, -1, dup2, (int fd, int to), (fd, to))
WRAP(epoll_create1, int, -1, epoll_create1, (int flags), (flags))
WRAP(epoll_wait, int, -1, epoll_wait,
    (int fd, struct epoll_event *events, int most, int ms),
    (fd, events, most, ms))
WRAP(faccessat, int, -1, faccessat,
    (int fd, const char *path, int mode, int flags), (fd, path, mode, flags))
WRAP(fchmod, int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(flock, int, -1, flock, (int fd, int how), (fd, how))
WRAP(fopen, FILE *, NULL, fopen, (const char *path, const char *mode),
    (path, mode))
WRAP(fstat, int, -1, fstat, (int fd, struct stat *st), (fd, st))
WRAP(fstatat, int, -1, fstatat,
    (int dir, const char *path, struct stat *st, int flags),
    (dir, path, st, flags))
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
WRAP(mkdir, int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(mmap, void *, MAP_FAILED, mmap,
    (void *at, size_t n, int prot, int flags, int fd, off_t off),
    (at, n, prot, flags, fd, off))
WRAP(mprotect, int, -1, mprotect, (void *at, size_t n, int prot), (at, n, prot))
WRAP(pipe2, int, -1, pipe2, (int ends[2], int flags), (ends, flags))
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
WRAP(signalfd, int, -1, signalfd, (int fd, const sigset_t *set, int flags),
    (fd, set, flags))
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
WRAP(unlinkat, int, -1, unlinkat, (int dir, const char *path, int flags),
    (dir, path, flags))
WRAP(waitpid, pid_t, -1, waitpid, (pid_t pid, int *status, int options),
    (pid, status, options))

static bool
is_eventfd(int fd)
{
	return fd >= 0 && fd < MAX_EVENTFDS && eventfds[fd];
}

/*
 * Those that can also do a part of what they were asked for.
 */
#define WRAP_PART(kind, type, name, whole, params, args) \
	type name params \
	{ \
		static type(*real) params; \
\
		FIND(real, name); \
		if (!(whole) && fault_strikes(FAULT_##kind)) { \
			if (plan->error != FAULT_SHORT || n == 0) \
				return -1; \
			n = 1; \
		} \
		return real args; \
	}

WRAP_PART(getrandom, ssize_t, getrandom, false,
    (void *to, size_t n, unsigned flags), (to, n, flags))
WRAP_PART(read, ssize_t, read, is_eventfd(fd), (int fd, void *to, size_t n),
    (fd, to, n))
WRAP_PART(recv, ssize_t, recv, false, (int fd, void *to, size_t n, int flags),
    (fd, to, n, flags))
WRAP_PART(send, ssize_t, send, false,
    (int fd, const void *from, size_t n, int flags), (fd, from, n, flags))
WRAP_PART(write, ssize_t, write, is_eventfd(fd),
    (int fd, const void *from, size_t n), (fd, from, n))

/* Of a message's first part, one byte. */
ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static ssize_t (*real)(int, const struct msghdr *, int);
	struct msghdr part = *msg;
	struct iovec one = { .iov_base = msg->msg_iov->iov_base, .iov_len = 1 };

	FIND(real, sendmsg);
	if (!fault_strikes(FAULT_sendmsg))
		return real(fd, msg, flags);
	if (plan->error != FAULT_SHORT)
		return -1;
	part.msg_iov = &one;
	part.msg_iovlen = 1;
	return real(fd, &part, flags);
}

/* Where no descriptor is free, those that come are lost (unix(7)). */
ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	static ssize_t (*real)(int, struct msghdr *, int);
	size_t len = msg->msg_iov->iov_len;
	ssize_t n;

	FIND(real, recvmsg);
	if (!fault_strikes(FAULT_recvmsg))
		return real(fd, msg, flags);
	if (plan->error == FAULT_CUT)
		msg->msg_controllen = 0;
	else if (plan->error == FAULT_SHORT)
		msg->msg_iov->iov_len = 1;
	else
		return -1;
	n = real(fd, msg, flags);
	msg->msg_iov->iov_len = len;
	return n;
}

int
eventfd(unsigned count, int flags)
{
	static int (*real)(unsigned, int);
	int fd;

	FIND(real, eventfd);
	if (fault_strikes(FAULT_eventfd))
		return -1;
	fd = real(count, flags);
	if (fd >= 0 && fd < MAX_EVENTFDS)
		eventfds[fd] = true;
	return fd;
}

pid_t
fork(void)
{
	static pid_t (*real)(void);
	pid_t pid;

	FIND(real, fork);
	if (fault_strikes(FAULT_fork))
		return -1;
	pid = real();
	if (pid == 0 && plan != NULL)
		process_add(self);
	return pid;
}

/* A process that only waits unmaps its libraries (server/waiter.c). */
int
munmap(void *at, size_t n)
{
	static int (*real)(void *, size_t);

	FIND(real, munmap);
	if (fault_strikes(FAULT_munmap))
		return -1;
	if (tracer.from - (uintptr_t)at < n)
		tracer.from = 0;
	return real(at, n);
}

/* A descriptor is closed also where close fails (close(2)). */
int
close(int fd)
{
	static int (*real)(int);
	int rc;

	FIND(real, close);
	if (fd >= 0 && fd < MAX_EVENTFDS)
		eventfds[fd] = false;
	rc = real(fd);
	return fault_strikes(FAULT_close) ? -1 : rc;
}

/*
 * Nothing fails to be taken out, or changed: the kernel needs memory only for
 * what is added.
 */
int
epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
	static int (*real)(int, int, int, struct epoll_event *);

	FIND(real, epoll_ctl);
	if (op == EPOLL_CTL_ADD && fault_strikes(FAULT_epoll_ctl))
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

/* The mode of an open that may make a file. */
#define OPEN_MODE(mode, flags) \
	do { \
		va_list ap; \
\
		va_start(ap, flags); \
		if ((flags)&O_CREAT) \
			mode = va_arg(ap, mode_t); \
		va_end(ap); \
	} while (0)

int
open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	mode_t mode = 0;

	FIND(real, open);
	OPEN_MODE(mode, flags);
	return fault_strikes(FAULT_open) ? -1 : real(path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	static int (*real)(int, const char *, int, ...);
	mode_t mode = 0;

	FIND(real, openat);
	OPEN_MODE(mode, flags);
	return fault_strikes(FAULT_openat) ? -1 : real(dir, path, flags, mode);
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
