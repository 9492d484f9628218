/* System calls that fail: see fault.c. */
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
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Eventfds: they are read and written whole, and nothing in them can fail. */
#define MAX_EVENTFDS 1024
static atomic_bool eventfds[MAX_EVENTFDS];

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
WRAP(getaddrinfo, int, fault_error(), getaddrinfo,
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
WRAP(pthread_create, int, fault_error(), pthread_create,
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
			if (fault_error() != FAULT_SHORT || n == 0) \
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
	if (fault_error() != FAULT_SHORT)
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
	if (fault_error() == FAULT_CUT)
		msg->msg_controllen = 0;
	else if (fault_error() == FAULT_SHORT)
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
	if (pid == 0)
		fault_forked();
	return pid;
}

/* A process that only waits unmaps its libraries (owner/owner_waiter.c). */
int
munmap(void *at, size_t n)
{
	static int (*real)(void *, size_t);

	FIND(real, munmap);
	if (fault_strikes(FAULT_munmap))
		return -1;
	fault_unmapped(at, n);
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
