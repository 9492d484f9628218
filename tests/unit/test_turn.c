/*
 * The turn, with a responder that says what the test tells it to. Each test
 * runs with the store in memory, which answers at once, and with the late one,
 * whose answers come one turn of the loop after they were asked for.
 */
#include "base/container.h"
#include "chat/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../contract/store_late.h"
#include "base/buf.h"
#include "log/metrics.h"

#define CHATS  8
#define TURNS  24 /* of the loop, after which all has happened */
#define PHASES 8  /* turns of the loop until an answer runs, and more */

/*
 * A responder that does what it is told.
 */

struct answer {
	struct answer *next;
	const struct answer_events *events;
	void *arg;
	char question[64];
	char history[256]; /* "text|text|" */
};

struct fake {
	struct responder responder;
	struct answer *running;
	int started, cancelled;
	enum rc refuses;
	enum rc ready; /* what it says when it is asked */
	int64_t retry_ms;
};

static enum rc
fake_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	struct fake *fake = container_of(responder, struct fake, responder);
	struct answer *a;
	struct message m;
	size_t pos = 0, len = 0;

	if (fake->refuses != RC_OK)
		return fake->refuses;
	assert_non_null(a = calloc(1, sizeof(*a)));
	assert_string_equal(prompt->request_id, "req-1");
	assert_int_equal(prompt->lang, LANG_EN);
	memcpy(a->question, prompt->question, prompt->len);
	while (history_next(prompt->history, &pos, &m))
		len += (size_t)snprintf(a->history + len,
		    sizeof(a->history) - len, "%.*s|", (int)m.len, m.text);
	a->events = events;
	a->arg = arg;
	a->next = fake->running;
	fake->running = a;
	fake->started++;
	*answer = a;
	return RC_OK;
}

static void
fake_remove(struct fake *fake, struct answer *a)
{
	struct answer **p = &fake->running;

	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
	free(a);
}

static void
fake_cancel(struct responder *responder, struct answer *a)
{
	struct fake *fake = container_of(responder, struct fake, responder);

	fake_remove(fake, a);
	fake->cancelled++;
}

static enum rc
fake_ready(
    struct responder *responder, const struct addr *client, int64_t *retry_ms)
{
	struct fake *fake = container_of(responder, struct fake, responder);

	assert_non_null(client);
	*retry_ms = fake->retry_ms;
	return fake->ready;
}

static void
fake_close(struct responder *responder)
{
	(void)responder;
}

static const struct responder_backend fake_backend = {
	.name = "fake",
	.start = fake_start,
	.cancel = fake_cancel,
	.ready = fake_ready,
	.close = fake_close,
};

/*
 * The world of a test.
 */

struct chat {
	struct turn *turn;
	int creates, waits, starts, deltas, dones;
	enum rc may_create;
	bool new_session;
	struct sid sid; /* of start */
	struct turn_end end;
	struct sid end_sid;
	struct buf text; /* of the deltas */
	struct buf answer;
};

struct world {
	struct loop *loop;
	struct metrics_all metrics;
	struct turn_queue *line;
	store_open_f *open;
	struct store *store;
	struct store_port *door; /* the test's */
	struct fake fake;
	struct turns_conf conf;
	struct turns *turns;
	struct addr creator; /* of the next turns */
	bool own;
	struct chat chats[CHATS];
};

static enum rc
on_creates(void *arg, int64_t *retry_ms)
{
	struct chat *chat = arg;

	assert_int_equal(chat->starts + chat->dones, 0);
	chat->creates++;
	*retry_ms = chat->may_create == RC_OK ? 0 : 7000;
	return chat->may_create;
}

static void
on_waits(void *arg)
{
	struct chat *chat = arg;

	assert_int_equal(chat->waits + chat->starts + chat->dones, 0);
	chat->waits++;
}

static void
on_started(void *arg, const struct sid *sid, bool new_session)
{
	struct chat *chat = arg;

	assert_non_null(chat->turn);
	assert_int_equal(chat->starts + chat->dones, 0);
	chat->starts++;
	chat->sid = *sid;
	chat->new_session = new_session;
}

static void
on_delta(void *arg, const char *text, size_t len)
{
	struct chat *chat = arg;

	assert_int_equal(chat->starts, 1);
	assert_int_equal(chat->dones, 0);
	assert_true(len > 0);
	chat->deltas++;
	buf_add(&chat->text, text, len);
}

static void
on_done(void *arg, const struct turn_end *end)
{
	struct chat *chat = arg;

	assert_non_null(chat->turn);
	chat->turn = NULL;
	assert_int_equal(chat->dones, 0);
	chat->dones++;
	chat->end = *end;
	if (end->sid != NULL)
		chat->end_sid = *end->sid;
	buf_add(&chat->answer, end->answer, end->len);
	if (end->rc == RC_OK)
		assert_int_equal(chat->starts, 1);
	else
		assert_int_equal(end->len, 0);
}

static const struct turn_events events = {
	.creates = on_creates,
	.waits = on_waits,
	.started = on_started,
	.delta = on_delta,
	.done = on_done,
};

static void
ignore_signal(void *arg, const struct sid *sid, const struct sid *token,
    enum store_signal signal)
{
	(void)arg;
	(void)sid;
	(void)token;
	(void)signal;
}

/* The store, with the limit of a session, and the turns in front of it. */
static void
world_begin(struct world *w, uint64_t messages)
{
	const struct store_limits limits = {
		.ttl_ms = 1800000,
		.max_sessions = 9,
		.memory = 1 << 20,
		.session_messages = messages,
		.session_bytes = 1 << 20,
	};

	w->store = w->conf.store = w->open(&limits);
	assert_non_null(w->store);
	w->door = store_join(w->store, w->loop, ignore_signal, NULL);
	assert_non_null(w->door);
	assert_non_null(w->turns = turns_open(w->loop, &w->conf));
}

static void
world_end(struct world *w)
{
	turns_close(w->turns);
	store_part(w->door);
	store_close(w->store);
}

/* From now on, messages wait so long. */
static void
world_patience(struct world *w, int64_t wait_ms)
{
	turns_close(w->turns);
	w->conf.wait_ms = wait_ms;
	assert_non_null(w->turns = turns_open(w->loop, &w->conf));
}

static void
assert_gauges(struct world *w, uint64_t turns, uint64_t waiting)
{
	static struct metrics_sum sum;

	metrics_sum(&w->metrics, &sum);
	assert_int_equal(sum.cell[METRIC_TURNS], turns);
	assert_int_equal(sum.cell[METRIC_TURNS_WAITING], waiting);
}

