/* The sessions that go to the next owner, as the old one lists them. */
#include "handover/handover_items.h"

#include <stdlib.h>

#include "base/clock.h"
#include "log/log.h"
#include "session/session_wire.h"

#define ITEMS_STEP 1024

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

struct handover_item *
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

bool
items_collect(struct handover *ho, bool known)
{
	const struct store_now now = store_now_at(clock_mono_ms());
	struct store_list list;
	uint64_t place = 0;
	enum rc rc;
	bool ok = true;

	do {
		rc = store_export(ho->env.store, &place, &now, &list);
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
void
item_load(struct packing *p, const struct window *window)
{
	const struct store_now now = store_now_at(clock_mono_ms());
	struct session s;
	enum rc rc;

	p->line = turn_queue_view(p->ho->env.queue, &p->item->sid);
	rc = store_peek(p->ho->env.store, &p->item->sid, window, &now, &s);
	p->there = rc == RC_OK;
	p->failed = !p->there && rc != RC_NOSESSION;
	if (p->there)
		pack(p, &s);
	history_free(&s.history);
}

void
item_forget(struct handover *ho, const struct handover_item *item)
{
	const struct store_now now = store_now_at(clock_mono_ms());

	store_forget(ho->env.store, &item->sid, &now);
}
