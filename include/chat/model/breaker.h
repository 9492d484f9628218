/*
 * A circuit breaker: when half of the last calls to an upstream failed, the
 * next ones are refused at once, for a time that doubles while it does not
 * recover; then one call may try. Shared by all loops; values in, values out.
 */
#ifndef CHAT_MODEL_BREAKER_H
#define CHAT_MODEL_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define BREAKER_CALLS 20		/* looked back upon */
#define BREAKER_FIRST_MS 10000		/* open for so long at first */
#define BREAKER_LAST_MS 60000		/* and at most */

struct breaker {
	/* guarded by mtx */
	pthread_mutex_t	 mtx;
	uint32_t	 failed;	/* a bit per call, the newest lowest */
	unsigned	 calls;		/* known, up to BREAKER_CALLS */
	int64_t		 open_until;	/* monotonic ms; 0: closed */
	int64_t		 open_ms;	/* the last opening's length */
	bool		 trying;	/* one call tries whether it is well */
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
};

/*
 * Whether a call may be made now. One that may is followed by one
 * breaker_report or breaker_forget. Refused: *retry_ms is the time until it
 * may be tried again, at least 1.
 */
enum breaker_pass breaker_allow(struct breaker *, int64_t now,
    struct breaker_call *, int64_t *retry_ms);

/* The same answer, but only to know: no call follows. */
enum breaker_pass breaker_look(struct breaker *, int64_t now,
    int64_t *retry_ms);

/*
 * How a call went. One that began before it opened says nothing of how the
 * upstream is now, and does not count.
 */
void breaker_report(struct breaker *, const struct breaker_call *, bool ok,
    int64_t now);

/* A call was given up before it was known. */
void breaker_forget(struct breaker *, const struct breaker_call *);

#endif
