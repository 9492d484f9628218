/* The simulator's clients, each on its connection, all on one thread. */
#ifndef BENCH_UPSTREAM_CONN_H
#define BENCH_UPSTREAM_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "upstream_call.h"
#include "upstream_plan.h"
#include "upstream_wheel.h"

struct conn;

struct counters {
	int64_t	calls, open, peak, tokens;
	int64_t	completed;	/* all was sent, failures too */
	int64_t	broken;		/* cut, reset or hung up */
	int64_t	cancelled;	/* the client left before */
	int64_t	connections, accepted;
};

struct simulator {
	struct plan		 usual;	/* what directives change */
	int			 ep;
	int64_t			 now;	/* ms, of this turn of the loop */

	/* the connections' */
	struct wheel		 wheel;
	struct counters		 count;
	struct call_keys	 keys;
	struct buf		 last;	/* the last call's request */
	struct buf		 out, scratch;	/* empty between two of them */
	struct conn		*closed;
};

void simulator_init(struct simulator *, int64_t now);

/* Add an accepted socket to ep, with a conn as its data; false: errno. */
bool conn_open(struct simulator *, int fd);

/* What epoll said about it; nothing happens when it is closed. */
void conn_ready(struct simulator *, struct conn *, uint32_t events);

/* All answers go on whose time has come. */
void conns_go(struct simulator *);

/* When no event speaks of them any more. */
void conns_free_closed(struct simulator *);

#endif
