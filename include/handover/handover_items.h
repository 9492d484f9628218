/*
 * What an owner that is followed lists: its sessions, to be copied; then those
 * whose turns run on, until their results have gone. For handover/ only.
 */
#ifndef HANDOVER_HANDOVER_ITEMS_H
#define HANDOVER_HANDOVER_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/sid.h"
#include "chat/turn_queue.h"
#include "handover/handover_state.h"
#include "session/store.h"

struct handover_item {
	struct sid	 sid;
	int64_t		 active_ms;
	bool		 ours;		/* held when it was copied, or made
					   afterwards */
	bool		 known;		/* to the new owner */
	bool		 sent;		/* the result of a turn that is kept */
	bool		 last;		/* and nobody waits behind it */
};

/* NULL: it is not listed. */
struct handover_item *item_find(struct handover *, const struct sid *);

/*
 * List all that are in the store; or those that the new owner does not know,
 * when their turn has ended. False without memory.
 */
bool items_collect(struct handover *, bool known);

/* A session on its way into a buffer, held: a turn runs, or is to run. */
struct packing {
	struct handover		*ho;
	struct handover_item	*item;
	struct buf		*out;		/* NULL: it is only looked at */
	struct turn_queue_view	 line;		/* as it was before */
	bool			 result;	/* after a turn */
	bool			 there;
	bool			 failed;	/* neither there nor gone */
	bool			 runs;
};

void item_load(struct packing *, const struct window *);

/* The session is no longer this owner's. */
void item_forget(struct handover *, const struct handover_item *);

#endif
