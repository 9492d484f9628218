/*
 * The line before a session: one turn runs, at most TURN_QUEUE_MAX_WAITING
 * wait, in order of arrival, whatever loop they are on. Shared by all loops.
 *
 * A place in the line (struct ticket) belongs to its turn. Signals come to it
 * as a mail to its loop; they may cross with its leaving, so a turn that leaves
 * looks at what turn_queue_leave says before it frees the ticket.
 */
#ifndef CHAT_TURN_QUEUE_H
#define CHAT_TURN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rc.h"
#include "base/sid.h"
#include "loop/loop.h"

#define TURN_QUEUE_MAX_WAITING 4

enum turn_queue_signal {
	TURN_QUEUE_GO = 1,	/* it is this one's turn */
	TURN_QUEUE_STOP = 2,	/* end the answer, keep what came */
	TURN_QUEUE_DELETED = 4,	/* the session is gone */
	TURN_QUEUE_OVER = 8,	/* its end is known where it has to be */
};

struct turn_queue;
struct ticket;

/* Both on the ticket's loop. */
struct ticket_events {
	/* a set of enum turn_queue_signal */
	void	(*signal)(struct ticket *, unsigned signals);

	/* A mail that came after turn_queue_leave was opened: free it now. */
	void	(*release)(struct ticket *);
};

struct ticket {
	/* set by turn_queue_enter */
	struct loop		*loop;
	struct sid		 sid;
	const struct ticket_events *events;

	/* guarded by the line's lock */
	struct loop_task	 mail;
	unsigned		 signals;
	bool			 mailed;
	bool			 left;
	bool			 ended;		/* turn_queue_end was called */
	bool			 kept;		/* TURN_QUEUE_OVER is to come */
	struct turn_queue	*line;
	struct ticket		*next;
};

/* NULL without memory. */
struct turn_queue *turn_queue_new(void);

/* Nobody may stand in it. NULL is allowed. */
void turn_queue_free(struct turn_queue *);

/*
 * Enter. RC_OK: it is this one's turn, *waits false; or it stands in line,
 * *waits true, and TURN_QUEUE_GO will come. RC_BUSY: the line is full, the
 * ticket stays outside.
 */
enum rc turn_queue_enter(struct turn_queue *, struct ticket *, struct loop *,
    const struct sid *, const struct ticket_events *, bool *waits);

/*
 * Leave, running or waiting; the next one is told. True: the ticket may be
 * freed now; false: a mail is under way, release will be called.
 */
bool turn_queue_leave(struct turn_queue *, struct ticket *);

/*
 * The running one has ended, and will leave. True: only when TURN_QUEUE_OVER
 * has come, since its end has to be known elsewhere first (turn_queue_part).
 */
bool turn_queue_end(struct turn_queue *, struct ticket *);

/*
 * From now on, keep those that end; or keep them no more: then TURN_QUEUE_OVER
 * goes to all that were kept. From any thread.
 */
void turn_queue_part(struct turn_queue *, bool keep);

/* Who stands before a session, from any thread. */
struct turn_queue_view {
	bool	runs;			/* one does, and has not ended */
	bool	kept;			/* one has ended, and is kept */
	bool	waits;			/* others do, behind it */
};
struct turn_queue_view turn_queue_view(struct turn_queue *, const struct sid *);

/*
 * From any thread: TURN_QUEUE_STOP goes to the running one, TURN_QUEUE_OVER to
 * one that is kept, TURN_QUEUE_DELETED to all who stand in line. Whether there
 * was one.
 */
bool turn_queue_tell(struct turn_queue *, const struct sid *,
    enum turn_queue_signal);

#endif
