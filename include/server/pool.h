/*
 * The connections of one loop: accepts them, knows how many there may be, and
 * closes them at the end. Of the server layer only; all of it runs on the
 * loop's thread.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "loop/loop.h"
#include "server/conn_state.h"
#include "server/transit.h"

#define POOL_PAUSE_MS 100		/* without accept after a failure */
#define POOL_DRAIN_MS 4500		/* from the drain to the end */

/* A listening descriptor, shared with the other loops; lies in its owner's. */
struct pool_listener {
	struct loop_io		 io;
	struct pool		*pool;
	int			 fd;
	struct list		 node;
};

struct pool {
	struct conn_env			 env;	/* set before pool_open */

	struct list			 listeners;
	struct timer			 retry;		/* set: accept pauses */
	struct timer			 give_up;
	struct list			 idle;		/* longest first */
	struct list			 busy;
	unsigned			 count;
	void				(*pass)(void *, int);	/* or NULL */
	void				*pass_arg;
	void				(*emptied)(void *);	/* or NULL */
	void				*emptied_arg;
};

/* The env's first part is set, but for its events; nothing is accepted yet. */
void pool_open(struct pool *);

/* Begin to accept on a listening descriptor, which stays the caller's. */
void pool_listen(struct pool *, struct pool_listener *, int fd);

/*
 * End it; the descriptor is not polled any more. Nothing happens when it was
 * not begun. last_calls: those who wait there already are accepted before, even
 * while the pool is held.
 */
void pool_unlisten(struct pool *, struct pool_listener *, bool last_calls);

/*
 * Take no new request, from wherever, until pool_release: nothing is accepted,
 * and idle connections are not read.
 */
void pool_hold(struct pool *);
void pool_release(struct pool *);

/*
 * While held: from now on, a connection that becomes idle leaves the pool, and
 * its descriptor is fn's.
 */
void pool_pass(struct pool *, void (*fn)(void *, int fd), void *arg);

/* Whether a request has begun to come and is not complete. */
bool pool_collects(const struct pool *);

/* While held: the descriptor of an idle connection, which is then the caller's
 * and not of the pool any more; -1: there is none. */
int pool_give(struct pool *);

/*
 * While held: take out a connection that has part of a request; false: there is
 * none. The part's buffer may have failed.
 */
bool pool_give_part(struct pool *, struct transit *);

/* A connection that has come from elsewhere; the part is used up. */
void pool_take(struct pool *, struct transit *);

/* Close all that there are, with an abort where a request runs. */
void pool_cut(struct pool *);

/* While held: fn is called, once, when the last connection is closed. */
void pool_await_empty(struct pool *, void (*fn)(void *), void *arg);

/*
 * Accept no more, close idle connections, ask the application to come to an
 * end; stops the loop when the last connection is closed, or after
 * POOL_DRAIN_MS, when the rest is cut off.
 */
void pool_drain(struct pool *);

#endif
