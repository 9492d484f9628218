/*
 * A circuit breaker: when half of the last turns failed at an upstream, the
 * next ones are refused at once, for a time that doubles while it does not
 * recover; then one may try. One visitor is not everybody: failures that only
 * one or two clients met shut nobody else out, neither at first nor after a
 * trial. Shared by all loops; values in, values out.
 */
#ifndef CHAT_MODEL_BREAKER_H
#define CHAT_MODEL_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define BREAKER_CALLS 20		/* looked back upon */
#define BREAKER_CLIENTS 3		/* that must have met failures */
#define BREAKER_FIRST_MS 10000		/* open for so long at first */
#define BREAKER_LAST_MS 60000		/* and at most */

/* How a call went, and whose it was: of IPv6, the network of 48 bits. */
struct breaker_result {
	struct addr	client;
	bool		failed;
};

struct breaker {
	/* guarded by mtx */
	pthread_mutex_t	 mtx;
	struct breaker_result result[BREAKER_CALLS];	/* a ring */
	unsigned	 calls;		/* in it */
	unsigned	 next;		/* to be written */
	int64_t		 open_until;	/* monotonic ms; 0: closed */
	int64_t		 open_ms;	/* the last opening's length */
	bool		 for_one;	/* it is open for one client only */
	struct addr	 one;
	bool		 trying;	/* one call tries whether it is well */
	struct addr	 tried[BREAKER_CLIENTS];	/* in vain */
	unsigned	 tried_count;
	int64_t		 again_at;	/* when these may try again */
	unsigned	 openings;	/* so far */
};

void breaker_init(struct breaker *);
void breaker_destroy(struct breaker *);

/* How a call passed. */
enum breaker_pass {
	BREAKER_REFUSED,
	BREAKER_CALL,
	BREAKER_TRIAL,			/* the one that tries */
};

/* A call that may be made. */
struct breaker_call {
	enum breaker_pass	 pass;
	unsigned		 openings;	/* before it began */
	struct addr		 client;
};

/*
 * Whether this client's call may be made now. One that may is followed by one
 * breaker_report or breaker_forget. Refused: *retry_ms is the time until it
 * may be tried again, at least 1.
 */
enum breaker_pass breaker_allow(struct breaker *, const struct addr *client,
    int64_t now, struct breaker_call *, int64_t *retry_ms);

/*
 * The same answer, but only to know: no call follows. client NULL: whether it
 * is open for anybody.
 */
enum breaker_pass breaker_look(struct breaker *, const struct addr *client,
    int64_t now, int64_t *retry_ms);

/*
 * How a call went. One that began before it opened says nothing of how the
 * upstream is now, and does not count. It opens for all when BREAKER_CLIENTS
 * met the failures; for the one that there was, when it was alone; else not.
 * A trial that failed shuts its own client out again, and all of them when so
 * many have tried in vain.
 */
void breaker_report(struct breaker *, const struct breaker_call *, bool ok,
    int64_t now);

/* A call was given up before it was known. */
void breaker_forget(struct breaker *, const struct breaker_call *);

#endif