static struct world *
world_new(store_open_f *open)
{
	struct world *w = calloc(1, sizeof(*w));
	int i;

	assert_non_null(w);
	assert_non_null(w->loop = loop_new(0));
	metrics_all_init(&w->metrics);
	metrics_join(&w->metrics, loop_metrics(w->loop));
	assert_non_null(w->line = turn_queue_new());
	w->open = open;
	w->fake.responder.backend = &fake_backend;
	w->conf = (struct turns_conf){
		.queue = w->line,
		.responder = &w->fake.responder,
		.context = { 4, 1000 },
		.wait_ms = 60000,
	};
	world_begin(w, 200);
	for (i = 0; i < CHATS; i++) {
		buf_init(&w->chats[i].text, 2 * TURN_MAX_ANSWER);
		buf_init(&w->chats[i].answer, 2 * TURN_MAX_ANSWER);
	}
	return w;
}

static void
world_free(struct world *w)
{
	int i;

	world_end(w);
	assert_null(w->fake.running);
	assert_gauges(w, 0, 0);
	for (i = 0; i < CHATS; i++) {
		buf_free(&w->chats[i].text);
		buf_free(&w->chats[i].answer);
	}
	turn_queue_free(w->line);
	loop_free(w->loop);
	metrics_all_destroy(&w->metrics);
	free(w);
}

static int
setup_memory(void **state)
{
	*state = world_new(store_memory_open);
	return 0;
}

static int
setup_late(void **state)
{
	*state = world_new(store_late_open);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static bool
is_late(const struct world *w)
{
	return w->open == store_late_open;
}

/* One turn of the loop, after which the store has done what was asked. */
static void
turn_loop(struct world *w)
{
	loop_turn(w->loop, 0);
	if (is_late(w))
		store_late_await(w->store);
}

static void
settle(struct world *w)
{
	int i;

	for (i = 0; i < TURNS; i++)
		turn_loop(w);
}

static struct chat *
ask_fully(struct world *w, int i, const struct sid *sid, const char *message,
    bool keep_partial, const char *key)
{
	struct chat *chat = &w->chats[i];
	char copy[64], key_copy[64], id[] = "req-1";
	struct turn_request request = {
		.sid = sid,
		.creator = &w->creator,
		.own = w->own,
		.message = copy,
		.len = strlen(message),
		.lang = LANG_EN,
		.request_id = id,
		.keep_partial = keep_partial,
	};

	memcpy(copy, message, request.len);
	if (key != NULL) {
		snprintf(key_copy, sizeof(key_copy), "%s", key);
		request.key = key_copy;
	}
	buf_clear(&chat->text);
	buf_clear(&chat->answer);
	*chat = (struct chat){
		.text = chat->text,
		.answer = chat->answer,
	};
	chat->turn = turn_start(w->turns, &request, &events, chat);
	assert_non_null(chat->turn);
	memset(copy, 'x', sizeof(copy));
	memset(key_copy, 'x', sizeof(key_copy));
	memset(id, 'x', sizeof(id));
	return chat;
}

static struct chat *
ask_as(struct world *w, int i, const struct sid *sid, const char *message,
    bool keep_partial)
{
	return ask_fully(w, i, sid, message, keep_partial, NULL);
}

/* The same, until the answer is asked for or the turn is over. */
static struct chat *
ask(struct world *w, int i, const struct sid *sid, const char *message)
{
	struct chat *chat = ask_as(w, i, sid, message, true);

	settle(w);
	return chat;
}

static struct chat *
ask_keyed(struct world *w, int i, const struct sid *sid, const char *message,
    const char *key)
{
	struct chat *chat = ask_fully(w, i, sid, message, true, key);

	settle(w);
	return chat;
}

static void
say(struct world *w, const char *text)
{
	struct answer *a = w->fake.running;

	a->events->delta(a->arg, text, strlen(text));
}

static void
end_answer(struct world *w, enum rc rc)
{
	static const struct usage usage = { 11, 22, 33 };
	struct answer *a = w->fake.running;

	a->events->done(a->arg, rc, &usage);
	fake_remove(&w->fake, a);
	settle(w);
}

/* A whole turn; the session is of the first one. */
static struct sid
converse(struct world *w, const struct sid *sid, const char *message,
    const char *answer)
{
	struct chat *chat = ask(w, 0, sid, message);

	say(w, answer);
	end_answer(w, RC_OK);
	assert_int_equal(chat->dones, 1);
	assert_int_equal(chat->end.rc, RC_OK);
	return chat->end_sid;
}

static void
converse_keyed(struct world *w, const struct sid *sid, const char *message,
    const char *answer, const char *key)
{
	struct chat *chat = ask_keyed(w, 0, sid, message, key);

	say(w, answer);
	end_answer(w, RC_OK);
	assert_int_equal(chat->end.rc, RC_OK);
}

static void
tell(struct world *w, const struct sid *sid, enum turn_queue_signal signal)
{
	turn_queue_tell(w->line, sid, signal);
	settle(w);
}

struct look {
	bool there;
	enum rc rc;
	uint64_t count;
	char text[256]; /* "text|text!|", ! for interrupted */
	bool held;
};

static void
looked(void *arg, enum rc rc, struct session *session)
{
	struct look *look = arg;
	size_t pos = 0, len = 0;
	struct message m;

	look->there = true;
	look->rc = rc;
	if (session == NULL)
		return;
	look->count = session->message_count;
	look->held = session->held;
	while (history_next(&session->history, &pos, &m))
		len += (size_t)snprintf(look->text + len,
		    sizeof(look->text) - len, "%.*s%s|", (int)m.len, m.text,
		    m.status == MESSAGE_INTERRUPTED ? "!" : "");
}

static void
await(struct world *w, const bool *there)
{
	for (int i = 0; !*there; i++) {
		assert_true(i < TURNS);
		turn_loop(w);
	}
}

/* What the store has of a session. */
static struct look
look_at(struct world *w, const struct sid *sid)
{
	const struct store_ask ask = {
		.sid = sid,
		.window = &WINDOW_ALL,
		.now = store_now_at(loop_now(w->loop)),
	};
	struct look look = { .rc = RC_OK };

	store_load(w->door, &ask, looked, &look);
	await(w, &look.there);
	return look;
}

static void
assert_history(struct world *w, const struct sid *sid, const char *text)
{
	struct look look = look_at(w, sid);

	assert_int_equal(look.rc, RC_OK);
	assert_string_equal(look.text, text);
	assert_false(look.held);
}

static void
assert_end(const struct chat *chat, enum rc rc, enum rc interrupted,
    const char *answer)
{
	assert_int_equal(chat->dones, 1);
	assert_int_equal(chat->end.rc, rc);
	assert_int_equal(chat->end.interrupted, interrupted);
	assert_int_equal(chat->answer.len, strlen(answer));
	assert_memory_equal(chat->answer.len > 0 ? chat->answer.data : "",
	    answer, strlen(answer));
}

struct tally {
	bool there;
	uint64_t sessions;
};

static void
counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct tally *tally = arg;

	assert_int_equal(rc, RC_OK);
	tally->there = true;
	tally->sessions = totals->sessions;
}

