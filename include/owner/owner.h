/*
 * The owner of the sessions: one process that accepts for all the processes
 * that web servers start, and that hands everything to another one when a new
 * program or configuration is to follow it. What is said is in owner_wire.h.
 *
 * It has a loop of its own, on the thread that calls these functions; all its
 * callbacks come there.
 */
#ifndef OWNER_OWNER_H
#define OWNER_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"
#include "owner/owner_dir.h"
#include "owner/owner_wire.h"
#include "server/server.h"

#define OWNER_MAX_LISTENERS 1024
#define OWNER_MAX_OTHERS 128		/* links that have no listener */
#define OWNER_FDS (2 * OWNER_MAX_LISTENERS + OWNER_MAX_OTHERS)


struct owner;
struct owner_link;		/* to the one before, whose turns still run */

/*
 * What the owner hands over, as bytes that only the application understands.
 */
struct owner_app {
	void	*arg;

	void	 (*tick)(void *arg);		/* once a second */
	void	 (*hangup)(void *arg);		/* SIGHUP */
	uint64_t (*live)(void *arg);		/* sessions */

	/*
	 * In the old owner, while no request comes in: begin a copy (false:
	 * without memory). The copy was taken: let go of what is the new
	 * owner's now, all but what turns that run still need. Or it was not:
	 * go on as before.
	 */
	bool	 (*begin)(void *arg);
	void	 (*committed)(void *arg);
	void	 (*aborted)(void *arg);

	/*
	 * Add to the buffer what the next frame of a type has; false: that was
	 * all for now. A WIRE_SESSION of the copy; a WIRE_SPENT after them,
	 * and again and again once it was committed; and then a WIRE_RESULT,
	 * a session in which a turn has ended. Without memory: true, and the
	 * buffer fails.
	 */
	bool	 (*next)(void *arg, enum wire_type, struct buf *);

	/*
	 * What the new owner has to tell of turns; nobody follows any more,
	 * which may come at any time.
	 */
	void	 (*on_signal)(void *arg, const char *, size_t);
	void	 (*on_heir_lost)(void *arg);

	/*
	 * In the new owner: what came in a frame; false: it is not to be
	 * understood. And the end of it: turns whose result did not come are
	 * lost.
	 */
	bool	 (*adopt)(void *arg, enum wire_type, struct owner_link *,
	    const char *, size_t);
	void	 (*on_owner_lost)(void *arg, struct owner_link *);
};

struct owner_conf {
	struct owner_dir	*dir;
	struct wire_hello	 self;
	int			 lock;		/* -1: another one owns it */
	int64_t			 linger_ms;
	struct server		*server;
	bool			*refused;	/* set when owner_open fails as
						   the one before says no */
};

/*
 * Begin to own: with the lock, on a new socket; without it, by following the
 * one who has it, which takes until its sessions have come. NULL: err says why,
 * for a person; the one before then serves on. The lock is the owner's.
 */
struct owner *owner_open(const struct owner_conf *, const struct owner_app *,
    struct err *err);

/*
 * Serve until a signal comes, or the order to stop, or nobody needs it any
 * more, or everything was handed over and the last turn has ended.
 */
void owner_run(struct owner *);

/* After server_drain. NULL is allowed. */
void owner_close(struct owner *);

/* Tell the old owner something, for its on_signal; false: it does not come. */
bool owner_tell(struct owner_link *, const void *, size_t);

/* The owner's loop, for what must be called on its thread. */
struct loop *owner_link_loop(const struct owner_link *);

#endif
