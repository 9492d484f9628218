/*
 * The FastCGI service: N loops, each with its thread. What they accept from is
 * said by server/acceptor.h.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/conn.h"

struct server;

struct server_conf {
	unsigned	 threads;	/* 0: one per core */
	unsigned	 conn_fds;	/* that a connection takes, with what
					   its request opens; not 0 */
	unsigned	 loop_fds;	/* that a loop takes besides */
	unsigned	 other_fds;	/* that the caller would have beside
					   them, see server_other_fds */
	size_t		 body_max;	/* bytes */
};

/*
 * Start. Raises the soft limit of descriptors to the hard one; at most so many
 * connections are held as fit below it, then the one that has been idle for
 * the longest makes room; the log says how many. NULL: what failed was logged.
 */
struct server *server_start(const struct server_conf *,
    const struct server_app *);

/*
 * Take no more connections (no listening descriptor is polled any more when
 * this returns), close idle ones, ask the application to bring its requests
 * to an end, and wait until all is answered or POOL_DRAIN_MS are over; then
 * end the threads and free everything.
 */
void server_drain(struct server *);

/*
 * How many of other_fds there are: where the limit of descriptors is too low
 * for all, half of it is for connections.
 */
unsigned server_other_fds(const struct server *);

/* For the server layer: the loops' pools, whose threads run. */
struct pool;
unsigned server_loops(const struct server *);
struct pool *server_pool(const struct server *, unsigned index);

#endif
