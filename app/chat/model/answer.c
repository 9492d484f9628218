/*
 * One answer is a row of attempts: before any text came, another one follows
 * when the last failed for a passing reason, or for a field that it refused.
 */
#include "chat/model/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/request_id.h"
#include "chat/model/dialect.h"
#include "chat/model/redact.h"
#include "chat/model/refusal.h"
#include "chat/model/request.h"
#include "chat/model/request_head.h"
#include "chat/model/retry.h"
#include "chat/model/spending.h"
#include "log/log.h"
#include "log/metrics.h"

#define TEMPLATE_TOKENS 64 /* that a server may add of its own to a prompt */

struct answer {
	struct model_responder *model;
	const struct answer_events *events;
	void *arg;
	char request_id[REQUEST_ID_SIZE];

	struct breaker_call pass; /* of all attempts */
	struct spending spending; /* of the attempt */
	struct request request;
	unsigned quirks;
	unsigned first_quirks; /* of the first attempt */
	bool halved;           /* the history, since then */
	size_t spare;          /* bytes of extracts that are no token */
	struct retry retry;
	struct attempt attempt;
	struct timer next; /* attempt, or failure */
	enum rc failure;
};

/*
 * The end.
 */

static void
answer_count_tokens(const struct answer *a)
{
	const struct usage *usage = &a->attempt.stream.usage;
	struct metrics *m = loop_metrics(a->model->loop);

	if (usage->prompt_tokens > 0)
		metrics_add(m, METRIC_TOKENS, TOKENS_IN, usage->prompt_tokens);
	if (usage->completion_tokens > 0)
		metrics_add(
		    m, METRIC_TOKENS, TOKENS_OUT, usage->completion_tokens);
}

/*
 * The most that a prompt can be: a token is at least one byte of what is sent,
 * and a message's braces and names are more than what a server's template adds.
 * Articles are prose, of which a token takes more than two.
 */
static int64_t
answer_prompt_tokens(const struct answer *a)
{
	return (int64_t)(a->request.tail_at - a->spare) + TEMPLATE_TOKENS;
}

/* The most that an attempt may use. */
static bool
answer_take_budget(struct answer *a)
{
	int64_t most = answer_prompt_tokens(a) +
	               a->model->shared->conf.max_tokens;

	return spending_take(&a->spending, most, clock_wall_ms());
}

/* What the model reports; -1: nothing. */
static int64_t
usage_sum(const struct usage *usage)
{
	int64_t sum = usage->prompt_tokens + usage->completion_tokens;

	if (usage->prompt_tokens < 0 || usage->completion_tokens < 0)
		return -1;
	return usage->total_tokens > sum ? usage->total_tokens : sum;
}

/*
 * What was not sent costs nothing, nor what was refused. What was sent costs
 * the prompt and what came of the answer: what the model reports, or as many
 * tokens as there are bytes.
 */
static int64_t
answer_cost(const struct answer *a, bool refused)
{
	const struct answer_stream *stream = &a->attempt.stream;
	int64_t used = usage_sum(&stream->usage);
	int64_t most = answer_prompt_tokens(a) + (int64_t)stream->given;
	int64_t taken = spending_taken(&a->spending);

	if (refused || !attempt_has_sent(&a->attempt))
		return 0;
	if (stream->finished && used >= 0)
		return used;
	return most < taken ? most : taken;
}

static void
answer_settle(struct answer *a, bool refused)
{
	spending_settle(&a->spending, answer_cost(a, refused));
}

/* Of all attempts the breaker hears once. */
static void
answer_report(struct answer *a, bool ok)
{
	breaker_report(
	    &a->model->shared->breaker, &a->pass, ok, loop_now(a->model->loop));
	a->pass.pass = BREAKER_REFUSED;
}

void
answer_free(struct answer *a)
{
	breaker_forget(&a->model->shared->breaker, &a->pass);
	answer_count_tokens(a);
	answer_settle(a, false);
	loop_untimer(a->model->loop, &a->next);
	attempt_free(&a->attempt);
	buf_wipe(&a->request.text);
	free(a);
}

static void
answer_end(struct answer *a, enum rc rc)
{
	const struct answer_events *events = a->events;
	struct usage usage = a->attempt.stream.usage;
	void *arg = a->arg;

	answer_free(a);
	events->done(arg, rc, &usage);
}

/*
 * Attempts.
 */

