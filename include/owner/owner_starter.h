/*
 * What a process that a web server starts does instead of serving: it finds the
 * owner of the sessions, or starts it, gives it the listening descriptor, and
 * waits for its end (owner/owner_waiter.h).
 *
 * To be called early, while the process is small and has one thread: a new
 * owner is forked off here, and so many of these processes may wait that each
 * page counts.
 */
#ifndef OWNER_OWNER_STARTER_H
#define OWNER_OWNER_STARTER_H

#include <stddef.h>

#include "base/err.h"
#include "owner/owner_dir.h"
#include "owner/owner_wire.h"

enum owner_starter_end {
	OWNER_STARTER_OWNER,		/* this is the process of a new owner */
	OWNER_STARTER_FAILED,		/* err says why, for a person */
};

/* The new owner's, which is detached and has no descriptors but these. */
struct owner_starter_birth {
	int	lock;		/* -1: it follows one that lives */
	int	next;		/* the right to follow, or -1 */
	int	ready;		/* where it is awaited */
};

/*
 * listener: a listening descriptor; it is closed. The owner must be of the same
 * program and configuration as *self; another one is followed by a new one.
 */
enum owner_starter_end owner_starter_run(const struct owner_dir *,
    const struct wire_hello *self, int listener, struct owner_starter_birth *,
    struct err *err);

/*
 * The new owner serves: standard error, which is the web server's, is let go
 * of. Or it does not, since the one to be followed is gone: try again.
 */
void owner_starter_ready(struct owner_starter_birth *);
void owner_starter_again(struct owner_starter_birth *);

#endif
