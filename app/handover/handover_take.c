/* The new owner's sessions, and the turns that run on in the one before. */
#include "base/container.h"
#include "handover/handover_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/turn_queue.h"
#include "handover/spent_wire.h"
#include "log/log.h"
#include "session/session_wire.h"
#include "session/store.h"

#define MAX_AGAIN 50 /* each after the old owner's look at what has ended */

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
	if (turn_queue_leave(ghost->ho->app->line, &ghost->ticket))
		ghost_free(&ghost->ticket);
}

static bool
tell(struct owner_link *link, const struct sid *sid, int signal)
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
		tell(ghost->link, &ticket->sid, TURN_QUEUE_OVER);
	if (signals & TURN_QUEUE_DELETED)
		tell(ghost->link, &ticket->sid, TURN_QUEUE_DELETED);
	else if (signals & TURN_QUEUE_STOP)
		tell(ghost->link, &ticket->sid, TURN_QUEUE_STOP);
	if (signals & (TURN_QUEUE_OVER | TURN_QUEUE_DELETED))
		ghost_leave(ghost);
}

static bool
ghost_enter(struct handover *ho, struct owner_link *link, const struct sid *sid)
{
	struct ghost *ghost;
	bool waits;

	if ((ghost = calloc(1, sizeof(*ghost))) == NULL)
		return false;
	if (turn_queue_enter(ho->app->line, &ghost->ticket,
		owner_link_loop(link), sid, ghost_signal, ghost_free,
		&waits) != RC_OK) {
		free(ghost);
		return false;
	}
	ghost->ho = ho;
	ghost->link = link;
	ghost->next = ho->ghosts;
	ho->ghosts = ghost;
	return true;
}

static bool
adopt(struct handover *ho, struct session *s)
{
	const struct store_now now = store_now_at(clock_mono_ms());

	if (limit_adopt(ho->app->limits, &s->creator, LIMIT_SESSIONS) != RC_OK)
		return false;
	if (store_adopt(ho->app->store, s, &now) == RC_OK)
		return true;
	limit_end(ho->app->limits, &s->creator, LIMIT_SESSIONS);
	return false;
}

static bool
handover_adopt(void *arg, struct owner_link *link, const char *data, size_t len)
{
	struct handover *ho = arg;
	struct session s;
	bool ok;

	if (session_decode(&s, data, len, clock_wall_offset()) != RC_OK) {
		log_error("owner", LOG_STR("refused", "session"));
		return false;
	}
	ok = (!s.held || ghost_enter(ho, link, &s.id)) && adopt(ho, &s);
	history_free(&s.history);
	return ok;
}

static struct ghost *
ghost_find(struct handover *ho, const struct sid *sid)
{
	struct ghost *ghost = ho->ghosts;

	while (ghost != NULL && !sid_equal(&ghost->ticket.sid, sid))
		ghost = ghost->next;
	return ghost;
}

/*
 * What the turn that it stands for has ended with; whether that may be told to
 * the turn now, which waits for it. Where a third owner follows, the ghost is
 * kept, too.
 */
static bool
ghost_take(struct handover *ho, struct session *s, bool waits)
{
	const struct store_now now = store_now_at(clock_mono_ms());
	struct ghost *ghost = ghost_find(ho, &s->id);

	if (ghost == NULL)
		return waits;
	store_return(ho->app->store, s, &now);
	if (s->held)
		return waits;
	if (turn_queue_end(ho->app->line, &ghost->ticket)) {
		ghost->waits = waits;
		return false;
	}
	ghost_leave(ghost);
	return waits;
}

/* For a while, a turn that waits can wait until there is memory. */
static bool
result_refuse(struct handover *ho, struct owner_link *link,
    const struct sid *sid, enum rc rc, int flags)
{
	const int waits = RESULT_KNOWN | RESULT_WAITS;

	log_error("owner", LOG_STR("refused", "result"));
	return rc == RC_NOMEM && (flags & waits) == waits &&
	       ++ho->again <= MAX_AGAIN && tell(link, sid, TELL_AGAIN);
}

static bool
handover_adopt_result(
    void *arg, struct owner_link *link, const char *data, size_t len)
{
	struct handover *ho = arg;
	enum rc rc = RC_FIELD;
	struct session s;
	bool ok = true, waits;

	if (len > 0)
		rc = session_decode(&s, data + 1, len - 1, clock_wall_offset());
	if (rc != RC_OK)
		return result_refuse(ho, link, &s.id, rc, len > 0 ? *data : 0);
	ho->again = 0;
	waits = (*data & RESULT_WAITS) != 0;
	if ((*data & RESULT_KNOWN) == 0)
		ok = adopt(ho, &s);
	else
		waits = ghost_take(ho, &s, waits);
	if (waits)
		ok = tell(link, &s.id, TURN_QUEUE_OVER) && ok;
	history_free(&s.history);
	return ok;
}

static bool
handover_adopt_spent(void *arg, const char *data, size_t len)
{
	const struct handover *ho = arg;
	bool ok = spent_adopt(ho->app, data, len, clock_mono_ms());

	if (!ok)
		log_error("owner", LOG_STR("refused", "what was spent"));
	return ok;
}

static void
handover_orphaned(void *arg, struct owner_link *link)
{
	const struct store_now now = store_now_at(clock_mono_ms());
	struct handover *ho = arg;
	struct ghost *ghost, *next;

	for (ghost = ho->ghosts; ghost != NULL; ghost = next) {
		next = ghost->next;
		if (ghost->link != link)
			continue;
		log_warn("owner", LOG_STR("lost", "turn"));
		store_let_go(ho->app->store, &ghost->ticket.sid, &now);
		ghost_leave(ghost);
	}
}

void
handover_take_callbacks(struct owner_app *app)
{
	app->adopt = handover_adopt;
	app->adopt_result = handover_adopt_result;
	app->adopt_spent = handover_adopt_spent;
	app->orphaned = handover_orphaned;
}
