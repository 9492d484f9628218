/*
 * A turn: a message comes in, an answer goes out, and both enter the history
 * together or not at all. The only code that knows the store, the line and the
 * responder at once; it knows nothing of HTTP.
 */
#ifndef CHAT_TURN_H
#define CHAT_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rc.h"
#include "base/sid.h"
#include "chat/responder.h"
#include "chat/turn_queue.h"
#include "loop/loop.h"
#include "session/store.h"

#define TURN_MAX_ANSWER (128 * 1024)	/* bytes of an answer */

/* A loop's turns. */
struct turns;

struct turns_conf {
	struct store		*store;
	struct turn_queue	*queue;
	struct responder	*responder;	/* of this loop */
	struct window		 context;	/* of history in a prompt */
	int64_t			 wait_ms;	/* in line at most */
};

/*
 * Joins the store. NULL without memory, or what failed was logged. What conf
 * points to must outlive it.
 */
struct turns *turns_open(struct loop *, const struct turns_conf *);

/* The loop's port of the store, for whoever only looks into it. */
struct store_port *turns_port(const struct turns *);

/*
 * No turn may be running any more, and the loop is not in one of its turns:
 * mails from other loops that are still under way are awaited.
 */
void turns_close(struct turns *);	/* NULL is allowed */

/*
 * The process is about to end: turns that wait in line end with RC_UNAVAILABLE
 * at once; those who run, after grace_ms more, keeping what came. New ones are
 * refused with RC_UNAVAILABLE.
 */
void turns_drain(struct turns *, int64_t grace_ms);

struct turn;

/*
 * A key counts in a live session only: when one of its last STORE_MAX_KEYS
 * keyed turns had the same, that turn's answer is given again, with one delta;
 * with another message RC_KEY_REUSED ends the turn.
 */
struct turn_request {
	const struct sid	*sid;		/* NULL: a new session */
	const struct addr	*creator;	/* of a new session; copied */
	bool			 own;		/* only its may be named */
	const char		*message;	/* copied */
	size_t			 len;
	enum lang		 lang;
	const char		*request_id;	/* copied */
	const char		*key;		/* Idempotency-Key, or NULL */
	/* the client sees the pieces: keep them when it leaves */
	bool			 keep_partial;
};

struct turn_end {
	/*
	 * RC_OK: answered, wholly or (interrupted) in part; started came
	 * before. Else nothing entered the history.
	 */
	enum rc			 rc;
	enum rc			 interrupted;	/* RC_OK: complete */
	const struct sid	*sid;		/* NULL: none was reached */
	bool			 new_session;
	uint64_t		 message_count;
	const char		*answer;	/* all of it, "" when empty */
	size_t			 len;
	struct usage		 usage;
	const char		*cited;		/* what it goes by: cited.h's
						   bytes, or NULL */
	size_t			 cited_len;
	int64_t			 retry_ms;	/* of RC_UPSTREAM_DOWN and what
						   creates said: wait so long,
						   0: not known */
};

/*
 * Called in this order, on the loop, never before turn_start has returned. The
 * struct outlives the turn.
 */
struct turn_events {
	/*
	 * There is no session yet, or not any more: may one be made? RC_OK, or
	 * why not; *retry_ms is then how long to wait. NULL: always.
	 */
	enum rc	(*creates)(void *arg, int64_t *retry_ms);

	/* It was let into the line; only when it has to wait there. */
	void	(*waits)(void *arg);

	/* The session is known and the answer is asked for, or was stopped
	 * before that. */
	void	(*started)(void *arg, const struct sid *, bool new_session);

	void	(*delta)(void *arg, const char *, size_t);

	/* What the answer may cite, as cited.h's bytes; before any delta, and
	 * only in a chat that is grounded. */
	void	(*sources)(void *arg, const char *, size_t);

	/* Once, the last; the turn is gone when this returns. */
	void	(*done)(void *arg, const struct turn_end *);
};

/* NULL without memory: no callback comes. */
struct turn *turn_start(struct turns *, const struct turn_request *,
    const struct turn_events *, void *arg);

/*
 * The client has left: no callback comes after this. With keep_partial and
 * after the first piece, what came is kept as interrupted; else nothing. Not
 * from within one of the turn's events.
 */
void turn_leave(struct turn *);

#endif
