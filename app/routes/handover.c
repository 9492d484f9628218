/* The only code that knows sessions, the line and the owner's link at once. */
#include "routes/handover.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/line.h"
#include "routes/handover_spent.h"
#include "session/session_wire.h"
#include "session/store.h"

#define ITEMS_STEP  1024
#define TELL_LENGTH (sizeof(struct sid) + 1) /* and the signal */

struct handover_item {
	struct sid sid;
	int64_t active_ms;
	bool ours;  /* held when it was copied, or made afterwards */
	bool known; /* to the new owner */
};

struct ghost {
	struct ticket ticket; /* first */
	struct handover *ho;
	struct owner_link *link;
	struct ghost *next;
};

/*
 * The old owner.
 */

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

/* All that are in the store, whether they are in the list or not. */
static void
items_collect(struct handover *ho, bool known)
{
	int64_t now = clock_mono_ms();
	struct store_list list;
	uint64_t place = 0;
	bool ok = true;

	while (
	    ok && store_export(ho->app->store, &place, now, &list) == RC_OK) {
		for (size_t i = 0; i < list.count; i++)
			ok = ok && items_add(ho, &list.sessions[i], known);
		free(list.sessions);
	}
	if (!ok)
		log_error("memory", LOG_STR("for", "hand over"));
}

static int
by_activity(const void *a, const void *b)
{
	const struct handover_item *left = a, *right = b;

	return (left->active_ms > right->active_ms) -
	       (left->active_ms < right->active_ms);
}

/* In the order in which the new owner's list wants them. */
static void
handover_copy(void *arg)
{
	struct handover *ho = arg;

	ho->count = ho->at = 0;
	ho->spent_place = 0;
	items_collect(ho, true);
	if (ho->count > 0)
		qsort(ho->items, ho->count, sizeof(*ho->items), by_activity);
}

/* A session on its way into a buffer. */
struct packing {
	struct handover *ho;
	struct handover_item *item;
	struct buf *out; /* NULL: it is only looked at */
	bool result;     /* after its turn */
	bool there;
	bool runs;
};

static void
pack(void *arg, enum rc rc, struct session *s)
{
	struct packing *p = arg;

	p->there = rc == RC_OK;
	if (!p->there)
		return;
	p->runs = s->held || line_stands(p->ho->app->line, &s->id);
	if (p->out == NULL)
		return;
	s->held = p->result ? p->item->known : p->runs;
	session_encode(p->out, s);
}

static void
item_load(struct packing *p, const struct window *window)
{
	store_load(p->ho->app->store, &p->item->sid, NULL, false, window,
	    clock_mono_ms(), pack, p);
}

static void
deleted(void *arg, enum rc rc, struct session *none)
{
	(void)arg;
	(void)rc;
	(void)none;
}

static void
item_forget(struct handover *ho, const struct handover_item *item)
{
	store_delete(
	    ho->app->store, &item->sid, NULL, clock_mono_ms(), deleted, NULL);
}

/* One that has expired meanwhile is left out. */
static bool
handover_next(void *arg, struct buf *out)
{
	struct handover *ho = arg;
	struct packing p = { .ho = ho, .out = out };

	while (ho->at < ho->count) {
		p.item = &ho->items[ho->at++];
		item_load(&p, &WINDOW_ALL);
		p.item->ours = p.runs;
		if (p.there)
			return true;
	}
	return false;
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
	spent_keep(((struct handover *)arg)->app);
}

/* Whether the item at ho->at has come to its end, and is in the buffer. */
static bool
item_result(struct handover *ho, struct buf *out)
{
	struct handover_item *item = &ho->items[ho->at];
	struct packing p = { .ho = ho, .item = item, .result = true };

	item_load(&p, &WINDOW_NONE);
	if (p.there && p.runs) {
		ho->at++;
		return false;
	}
	if (p.there) {
		p.out = out;
		item_load(&p, &WINDOW_ALL);
		item_forget(ho, item);
	}
	*item = ho->items[--ho->count];
	return p.there;
}

/* A turn that could not wait in line may have made a session of its own. */
static bool
handover_result(void *arg, struct buf *out)
{
	struct handover *ho = arg;

	if (ho->count == 0)
		items_collect(ho, false);
	while (ho->at < ho->count)
		if (item_result(ho, out))
			return true;
	ho->at = 0;
	return false;
}

