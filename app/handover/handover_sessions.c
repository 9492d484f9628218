/* The sessions, while no request comes in. */
#include "handover/handover_sessions.h"

#include <stdlib.h>

#include "base/clock.h"
#include "chat/turn_queue.h"
#include "handover/handover_ghosts.h"
#include "handover/handover_items.h"
#include "limits/limit.h"
#include "log/log.h"
#include "session/session_wire.h"

/*
 * The old owner's.
 */

static int
by_activity(const void *a, const void *b)
{
	const struct handover_item *left = a, *right = b;

	return (left->active_ms > right->active_ms) -
	       (left->active_ms < right->active_ms);
}

/* In the order in which the new owner's list wants them. */
static bool
sessions_begin(struct handover *ho)
{
	bool ok;

	turn_queue_part(ho->env.queue, true);
	ho->count = ho->at = 0;
	ok = items_collect(ho, true);
	if (ho->count > 0)
		qsort(ho->items, ho->count, sizeof(*ho->items), by_activity);
	return ok;
}

/* One that has expired meanwhile is left out. */
static bool
sessions_next(struct handover *ho, struct buf *out)
{
	struct packing p = { .ho = ho, .out = out };

	while (!p.there && !p.failed && ho->at < ho->count) {
		p.item = &ho->items[ho->at++];
		item_load(&p, &WINDOW_ALL);
		p.item->ours = p.runs || p.line.kept;
	}
	out->failed = out->failed || p.failed;
	return p.there || p.failed;
}

static void
sessions_committed(struct handover *ho)
{
	size_t kept = 0;

	for (size_t i = 0; i < ho->count; i++) {
		if (ho->items[i].ours)
			ho->items[kept++] = ho->items[i];
		else
			item_forget(ho, &ho->items[i]);
	}
	ho->count = kept;
	ho->at = 0;
}

/*
 * The new one's.
 */

bool
session_adopt(struct handover *ho, struct session *s)
{
	const struct store_now now = store_now_at(clock_mono_ms());

	if (limit_adopt(ho->env.limits, &s->creator, LIMIT_SESSIONS) != RC_OK)
		return false;
	if (store_adopt(ho->env.store, s, &now) == RC_OK)
		return true;
	limit_end(ho->env.limits, &s->creator, LIMIT_SESSIONS);
	return false;
}

static bool
sessions_adopt(
    struct handover *ho, struct owner_link *link, const char *data, size_t len)
{
	struct session s;
	bool ok;

	if (session_decode(&s, data, len, clock_wall_offset()) != RC_OK) {
		log_error("owner", LOG_STR("refused", "session"));
		return false;
	}
	ok = (!s.held || ghost_enter(ho, link, &s.id)) && session_adopt(ho, &s);
	history_free(&s.history);
	return ok;
}

const struct handover_part handover_sessions = {
	.name = "sessions",
	.type = WIRE_SESSION,
	.begin = sessions_begin,
	.next = sessions_next,
	.committed = sessions_committed,
	.adopt = sessions_adopt,
};
