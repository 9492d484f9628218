/*
 * The store of sessions: what a backend must do, and the calls that the rest
 * uses. A loop asks through its port; every answer comes through a callback on
 * that loop: from a store in memory before the call returns, from one elsewhere
 * later. So arg outlives the call, and a callback never writes to the stack of
 * its caller. Copy in, copy out: nothing points into the store.
 *
 * A session expires when it was idle for ttl_ms; an expired one is never
 * served, swept or not. While a session is held (a turn runs in it) it does
 * not expire. What is stored and shown is wall time; how long a session was
 * idle is measured by the store's own clock: the monotonic one of `now` in
 * memory, its server's elsewhere.
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

#define STORE_MAX_WAITING	4	/* holds that wait for one session */
#define STORE_MAX_KEYS		8	/* that a session remembers */

/* One moment on both clocks, in milliseconds. */
struct store_now {
	int64_t	mono_ms;	/* CLOCK_MONOTONIC */
	int64_t	wall_ms;	/* since 1970-01-01T00:00:00Z */
};

/* This moment, told by the clock that a loop has read. */
struct store_now store_now_at(int64_t mono_ms);

/*
 * Called once for each store_create of a store that is not shared, with its
 * creator: when the session has ended, deleted or swept, or none was made. On
 * any thread, under no lock; not for those that are left at store_close.
 */
typedef void store_ended_f(void *arg, const struct addr *creator);

struct store_limits {
	int64_t		ttl_ms;
	uint64_t	max_sessions;
	uint64_t	per_creator;		/* live ones of an address; 0:
						   any number. A shared store
						   counts them, another leaves
						   it to its caller (ended) */
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
	int64_t		created_ms;	/* wall */
	int64_t		active_ms;	/* wall: last activity */
	int64_t		left_ms;	/* until it expires; held: if it were
					   let go of now */
	struct addr	creator;	/* who made it */
	bool		held;		/* a turn runs */

	/*
	 * What the call's window let in, and the pair that its key was answered
	 * with. The callback may take them (and zero them), else they are freed
	 * after it.
	 */
	struct history	history;
	struct history	replay;
	uint64_t	replay_count;	/* message_count after that pair */
};

/*
 * A turn's right to a session, from store_create or store_load to store_append
 * or store_release. The token is random and new for each turn, so that it is
 * never taken for another's; an answer is added only to the history that it
 * answers: the session must still have the count.
 */
