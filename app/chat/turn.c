/*
 * What a turn does is a chain of steps, each begun by a callback: begin, wait
 * in line, open the session, answer, close the session, end. Wishes to end it
 * (stop, delete, drain, a client that leaves) come at any time; `why` keeps
 * the first, and a step that waits for the store lets the store answer first.
 *
 * A store may answer before its call returns, and then the turn may be gone:
 * a call of the store is the last thing that a function does.
 */
#include "chat/turn.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/list.h"
#include "chat/turn_answer.h"
#include "chat/turn_end.h"
#include "chat/turn_state.h"
#include "session/cited.h"

/*
 * The line.
 */

static void place_signal(struct ticket *, unsigned signals);

static const struct ticket_events place_events = { place_signal, place_free };

static enum rc
place_enter(struct turn *t, bool *waits)
{
	struct turns *turns = t->turns;
	struct place *place;
	enum rc rc;

	if ((place = calloc(1, sizeof(*place))) == NULL)
		return RC_NOMEM;
	rc = turn_queue_enter(turns->conf.queue, &place->ticket, turns->loop,
	    &t->sid, &place_events, waits);
	if (rc != RC_OK) {
		free(place);
		return rc;
	}
	place->turns = turns;
	place->turn = t;
	turns->places++;
	t->place = place;
	return RC_OK;
}

/*
 * The session.
 */

static store_done_f turn_opened;

static void
turn_create(struct turn *t)
{
	struct turns *turns = t->turns;
	enum rc rc = turn_ready(t);

	if (rc == RC_OK && t->events->creates != NULL)
		rc = t->events->creates(t->arg, &t->end.retry_ms);
	if (rc != RC_OK) {
		turn_refuse(t, rc);
		return;
	}
	turn_to(t, TURN_OPENS);
	t->asked = turn_now(t);
	t->end.new_session = true;
	store_create(
	    turns->port, &t->creator, &t->hold, &t->asked, turn_opened, t);
}

static void
turn_load(struct turn *t)
{
	struct turns *turns = t->turns;
	struct store_ask ask = {
		.sid = &t->sid,
		.creator = t->own ? &t->creator : NULL,
		.window = &turns->conf.context,
		.key = t->keyed ? &t->key : NULL,
		.hold = &t->hold,
	};

	turn_to(t, TURN_OPENS);
	t->asked = ask.now = turn_now(t);
	loop_untimer(turns->loop, &t->patience);
	store_load(turns->port, &ask, turn_opened, t);
}

/* From now on it waits, until it is told to go, or its patience ends. */
static void
turn_wait(struct turn *t, enum turn_state state)
{
	turn_to(t, state);
	loop_timer(t->turns->loop, &t->patience, t->patient_ms);
	if (!t->waits_told)
		t->events->waits(t->arg);
	t->waits_told = true;
}

/* The store keeps a place for it, before a session that is held elsewhere. */
static void
turn_held(struct turn *t)
{
	if (t->why == RC_OK) {
		turn_wait(t, TURN_HELD);
		return;
	}
	store_quit(t->turns->port, &t->sid, &t->hold);
	turn_refuse(t, t->why);
}

static void
turn_not_opened(struct turn *t, enum rc rc)
{
	bool ends = t->left || (t->why != RC_OK && t->why != RC_STOPPED);

	if (rc == RC_HELD) {
		turn_held(t);
	} else if (rc == RC_NOSESSION && !ends && !t->end.new_session) {
		turn_leave_line(t);
		turn_create(t);
	} else {
		turn_refuse(t, ends ? t->why : rc);
	}
}

/* A new session has a line of its own, in which nobody can stand yet. */
static void
turn_opened(void *arg, enum rc rc, struct session *session)
{
	struct turn *t = arg;
	bool waits;

	if (rc != RC_OK) {
		turn_not_opened(t, rc);
		return;
	}
	t->sid = session->id;
	t->end.sid = &t->sid;
	t->end.message_count = session->message_count;
	if (t->place == NULL && (rc = place_enter(t, &waits)) != RC_OK) {
		turn_close(t, rc);
	} else if (t->why == RC_OK) {
		turn_answer(t, session);
	} else {
		if (t->why == RC_STOPPED && !t->left)
			t->events->started(t->arg, &t->sid, t->end.new_session);
		turn_close(t, t->why);
	}
}