/* The breaker may have opened since the last attempt. */
static bool
answer_may_pass(struct answer *a)
{
	struct breaker *breaker = &a->model->shared->breaker;
	int64_t now = loop_now(a->model->loop), retry_ms;

	if (a->pass.pass == BREAKER_REFUSED)
		return breaker_allow(breaker, &a->spending.client, now,
			   &a->pass, &retry_ms) != BREAKER_REFUSED;
	return a->pass.pass == BREAKER_TRIAL ||
	       breaker_look(breaker, &a->spending.client, now, &retry_ms) ==
	           BREAKER_CALL;
}

/* A callback may come later only: the failure waits for the next turn. */
static void
answer_try(struct answer *a)
{
	const struct model_conf *conf = &a->model->shared->conf;

	request_close(&a->request, conf->max_tokens, a->quirks);
	a->failure = RC_NOMEM;
	if (!answer_may_pass(a))
		a->failure = RC_UPSTREAM_DOWN;
	else if (!answer_take_budget(a))
		a->failure = RC_BUDGET;
	else if (!a->request.text.failed)
		a->failure = attempt_start(
		    &a->attempt, &a->request.text, a->retry.deadline);
	if (a->failure != RC_OK) {
		answer_settle(a, true);
		loop_timer(a->model->loop, &a->next, loop_now(a->model->loop));
	}
}

static void
answer_try_again(struct answer *a)
{
	answer_try(a);
	if (a->failure == RC_OK)
		metrics_count(
		    loop_metrics(a->model->loop), METRIC_UPSTREAM_RETRIES, 0);
}

static void
answer_next(struct timer *timer, void *arg)
{
	struct answer *a = arg;

	(void)timer;
	if (a->failure != RC_OK)
		answer_end(a, a->failure);
	else
		answer_try_again(a);
}

static bool
answer_retry(struct answer *a, int64_t retry_after)
{
	int64_t now = loop_now(a->model->loop);
	int64_t wait = retry_wait(&a->retry, now, retry_after);

	if (retry_after > 0)
		atomic_store(
		    &a->model->shared->busy_until, now + retry_after * 1000);
	if (wait >= 0)
		loop_timer(a->model->loop, &a->next, now + wait);
	return wait >= 0;
}

/*
 * In other words.
 */

static const struct buf *
answer_head(struct answer *a)
{
	const struct model_conf *conf = &a->model->shared->conf;
	const struct request_head_conf head_conf = {
		.model = conf->model,
		.temperature = conf->temperature,
		.system = conf->system,
	};

	return request_head_at(
	    &a->model->head, &head_conf, a->quirks, clock_wall_ms());
}

/*
 * The quirks that a refusal of the request as such asks for, but of the limit's
 * name when that is set. A template that fails in a stream may have any status.
 */
static unsigned
answer_quirks(const struct answer *a, const struct attempt_end *end)
{
	static const unsigned limit = QUIRK_COMPLETION_TOKENS | QUIRK_NO_LIMIT;
	const struct buf *refusal = &a->attempt.stream.said;
	unsigned quirks = request_give_up(
	    a->quirks, a->first_quirks, refusal->data, refusal->len);

	if (a->model->shared->conf.tokens_field != MODEL_TOKENS_AUTO)
		quirks = (quirks & ~limit) | (a->quirks & limit);
	if (attempt_end_may_name(end) ||
	    (end->status == 200 && (quirks ^ a->quirks) == QUIRK_NO_SYSTEM))
		return quirks;
	return a->quirks;
}

/* What was refused may be taken with less of the past, or without a field. */
static bool
answer_reword(struct answer *a, const struct attempt_end *end)
{
	unsigned quirks = a->quirks;

	if (a->attempt.stream.begun || a->request.text.failed)
		return false;
	if (end->refusal == REFUSAL_LENGTH && request_halve(&a->request))
		a->halved = true;
	else if (a->attempt.stream.said.len == 0 ||
		 (quirks = answer_quirks(a, end)) == a->quirks)
		return false;
	a->quirks = quirks;
	request_reword(&a->request, answer_head(a), quirks);
	return true;
}

static void
answer_log_quirks(const struct answer *a)
{
	for (unsigned i = 0; i < QUIRKS; i++)
		if ((a->quirks ^ a->first_quirks) & (1u << i))
			log_notice("dialect", LOG_STR("id", a->request_id),
			    LOG_STR("asks", request_quirks[i]),
			    LOG_INT("now", (a->quirks >> i) & 1));
}