static uint64_t
count_sessions(struct world *w)
{
	const struct store_now now = store_now_at(loop_now(w->loop));
	struct tally tally = { false, 0 };

	store_count(w->door, &now, counted, &tally);
	await(w, &tally.there);
	return tally.sessions;
}

static void
delete_session(struct world *w, const struct sid *sid)
{
	const struct store_now now = store_now_at(loop_now(w->loop));
	struct look look = { .rc = RC_OK };

	store_delete(w->door, sid, NULL, &now, looked, &look);
	await(w, &look.there);
}

/*
 * An end that has to be known elsewhere first.
 */

static void
test_end_is_kept(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask_as(w, 0, NULL, "Bonjour", true);
	struct chat *next;

	settle(w);
	next = ask_as(w, 1, &chat->sid, "Encore", true);
	settle(w);
	turn_queue_part(w->line, true);
	say(w, "Bonsoir");
	end_answer(w, RC_OK);
	assert_int_equal(chat->dones, 0);
	assert_int_equal(next->starts, 0);
	assert_history(w, &chat->sid, "Bonjour|Bonsoir|");
	tell(w, &chat->sid, TURN_QUEUE_STOP);
	assert_int_equal(chat->dones, 0);
	tell(w, &chat->sid, TURN_QUEUE_OVER);
	assert_end(chat, RC_OK, RC_OK, "Bonsoir");
	assert_int_equal(chat->end.message_count, 2);
	assert_int_equal(next->starts, 1);
	turn_queue_part(w->line, false);
	say(w, "Oui");
	end_answer(w, RC_OK);
	assert_end(next, RC_OK, RC_OK, "Oui");
}

static void
test_end_is_kept_of_one_that_left(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask_as(w, 0, NULL, "Bonjour", true);

	settle(w);
	turn_queue_part(w->line, true);
	say(w, "Bonsoir");
	end_answer(w, RC_OK);
	turn_leave(chat->turn);
	settle(w);
	assert_true(turn_queue_view(w->line, &chat->sid).kept);
	turn_queue_part(w->line, false);
	settle(w);
	assert_false(turn_queue_view(w->line, &chat->sid).kept);
	assert_int_equal(chat->dones, 0);
}

/* Nobody has to know how it ended, since its session is gone. */
static void
test_end_of_a_deleted_one_is_not_kept(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask_as(w, 0, NULL, "Bonjour", true);

	settle(w);
	turn_queue_part(w->line, true);
	delete_session(w, &chat->sid);
	tell(w, &chat->sid, TURN_QUEUE_DELETED);
	assert_int_equal(chat->dones, 1);
	assert_int_equal(chat->end.rc, RC_DELETED);
}

/*
 * Which session.
 */

static void
test_without_session(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask_as(w, 0, NULL, "Bonjour", true);

	assert_int_equal(chat->starts + chat->dones, 0);
	settle(w);
	assert_int_equal(chat->waits, 0);
	assert_int_equal(chat->starts, 1);
	assert_true(chat->new_session);
	assert_string_equal(w->fake.running->question, "Bonjour");
	assert_string_equal(w->fake.running->history, "");
	assert_true(look_at(w, &chat->sid).held);

	say(w, "Bon");
	say(w, "soir");
	assert_int_equal(chat->deltas, 2);
	end_answer(w, RC_OK);
	assert_end(chat, RC_OK, RC_OK, "Bonsoir");
	assert_true(chat->end.new_session);
	assert_int_equal(chat->end.message_count, 2);
	assert_int_equal(chat->end.usage.prompt_tokens, 11);
	assert_int_equal(chat->end.usage.completion_tokens, 22);
	assert_true(sid_equal(&chat->sid, &chat->end_sid));
	assert_history(w, &chat->sid, "Bonjour|Bonsoir|");
}

static void
test_history_and_its_window(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q1", "a1");
	struct chat *chat;

	converse(w, &sid, "q2", "a2");
	converse(w, &sid, "q3", "a3");
	chat = ask(w, 0, &sid, "q4");
	assert_false(chat->new_session);
	assert_string_equal(w->fake.running->history, "q2|a2|q3|a3|");
	say(w, "a4");
	end_answer(w, RC_OK);
	assert_false(chat->end.new_session);
	assert_int_equal(chat->end.message_count, 8);
	assert_history(w, &sid, "q1|a1|q2|a2|q3|a3|q4|a4|");
}

static void
test_unknown_session(void **state)
{
	struct world *w = *state;
	struct sid made_up = { { 1, 2, 3 } };
	struct chat *chat = ask(w, 0, &made_up, "q");

	assert_int_equal(chat->starts, 1);
	assert_true(chat->new_session);
	assert_false(sid_equal(&chat->sid, &made_up));
	assert_false(turn_queue_tell(w->line, &made_up, TURN_QUEUE_STOP));
	say(w, "a");
	tell(w, &chat->sid, TURN_QUEUE_STOP);
	assert_end(chat, RC_OK, RC_STOPPED, "a");
	assert_int_equal(look_at(w, &made_up).rc, RC_NOSESSION);
}

static void
test_no_room_for_a_session(void **state)
{
	struct world *w = *state;
	struct chat *chat;
	int i;

	for (i = 0; i < 9; i++)
		converse(w, NULL, "q", "a");
	chat = ask(w, 0, NULL, "q");
	assert_end(chat, RC_CAPACITY, RC_OK, "");
	assert_int_equal(chat->starts, 0);
	assert_null(chat->end.sid);
}

/*
 * One at a time.
 */

static void
test_in_order_of_arrival(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q0", "a0");
	char question[16], answer[16];
	int i, k;

	for (i = 0; i <= TURN_QUEUE_MAX_WAITING; i++) {
		snprintf(question, sizeof(question), "q%d", i + 1);
		ask(w, i, &sid, question);
		assert_int_equal(w->chats[i].waits, i > 0);
		assert_gauges(w, (uint64_t)i + 1, (uint64_t)i);
	}
	ask(w, i, &sid, "too many");
	assert_end(&w->chats[i], RC_BUSY, RC_OK, "");
	assert_int_equal(w->chats[i].waits, 0);

	for (i = 0; i <= TURN_QUEUE_MAX_WAITING; i++) {
		for (k = 0; k <= TURN_QUEUE_MAX_WAITING; k++)
			assert_int_equal(w->chats[k].starts, k <= i);
		snprintf(question, sizeof(question), "q%d", i + 1);
		snprintf(answer, sizeof(answer), "a%d", i + 1);
		assert_string_equal(w->fake.running->question, question);
		assert_null(w->fake.running->next);
		say(w, answer);
		end_answer(w, RC_OK);
		assert_end(&w->chats[i], RC_OK, RC_OK, answer);
		k = TURN_QUEUE_MAX_WAITING - i;
		assert_gauges(w, (uint64_t)k, (uint64_t)(k > 0 ? k - 1 : 0));
	}
	assert_history(w, &sid, "q0|a0|q1|a1|q2|a2|q3|a3|q4|a4|q5|a5|");
}

