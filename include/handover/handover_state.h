/*
 * What the parts of the hand-over share, and nobody else: what a part is, and
 * the bytes of results and signals.
 */
#ifndef HANDOVER_HANDOVER_STATE_H
#define HANDOVER_HANDOVER_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/sid.h"
#include "handover/handover.h"
#include "owner/owner.h"
#include "owner/owner_wire.h"

/*
 * A part of what goes over, which carries itself: one row of the list in
 * handover.c. next and adopt are set; another that is NULL has nothing to do.
 */
struct handover_part {
	const char	*name;
	enum wire_type	 type;		/* of the frames that carry it */

	/* In the old owner, as struct owner_app has them. */
	bool	(*begin)(struct handover *);
	bool	(*next)(struct handover *, struct buf *);
	void	(*committed)(struct handover *);
	void	(*aborted)(struct handover *);
	void	(*on_signal)(struct handover *, const char *, size_t);
	void	(*on_heir_lost)(struct handover *);

	/* In the new one. */
	bool	(*adopt)(struct handover *, struct owner_link *, const char *,
	    size_t);
	void	(*on_owner_lost)(struct handover *, struct owner_link *);
};

/* What a result begins with, one byte; the session is held: more is to come. */
enum {
	RESULT_KNOWN = 1,	/* the session is there already */
	RESULT_WAITS = 2,	/* its turn is kept until TURN_QUEUE_OVER */
};

/*
 * What the new owner tells: an id, and an enum turn_queue_signal as one byte;
 * or that the result is to come again, for lack of memory.
 */
#define TELL_AGAIN  64
#define TELL_LENGTH (sizeof(struct sid) + 1)

#endif
