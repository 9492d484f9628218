/*
 * How sessions and turns go from an owner to the one that follows it: what the
 * server layer carries without understanding it.
 *
 * A session whose turn runs is copied held. The new owner keeps its place in
 * the line for it, so that whoever comes waits for that turn, may stop it or
 * delete its session; the result puts an end to it, before the turn's client
 * is told that it is done.
 */
#ifndef HANDOVER_HANDOVER_H
#define HANDOVER_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sid.h"
#include "owner/owner.h"
#include "service/service.h"

struct handover_item;
struct ghost;			/* a turn that runs in the owner before */

struct handover {
	struct service		*app;

	/* the old owner's: what is to be copied, then what runs on */
	struct handover_item	*items;
	size_t			 count, room;
	size_t			 at;
	uint64_t		 spent_place;

	/* the new owner's */
	struct ghost		*ghosts;
	unsigned		 again;		/* results in a row, for which
						   there was no memory */
};

void handover_init(struct handover *, struct service *);
void handover_free(struct handover *);

/* All callbacks but tick and hangup; their arg is the handover. */
struct owner_app handover_callbacks(struct handover *);

#endif