static void
handover_told(void *arg, const char *data, size_t len)
{
	struct handover *ho = arg;
	struct handover_item item;
	enum line_signal signal;

	if (len != TELL_LENGTH)
		return;
	memcpy(&item.sid, data, sizeof(item.sid));
	signal = data[sizeof(item.sid)] == LINE_DELETED ? LINE_DELETED
	                                                : LINE_STOP;
	if (signal == LINE_DELETED)
		item_forget(ho, &item);
	line_tell(ho->app->line, &item.sid, signal);
}

/*
 * The new owner.
 */

static void
ghost_free(struct ticket *ticket)
{
	free(ticket);
}

/* Its place in line is free. */
static void
ghost_leave(struct ghost *ghost)
{
	struct ghost **at = &ghost->ho->ghosts;

	while (*at != ghost)
		at = &(*at)->next;
	*at = ghost->next;
	if (line_leave(ghost->ho->app->line, &ghost->ticket))
		ghost_free(&ghost->ticket);
}

static void
ghost_signal(struct ticket *ticket, unsigned signals)
{
	struct ghost *ghost = (struct ghost *)ticket;
	bool gone = (signals & LINE_DELETED) != 0;
	char tell[TELL_LENGTH];

	memcpy(tell, &ticket->sid, sizeof(ticket->sid));
	tell[sizeof(ticket->sid)] = gone ? LINE_DELETED : LINE_STOP;
	owner_tell(ghost->link, tell, sizeof(tell));
	if (gone)
		ghost_leave(ghost);
}

static bool
ghost_enter(struct handover *ho, struct owner_link *link, const struct sid *sid)
{
	struct ghost *ghost;
	bool waits;

	if ((ghost = calloc(1, sizeof(*ghost))) == NULL)
		return false;
	if (line_enter(ho->app->line, &ghost->ticket, owner_link_loop(link),
		sid, ghost_signal, ghost_free, &waits) != RC_OK) {
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
	if (limit_adopt(ho->app->limits, &s->owner, LIMIT_SESSIONS) != RC_OK)
		return false;
	if (store_adopt(ho->app->store, s, clock_mono_ms()) == RC_OK)
		return true;
	limit_end(ho->app->limits, &s->owner, LIMIT_SESSIONS);
	return false;
}

static bool
handover_adopt(void *arg, struct owner_link *link, const char *data, size_t len)
{
	struct handover *ho = arg;
	struct session s;
	bool ok;

	if (!session_decode(&s, data, len)) {
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

static bool
handover_adopt_result(
    void *arg, struct owner_link *link, const char *data, size_t len)
{
	struct handover *ho = arg;
	struct ghost *ghost;
	struct session s;
	bool ok = true;

	(void)link;
	if (!session_decode(&s, data, len)) {
		log_error("owner", LOG_STR("refused", "result"));
		return false;
	}
	ghost = ghost_find(ho, &s.id);
	if (!s.held)
		ok = adopt(ho, &s);
	else if (ghost != NULL)
		store_return(ho->app->store, &s, clock_mono_ms());
	if (ghost != NULL)
		ghost_leave(ghost);
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
	struct handover *ho = arg;
	struct ghost *ghost, *next;

	for (ghost = ho->ghosts; ghost != NULL; ghost = next) {
		next = ghost->next;
		if (ghost->link != link)
			continue;
		log_warn("owner", LOG_STR("lost", "turn"));
		store_release(ho->app->store, &ghost->ticket.sid,
		    clock_mono_ms(), deleted, NULL);
		ghost_leave(ghost);
	}
}

/*
 * All of it.
 */

static void
counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	(void)rc;
	*(uint64_t *)arg = totals->sessions;
}

static uint64_t
handover_live(void *arg)
{
	struct handover *ho = arg;
	uint64_t n = 0;

	store_count(ho->app->store, clock_mono_ms(), counted, &n);
	return n;
}

void
handover_init(struct handover *ho, struct app *app)
{
	*ho = (struct handover){ .app = app };
}

void
handover_free(struct handover *ho)
{
	free(ho->items);
	*ho = (struct handover){ 0 };
}

struct owner_app
handover_callbacks(struct handover *ho)
{
	return (struct owner_app){
		.arg = ho,
		.live = handover_live,
		.copy = handover_copy,
		.next = handover_next,
		.given = handover_given,
		.spent = handover_spent,
		.kept = handover_kept,
		.result = handover_result,
		.told = handover_told,
		.adopt = handover_adopt,
		.adopt_result = handover_adopt_result,
		.adopt_spent = handover_adopt_spent,
		.orphaned = handover_orphaned,
	};
}
