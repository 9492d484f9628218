/* What is answered: by the responder, or again what a key was answered. */
#include "chat/turn_answer.h"

#include <stddef.h>
#include <string.h>

#include "base/container.h"
#include "base/text.h"
#include "chat/responder.h"
#include "chat/turn_end.h"
#include "session/cited.h"

/*
 * The answer.
 */

static void
turn_truncate(struct loop_task *task)
{
	struct turn *t = container_of(task, struct turn, task);

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
		t->task.run = turn_truncate;
		loop_task(t->turns->loop, &t->task);
	}
}

static void
turn_sources(void *arg, const char *sources, size_t n)
{
	struct turn *t = arg;

	if (t->why == RC_OK && t->events->sources != NULL)
		t->events->sources(t->arg, sources, n);
}

static void
turn_cited(void *arg, const char *cited, size_t n)
{
	struct turn *t = arg;

	buf_clear(&t->cited);
	buf_add(&t->cited, cited, n);
	if (t->cited.failed && t->why == RC_OK)
		t->why = RC_NOMEM;
}

static void
turn_answered(void *arg, enum rc rc, const struct usage *usage)
{
	struct turn *t = arg;

	t->end.usage = *usage;
	turn_close(t, t->why != RC_OK ? t->why : rc);
}

enum rc
turn_ready(const struct turn *t)
{
	int64_t retry_ms;

	return responder_ready(
	    t->turns->conf.responder, &t->creator, &retry_ms);
}

static const struct answer_events answer_events = {
	.delta = turn_delta,
	.done = turn_answered,
	.sources = turn_sources,
	.cited = turn_cited,
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
		.client = &t->creator,
	};
	enum rc rc;

	rc = responder_start(
	    t->turns->conf.responder, &prompt, &answer_events, t, &t->answer);
	if (rc != RC_OK) {
		turn_close(t, rc);
		return;
	}
	turn_to(t, TURN_ANSWERS);
	t->events->started(t->arg, &t->sid, t->end.new_session);
}

static struct usage
turn_cost(const struct message *answer)
{
	struct usage usage = USAGE_NONE;
	struct cost cost;

	if (answer->cost == NULL)
		return usage;
	memcpy(&cost, answer->cost, sizeof(cost));
	usage.prompt_tokens = cost.prompt;
	usage.completion_tokens = cost.completion;
	return usage;
}

/* Give again what the key was answered; the session stays as it was. */
static void
turn_replay(struct turn *t, const struct message *answer, uint64_t count)
{
	size_t pos = 0;
	struct cited_source any;

	buf_add(&t->text, answer->text, answer->len);
	if (answer->cited_len > 0)
		buf_add(&t->cited, answer->cited, answer->cited_len);
	if (t->text.failed || t->cited.failed) {
		turn_close(t, RC_NOMEM);
		return;
	}
	t->replayed = true;
	t->end.message_count = count;
	t->end.answer = t->text.data;
	t->end.len = t->text.len;
	t->end.usage = turn_cost(answer);
	t->events->started(t->arg, &t->sid, false);
	if (cited_next(t->cited.data, t->cited.len, &pos, &any))
		turn_sources(t, t->cited.data, t->cited.len);
	t->events->delta(t->arg, t->text.data, t->text.len);
	turn_close(t, answer->why);
}

/* The key is known: for this message, or for another one. */
static void
turn_answer_again(struct turn *t, const struct session *session)
{
	struct message question, answer;
	size_t pos = 0;

	history_next(&session->replay, &pos, &question);
	history_next(&session->replay, &pos, &answer);
	if (question.len == t->len &&
	    memcmp(question.text, t->message, t->len) == 0)
		turn_replay(t, &answer, session->replay_count);
	else
		turn_close(t, RC_KEY_REUSED);
}

void
turn_answer(struct turn *t, const struct session *session)
{
	enum rc rc;

	if (session->replay.count > 0)
		turn_answer_again(t, session);
	else if (t->keyed && (rc = turn_ready(t)) != RC_OK)
		turn_close(t, rc);
	else
		turn_ask(t, &session->history);
}