void
turn_signal(struct turn *t, enum store_signal signal)
{
	switch (signal) {
	case STORE_GO:
		if (t->state == TURN_HELD)
			turn_load(t);
		break;
	case STORE_STOP:
		turn_interrupt(t, RC_STOPPED);
		break;
	case STORE_DELETED:
		turn_interrupt(t, RC_DELETED);
		break;
	case STORE_LOST:
		turn_interrupt(t, RC_LOST);
		break;
	}
}

/* Told to go and to stop at once, it goes first: the end wants its session. */
static void
place_signal(struct ticket *ticket, unsigned signals)
{
	struct turn *t = container_of(ticket, struct place, ticket)->turn;

	if (t->state == TURN_SETTLES) {
		if (signals & TURN_QUEUE_OVER)
			turn_conclude(t);
	} else if (signals & TURN_QUEUE_DELETED) {
		turn_interrupt(t, RC_DELETED);
	} else if (signals & TURN_QUEUE_GO) {
		if (signals & TURN_QUEUE_STOP)
			t->why = RC_STOPPED;
		turn_load(t);
	} else {
		turn_interrupt(t, RC_STOPPED);
	}
}

/*
 * The beginning.
 */

static void
turn_impatient(struct timer *timer, void *arg)
{
	(void)timer;
	turn_interrupt(arg, RC_BUSY);
}

static void
turn_begin(struct loop_task *task)
{
	struct turn *t = container_of(task, struct turn, task);
	struct turns *turns = t->turns;
	bool waits = false;
	enum rc rc;

	t->patient_ms = loop_now(turns->loop) + turns->conf.wait_ms;
	if (turns->draining) {
		turn_refuse(t, RC_UNAVAILABLE);
	} else if (!sid_make(&t->hold.token)) {
		turn_refuse(t, RC_ENTROPY);
	} else if (!t->has_sid) {
		turn_create(t);
	} else if ((!t->keyed && (rc = turn_ready(t)) != RC_OK) ||
		   (rc = place_enter(t, &waits)) != RC_OK) {
		turn_refuse(t, rc);
	} else if (!waits) {
		turn_load(t);
	} else {
		turn_wait(t, TURN_WAITS);
	}
}

struct turn *
turn_start(struct turns *turns, const struct turn_request *request,
    const struct turn_events *events, void *arg)
{
	size_t id_size = strlen(request->request_id) + 1;
	struct turn *t;

	if ((t = calloc(1, sizeof(*t) + request->len + id_size)) == NULL)
		return NULL;
	t->turns = turns;
	t->events = events;
	t->arg = arg;
	if (request->sid != NULL)
		t->sid = *request->sid;
	t->has_sid = request->sid != NULL;
	if (request->creator != NULL)
		t->creator = *request->creator;
	t->own = request->own;
	t->lang = request->lang;
	t->keyed = request->key != NULL && request->sid != NULL;
	if (t->keyed)
		sid_of_text(&t->key, request->key, strlen(request->key));
	t->keep_partial = request->keep_partial;
	t->end.usage = USAGE_NONE;
	buf_init(&t->text, TURN_MAX_ANSWER);
	buf_guard(&t->text);
	buf_init(&t->cited, CITED_MAX);
	timer_init(&t->patience, turn_impatient, t);
	t->len = request->len;
	memcpy(t->message, request->message, request->len);
	memcpy(t->message + t->len, request->request_id, id_size);
	t->request_id = t->message + t->len;

	list_add_first(&turns->running, &t->node);
	turn_to(t, TURN_BEGINS);
	t->task.run = turn_begin;
	loop_task(turns->loop, &t->task);
	return t;
}

void
turn_leave(struct turn *t)
{
	t->left = true;
	turn_interrupt(t, RC_STOPPED);
}
