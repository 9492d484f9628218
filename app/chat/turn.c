/*
 * What a turn does is a chain of steps, each begun by a callback: begin, wait
 * in line, open the session, answer, close the session. Wishes to end it
 * (stop, delete, drain, a client that leaves) come at any time; `why` keeps
 * the first, and a step that waits for the store lets the store answer first.
 *
 * A store may answer before its call returns, and then the turn may be gone:
 * a call of the store is the last thing that a function does.
 */
#include "chat/turn.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "base/text.h"

#define MAIL_WAIT_MS 10 /* turns_close looks again after it */

enum turn_state {
	TURN_BEGINS,
	TURN_WAITS,
	TURN_OPENS, /* the store is asked for the session */
	TURN_ANSWERS,
	TURN_CLOSES, /* the store is given the outcome */
};

/* A place in line outlives its turn while a mail to it is under way. */
struct place {
	struct ticket ticket; /* first */
	struct turns *turns;
	struct turn *turn;
};

struct turn {
	struct turns *turns;
	struct turn *next, *prev;
	struct place *place;
	struct loop_task task;
	struct timer patience;
	const struct turn_events *events;
	void *arg;

	struct addr owner;
	struct sid sid;
	struct sid key;
	enum turn_state state;
	enum rc why; /* RC_OK: goes on */
	enum lang lang;
	bool has_sid;
	bool own;
	bool keep_partial;
	bool left;
	bool keyed;
	bool replayed;

	struct answer *answer;
	struct buf text;
	int64_t asked_ms;
	struct turn_end end;

	const char *request_id;
	size_t len;
	char message[];
};

struct turns {
	struct loop *loop;
	struct turns_conf conf;
	struct turn *first;
	size_t places;
	bool draining;
	struct timer grace;
};

static void
turn_gauge(const struct turn *t, enum metric gauge, int change)
{
	metrics_add(loop_metrics(t->turns->loop), gauge, 0, change);
}

/*
 * The line.
 */

static void
place_free(struct ticket *ticket)
{
	struct place *place = (struct place *)ticket;

	place->turns->places--;
	free(place);
}

static void
place_leave(struct turn *t)
{
	struct place *place = t->place;

	t->place = NULL;
	if (place != NULL && line_leave(t->turns->conf.line, &place->ticket))
		place_free(&place->ticket);
}

static ticket_signal_f place_signal;

