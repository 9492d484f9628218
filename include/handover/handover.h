/*
 * How sessions, limits and running turns go from an owner to the one that
 * follows it: what the owner carries without understanding it. docs/handover.md
 * tells of it; the calls, of each part that has them, come in this order:
 *
 *	old owner		frames			heir
 *	begin			(no request comes in)
 *	next, until all went	SESSION, SPENT -->	adopt
 *	      or it failed: aborted, and it serves on
 *	committed		<-- MINE		serves
 *	next, again and again	RESULT, SPENT -->	adopt
 *	on_signal		<-- TELL		of a turn that runs on
 *	on_heir_lost		     or		 	on_owner_lost
 *
 * A session whose turn runs is copied held. The new owner keeps its place in
 * the line for it, so that whoever comes waits for that turn, may stop it or
 * delete its session; the result puts an end to it, before the turn's client
 * is told that it is done.
 */
#ifndef HANDOVER_HANDOVER_H
#define HANDOVER_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

#include "handover/handover_env.h"
#include "owner/owner.h"

struct handover_item;
struct ghost;			/* a turn that runs in the owner before */

struct handover {
	struct handover_env	 env;

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

void handover_init(struct handover *, const struct handover_env *);
void handover_free(struct handover *);

/* All callbacks but tick and hangup; their arg is the handover. */
struct owner_app handover_callbacks(struct handover *);

#endif