static void
test_impatience(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct turns_conf conf = w->conf;
	struct chat *first, *second;

	turns_close(w->turns);
	conf.wait_ms = 0;
	assert_non_null(w->turns = turns_open(w->loop, &conf));
	first = ask(w, 0, &sid, "q1");
	second = ask(w, 1, &sid, "q2");
	assert_int_equal(second->waits, 1);
	assert_end(second, RC_BUSY, RC_OK, "");
	assert_int_equal(first->dones, 0);
	say(w, "a1");
	end_answer(w, RC_OK);
	assert_end(first, RC_OK, RC_OK, "a1");
	assert_history(w, &sid, "q|a|q1|a1|");
}

/* It may go in the very turn of the loop in which its patience would end. */
static void
test_patience_ends_with_go(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct turns_conf conf = w->conf;
	struct chat *second;
	struct answer *a;

	turns_close(w->turns);
	conf.wait_ms = 0;
	assert_non_null(w->turns = turns_open(w->loop, &conf));
	ask(w, 0, &sid, "q1");
	say(w, "a1");
	second = ask_as(w, 1, &sid, "q2", true);
	turn_loop(w);
	assert_int_equal(second->waits, 1);
	a = w->fake.running;
	a->events->done(a->arg, RC_OK, &USAGE_NONE);
	fake_remove(&w->fake, a);
	settle(w);
	assert_int_equal(second->starts, 1);
	say(w, "a2");
	end_answer(w, RC_OK);
	assert_end(second, RC_OK, RC_OK, "a2");
}

/*
 * Failures.
 */

static void
test_failure_before_any_text(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");
	struct sid sid;

	end_answer(w, RC_UNAVAILABLE);
	assert_end(chat, RC_UNAVAILABLE, RC_OK, "");
	assert_non_null(chat->end.sid);
	sid = chat->end_sid;
	assert_history(w, &sid, "");
	converse(w, &sid, "q2", "a2");
	assert_history(w, &sid, "q2|a2|");
}

static void
test_failure_after_some_text(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");

	say(w, "some");
	end_answer(w, RC_UNAVAILABLE);
	assert_end(chat, RC_OK, RC_UNAVAILABLE, "some");
	assert_int_equal(chat->end.message_count, 2);
	assert_history(w, &chat->sid, "q|some!|");
}

static void
test_whole_but_empty(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");

	end_answer(w, RC_OK);
	assert_end(chat, RC_UPSTREAM, RC_OK, "");
	assert_history(w, &chat->end_sid, "");
}

static void
test_responder_refuses(void **state)
{
	struct world *w = *state;
	struct chat *chat;

	w->fake.refuses = RC_NOMEM;
	chat = ask(w, 0, NULL, "q");
	assert_end(chat, RC_NOMEM, RC_OK, "");
	assert_int_equal(chat->starts, 0);
	assert_history(w, &chat->end_sid, "");
}

static void
test_no_tokens_left(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat;

	w->fake.refuses = RC_BUDGET;
	chat = ask(w, 0, &sid, "r");
	assert_end(chat, RC_BUDGET, RC_OK, "");
	assert_int_equal(chat->starts, 0);
	assert_true(sid_equal(&chat->end_sid, &sid));
	assert_history(w, &sid, "q|a|");
	assert_false(look_at(w, &sid).held);
}

static void
test_who_may_not_create(void **state)
{
	struct world *w = *state;
	struct sid made_up = { { 1, 2, 3 } };
	const struct sid *names[] = { NULL, &made_up };
	struct chat *chat;
	struct sid sid;

	for (int i = 0; i < 2; i++) {
		chat = ask_as(w, 0, names[i], "q", true);
		chat->may_create = RC_RATE;
		settle(w);
		assert_int_equal(chat->creates, 1);
		assert_end(chat, RC_RATE, RC_OK, "");
		assert_int_equal(chat->end.retry_ms, 7000);
		assert_null(chat->end.sid);
		assert_int_equal(w->fake.started, 0);
	}
	sid = converse(w, NULL, "q", "a");
	assert_int_equal(w->chats[0].creates, 1);
	chat = ask_as(w, 0, &sid, "r", true);
	chat->may_create = RC_RATE;
	settle(w);
	assert_int_equal(chat->creates, 0);
	assert_int_equal(chat->starts, 1);
	end_answer(w, RC_OK);
}

static void
test_who_may_name_his_own_only(void **state)
{
	struct world *w = *state;
	struct sid foreign = converse(w, NULL, "q", "a"), own;
	struct chat *chat;

	w->creator = (struct addr){ { 192, 0, 2, 1 } };
	own = converse(w, NULL, "r", "b");
	w->own = true;
	chat = ask(w, 0, &foreign, "s");
	assert_int_equal(chat->creates, 1);
	assert_true(chat->new_session);
	assert_string_equal(w->fake.running->history, "");
	say(w, "c");
	end_answer(w, RC_OK);
	chat = ask(w, 0, &own, "t");
	assert_int_equal(chat->creates, 0);
	assert_false(chat->new_session);
	assert_string_equal(w->fake.running->history, "r|b|");
	end_answer(w, RC_OK);
	assert_history(w, &foreign, "q|a|");
}

/* The answer belongs to a history that is not there any more. */
static void
test_another_answer_came_between(void **state)
{
	const struct message q = { ROLE_USER, MESSAGE_COMPLETE, 0, "x", 1,
		RC_OK, NULL, NULL, NULL, 0 };
	const struct message a = { ROLE_ASSISTANT, MESSAGE_COMPLETE, 0, "y", 1,
		RC_OK, NULL, NULL, NULL, 0 };
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");
	struct look look = { .rc = RC_OK };
	const struct hold hold = { { { 1 } }, 0 };
	const struct store_pair pair = { &chat->sid, &hold, &q, &a,
		store_now_at(loop_now(w->loop)) };

	store_append(w->door, &pair, looked, &look);
	await(w, &look.there);
	assert_int_equal(look.rc, RC_OK);
	say(w, "a");
	end_answer(w, RC_OK);
	assert_end(chat, RC_LOST, RC_OK, "");
	assert_history(w, &chat->sid, "x|y|");
}

/* The session is held by another port, as by another process. */
static void
test_held_elsewhere(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct hold hold = { { { 1 } }, 0 };
	const struct store_ask ask_hold = {
		.sid = &sid,
		.window = &WINDOW_NONE,
		.hold = &hold,
		.now = store_now_at(loop_now(w->loop)),
	};
	struct look look = { .rc = RC_OK };
	struct chat *chat, *stopped;

	store_load(w->door, &ask_hold, looked, &look);
	await(w, &look.there);
	chat = ask(w, 0, &sid, "q1");
	assert_int_equal(chat->waits, 1);
	assert_int_equal(chat->starts, 0);
	assert_gauges(w, 1, 1);
	stopped = ask(w, 1, &sid, "q2");
	tell(w, &sid, TURN_QUEUE_STOP);
	assert_end(chat, RC_STOPPED, RC_OK, "");
	assert_int_equal(stopped->waits, 1);

	look.there = false;
	store_release(w->door, &sid, &hold, &ask_hold.now, looked, &look);
	await(w, &look.there);
	settle(w);
	assert_int_equal(stopped->starts, 1);
	say(w, "a2");
	end_answer(w, RC_OK);
	assert_end(stopped, RC_OK, RC_OK, "a2");
	assert_history(w, &sid, "q|a|q2|a2|");
}