static enum rc
place_enter(struct turn *t, bool *waits)
{
	struct turns *turns = t->turns;
	struct place *place;
	enum rc rc;

	if ((place = calloc(1, sizeof(*place))) == NULL)
		return RC_NOMEM;
	rc = line_enter(turns->conf.line, &place->ticket, turns->loop, &t->sid,
	    place_signal, place_free, waits);
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
 * The end.
 */

static void
turn_over(struct turn *t)
{
	struct turns *turns = t->turns;

	*(t->prev != NULL ? &t->prev->next : &turns->first) = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	loop_untask(turns->loop, &t->task);
	loop_untimer(turns->loop, &t->patience);
	place_leave(t);
	turn_gauge(t, METRIC_TURNS, -1);
	if (t->state == TURN_WAITS)
		turn_gauge(t, METRIC_TURNS_WAITING, -1);

	if (t->end.rc != RC_OK) {
		t->end.interrupted = RC_OK;
		t->end.len = 0;
	}
	if (t->end.len == 0)
		t->end.answer = "";
	if (t->end.rc == RC_UPSTREAM_DOWN)
		responder_ready(turns->conf.responder, &t->end.retry_ms);
	if (!t->left)
		t->events->done(t->arg, &t->end);

	buf_wipe(&t->text);
	explicit_bzero(t->message, t->len);
	free(t);
}

static void
turn_fail(struct turn *t, enum rc rc)
{
	t->end.rc = rc;
	turn_over(t);
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
	turn_over(t);
}

static void
turn_add(struct turn *t, enum rc why)
{
	struct turns *turns = t->turns;
	int64_t now = loop_now(turns->loop);
	const struct message question = {
		.role = ROLE_USER,
		.created_ms = t->asked_ms,
		.text = t->message,
		.len = t->len,
		.key = t->keyed && !t->end.new_session ? &t->key : NULL,
	};
	const struct message answer = {
		.role = ROLE_ASSISTANT,
		.status = why == RC_OK ? MESSAGE_COMPLETE : MESSAGE_INTERRUPTED,
		.why = why,
		.created_ms = now,
		.text = t->text.data,
		.len = t->text.len,
	};

	t->end.answer = t->text.data;
	t->end.len = t->text.len;
	store_append(turns->conf.store, &t->sid, &question, &answer, now,
	    turn_closed, t);
}

/* Nothing answers any more. RC_OK: the answer is whole, else why it is not. */
static void
turn_finish(struct turn *t, enum rc why)
{
	struct turns *turns = t->turns;
	bool keep = t->text.len > 0 && why != RC_DELETED &&
	            (!t->left || t->keep_partial);

	if (why == RC_OK && !keep)
		why = RC_UPSTREAM;
	t->state = TURN_CLOSES;
	t->end.rc = keep || why == RC_STOPPED ? RC_OK : why;
	t->end.interrupted = why;
	if (keep)
		turn_add(t, why);
	else
		store_release(turns->conf.store, &t->sid, loop_now(turns->loop),
		    turn_closed, t);
}

static void
turn_interrupt(struct turn *t, enum rc why)
{
	if (t->why == RC_OK || why == RC_DELETED)
		t->why = why;
	switch (t->state) {
	case TURN_BEGINS:
	case TURN_WAITS:
		turn_fail(t, t->why);
		break;
	case TURN_ANSWERS:
		responder_cancel(t->turns->conf.responder, t->answer);
		turn_finish(t, t->why);
		break;
	case TURN_OPENS:
	case TURN_CLOSES:
		break;
	}
}

/*
 * The answer.
 */

static void
turn_cut(struct loop_task *task)
{
	struct turn *t = (struct turn *)(void *)((char *)task -
						 offsetof(struct turn, task));

	turn_interrupt(t, t->why);
}

static void
turn_delta(void *arg, const char *text, size_t n)
{
	struct turn *t = arg;
	size_t room = TURN_MAX_ANSWER - t->text.len;

	if (t->why != RC_OK)
		return;
	if (n > room) {
		n = text_floor(text, room);
		t->why = RC_ANSWER_SIZE;
	}
	buf_add(&t->text, text, n);
	if (t->text.failed)
		t->why = RC_NOMEM;
	else if (n > 0)
		t->events->delta(t->arg, text, n);
	if (t->why != RC_OK) {
		t->task.run = turn_cut;
		loop_task(t->turns->loop, &t->task);
	}
}

static void
turn_answered(void *arg, enum rc rc, const struct usage *usage)
{
	struct turn *t = arg;

	t->end.usage = *usage;
	turn_finish(t, t->why != RC_OK ? t->why : rc);
}

static const struct answer_events answer_events = {
	.delta = turn_delta,
	.done = turn_answered,
};

static void
turn_ask(struct turn *t, const struct history *history)
{
	const struct prompt prompt = {
		.history = history,
		.question = t->message,
		.len = t->len,
		.lang = t->lang,
		.request_id = t->request_id,
	};

	t->answer = responder_start(
	    t->turns->conf.responder, &prompt, &answer_events, t);
	if (t->answer == NULL) {
		turn_finish(t, RC_NOMEM);
		return;
	}
	t->state = TURN_ANSWERS;
	t->events->started(t->arg, &t->sid, t->end.new_session);
}

/*
 * The session.
 */

static store_done_f turn_opened;

static void
turn_create(struct turn *t)
{
	struct turns *turns = t->turns;
	enum rc rc = RC_OK;

	if (t->events->creates != NULL)
		rc = t->events->creates(t->arg, &t->end.retry_ms);
	if (rc != RC_OK) {
		turn_fail(t, rc);
		return;
	}
	t->state = TURN_OPENS;
	t->asked_ms = loop_now(turns->loop);
	t->end.new_session = true;
	store_create(
	    turns->conf.store, &t->owner, true, t->asked_ms, turn_opened, t);
}

static void
turn_load(struct turn *t)
{
	struct turns *turns = t->turns;

	if (t->state == TURN_WAITS)
		turn_gauge(t, METRIC_TURNS_WAITING, -1);
	t->state = TURN_OPENS;
	t->asked_ms = loop_now(turns->loop);
	loop_untimer(turns->loop, &t->patience);
	store_load(turns->conf.store, &t->sid, t->own ? &t->owner : NULL, true,
	    t->keyed ? &WINDOW_ALL : &turns->conf.context, t->asked_ms,
	    turn_opened, t);
}

static void
turn_not_opened(struct turn *t, enum rc rc)
{
	bool ends = t->left || (t->why != RC_OK && t->why != RC_STOPPED);

	if (rc == RC_NOSESSION && !ends && !t->end.new_session) {
		place_leave(t);
		turn_create(t);
	} else {
		turn_fail(t, ends ? t->why : rc);
	}
}

/*
 * Keys. What was answered to one stands in the history.
 */

/* Gives the answer again; the session is let go of as it was. */
static void
turn_replay(struct turn *t, const struct message *answer)
{
	t->state = TURN_CLOSES;
	t->end.interrupted = answer->why;
	buf_add(&t->text, answer->text, answer->len);
	if (t->text.failed) {
		turn_finish(t, RC_NOMEM);
		return;
	}
	t->events->started(t->arg, &t->sid, false);
	t->events->delta(t->arg, t->text.data, t->text.len);
	t->replayed = true;
	t->end.answer = t->text.data;
	t->end.len = t->text.len;
	store_release(t->turns->conf.store, &t->sid, loop_now(t->turns->loop),
	    turn_closed, t);
}

/*
 * The question that had the key, in *q, and its answer; how many messages the
 * session had then is left in t->end. False when none of the last ones had it.
 */
static bool
turn_find_key(struct turn *t, const struct session *session, struct message *q,
    struct message *answer)
{
	uint64_t count = session->message_count - session->history.count;
	unsigned later = TURN_MAX_KEYS;
	struct message m, next;
	size_t pos = 0;

	while (history_next(&session->history, &pos, &m) &&
	       history_next(&session->history, &pos, &next)) {
		count += 2;
		if (m.key == NULL)
			continue;
		later++;
		if (sid_equal(m.key, &t->key)) {
			*q = m;
			*answer = next;
			t->end.message_count = count;
			later = 0;
		}
	}
	return later < TURN_MAX_KEYS;
}

static void
turn_answer(struct turn *t, struct session *session)
{
	struct message question, answer;
	struct history context;

	if (!t->keyed || t->end.new_session) {
		turn_ask(t, &session->history);
	} else if (turn_find_key(t, session, &question, &answer)) {
		if (question.len == t->len &&
		    memcmp(question.text, t->message, t->len) == 0)
			turn_replay(t, &answer);
		else
			turn_finish(t, RC_KEY_REUSED);
	} else if (history_copy(&context, &session->history,
		       &t->turns->conf.context) != RC_OK) {
		turn_finish(t, RC_NOMEM);
	} else {
		turn_ask(t, &context);
		history_free(&context);
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
		turn_finish(t, rc);
	} else if (t->why == RC_OK) {
		turn_answer(t, session);
	} else {
		if (t->why == RC_STOPPED && !t->left)
			t->events->started(t->arg, &t->sid, t->end.new_session);
		turn_finish(t, t->why);
	}
}

/* Told to go and to stop at once, it goes first: the end wants its session. */
static void
place_signal(struct ticket *ticket, unsigned signals)
{
	struct turn *t = ((struct place *)ticket)->turn;

	if (signals & LINE_DELETED) {
		turn_interrupt(t, RC_DELETED);
	} else if (signals & LINE_GO) {
		if (signals & LINE_STOP)
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
	turn_fail(arg, RC_BUSY);
}

static void
turn_begin(struct loop_task *task)
{
	struct turn *t = (struct turn *)(void *)((char *)task -
						 offsetof(struct turn, task));
	struct turns *turns = t->turns;
	bool waits = false;
	int64_t retry_ms;
	enum rc rc;

	if (turns->draining) {
		turn_fail(t, RC_UNAVAILABLE);
	} else if ((rc = responder_ready(turns->conf.responder, &retry_ms)) !=
		   RC_OK) {
		turn_fail(t, rc);
	} else if (!t->has_sid) {
		turn_create(t);
	} else if ((rc = place_enter(t, &waits)) != RC_OK) {
		turn_fail(t, rc);
	} else if (!waits) {
		turn_load(t);
	} else {
		t->state = TURN_WAITS;
		turn_gauge(t, METRIC_TURNS_WAITING, 1);
		loop_timer(turns->loop, &t->patience,
		    loop_now(turns->loop) + turns->conf.wait_ms);
		t->events->waits(t->arg);
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
	if (request->owner != NULL)
		t->owner = *request->owner;
	t->own = request->own;
	t->lang = request->lang;
	t->keyed = request->key != NULL;
	if (t->keyed)
		sid_of_text(&t->key, request->key, strlen(request->key));
	t->keep_partial = request->keep_partial;
	t->end.usage = USAGE_NONE;
	buf_init(&t->text, TURN_MAX_ANSWER);
	timer_init(&t->patience, turn_impatient, t);
	t->len = request->len;
	memcpy(t->message, request->message, request->len);
	memcpy(t->message + t->len, request->request_id, id_size);
	t->request_id = t->message + t->len;

	if ((t->next = turns->first) != NULL)
		t->next->prev = t;
	turns->first = t;
	turn_gauge(t, METRIC_TURNS, 1);
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

/*
 * All turns of a loop.
 */

static void
turns_end(struct turns *turns, bool running)
{
	struct turn *t, *next;

	for (t = turns->first; t != NULL; t = next) {
		next = t->next;
		if (running || t->state <= TURN_WAITS)
			turn_interrupt(t, RC_UNAVAILABLE);
	}
}

static void
turns_grace_over(struct timer *timer, void *arg)
{
	(void)timer;
	turns_end(arg, true);
}

struct turns *
turns_open(struct loop *loop, const struct turns_conf *conf)
{
	struct turns *turns;

	if ((turns = calloc(1, sizeof(*turns))) == NULL)
		return NULL;
	turns->loop = loop;
	turns->conf = *conf;
	timer_init(&turns->grace, turns_grace_over, turns);
	return turns;
}

void
turns_close(struct turns *turns)
{
	if (turns == NULL)
		return;
	loop_untimer(turns->loop, &turns->grace);
	while (turns->places > 0)
		loop_turn(turns->loop, MAIL_WAIT_MS);
	free(turns);
}

void
turns_drain(struct turns *turns, int64_t grace_ms)
{
	turns->draining = true;
	loop_timer(
	    turns->loop, &turns->grace, loop_now(turns->loop) + grace_ms);
	turns_end(turns, false);
}
