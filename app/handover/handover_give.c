/*
 * The old owner's sessions. A turn that ends here after they went is kept in
 * its line until the new owner has its result: so whoever is told that it is
 * done finds it there.
 */
#include "handover/handover_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/turn_queue.h"
#include "handover/spent_wire.h"
#include "log/log.h"
#include "session/session_wire.h"
#include "session/store.h"

#define ITEMS_STEP 1024

struct handover_item {
	struct sid sid;
	int64_t active_ms;
	bool ours;  /* held when it was copied, or made afterwards */
	bool known; /* to the new owner */
	bool sent;  /* the result of a turn that is kept */
	bool last;  /* and nobody waits behind it */
};

static bool
items_add(struct handover *ho, const struct session *s, bool known)
{
	struct handover_item *items;

	if (ho->count == ho->room) {
		items = realloc(
		    ho->items, (ho->room + ITEMS_STEP) * sizeof(*items));
		if (items == NULL)
			return false;
		ho->items = items;
		ho->room += ITEMS_STEP;
	}
	ho->items[ho->count++] = (struct handover_item){
		.sid = s->id,
		.active_ms = s->active_ms,
		.ours = !known,
		.known = known,
	};
	return true;
}

static struct handover_item *
item_find(struct handover *ho, const struct sid *sid)
{
	for (size_t i = 0; i < ho->count; i++)
		if (sid_equal(&ho->items[i].sid, sid))
			return &ho->items[i];
	return NULL;
}

static bool
is_stranger(struct handover *ho, const struct session *s)
{
	return !s->held && item_find(ho, &s->id) == NULL;
}

/*
 * All that are in the store; or those that the new owner does not know, when
 * their turn has ended. False without memory.
 */
static bool
items_collect(struct handover *ho, bool known)
{
	const struct store_now now = store_now_at(clock_mono_ms());
	struct store_list list;
	uint64_t place = 0;
	enum rc rc;
	bool ok = true;

	do {
		rc = store_export(ho->app->store, &place, &now, &list);
		for (size_t i = 0; rc == RC_OK && ok && i < list.count; i++)
			if (known || is_stranger(ho, &list.sessions[i]))
				ok = items_add(ho, &list.sessions[i], known);
		free(list.sessions);
	} while (rc == RC_OK && ok);
	if (ok && rc == RC_NOSESSION)
		return true;
	log_error("memory", LOG_STR("for", "hand over"));
	return false;
}

static int
by_activity(const void *a, const void *b)
{
	const struct handover_item *left = a, *right = b;

	return (left->active_ms > right->active_ms) -
	       (left->active_ms < right->active_ms);
}

/* In the order in which the new owner's list wants them. */
static bool
handover_copy(void *arg)
{
	struct handover *ho = arg;
	bool ok;

	turn_queue_part(ho->app->line, true);
	ho->count = ho->at = 0;
	ho->spent_place = 0;
	ok = items_collect(ho, true);
	if (ho->count > 0)
		qsort(ho->items, ho->count, sizeof(*ho->items), by_activity);
	return ok;
}

/* A session on its way into a buffer, held: a turn runs, or is to run. */
struct packing {
	struct handover *ho;
	struct handover_item *item;
	struct buf *out;             /* NULL: it is only looked at */
	struct turn_queue_view line; /* as it was before */
	bool result;                 /* after a turn */
	bool there;
	bool failed; /* neither there nor gone */
	bool runs;
};

static void
pack(struct packing *p, struct session *s)
{
	const struct turn_queue_view *line = &p->line;

	p->runs = s->held || line->runs || line->waits;
	if (p->out == NULL)
		return;
	s->held = p->runs || (!p->result && line->kept);
	if (p->result)
		buf_addc(p->out, (char)((p->item->known ? RESULT_KNOWN : 0) |
					(line->kept ? RESULT_WAITS : 0)));
	session_encode(p->out, s);
}

/* The line first: what has ended there is in the store. */
static void
item_load(struct packing *p, const struct window *window)
{
	const struct store_now now = store_now_at(clock_mono_ms());
	struct session s;
	enum rc rc;

	p->line = turn_queue_view(p->ho->app->line, &p->item->sid);
	rc = store_peek(p->ho->app->store, &p->item->sid, window, &now, &s);
	p->there = rc == RC_OK;
	p->failed = !p->there && rc != RC_NOSESSION;
	if (p->there)
		pack(p, &s);
	history_free(&s.history);
}

static void
item_forget(struct handover *ho, const struct handover_item *item)
{
	const struct store_now now = store_now_at(clock_mono_ms());

	store_forget(ho->app->store, &item->sid, &now);
}

/* One that has expired meanwhile is left out. */
static bool
handover_next(void *arg, struct buf *out)
{
	struct handover *ho = arg;
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
handover_given(void *arg)
{
	struct handover *ho = arg;
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

static bool
handover_spent(void *arg, struct buf *out)
{
	struct handover *ho = arg;

	return spent_encode(ho->app, &ho->spent_place, out);
}

static void
handover_kept(void *arg)
{
	struct handover *ho = arg;

	spent_keep(ho->app);
}

/* The session at ho->at is gone, or the new owner's with all that it is. */
static void
item_drop(struct handover *ho)
{
	struct handover_item *item = &ho->items[ho->at];

	item_forget(ho, item);
	turn_queue_tell(ho->app->line, &item->sid, TURN_QUEUE_OVER);
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
handover_result(void *arg, struct buf *out)
{
	struct handover *ho = arg;

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
	turn_queue_tell(ho->app->line, sid, TURN_QUEUE_OVER);
}

static void
handover_told(void *arg, const char *data, size_t len)
{
	struct handover *ho = arg;
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
		turn_queue_tell(ho->app->line, &item.sid, TURN_QUEUE_DELETED);
		break;
	default:
		turn_queue_tell(ho->app->line, &item.sid, TURN_QUEUE_STOP);
	}
}

static void
handover_alone(void *arg)
{
	struct handover *ho = arg;

	turn_queue_part(ho->app->line, false);
}

void
handover_give_callbacks(struct owner_app *app)
{
	app->copy = handover_copy;
	app->next = handover_next;
	app->given = handover_given;
	app->spent = handover_spent;
	app->kept = handover_kept;
	app->result = handover_result;
	app->told = handover_told;
	app->alone = handover_alone;
}
