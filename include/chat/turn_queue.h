/*
 * The line before a session: one turn runs, at most LINE_MAX_WAITING wait, in
 * order of arrival, whatever loop they are on. Shared by all loops.
 *
 * A place in the line (struct ticket) belongs to its turn. Signals come to it
 * as a mail to its loop; they may cross with its leaving, so a turn that leaves
 * looks at what line_leave says before it frees the ticket.
 */
#ifndef CHAT_TURN_QUEUE_H
#define CHAT_TURN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rc.h"
#include "base/sid.h"
#include "loop/loop.h"

#define LINE_MAX_WAITING 4

enum line_signal {
	LINE_GO = 1,		/* it is this one's turn */
	LINE_STOP = 2,		/* end the answer, keep what came */
	LINE_DELETED = 4,	/* the session is gone */
	LINE_OVER = 8,		/* its end is known where it has to be */
};

struct line;
struct ticket;

/* On the ticket's loop; signals are a set of enum line_signal. */
typedef void ticket_signal_f(struct ticket *, unsigned signals);

/* A mail that came after line_leave has been opened: free it now. */
typedef void ticket_free_f(struct ticket *);

struct ticket {
	/* set by line_enter */
	struct loop		*loop;
	struct sid		 sid;
	ticket_signal_f		*signal;
	ticket_free_f		*release;

	/* guarded by the line's lock */
	struct loop_task	 mail;
	unsigned		 signals;
	bool			 mailed;
	bool			 left;
	bool			 ended;		/* line_end was called */
	bool			 kept;		/* and LINE_OVER is to come */
	struct line		*line;
	struct ticket		*next;
};

/* NULL without memory. */
struct line *line_new(void);

/* Nobody may stand in it. NULL is allowed. */
void line_free(struct line *);

/*
 * Enter. RC_OK: it is this one's turn, *waits false; or it stands in line,
 * *waits true, and LINE_GO will come. RC_BUSY: the line is full, the ticket
 * stays outside.
 */
enum rc line_enter(struct line *, struct ticket *, struct loop *,
    const struct sid *, ticket_signal_f *, ticket_free_f *, bool *waits);

/*
 * Leave, running or waiting; the next one is told. True: the ticket may be
 * freed now; false: a mail is under way, release will be called.
 */
bool line_leave(struct line *, struct ticket *);

/*
 * The running one has ended, and will leave. True: only when LINE_OVER has
 * come, since its end has to be known elsewhere first (line_part).
 */
bool line_end(struct line *, struct ticket *);

/*
 * From now on, keep those that end; or keep them no more: then LINE_OVER goes
 * to all that were kept. From any thread.
 */
void line_part(struct line *, bool keep);

/* Who stands before a session, from any thread. */
struct line_view {
	bool	runs;			/* one does, and has not ended */
	bool	kept;			/* one has ended, and is kept */
	bool	waits;			/* others do, behind it */
};
struct line_view line_view(struct line *, const struct sid *);

/*
 * From any thread: LINE_STOP goes to the running one, LINE_OVER to one that is
 * kept, LINE_DELETED to all who stand in line. Whether there was one.
 */
bool line_tell(struct line *, const struct sid *, enum line_signal);

#endif
