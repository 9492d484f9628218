/*
 * One answer is a row of attempts: before any text came, another one follows
 * when the last failed for a passing reason, or for a field that it refused.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/rc.h"
#include "chat/model/attempt.h"
#include "chat/model/breaker.h"
#include "chat/model/completion.h"
#include "chat/model/request_head.h"
#include "chat/model/responder_model.h"
#include "chat/model/retry.h"
#include "chat/model/upstream.h"
#include "chat/responder.h"
#include "limits/budget.h"
#include "log/log.h"
#include "log/metrics.h"

#define MAX_REQUEST     (16 * 1024 * 1024) /* bytes of a request to the model */
#define MAX_TAIL        128                /* bytes that completion_tail adds */
#define TEMPLATE_TOKENS 64   /* that a server may add of its own to a prompt */
#define MAX_SWAPS       2    /* the tokens' field, and usage */
#define ADVICE_MS       5000 /* to wait, when nobody said how long */

struct model {
	/* immutable */
	struct model_conf conf;
	char *url;

	/* of any thread */
	struct breaker breaker;
	atomic_uint quirks;
	atomic_int_fast64_t busy_until; /* said by Retry-After */
};

struct model_responder {
	struct responder responder; /* first */
	struct model *shared;
	struct loop *loop;
	struct attempts attempts;
	struct request_head head;
};

struct answer {
	struct model_responder *model;
	const struct answer_events *events;
	void *arg;
	char request_id[65];

	struct budget_share share; /* of the attempt */
	struct buf request;
	size_t tail_at; /* completion_tail's */
	unsigned quirks;
	unsigned swaps; /* of refused fields */
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
	const struct usage *usage = &a->attempt.usage;
	struct metrics *m = loop_metrics(a->model->loop);

	if (usage->prompt_tokens > 0)
		metrics_add(m, METRIC_TOKENS, TOKENS_IN, usage->prompt_tokens);
	if (usage->completion_tokens > 0)
		metrics_add(
		    m, METRIC_TOKENS, TOKENS_OUT, usage->completion_tokens);
}

/*
 * The most that an attempt may use: a token is at least one byte of what is
 * sent, and a message's braces and names are more than what a server's template
 * adds.
 */