/* Who waits for it there gives up, or hears that it is gone. */
static void
test_held_elsewhere_for_too_long(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct hold hold = { { { 1 } }, 0 };
	const struct store_ask ask_hold = {
		.sid = &sid,
		.window = &WINDOW_NONE,
		.hold = &hold,
		.now = store_now_at(loop_now(w->loop)),
	};
	struct look look = { .rc = RC_OK };
	struct chat *chat;

	store_load(w->door, &ask_hold, looked, &look);
	await(w, &look.there);
	world_patience(w, 0);
	chat = ask(w, 0, &sid, "q1");
	assert_int_equal(chat->waits, 1);
	assert_end(chat, RC_BUSY, RC_OK, "");
	world_patience(w, 60000);
	chat = ask(w, 0, &sid, "q2");
	delete_session(w, &sid);
	settle(w);
	assert_end(chat, RC_DELETED, RC_OK, "");
}

/* From another process. */
static void
test_told_from_elsewhere(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	const struct store_ask ask_tell = {
		.sid = &sid,
		.window = &WINDOW_NONE,
		.now = store_now_at(loop_now(w->loop)),
	};
	struct look look = { .rc = RC_OK };
	struct chat *chat = ask(w, 0, &sid, "q1");

	say(w, "a1");
	store_tell(w->door, &ask_tell, STORE_STOP, looked, &look);
	await(w, &look.there);
	settle(w);
	assert_int_equal(look.rc, RC_OK);
	assert_end(chat, RC_OK, RC_STOPPED, "a1");

	chat = ask(w, 0, &sid, "q2");
	say(w, "a2");
	look.there = false;
	store_tell(w->door, &ask_tell, STORE_LOST, looked, &look);
	await(w, &look.there);
	settle(w);
	assert_end(chat, RC_LOST, RC_OK, "");
	assert_history(w, &sid, "q|a|q1|a1!|");
}

static void
test_too_long(void **state)
{
	struct world *w = *state;
	struct chat *chat;
	struct sid sid;
	char *piece = calloc(1, TURN_MAX_ANSWER);
	int again;

	/* all but one byte, then a character of two */
	assert_non_null(piece);
	memset(piece, 'x', TURN_MAX_ANSWER - 1);
	for (again = 0; again < 2; again++) {
		chat = ask(w, 0, NULL, "q");
		say(w, piece);
		say(w, "é");
		say(w, "y");
		assert_int_equal(chat->deltas, 1);
		if (again)
			end_answer(w, RC_OK);
		settle(w);
		assert_int_equal(w->fake.cancelled, 1);
		assert_int_equal(chat->end.rc, RC_OK);
		assert_int_equal(chat->end.interrupted, RC_ANSWER_SIZE);
		assert_int_equal(chat->answer.len, TURN_MAX_ANSWER - 1);
		assert_int_equal(chat->text.len, TURN_MAX_ANSWER - 1);
		sid = chat->end_sid;
		assert_int_equal(look_at(w, &sid).count, 2);
		delete_session(w, &sid);
	}

	/* exactly full is whole */
	chat = ask(w, 0, NULL, "q");
	say(w, piece);
	say(w, "y");
	end_answer(w, RC_OK);
	assert_int_equal(chat->end.interrupted, RC_OK);
	assert_int_equal(chat->answer.len, TURN_MAX_ANSWER);
	free(piece);
}

/*
 * A responder that is not ready.
 */

static void
test_not_ready(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	const struct sid *sids[] = { NULL, &sid };
	struct chat *chat;
	int i;

	w->fake.ready = RC_UPSTREAM_DOWN;
	w->fake.retry_ms = 1234;
	for (i = 0; i < 2; i++) {
		chat = ask(w, 0, sids[i], "q1");
		assert_end(chat, RC_UPSTREAM_DOWN, RC_OK, "");
		assert_int_equal(chat->end.retry_ms, 1234);
		assert_int_equal(chat->waits + chat->starts, 0);
		assert_null(chat->end.sid);
		assert_int_equal(w->fake.started, 1);
		assert_int_equal(count_sessions(w), 1);
		assert_history(w, &sid, "q|a|");
	}
	w->fake.ready = RC_OK;
	converse(w, &sid, "q1", "a1");
}

static void
test_advice_when_to_try_again(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");

	w->fake.retry_ms = 4321;
	end_answer(w, RC_UPSTREAM_DOWN);
	assert_end(chat, RC_UPSTREAM_DOWN, RC_OK, "");
	assert_int_equal(chat->end.retry_ms, 4321);
}

/*
 * Keys.
 */

/* The answer of an earlier try came again, as one piece. */
static void
assert_replayed(const struct chat *chat, enum rc interrupted,
    const char *answer, uint64_t count)
{
	assert_end(chat, RC_OK, interrupted, answer);
	assert_int_equal(chat->starts, 1);
	assert_int_equal(chat->deltas, 1);
	assert_int_equal(chat->text.len, strlen(answer));
	assert_memory_equal(chat->text.data, answer, strlen(answer));
	assert_int_equal(chat->end.message_count, count);
	assert_false(chat->new_session || chat->end.new_session);
}

static void
test_key_again(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat;

	converse_keyed(w, &sid, "q1", "a1", "k1");
	chat = ask_keyed(w, 0, &sid, "q1", "k1");
	assert_replayed(chat, RC_OK, "a1", 4);
	assert_int_equal(chat->end.usage.prompt_tokens, 11);
	assert_int_equal(chat->end.usage.completion_tokens, 22);
	assert_true(sid_equal(&chat->end_sid, &sid));

	/* it answers as it was, whatever came later */
	converse(w, &sid, "q2", "a2");
	assert_replayed(ask_keyed(w, 0, &sid, "q1", "k1"), RC_OK, "a1", 4);
	assert_int_equal(w->fake.started, 3);
	assert_history(w, &sid, "q|a|q1|a1|q2|a2|");

	/* without its key, or with another, it is a new message */
	converse(w, &sid, "q1", "a3");
	converse_keyed(w, &sid, "q1", "a4", "k2");
	assert_int_equal(w->fake.started, 5);
}

