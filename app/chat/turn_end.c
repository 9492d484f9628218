/*
 * A store may answer before its call returns, and then the turn may be gone:
 * a call of the store is the last thing that a function does.
 */
#include "chat/turn_end.h"

#include <stdlib.h>
#include <string.h>

#include "chat/responder.h"
#include "chat/turn_queue.h"
#include "session/store.h"

#define SETTLE_MS 5000 /* until its end should be known elsewhere */

void
turn_leave_line(struct turn *t)
{
	struct place *place = t->place;

	t->place = NULL;
	if (place != NULL &&
	    turn_queue_leave(t->turns->conf.queue, &place->ticket))
		place_free(&place->ticket);
}

static void
turn_free(struct turn *t)
{
	buf_wipe(&t->text);
	buf_free(&t->cited);
	explicit_bzero(t->message, t->len);
	free(t);
}

void
turn_conclude(struct turn *t)
{
	struct turns *turns = t->turns;

	turn_to(t, TURN_GONE);
	list_remove(&t->node);
	loop_untask(turns->loop, &t->task);
	loop_untimer(turns->loop, &t->patience);
	turn_leave_line(t);

	if (t->end.rc != RC_OK) {
		t->end.interrupted = RC_OK;
		t->end.len = 0;
	}
	if (t->end.len == 0)
		t->end.answer = "";
	t->end.cited = t->cited.data;
	t->end.cited_len = t->end.len > 0 ? t->cited.len : 0;
	if (t->end.rc == RC_UPSTREAM_DOWN)
		responder_ready(
		    turns->conf.responder, &t->creator, &t->end.retry_ms);
	if (!t->left)
		t->events->done(t->arg, &t->end);
	turn_free(t);
}

void
turn_refuse(struct turn *t, enum rc rc)
{
	t->end.rc = rc;
	turn_conclude(t);
}

/* Who has to know it stands still. */
static void
turn_settled_late(struct timer *timer, void *arg)
{
	struct turn *t = arg;

	(void)timer;
	turn_queue_tell(t->turns->conf.queue, &t->sid, TURN_QUEUE_OVER);
}

/* Where its end has to be known elsewhere first, it waits for that. */
static void
turn_settle(struct turn *t)
{
	struct loop *loop = t->turns->loop;

	turn_to(t, TURN_SETTLES);
	if (t->place == NULL ||
	    !turn_queue_end(t->turns->conf.queue, &t->place->ticket)) {
		turn_conclude(t);
		return;
	}
	loop_untimer(loop, &t->patience);
	timer_init(&t->patience, turn_settled_late, t);
	loop_timer(loop, &t->patience, loop_now(loop) + SETTLE_MS);
}

static void
turn_closed(void *arg, enum rc rc, struct session *session)
{
	struct turn *t = arg;
	bool added = t->end.len > 0;

	if (t->why == RC_DELETED || rc == RC_NOSESSION)
		t->end.rc = RC_DELETED;
	else if (rc == RC_OK && !t->replayed)
		t->end.message_count = session->message_count;
	else if (added)
		t->end.rc = rc;
	if (t->end.rc == RC_DELETED)
		turn_conclude(t);
	else
		turn_settle(t);
}

static void
turn_append(struct turn *t, enum rc why)
{
	const struct store_now now = turn_now(t);
	const struct message question = {
		.role = ROLE_USER,
		.created_ms = t->asked.wall_ms,
		.text = t->message,
		.len = t->len,
		.key = t->keyed && !t->end.new_session ? &t->key : NULL,
	};
	const struct usage *usage = &t->end.usage;
	const struct cost cost = { usage->prompt_tokens,
		usage->completion_tokens };
	const bool counted = cost.prompt >= 0 && cost.completion >= 0;
	const struct message answer = {
		.role = ROLE_ASSISTANT,
		.cost = question.key != NULL && counted ? &cost : NULL,
		.status = why == RC_OK ? MESSAGE_COMPLETE : MESSAGE_INTERRUPTED,
		.why = why,
		.created_ms = now.wall_ms,
		.text = t->text.data,
		.len = t->text.len,
		.cited = t->cited.data,
		.cited_len = t->cited.len,
	};
	const struct store_pair pair = { &t->sid, &t->hold, &question, &answer,
		now };

	t->end.answer = t->text.data;
	t->end.len = t->text.len;
	store_append(t->turns->port, &pair, turn_closed, t);
}

void
turn_close(struct turn *t, enum rc why)
{
	const struct store_now now = turn_now(t);
	bool keep = t->text.len > 0 && !t->replayed && why != RC_DELETED &&
	            why != RC_LOST && (!t->left || t->keep_partial);

	if (why == RC_OK && !keep && !t->replayed)
		why = RC_UPSTREAM;
	turn_to(t, TURN_CLOSES);
	t->end.rc = keep || t->replayed || why == RC_STOPPED ? RC_OK : why;
	t->end.interrupted = why;
	if (keep)
		turn_append(t, why);
	else
		store_release(
		    t->turns->port, &t->sid, &t->hold, &now, turn_closed, t);
}

void
turn_interrupt(struct turn *t, enum rc why)
{
	if (t->why == RC_OK || why == RC_DELETED || why == RC_LOST)
		t->why = why;
	switch (t->state) {
	case TURN_HELD:
		store_quit(t->turns->port, &t->sid, &t->hold);
		turn_refuse(t, t->why);
		break;
	case TURN_BEGINS:
	case TURN_WAITS:
		turn_refuse(t, t->why);
		break;
	case TURN_ANSWERS:
		responder_cancel(t->turns->conf.responder, t->answer);
		turn_close(t, t->why);
		break;
	case TURN_OPENS:
	case TURN_CLOSES:
	case TURN_SETTLES:
	case TURN_NEW:
	case TURN_GONE:
		break;
	}
}
