/*
 * The results of turns that run on in the old owner. A turn that ends there
 * after the sessions went is kept in its line until the new owner has its
 * result: so whoever is told that it is done finds it there.
 */
#include "handover/handover_results.h"

#include <string.h>

#include "base/clock.h"
#include "chat/turn_queue.h"
#include "handover/handover_ghosts.h"
#include "handover/handover_items.h"
#include "handover/handover_sessions.h"
#include "log/log.h"
#include "session/session_wire.h"

#define MAX_AGAIN 50 /* each after the old owner's look at what has ended */

/*
 * The old owner's.
 */

/* The session at ho->at is gone, or the new owner's with all that it is. */
static void
item_drop(struct handover *ho)
{
	struct handover_item *item = &ho->items[ho->at];

	item_forget(ho, item);
	turn_queue_tell(ho->env.queue, &item->sid, TURN_QUEUE_OVER);
	*item = ho->items[--ho->count];
}

/*
 * Whether a turn of the item at ho->at has ended, and is in the buffer; or it
 * must be looked at again, as the buffer fails.
 */
static bool
item_result(struct handover *ho, struct buf *out)
{
	struct handover_item *item = &ho->items[ho->at];
	struct packing p = { .ho = ho, .item = item, .result = true };

	item_load(&p, &WINDOW_NONE);
	if (p.there ? (p.line.kept ? item->sent : p.runs) : p.line.runs) {
		ho->at++;
		return false;
	}
	if (!p.there || (!p.line.kept && item->last)) {
		item_drop(ho);
		return false;
	}
	p.out = out;
	item_load(&p, &WINDOW_ALL);
	if (p.failed || out->failed) {
		out->failed = true;
		return true;
	}
	if (!p.there)
		return false;
	if (!p.line.kept) {
		item_drop(ho);
		return true;
	}
	item->sent = item->known = true;
	item->last = !p.runs;
	ho->at++;
	return true;
}

/* A turn that could not wait in line may have made a session of its own. */
static bool
results_next(struct handover *ho, struct buf *out)
{
	if (ho->at == 0 && !items_collect(ho, false)) {
		out->failed = true;
		return true;
	}
	while (ho->at < ho->count)
		if (item_result(ho, out))
			return true;
	ho->at = 0;
	return false;
}

/* A result that was sent is sent once more. */
static void
item_again(struct handover *ho, const struct sid *sid)
{
	struct handover_item *item = item_find(ho, sid);

	if (item != NULL)
		item->sent = false;
}

/*
 * The new owner has the result: the turn that waits behind that one goes on
 * here.
 */
static void
item_over(struct handover *ho, const struct sid *sid)
{
	item_again(ho, sid);
	turn_queue_tell(ho->env.queue, sid, TURN_QUEUE_OVER);
}

static void
results_signal(struct handover *ho, const char *data, size_t len)
{
	struct handover_item item;

	if (len != TELL_LENGTH)
		return;
	memcpy(&item.sid, data, sizeof(item.sid));
	switch (data[sizeof(item.sid)]) {
	case TURN_QUEUE_OVER:
		item_over(ho, &item.sid);
		break;
	case TELL_AGAIN:
		item_again(ho, &item.sid);
		break;
	case TURN_QUEUE_DELETED:
		item_forget(ho, &item);
		turn_queue_tell(ho->env.queue, &item.sid, TURN_QUEUE_DELETED);
		break;
	default:
		turn_queue_tell(ho->env.queue, &item.sid, TURN_QUEUE_STOP);
	}
}

static void
results_heir_lost(struct handover *ho)
{
	turn_queue_part(ho->env.queue, false);
}

/*
 * The new one's.
 */

/* For a while, a turn that waits can wait until there is memory. */
static bool
result_refuse(struct handover *ho, struct owner_link *link,
    const struct sid *sid, enum rc rc, int flags)
{
	const int waits = RESULT_KNOWN | RESULT_WAITS;

	log_error("owner", LOG_STR("refused", "result"));
	return rc == RC_NOMEM && (flags & waits) == waits &&
	       ++ho->again <= MAX_AGAIN && handover_tell(link, sid, TELL_AGAIN);
}

static bool
results_adopt(
    struct handover *ho, struct owner_link *link, const char *data, size_t len)
{
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
		ok = session_adopt(ho, &s);
	else
		waits = ghost_take(ho, &s, waits);
	if (waits)
		ok = handover_tell(link, &s.id, TURN_QUEUE_OVER) && ok;
	history_free(&s.history);
	return ok;
}

const struct handover_part handover_results = {
	.name = "results",
	.type = WIRE_RESULT,
	.next = results_next,
	.on_signal = results_signal,
	.on_heir_lost = results_heir_lost,
	.adopt = results_adopt,
	.on_owner_lost = ghosts_lost,
};