/* What was answered to a key is there still; what was not is refused. */
static void
test_key_while_not_ready(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a"), unknown = sid;
	struct chat *chat;

	converse_keyed(w, &sid, "q1", "a1", "k1");
	w->fake.ready = RC_UPSTREAM_DOWN;
	w->fake.retry_ms = 1234;
	assert_replayed(ask_keyed(w, 0, &sid, "q1", "k1"), RC_OK, "a1", 4);
	assert_end(ask_keyed(w, 0, &sid, "q2", "k1"), RC_KEY_REUSED, RC_OK, "");
	chat = ask_keyed(w, 0, &sid, "q2", "k2");
	assert_end(chat, RC_UPSTREAM_DOWN, RC_OK, "");
	assert_int_equal(chat->end.retry_ms, 1234);
	assert_int_equal(chat->waits + chat->starts, 0);
	unknown.b[0] ^= 1;
	chat = ask_keyed(w, 0, &unknown, "q1", "k1");
	assert_end(chat, RC_UPSTREAM_DOWN, RC_OK, "");
	assert_int_equal(w->fake.started, 2);
	assert_int_equal(count_sessions(w), 1);
	assert_history(w, &sid, "q|a|q1|a1|");
	w->fake.ready = RC_OK;
	converse_keyed(w, &sid, "q2", "a2", "k2");
}

static void
test_key_while_the_first_runs(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *first = ask_keyed(w, 0, &sid, "q1", "k");
	struct chat *second = ask_keyed(w, 1, &sid, "q1", "k");

	say(w, "a");
	settle(w);
	assert_int_equal(second->waits, 1);
	assert_int_equal(second->starts, 0);
	say(w, "1");
	end_answer(w, RC_OK);
	assert_end(first, RC_OK, RC_OK, "a1");
	assert_replayed(second, RC_OK, "a1", 4);
	assert_int_equal(w->fake.started, 2);
	assert_history(w, &sid, "q|a|q1|a1|");
}

static void
test_key_reused(void **state)
{
	static const char *const others[] = { "q2", "q", "q11", "Q1" };
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat;
	size_t i;

	converse_keyed(w, &sid, "q1", "a1", "k");
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		chat = ask_keyed(w, 0, &sid, others[i], "k");
		assert_end(chat, RC_KEY_REUSED, RC_OK, "");
		assert_int_equal(chat->starts, 0);
		assert_int_equal(w->fake.started, 2);
		assert_history(w, &sid, "q|a|q1|a1|");
	}
}

static void
test_only_the_last_keys(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	char q[16], a[16], k[16];
	int i;

	for (i = 0; i <= STORE_MAX_KEYS; i++) {
		snprintf(q, sizeof(q), "q%d", i);
		snprintf(a, sizeof(a), "a%d", i);
		snprintf(k, sizeof(k), "k%d", i);
		converse_keyed(w, &sid, q, a, k);
		converse(w, &sid, "no key", "counts for none");
	}
	for (i = 1; i <= STORE_MAX_KEYS; i++) {
		snprintf(q, sizeof(q), "q%d", i);
		snprintf(a, sizeof(a), "a%d", i);
		snprintf(k, sizeof(k), "k%d", i);
		assert_replayed(
		    ask_keyed(w, 0, &sid, q, k), RC_OK, a, (uint64_t)i * 4 + 4);
	}
	converse_keyed(w, &sid, "another", "anew", "k0");
	assert_replayed(
	    ask_keyed(w, 0, &sid, "another", "k0"), RC_OK, "anew", 40);
}

static void
test_key_of_a_failed_try(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat = ask_keyed(w, 0, &sid, "q1", "k");

	end_answer(w, RC_UPSTREAM);
	assert_end(chat, RC_UPSTREAM, RC_OK, "");
	ask_keyed(w, 0, &sid, "q1", "k");
	tell(w, &sid, TURN_QUEUE_STOP);
	assert_end(chat, RC_OK, RC_STOPPED, "");
	converse_keyed(w, &sid, "another", "a1", "k");
	assert_history(w, &sid, "q|a|another|a1|");
}

static void
test_key_of_an_interrupted_answer(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat = ask_keyed(w, 0, &sid, "q1", "k1");

	say(w, "some");
	end_answer(w, RC_UPSTREAM_TIMEOUT);
	assert_end(chat, RC_OK, RC_UPSTREAM_TIMEOUT, "some");
	ask_keyed(w, 0, &sid, "q2", "k2");
	say(w, "more");
	tell(w, &sid, TURN_QUEUE_STOP);
	ask_keyed(w, 0, &sid, "q3", "k3");
	say(w, "seen");
	turn_leave(chat->turn);
	settle(w);

	assert_replayed(
	    ask_keyed(w, 0, &sid, "q1", "k1"), RC_UPSTREAM_TIMEOUT, "some", 4);
	assert_replayed(
	    ask_keyed(w, 0, &sid, "q2", "k2"), RC_STOPPED, "more", 6);
	assert_replayed(
	    ask_keyed(w, 0, &sid, "q3", "k3"), RC_STOPPED, "seen", 8);
	assert_history(w, &sid, "q|a|q1|some!|q2|more!|q3|seen!|");
}

static void
test_key_without_live_session(void **state)
{
	struct world *w = *state;
	struct sid made_up = { { 1, 2, 3 } };
	const struct sid *sids[] = { NULL, &made_up };
	struct sid sid;
	int i;

	for (i = 0; i < 2; i++) {
		converse_keyed(w, sids[i], "q", "a", "k");
		sid = w->chats[0].end_sid;
		assert_true(w->chats[0].end.new_session);
		converse_keyed(w, &sid, "q", "a1", "k");
		converse_keyed(w, sids[i], "q", "a", "k");
		assert_false(sid_equal(&w->chats[0].end_sid, &sid));
		assert_history(w, &sid, "q|a|q|a1|");
	}
}

static void
test_key_of_another_session(void **state)
{
	struct world *w = *state;
	struct sid one = converse(w, NULL, "q", "a");
	struct sid two = converse(w, NULL, "q", "a");

	converse_keyed(w, &one, "q1", "a1", "k");
	converse_keyed(w, &two, "q1", "a2", "k");
	assert_replayed(ask_keyed(w, 0, &one, "q1", "k"), RC_OK, "a1", 4);
	assert_replayed(ask_keyed(w, 0, &two, "q1", "k"), RC_OK, "a2", 4);
}

static void
test_key_after_older_pairs_fell_out(void **state)
{
	struct world *w = *state;
	struct sid sid;
	char q[16], a[16], k[16];
	int i;

	world_end(w);
	world_begin(w, 4);

	sid = converse(w, NULL, "q", "a");
	for (i = 1; i < 5; i++) {
		snprintf(q, sizeof(q), "q%d", i);
		snprintf(a, sizeof(a), "a%d", i);
		snprintf(k, sizeof(k), "k%d", i);
		converse_keyed(w, &sid, q, a, k);
	}
	assert_replayed(ask_keyed(w, 0, &sid, "q3", "k3"), RC_OK, "a3", 8);
	assert_replayed(ask_keyed(w, 0, &sid, "q4", "k4"), RC_OK, "a4", 10);
	converse_keyed(w, &sid, "q2", "anew", "k2");
}