static bool
answer_take_budget(struct answer *a)
{
	struct model *shared = a->model->shared;
	int64_t most = (int64_t)a->tail_at + TEMPLATE_TOKENS +
	               shared->conf.max_tokens;

	return a->share.tokens > 0 || budget_take(shared->conf.budget,
					  &a->share, most, clock_wall_ms());
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

/* An attempt that did not come to its end may have used all. */
static void
answer_settle(struct answer *a, bool untouched)
{
	int64_t used = untouched ? 0 : usage_sum(&a->attempt.usage);

	if (!untouched && (!a->attempt.finished || used < 0))
		used = a->share.tokens;
	budget_settle(a->model->shared->conf.budget, &a->share, used);
}

static void
answer_free(struct answer *a)
{
	answer_count_tokens(a);
	answer_settle(a, false);
	loop_untimer(a->model->loop, &a->next);
	attempt_free(&a->attempt);
	buf_wipe(&a->request);
	free(a);
}

static void
answer_end(struct answer *a, enum rc rc)
{
	const struct answer_events *events = a->events;
	struct usage usage = a->attempt.usage;
	void *arg = a->arg;

	answer_free(a);
	events->done(arg, rc, &usage);
}

/*
 * Attempts.
 */

/* A callback may come later only: the failure waits for the next turn. */
static void
answer_try(struct answer *a)
{
	const struct model_conf *conf = &a->model->shared->conf;

	a->request.len = a->tail_at;
	completion_tail(&a->request, conf->max_tokens, a->quirks);
	a->failure = RC_NOMEM;
	if (!answer_take_budget(a))
		a->failure = RC_BUDGET;
	else if (!a->request.failed)
		a->failure = attempt_start(
		    &a->attempt, &a->request, a->retry.deadline);
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

static void
answer_retry_or_end(struct answer *a, int64_t retry_after)
{
	int64_t now = loop_now(a->model->loop);
	int64_t wait = retry_wait(&a->retry, now, retry_after);

	if (retry_after > 0)
		atomic_store(
		    &a->model->shared->busy_until, now + retry_after * 1000);
	if (wait < 0)
		answer_end(a, RC_UPSTREAM_DOWN);
	else
		loop_timer(a->model->loop, &a->next, now + wait);
}

/* A 400 or 422 that names a field of ours: the next try goes without it. */
static bool
answer_swap(struct answer *a, int status)
{
	const struct buf *refusal = &a->attempt.refusal;
	struct model *shared = a->model->shared;
	unsigned quirks;

	if ((status != 400 && status != 422) || refusal->len == 0)
		return false;
	quirks = completion_quirks(a->quirks, refusal->data, refusal->len);
	if (shared->conf.tokens_field != MODEL_TOKENS_AUTO)
		quirks = (quirks & ~(unsigned)QUIRK_COMPLETION_TOKENS) |
		         (a->quirks & QUIRK_COMPLETION_TOKENS);
	if (quirks == a->quirks || a->swaps == MAX_SWAPS)
		return false;
	a->swaps++;
	a->quirks = quirks;
	atomic_store(&shared->quirks, quirks);
	return true;
}

/* With its first text no other attempt can follow: the prompt may go. */
static void
answer_delta(void *arg, const char *text, size_t n)
{
	struct answer *a = arg;

	if (a->request.data != NULL && attempt_has_sent(&a->attempt))
		buf_wipe(&a->request);
	a->events->delta(a->arg, text, n);
}

/* Whether the model did nothing: it refused, or was not reached. */
static bool
is_untouched(const struct attempt_end *end)
{
	if (end->status == 0)
		return end->rc == RC_UPSTREAM_DOWN;
	return end->status >= 400 && end->status < 500 && end->status != 408;
}

static void
answer_attempt_end(void *arg, const struct attempt_end *end)
{
	struct answer *a = arg;

	answer_settle(a, is_untouched(end));
	if (end->rc != RC_OK && answer_swap(a, end->status)) {
		answer_try_again(a);
		return;
	}
	if (end->rc != RC_OK)
		attempt_log(&a->attempt, end);
	if (end->rc == RC_UPSTREAM_DOWN)
		answer_retry_or_end(a, end->retry_after);
	else
		answer_end(a, end->rc);
}

/*
 * The interface.
 */

static void
write_request(struct answer *a, const struct prompt *prompt)
{
	const struct model_conf *conf = &a->model->shared->conf;
	const struct request_head_conf head_conf = {
		.model = conf->model,
		.temperature = conf->temperature,
		.system = conf->system,
	};
	const struct buf *head = request_head_at(
	    &a->model->head, &head_conf, clock_wall_ms());

	buf_init(&a->request, MAX_REQUEST);
	buf_reserve(&a->request,
	    head->len + prompt->history->size + prompt->len + MAX_TAIL);
	buf_add(&a->request, head->data, head->len);
	completion_write(
	    &a->request, prompt->history, prompt->question, prompt->len);
	a->tail_at = a->request.len;
	if (head->failed)
		a->request.failed = true;
}

static enum rc
model_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	static const struct attempt_events attempt_events = {
		.delta = answer_delta,
		.end = answer_attempt_end,
	};
	struct model_responder *m = (struct model_responder *)responder;
	const struct model_conf *conf = &m->shared->conf;
	struct answer *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return RC_NOMEM;
	a->model = m;
	a->events = events;
	a->arg = arg;
	a->quirks = atomic_load(&m->shared->quirks);
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
	write_request(a, prompt);
	if (!answer_take_budget(a)) {
		answer_free(a);
		return RC_BUDGET;
	}
	answer_try(a);
	*answer = a;
	return RC_OK;
}

static void
model_cancel(struct responder *responder, struct answer *a)
{
	(void)responder;
	answer_free(a);
}

static enum rc
model_ready(struct responder *responder, int64_t *retry_ms)
{
	struct model_responder *m = (struct model_responder *)responder;
	int64_t now = loop_now(m->loop), wall = clock_wall_ms();
	int64_t busy = atomic_load(&m->shared->busy_until) - now;
	enum breaker_pass pass;

	pass = breaker_look(&m->shared->breaker, now, retry_ms);
	if (busy > *retry_ms)
		*retry_ms = busy;
	if (*retry_ms == 0)
		*retry_ms = ADVICE_MS;
	if (pass == BREAKER_REFUSED)
		return RC_UPSTREAM_DOWN;
	if (budget_has(
		m->shared->conf.budget, m->shared->conf.max_tokens, wall))
		return RC_OK;
	*retry_ms = clock_day_left_ms(wall);
	return RC_BUDGET;
}

static void
model_close(struct responder *responder)
{
	struct model_responder *m = (struct model_responder *)responder;

	upstream_close(m->attempts.upstream);
	buf_free(&m->attempts.chunk.text);
	request_head_free(&m->head);
	free(m);
}

static const struct responder_backend responder_openai = {
	.name = "openai",
	.start = model_start,
	.cancel = model_cancel,
	.ready = model_ready,
	.close = model_close,
};

struct responder *
responder_model_open(struct model *shared, struct loop *loop)
{
	const struct upstream_conf conf = {
		.url = shared->url,
		.key = shared->conf.key,
		.connect_ms = shared->conf.connect_ms,
	};
	struct model_responder *m;

	if ((m = calloc(1, sizeof(*m))) == NULL ||
	    (m->attempts.upstream = upstream_open(loop, &conf)) == NULL) {
		log_error("memory", LOG_STR("for", "upstream"));
		free(m);
		return NULL;
	}
	m->responder.backend = &responder_openai;
	m->shared = shared;
	m->loop = loop;
	m->attempts.loop = loop;
	m->attempts.breaker = &shared->breaker;
	m->attempts.key = shared->conf.key;
	m->attempts.first_token_ms = shared->conf.first_token_ms;
	m->attempts.stall_ms = shared->conf.stall_ms;
	request_head_init(&m->head);
	return &m->responder;
}

struct model *
model_new(const struct model_conf *conf)
{
	static const char path[] = "/chat/completions";
	size_t size = strlen(conf->base_url) + sizeof(path);
	struct model *shared;

	if ((shared = calloc(1, sizeof(*shared))) == NULL)
		return NULL;
	shared->conf = *conf;
	breaker_init(&shared->breaker);
	if (conf->tokens_field == MODEL_TOKENS_COMPLETION)
		atomic_store(&shared->quirks, QUIRK_COMPLETION_TOKENS);
	if ((shared->url = malloc(size)) == NULL) {
		model_free(shared);
		return NULL;
	}
	snprintf(shared->url, size, "%s%s", conf->base_url, path);
	return shared;
}

bool
model_is_shut(struct model *shared, int64_t now)
{
	int64_t retry_ms;

	return breaker_look(&shared->breaker, now, &retry_ms) ==
	       BREAKER_REFUSED;
}

void
model_free(struct model *shared)
{
	if (shared == NULL)
		return;
	breaker_destroy(&shared->breaker);
	free(shared->url);
	free(shared);
}
