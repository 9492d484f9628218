/*
 * What the driver of the torture and the program under it share: a file that
 * both have mapped (its path stands in CAUSERIE_FAULT). The driver,
 * tests/torture/program.py, knows this layout.
 */
#ifndef TORTURE_FAULT_H
#define TORTURE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_TRACE 24		/* calls of a trace */
#define FAULT_CALL  64		/* bytes of one, its NUL included */
#define FAULT_PROCESSES 64	/* that are told apart */

/* What can fail: memory, or a function of this name. */
#define FAULT_LIST(X) \
	X(memory) \
	X(accept4) \
	X(access) \
	X(bind) \
	X(close) \
	X(connect) \
	X(dup2) \
	X(epoll_create1) \
	X(epoll_ctl) \
	X(epoll_wait) \
	X(eventfd) \
	X(faccessat) \
	X(fchmod) \
	X(fcntl) \
	X(flock) \
	X(fopen) \
	X(fork) \
	X(fstat) \
	X(fstatat) \
	X(getaddrinfo) \
	X(getpeername) \
	X(getrandom) \
	X(getrlimit) \
	X(getsockname) \
	X(getsockopt) \
	X(listen) \
	X(lstat) \
	X(mkdir) \
	X(mmap) \
	X(mprotect) \
	X(munmap) \
	X(open) \
	X(openat) \
	X(pipe2) \
	X(poll) \
	X(prctl) \
	X(pthread_create) \
	X(read) \
	X(recv) \
	X(recvmsg) \
	X(send) \
	X(sendmsg) \
	X(setrlimit) \
	X(setsockopt) \
	X(signalfd) \
	X(sigtimedwait) \
	X(socket) \
	X(socketpair) \
	X(stat) \
	X(unlink) \
	X(unlinkat) \
	X(waitpid) \
	X(write)

#define FAULT_ENUM(name) FAULT_##name,
enum fault_kind { FAULT_LIST(FAULT_ENUM) FAULT_KINDS };
#undef FAULT_ENUM

#define FAULT_SHORT 0		/* for an errno: one byte goes through */
#define FAULT_CUT (-1)		/* what comes has lost its descriptors */

/* The process that was started is the first, those that it forks follow. */
struct fault_process {
	_Atomic int64_t	 pid;
	_Atomic int64_t	 depth;		/* forks between it and the first */
	_Atomic int64_t	 blocks;	/* of memory, not yet freed */
	_Atomic int64_t	 bytes;		/* in them */
};

struct fault_plan {
	/* set by the driver */
	_Atomic int64_t	 kind;		/* what is to fail, -1: nothing */
	_Atomic int64_t	 at;		/* the call that fails first, from 1 */
	_Atomic int64_t	 times;		/* how many calls fail */
	_Atomic int64_t	 error;		/* errno, FAULT_SHORT or _CUT */
	_Atomic int64_t	 ceiling;	/* of bytes of memory, 0: none */

	/* told by the program */
	_Atomic int64_t	 fired;		/* calls that failed */
	_Atomic int64_t	 count;		/* of processes */
	struct fault_process processes[FAULT_PROCESSES];
	_Atomic int64_t	 calls[FAULT_KINDS];
	char		 trace[FAULT_TRACE][FAULT_CALL]; /* to what failed */
};


/* Whether this call of a kind is one that is to fail; then errno is set. */
bool fault_strikes(enum fault_kind);

/* How: the plan's error. */
int fault_error(void);

/* In a new process; and when code is no more there, perhaps what traces. */
void fault_forked(void);
void fault_unmapped(const void *, size_t);

#endif
