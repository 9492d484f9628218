/*
 * The store of sessions: what a backend must do, and the calls that the rest
 * uses. Every call but store_sweep answers through its callback, on the thread
 * that asked: the one in memory before the call returns, one behind a network
 * later. Copy in, copy out: nothing points into the store.
 *
 * `now` is monotonic milliseconds. A session expires when it was idle for
 * ttl_ms; an expired one is never served, swept or not. While a session is
 * held (a turn runs in it) it does not expire.
 */
#ifndef SESSION_STORE_H
#define SESSION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rc.h"
#include "base/sid.h"
#include "session/history.h"

/*
 * Called once for each store_create, with its creator: when the session has
 * ended, deleted or swept, or none was made. On any thread, under no lock; not
 * for those that are left at store_close.
 */
typedef void store_ended_f(void *arg, const struct addr *creator);

struct store_limits {
	int64_t		ttl_ms;
	uint64_t	max_sessions;
	uint64_t	memory;			/* bytes, all together; running
						   answers may exceed it */
	uint64_t	session_messages;
	uint64_t	session_bytes;		/* of text */
	store_ended_f	*ended;			/* or NULL */
	void		*ended_arg;
};

/* A session as it was when asked. */
struct session {
	struct sid	id;
	uint64_t	message_count;	/* since it began, dropped ones too */
	int64_t		created_ms;
	int64_t		active_ms;	/* last activity */
	int64_t		expires_ms;	/* held: if it were let go of now */
	struct addr	creator;		/* who made it */
	bool		held;		/* a turn runs */
	struct history	history;	/* what the call's window let in; the
					   callback may take it (and zero it),
					   else it is freed after it */
};

/* All sessions together, as they were when asked. */
struct store_totals {
	uint64_t	sessions;	/* live ones: those expired but not
					   swept do not count */
	uint64_t	bytes;		/* of memory; of those not swept too */
};

/* The answer; session is NULL unless rc is RC_OK. */
typedef void store_done_f(void *arg, enum rc rc, struct session *);
typedef void store_count_done_f(void *arg, enum rc rc,
    const struct store_totals *);	/* valid in the call */

struct store;

/*
 * A new session, with a new identifier; hold: for a turn. RC_CAPACITY at
 * max_sessions or when the memory limit is reached, RC_ENTROPY, RC_NOMEM.
 */
typedef void store_create_f(struct store *, const struct addr *creator,
    bool hold, int64_t now, store_done_f *, void *arg);

/*
 * Read a session. hold: for a turn (RC_CAPACITY when the memory limit is
 * reached); without it reading does not prolong it. creator: RC_NOSESSION when
 * it is another's; NULL: anybody's. RC_NOSESSION, RC_NOMEM.
 */
typedef void store_load_f(struct store *, const struct sid *,
    const struct addr *creator, bool hold, const struct window *, int64_t now,
    store_done_f *, void *arg);

/*
 * Add a pair to a session that is held, let go of it and begin its idle time
 * anew; the session is answered without history. RC_NOSESSION when it was
 * deleted meanwhile. RC_NOMEM: nothing was added, it was let go of.
 */
typedef void store_append_f(struct store *, const struct sid *,
    const struct message *question, const struct message *answer, int64_t now,
    store_done_f *, void *arg);

/* Let go without adding; begins the idle time anew. RC_NOSESSION. */
typedef void store_release_f(struct store *, const struct sid *, int64_t now,
    store_done_f *, void *arg);

/*
 * Delete a session, held or not; creator as for store_load. session is NULL.
 * RC_NOSESSION.
 */
typedef void store_delete_f(struct store *, const struct sid *,
    const struct addr *creator, int64_t now, store_done_f *, void *arg);

/* How many there are, and what they take; all 0 unless RC_OK. */
typedef void store_count_f(struct store *, int64_t now, store_count_done_f *,
    void *arg);

/* Whether more than three quarters of what there may be is taken. */
typedef bool store_is_crowded_f(struct store *);

/*
 * Remove up to max expired sessions; how many it removed. From any thread; it
 * never holds a lock over more than max. Fewer than max: there are no more.
 * max 0: none, but what has expired is counted, so that the next store_count
 * has little to do.
 */
typedef unsigned store_sweep_f(struct store *, int64_t now, unsigned max);

/*
 * For a process that hands its sessions to another one. They are answered and
 * taken at once, since only a store in memory does this.
 */

/*
 * Some sessions, without their histories. *place is 0 at first and is moved on,
 * so that the calls go through all sessions that live; those that are made
 * meanwhile may be missed, others come twice. RC_OK; RC_NOSESSION: that was
 * all; RC_NOMEM. The array is to be freed, whatever the result.
 */
struct store_list {
	struct session	*sessions;
	size_t		 count;
};
typedef enum rc store_export_f(struct store *, uint64_t *place, int64_t now,
    struct store_list *);

/*
 * Take in a session as it is, whatever the limits say, held if it is held; an
 * equal one is replaced; activity that lies ahead counts as now. The history is
 * the store's then. RC_OK, RC_NOMEM.
 */
typedef enum rc store_adopt_f(struct store *, struct session *, int64_t now);

/*
 * What a session that is held has become elsewhere: it is taken in its place,
 * and let go of unless it is held there; likewise. RC_OK; RC_NOSESSION: it was
 * deleted here.
 */
typedef enum rc store_return_f(struct store *, struct session *, int64_t now);

typedef void store_close_f(struct store *);

/* A backend. What may be NULL says so; the rest is set. */
struct store_backend {
	const char	*name;
	store_create_f	*create;
	store_load_f	*load;
	store_append_f	*append;
	store_release_f	*release;
	store_delete_f	*remove;
	store_count_f	*count;
	store_is_crowded_f *is_crowded;	/* NULL: never */
	store_sweep_f	*sweep;		/* NULL: it expires by itself */
	/* NULL, all three: sessions live outside of the process */
	store_export_f	*export;
	store_adopt_f	*adopt;
	store_return_f	*put_back;
	store_close_f	*close;
};

/* Every backend's struct begins with this. */
struct store {
	const struct store_backend	*backend;
};

/* The one in memory: a sharded map. NULL without memory. */
struct store *store_memory_open(const struct store_limits *);

/* The calls: each goes to the backend's function of the same name. */
store_create_f	store_create;
store_load_f	store_load;
store_append_f	store_append;
store_release_f	store_release;
store_delete_f	store_delete;
store_count_f	store_count;
store_is_crowded_f store_is_crowded;	/* false when the backend has none */
store_sweep_f	store_sweep;	/* 0 when the backend has none */
store_export_f	store_export;	/* RC_NOSESSION when the backend has none */
store_adopt_f	store_adopt;	/* likewise */
store_return_f	store_return;	/* likewise */
store_close_f	store_close;	/* frees it; NULL is allowed */

#endif