struct hold {
	struct sid	token;
	uint64_t	count;		/* message_count; the store's */
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

struct loop;
struct store;
struct store_port;

/* What a store tells the holder of a token, or a turn that waits to be one. */
enum store_signal {
	STORE_GO,		/* it is this one's turn: load again */
	STORE_STOP,		/* end the answer, keep what came */
	STORE_DELETED,		/* the session is gone */
	STORE_LOST,		/* another has the session: nothing is kept */
};

/* On the port's loop, not from within one of its calls. */
typedef void store_signal_f(void *arg, const struct sid *,
    const struct sid *token, enum store_signal);

/*
 * A loop's door to the store, with its connections, holds and places in line;
 * store_part closes it, when no answer is awaited any more. A store that
 * answers before its calls return needs no loop. NULL: what failed was logged.
 */
typedef struct store_port *store_join_f(struct store *, struct loop *,
    store_signal_f *, void *arg);
typedef void store_part_f(struct store_port *);

/*
 * A new session, with a new identifier; hold: for a turn, or NULL. RC_CAPACITY
 * at max_sessions or when the memory limit is reached, RC_TOO_MANY_SESSIONS,
 * RC_ENTROPY, RC_NOMEM.
 */
typedef void store_create_f(struct store_port *, const struct addr *creator,
    struct hold *, const struct store_now *, store_done_f *, void *arg);

struct store_ask {
	const struct sid	*sid;
	const struct addr	*creator;	/* RC_NOSESSION when it is
						   another's; NULL: anybody's */
	const struct window	*window;	/* of the history */
	const struct sid	*key;		/* if one of the last
						   STORE_MAX_KEYS: its pair is
						   replay, and history is empty;
						   or NULL */
	struct hold		*hold;		/* for a turn; NULL: only read,
						   which does not prolong it */
	struct store_now	 now;
};

/*
 * Read a session. What the ask points to but the hold is copied. RC_NOSESSION,
 * RC_NOMEM; for a hold also RC_CAPACITY when the memory limit is reached,
 * RC_HELD: another turn has it, elsewhere; a place in line is kept, STORE_GO
 * will come. RC_BUSY: STORE_MAX_WAITING wait there already.
 */
typedef void store_load_f(struct store_port *, const struct store_ask *,
    store_done_f *, void *arg);

/* After RC_HELD: leave the line; no signal comes any more. */
typedef void store_quit_f(struct store_port *, const struct sid *,
    const struct hold *);

/*
 * Add a pair to a session that is held, let go of it and begin its idle time
 * anew; the session is answered without history. RC_NOSESSION when it was
 * deleted meanwhile; RC_LOST: another turn came between, nothing was added.
 * RC_NOMEM: nothing was added, it was let go of.
 */
struct store_pair {
	const struct sid	*sid;
	const struct hold	*hold;
	const struct message	*question;
	const struct message	*answer;
	struct store_now	 now;
};
typedef void store_append_f(struct store_port *, const struct store_pair *,
    store_done_f *, void *arg);

/* Let go without adding; begins the idle time anew. RC_NOSESSION, RC_LOST. */
typedef void store_release_f(struct store_port *, const struct sid *,
    const struct hold *, const struct store_now *, store_done_f *, void *arg);

/*
 * Delete a session, held or not; creator as for store_load. session is NULL.
 * RC_NOSESSION.
 */
typedef void store_delete_f(struct store_port *, const struct sid *,
    const struct addr *creator, const struct store_now *, store_done_f *,
    void *arg);

/*
 * Tell whoever holds a session elsewhere; of the ask, sid, creator and now
 * count. RC_OK; RC_NOSESSION: nobody holds it.
 */
typedef void store_tell_f(struct store_port *, const struct store_ask *,
    enum store_signal, store_done_f *, void *arg);

/* How many there are, and what they take; all 0 unless RC_OK. */
typedef void store_count_f(struct store_port *, const struct store_now *,
    store_count_done_f *, void *arg);

/* Whether more than three quarters of what there may be is taken. */
typedef bool store_is_crowded_f(struct store *);

/*
 * Remove up to max expired sessions; how many it removed. From any thread; it
 * never holds a lock over more than max. Fewer than max: there are no more.
 * max 0: none, but what has expired is counted, so that the next store_count
 * has little to do.
 */
typedef unsigned store_sweep_f(struct store *, const struct store_now *,
    unsigned max);

typedef void store_close_f(struct store *);

/*
 * For a process that hands its sessions to another one: what only a store in
 * this process can do, at once and on any thread.
 */

/*
 * Some sessions, without their histories. *place is 0 at first and is moved on,
 * so that the calls go through all sessions that live; those that are made
 * meanwhile may be missed, others come twice. RC_OK; RC_NOSESSION: that was
 * all; RC_NOMEM. The array must be freed, whatever the result.
 */
struct store_list {
	struct session	*sessions;
	size_t		 count;
};
typedef enum rc store_export_f(struct store *, uint64_t *place,
    const struct store_now *, struct store_list *);

/* As it is now; the history must be freed. RC_NOSESSION, RC_NOMEM. */
typedef enum rc store_peek_f(struct store *, const struct sid *,
    const struct window *, const struct store_now *, struct session *);

/*
 * Take in a session as it is, whatever the limits say, held if it is held; an
 * equal one is replaced; activity that lies ahead counts as now. The history is
 * the store's then. RC_OK, RC_NOMEM.
 */
typedef enum rc store_adopt_f(struct store *, struct session *,
    const struct store_now *);

/*
 * What a session that is held has become elsewhere: it is taken in its place,
 * and let go of unless it is held there; activity as for store_adopt. RC_OK;
 * RC_NOSESSION: it was deleted here.
 */
typedef enum rc store_return_f(struct store *, struct session *,
    const struct store_now *);

/* Delete it, or let go of it, if it is there. */
typedef void store_forget_f(struct store *, const struct sid *,
    const struct store_now *);

/* The live ones. */
typedef uint64_t store_live_f(struct store *, const struct store_now *);

struct store_local {
	store_export_f	*export;
	store_peek_f	*peek;
	store_adopt_f	*adopt;
	store_return_f	*put_back;
	store_forget_f	*forget;
	store_forget_f	*let_go;
	store_live_f	*live;
};

/* A backend. What may be NULL says so; the rest is set. */
struct store_backend {
	const char		*name;
	bool			 shared;	/* with other processes */
	store_join_f		*join;
	store_part_f		*part;
	store_create_f		*create;
	store_load_f		*load;
	store_quit_f		*quit;		/* NULL: never RC_HELD */
	store_append_f		*append;
	store_release_f		*release;
	store_delete_f		*remove;
	store_tell_f		*tell;		/* NULL: nobody is elsewhere */
	store_count_f		*count;
	store_is_crowded_f	*is_crowded;	/* NULL: never */
	store_sweep_f		*sweep;		/* NULL: it expires by itself */
	const struct store_local *local;	/* NULL: sessions live outside
						   of the process */
	store_close_f		*close;
};

/* Every backend's structs begin with these. */
struct store {
	const struct store_backend	*backend;
};
struct store_port {
	struct store	*store;
};

/* The table of stores: what the setting `store` may name. */
typedef struct store *store_open_f(const struct store_limits *);
struct store_kind {
	const char	*name;
	store_open_f	*open;		/* NULL: what failed was logged */
};
extern const struct store_kind store_kinds[];
extern const size_t store_kinds_count;

/* The one in memory: a sharded map. NULL without memory. */
store_open_f	store_memory_open;

/* The calls: each goes to the backend's function of the same name. */
store_join_f	store_join;
store_part_f	store_part;	/* NULL is allowed */
store_create_f	store_create;
store_load_f	store_load;
store_quit_f	store_quit;	/* nothing when the backend has none */
store_append_f	store_append;
store_release_f	store_release;
store_delete_f	store_delete;
store_tell_f	store_tell;	/* RC_NOSESSION when the backend has none */
store_count_f	store_count;
store_is_crowded_f store_is_crowded;	/* false when the backend has none */
store_sweep_f	store_sweep;	/* 0 when the backend has none */
store_close_f	store_close;	/* frees it; NULL is allowed */

/* These answer RC_NOSESSION, or do nothing, when the store is not local. */
store_export_f	store_export;
store_peek_f	store_peek;
store_adopt_f	store_adopt;
store_return_f	store_return;
store_forget_f	store_forget;
store_forget_f	store_let_go;
store_live_f	store_live;

#endif
