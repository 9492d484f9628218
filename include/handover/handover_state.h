/*
 * What handover.c, handover_give.c and handover_take.c share; for nobody else.
 * The only code that knows sessions, the line and the owner's link at once.
 */
#ifndef HANDOVER_HANDOVER_STATE_H
#define HANDOVER_HANDOVER_STATE_H

#include "base/rc.h"
#include "base/sid.h"
#include "handover/handover.h"
#include "owner/owner.h"
#include "session/store.h"

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

/* The callbacks of each side. */
void handover_give_callbacks(struct owner_app *);
void handover_take_callbacks(struct owner_app *);

#endif