/* To find a key all is read; the model still gets its window only. */
static void
test_key_and_the_window(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q1", "a1");

	converse_keyed(w, &sid, "q2", "a2", "k2");
	converse(w, &sid, "q3", "a3");
	ask_keyed(w, 0, &sid, "q4", "k4");
	assert_string_equal(w->fake.running->history, "q2|a2|q3|a3|");
	say(w, "a4");
	end_answer(w, RC_OK);
}

static void
test_deleted_before_the_replay(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat;

	converse_keyed(w, &sid, "q1", "a1", "k");
	ask_keyed(w, 0, &sid, "q1", "k");
	chat = ask_keyed(w, 1, &sid, "q1", "k");
	assert_replayed(chat, RC_OK, "a1", 4);
	ask(w, 0, &sid, "q2");
	chat = ask_keyed(w, 1, &sid, "q1", "k");
	assert_int_equal(chat->waits, 1);
	delete_session(w, &sid);
	tell(w, &sid, TURN_QUEUE_DELETED);
	assert_end(chat, RC_DELETED, RC_OK, "");
	assert_int_equal(chat->starts, 0);
}

/* The client may leave at any moment of a replay. */
static void
test_leave_in_every_phase_of_a_replay(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat;
	int phase, i;

	converse_keyed(w, &sid, "q1", "a1", "k");
	for (phase = 0; phase < PHASES; phase++) {
		chat = ask_fully(w, 0, &sid, "q1", true, "k");
		for (i = 0; i < phase && chat->turn != NULL; i++)
			turn_loop(w);
		if (chat->turn != NULL)
			turn_leave(chat->turn);
		settle(w);
		assert_history(w, &sid, "q|a|q1|a1|");
		assert_false(turn_queue_tell(w->line, &sid, TURN_QUEUE_STOP));
	}
	assert_int_equal(w->fake.started, 2);
}

/*
 * Stopped, deleted, left, drained.
 */

static void
test_stop(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat = ask(w, 0, &sid, "q1");

	tell(w, &sid, TURN_QUEUE_STOP);
	assert_end(chat, RC_OK, RC_STOPPED, "");
	assert_int_equal(chat->end.message_count, 2);
	assert_history(w, &sid, "q|a|");

	chat = ask_as(w, 0, &sid, "q2", false);
	settle(w);
	say(w, "some");
	tell(w, &sid, TURN_QUEUE_STOP);
	assert_end(chat, RC_OK, RC_STOPPED, "some");
	assert_int_equal(chat->end.message_count, 4);
	assert_history(w, &sid, "q|a|q2|some!|");
	assert_int_equal(w->fake.cancelled, 2);
}

/* The second is told to go and to stop in the same mail. */
static void
test_stop_with_go(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *first = ask(w, 0, &sid, "q1");
	struct chat *second = ask(w, 1, &sid, "q2");
	struct answer *a = w->fake.running;
	int i;

	say(w, "a1");
	a->events->done(a->arg, RC_OK, &USAGE_NONE);
	fake_remove(&w->fake, a);
	for (i = 0; i < TURNS && first->dones == 0; i++)
		turn_loop(w);
	tell(w, &sid, TURN_QUEUE_STOP);
	assert_end(first, RC_OK, RC_OK, "a1");
	assert_end(second, RC_OK, RC_STOPPED, "");
	assert_int_equal(second->starts, 1);
	assert_int_equal(second->end.message_count, 4);
	assert_int_equal(w->fake.started, 2);
	assert_history(w, &sid, "q|a|q1|a1|");
}

static void
test_delete(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *running = ask(w, 0, &sid, "q1");
	struct chat *waiting = ask(w, 1, &sid, "q2");

	say(w, "some");
	delete_session(w, &sid);
	tell(w, &sid, TURN_QUEUE_DELETED);
	assert_end(running, RC_DELETED, RC_OK, "");
	assert_end(waiting, RC_DELETED, RC_OK, "");
	assert_int_equal(w->fake.cancelled, 1);
	assert_int_equal(look_at(w, &sid).rc, RC_NOSESSION);
}

/* Told before the store is: nothing is kept all the same. */
static void
test_told_before_deleted(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat = ask(w, 0, &sid, "q1");

	say(w, "some");
	tell(w, &sid, TURN_QUEUE_DELETED);
	assert_end(chat, RC_DELETED, RC_OK, "");
	assert_history(w, &sid, "q|a|");
}

static void
test_told_while_closing(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");

	say(w, "a");
	turn_queue_tell(w->line, &chat->sid, TURN_QUEUE_DELETED);
	end_answer(w, RC_OK);
	assert_end(chat, RC_DELETED, RC_OK, "");
}

/* Whatever ended the answer first, a session that is gone comes before it. */
static void
test_deleted_when_too_long(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *chat = ask(w, 0, &sid, "q1");
	char *piece = calloc(1, TURN_MAX_ANSWER + 2);

	assert_non_null(piece);
	memset(piece, 'x', TURN_MAX_ANSWER + 1);
	say(w, piece);
	tell(w, &sid, TURN_QUEUE_DELETED);
	assert_end(chat, RC_DELETED, RC_OK, "");
	assert_int_equal(look_at(w, &sid).count, 2);
	free(piece);
}

static void
test_deleted_untold(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");

	say(w, "some");
	delete_session(w, &chat->sid);
	end_answer(w, RC_OK);
	assert_end(chat, RC_DELETED, RC_OK, "");
}

/* Deleted when the loop made so many turns: at any moment of the turn. */
static void
test_delete_in_every_phase(void **state)
{
	struct world *w = *state;
	struct chat *chat;
	struct sid sid;
	int phase, i;

	for (phase = 0; phase < PHASES; phase++) {
		sid = converse(w, NULL, "q", "a");
		chat = ask_as(w, 0, &sid, "q1", true);
		for (i = 0; i < phase; i++)
			turn_loop(w);
		delete_session(w, &sid);
		tell(w, &sid, TURN_QUEUE_DELETED);
		if (chat->dones == 0) {
			assert_true(chat->new_session);
			say(w, "a1");
			end_answer(w, RC_OK);
			assert_end(chat, RC_OK, RC_OK, "a1");
			delete_session(w, &chat->sid);
		} else {
			assert_end(chat, RC_DELETED, RC_OK, "");
		}
		assert_int_equal(look_at(w, &sid).rc, RC_NOSESSION);
	}
}

