/* The turns that run on in the owner before, in the line of the new one. */
#include "handover/handover_ghosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/container.h"
#include "chat/turn_queue.h"
#include "log/log.h"

struct ghost {
	struct ticket ticket;
	struct handover *ho;
	struct owner_link *link;
	struct ghost *next;
	bool waits; /* the turn, to be told that it is over */
};

static void
ghost_free(struct ticket *ticket)
{
	free(container_of(ticket, struct ghost, ticket));
}

/* Its place in line is free. */
static void
ghost_leave(struct ghost *ghost)
{
	struct ghost **at = &ghost->ho->ghosts;

	while (*at != ghost)
		at = &(*at)->next;
	*at = ghost->next;
	if (turn_queue_leave(ghost->ho->env.queue, &ghost->ticket))
		ghost_free(&ghost->ticket);
}

bool
handover_tell(struct owner_link *link, const struct sid *sid, int signal)
{
	char text[TELL_LENGTH];

	memcpy(text, sid, sizeof(*sid));
	text[sizeof(*sid)] = (char)signal;
	return owner_tell(link, text, sizeof(text));
}

static void
ghost_signal(struct ticket *ticket, unsigned signals)
{
	struct ghost *ghost = container_of(ticket, struct ghost, ticket);

	if (ghost->waits && signals & (TURN_QUEUE_OVER | TURN_QUEUE_DELETED))
		handover_tell(ghost->link, &ticket->sid, TURN_QUEUE_OVER);
	if (signals & TURN_QUEUE_DELETED)
		handover_tell(ghost->link, &ticket->sid, TURN_QUEUE_DELETED);
	else if (signals & TURN_QUEUE_STOP)
		handover_tell(ghost->link, &ticket->sid, TURN_QUEUE_STOP);
	if (signals & (TURN_QUEUE_OVER | TURN_QUEUE_DELETED))
		ghost_leave(ghost);
}

static const struct ticket_events ghost_events = { ghost_signal, ghost_free };

bool
ghost_enter(struct handover *ho, struct owner_link *link, const struct sid *sid)
{
	struct ghost *ghost;
	bool waits;

	if ((ghost = calloc(1, sizeof(*ghost))) == NULL)
		return false;
	if (turn_queue_enter(ho->env.queue, &ghost->ticket,
		owner_link_loop(link), sid, &ghost_events, &waits) != RC_OK) {
		free(ghost);
		return false;
	}
	ghost->ho = ho;
	ghost->link = link;
	ghost->next = ho->ghosts;
	ho->ghosts = ghost;
	return true;
}

static struct ghost *
ghost_find(struct handover *ho, const struct sid *sid)
{
	struct ghost *ghost = ho->ghosts;

	while (ghost != NULL && !sid_equal(&ghost->ticket.sid, sid))
		ghost = ghost->next;
	return ghost;
}

bool
ghost_take(struct handover *ho, struct session *s, bool waits)
{
	const struct store_now now = store_now_at(clock_mono_ms());
	struct ghost *ghost = ghost_find(ho, &s->id);

	if (ghost == NULL)
		return waits;
	store_return(ho->env.store, s, &now);
	if (s->held)
		return waits;
	if (turn_queue_end(ho->env.queue, &ghost->ticket)) {
		ghost->waits = waits;
		return false;
	}
	ghost_leave(ghost);
	return waits;
}

void
ghosts_lost(struct handover *ho, struct owner_link *link)
{
	const struct store_now now = store_now_at(clock_mono_ms());
	struct ghost *ghost, *next;

	for (ghost = ho->ghosts; ghost != NULL; ghost = next) {
		next = ghost->next;
		if (ghost->link != link)
			continue;
		log_warn("owner", LOG_STR("lost", "turn"));
		store_let_go(ho->env.store, &ghost->ticket.sid, &now);
		ghost_leave(ghost);
	}
}