/* It answers to what it is asked now. */
static void
answer_learn(struct answer *a)
{
	struct dialect *dialect = &a->model->shared->dialect;
	size_t size = request_size(&a->request);
	int64_t now = loop_now(a->model->loop);

	if (a->quirks != a->first_quirks) {
		dialect_learn(dialect, a->first_quirks, a->quirks, now);
		answer_log_quirks(a);
	}
	if (a->halved) {
		dialect_learn_size(dialect, size, now);
		log_notice("dialect", LOG_STR("id", a->request_id),
		    LOG_INT("most_bytes", size));
	}
	a->first_quirks = a->quirks;
	a->halved = false;
}

/* With its first text no other attempt can follow: the prompt may go. */
static void
answer_delta(void *arg, const char *text, size_t n)
{
	struct answer *a = arg;

	if (!a->attempt.stream.begun) {
		answer_report(a, true);
		answer_learn(a);
	}
	if (a->request.text.data != NULL && attempt_has_sent(&a->attempt))
		buf_wipe(&a->request.text);
	a->events->delta(a->arg, text, n);
}

/* Nothing that it was asked, and no secret, is to be read in the log. */
static void
answer_log(struct answer *a, const struct attempt_end *end)
{
	const struct model_conf *conf = &a->model->shared->conf;
	const struct request *r = &a->request;
	struct buf *said = &a->attempt.stream.said, whole = *said;
	const char *messages = request_messages(r);

	buf_init(said, whole.max);
	if (whole.len > 0)
		buf_add(said, whole.data, whole.len);
	redact_secret(said, conf->key);
	redact_secret(said, conf->proxy_user);
	redact_headers(said, conf->headers);
	if (messages != NULL)
		redact_asked(said, messages,
		    (size_t)(r->text.data + r->tail_at - messages));
	else
		redact_unknown(said);
	attempt_log(&a->attempt, end);
	buf_wipe(said);
	*said = whole;
}

static void
answer_attempt_end(void *arg, const struct attempt_end *end)
{
	struct answer *a = arg;

	answer_settle(a, attempt_end_is_refused(end));
	if (end->rc != RC_OK)
		answer_log(a, end);
	if (end->rc != RC_OK && answer_reword(a, end)) {
		answer_try_again(a);
		return;
	}
	if (end->rc == RC_UPSTREAM_DOWN && !a->attempt.stream.begun &&
	    answer_retry(a, end->retry_after))
		return;
	if (end->rc != RC_NOMEM)
		answer_report(a, !attempt_end_is_failure(end));
	answer_end(a, end->rc);
}

/*
 * The interface.
 */

static void
answer_write(struct answer *a, const struct prompt *prompt)
{
	struct request_parts parts = {
		.history = prompt->history,
		.question = prompt->question,
		.len = prompt->len,
	};

	a->quirks = dialect_ask(
	    &a->model->shared->dialect, loop_now(a->model->loop), &parts.most);
	a->first_quirks = a->quirks;
	parts.head = answer_head(a);
	parts.quirks = a->quirks;
	request_write(&a->request, &parts);
}

enum rc
answer_new(struct model_responder *m, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	static const struct attempt_events attempt_events = {
		.delta = answer_delta,
		.end = answer_attempt_end,
	};
	const struct model_conf *conf = &m->shared->conf;
	struct answer *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return RC_NOMEM;
	a->model = m;
	a->events = events;
	a->arg = arg;
	a->spending = (struct spending){
		.budget = conf->budget,
		.clients = conf->clients,
		.client = addr_key(prompt->client),
	};
	a->retry = (struct retry){
		.most = conf->retries,
		.longest_ms = conf->first_token_ms,
		.deadline = loop_now(m->loop) + conf->whole_ms,
	};
	memccpy(
	    a->request_id, prompt->request_id, '\0', sizeof(a->request_id) - 1);
	timer_init(&a->next, answer_next, a);
	attempt_init(
	    &a->attempt, &m->attempts, a->request_id, &attempt_events, a);
	answer_write(a, prompt);
	a->spare = prompt->extracts / 2;
	if (!answer_take_budget(a)) {
		answer_free(a);
		return RC_BUDGET;
	}
	answer_try(a);
	*answer = a;
	return RC_OK;
}