static void
test_leave(void **state)
{
	static const struct {
		bool keep_partial;
		const char *text;
		const char *history;
	} rows[] = {
		{ true, "some", "q|a|q1|some!|" },
		{ false, "some", "q|a|" },
		{ true, "", "q|a|" },
		{ false, "", "q|a|" },
	};
	struct world *w = *state;
	struct chat *chat;
	struct sid sid;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sid = converse(w, NULL, "q", "a");
		chat = ask_as(w, 0, &sid, "q1", rows[i].keep_partial);
		settle(w);
		if (rows[i].text[0] != '\0')
			say(w, rows[i].text);
		turn_leave(chat->turn);
		assert_null(w->fake.running);
		settle(w);
		assert_int_equal(chat->dones, 0);
		assert_history(w, &sid, rows[i].history);
		assert_false(turn_queue_tell(w->line, &sid, TURN_QUEUE_STOP));
		delete_session(w, &sid);
	}
}

/* Who left before a session was made for them leaves none behind. */
static void
test_leave_in_every_phase(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct sid made_up = { { 1, 2, 3 } };
	const struct sid *sids[] = { &sid, &made_up };
	struct chat *chat;
	int phase, i, k;

	for (phase = 0; phase < PHASES; phase++) {
		for (k = 0; k < 2; k++) {
			chat = ask_as(w, 0, sids[k], "q1", true);
			for (i = 0; i < phase; i++)
				turn_loop(w);
			turn_leave(chat->turn);
			settle(w);
			assert_int_equal(chat->dones, 0);
			assert_null(w->fake.running);
			assert_false(
			    turn_queue_tell(w->line, sids[k], TURN_QUEUE_STOP));
			if (chat->starts > 0 && k == 1)
				delete_session(w, &chat->sid);
			if (phase < 2)
				assert_int_equal(count_sessions(w), 1);
		}
		assert_history(w, &sid, "q|a|");
	}
}

static void
test_leave_while_waiting(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *first = ask(w, 0, &sid, "q1");
	struct chat *second = ask(w, 1, &sid, "q2");
	struct chat *third = ask(w, 2, &sid, "q3");

	turn_leave(second->turn);
	settle(w);
	say(w, "a1");
	end_answer(w, RC_OK);
	assert_end(first, RC_OK, RC_OK, "a1");
	assert_int_equal(second->starts + second->dones, 0);
	assert_int_equal(third->starts, 1);
	say(w, "a3");
	end_answer(w, RC_OK);
	assert_history(w, &sid, "q|a|q1|a1|q3|a3|");
}

static void
test_leave_while_closing(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");
	struct answer *a = w->fake.running;

	say(w, "a");
	a->events->done(a->arg, RC_OK, &USAGE_NONE);
	fake_remove(&w->fake, a);
	if (is_late(w))
		turn_leave(chat->turn);
	settle(w);
	assert_int_equal(chat->dones, is_late(w) ? 0 : 1);
	assert_history(w, &chat->sid, "q|a|");
}

static void
test_drain(void **state)
{
	struct world *w = *state;
	struct sid sid = converse(w, NULL, "q", "a");
	struct chat *running = ask(w, 0, &sid, "q1");
	struct chat *waiting = ask(w, 1, &sid, "q2");
	struct chat *silent, *begun, *late;

	say(w, "some");
	silent = ask(w, 2, NULL, "q3");
	begun = ask_as(w, 3, NULL, "q4", true);
	turns_drain(w->turns, 60000);
	assert_end(waiting, RC_UNAVAILABLE, RC_OK, "");
	assert_end(begun, RC_UNAVAILABLE, RC_OK, "");
	late = ask(w, 4, NULL, "q5");
	assert_end(late, RC_UNAVAILABLE, RC_OK, "");
	assert_null(late->end.sid);
	assert_int_equal(running->dones + silent->dones, 0);

	turns_drain(w->turns, 0);
	settle(w);
	assert_end(running, RC_OK, RC_UNAVAILABLE, "some");
	assert_end(silent, RC_UNAVAILABLE, RC_OK, "");
	assert_history(w, &sid, "q|a|q1|some!|");
}

/* Its mail is still under way when the turns are closed. */
static void
test_close_awaits_mail(void **state)
{
	struct world *w = *state;
	struct chat *chat = ask(w, 0, NULL, "q");

	turn_queue_tell(w->line, &chat->sid, TURN_QUEUE_STOP);
	turn_leave(chat->turn);
	if (is_late(w))
		settle(w);
	assert_int_equal(chat->dones, 0);
}

#define BOTH(f) \
	{ #f, f, setup_memory, teardown, NULL }, \
	{ \
#f " (late store)", f, setup_late, teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_end_is_kept),
		BOTH(test_end_is_kept_of_one_that_left),
		BOTH(test_end_of_a_deleted_one_is_not_kept),
		BOTH(test_without_session),
		BOTH(test_history_and_its_window),
		BOTH(test_unknown_session),
		BOTH(test_no_room_for_a_session),
		BOTH(test_in_order_of_arrival),
		BOTH(test_impatience),
		{ "test_patience_ends_with_go", test_patience_ends_with_go,
		    setup_memory, teardown, NULL },
		BOTH(test_failure_before_any_text),
		BOTH(test_failure_after_some_text),
		BOTH(test_whole_but_empty),
		BOTH(test_responder_refuses),
		BOTH(test_no_tokens_left),
		BOTH(test_who_may_not_create),
		BOTH(test_who_may_name_his_own_only),
		{ "test_another_answer_came_between",
		    test_another_answer_came_between, setup_memory, teardown,
		    NULL },
		{ "test_held_elsewhere", test_held_elsewhere, setup_late,
		    teardown, NULL },
		{ "test_held_elsewhere_for_too_long",
		    test_held_elsewhere_for_too_long, setup_late, teardown,
		    NULL },
		{ "test_told_from_elsewhere", test_told_from_elsewhere,
		    setup_late, teardown, NULL },
		BOTH(test_too_long),
		BOTH(test_not_ready),
		BOTH(test_key_while_not_ready),
		BOTH(test_advice_when_to_try_again),
		BOTH(test_key_again),
		BOTH(test_key_while_the_first_runs),
		BOTH(test_key_reused),
		BOTH(test_only_the_last_keys),
		BOTH(test_key_of_a_failed_try),
		BOTH(test_key_of_an_interrupted_answer),
		BOTH(test_key_without_live_session),
		BOTH(test_key_of_another_session),
		BOTH(test_key_after_older_pairs_fell_out),
		BOTH(test_key_and_the_window),
		BOTH(test_deleted_before_the_replay),
		BOTH(test_leave_in_every_phase_of_a_replay),
		BOTH(test_stop),
		BOTH(test_stop_with_go),
		BOTH(test_delete),
		BOTH(test_told_before_deleted),
		{ "test_told_while_closing", test_told_while_closing,
		    setup_late, teardown, NULL },
		BOTH(test_deleted_when_too_long),
		{ "test_deleted_untold", test_deleted_untold, setup_memory,
		    teardown, NULL },
		BOTH(test_delete_in_every_phase),
		BOTH(test_leave),
		BOTH(test_leave_in_every_phase),
		BOTH(test_leave_while_waiting),
		BOTH(test_leave_while_closing),
		BOTH(test_drain),
		BOTH(test_close_awaits_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
