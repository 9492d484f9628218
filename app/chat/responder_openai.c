/*
 * One answer is a row of tries: a call, its stream of events, and, before any
 * text came, another call when the first failed for a passing reason.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/rc.h"
#include "chat/breaker.h"
#include "chat/completion.h"
#include "chat/event_stream.h"
#include "chat/openai.h"
#include "chat/responder.h"
#include "chat/system_prompt.h"
#include "chat/upstream.h"

#define MAX_REQUEST (16 * 1024 * 1024) /* bytes of a request to the model */
#define MAX_REFUSAL 1024               /* bytes kept of an error's body */
#define MAX_SWAPS   2                  /* the tokens' field, and usage */
#define BACKOFF_MS  500                /* before the first retry; it doubles */
#define CLOSING_MS  1000               /* from [DONE] to the reply's end */
#define ADVICE_MS   5000               /* to wait, when nobody said how long */

struct openai {
	/* immutable */
	struct openai_conf conf;
	char *url;

	/* of any thread */
	struct breaker breaker;
	atomic_uint quirks;
	atomic_int_fast64_t busy_until; /* said by Retry-After */
};

struct model {
	struct responder responder; /* first */
	struct openai *shared;
	struct loop *loop;
	struct upstream *upstream;
	struct completion_chunk chunk; /* of the event that is being read */
};

struct answer {
	struct model *model;
	const struct answer_events *events;
	void *arg;
	char request_id[65];

	struct buf request;
	size_t tail_at; /* completion_tail's */
	unsigned quirks;
	unsigned swaps;   /* of refused fields */
	unsigned retries; /* left */
	unsigned tries;   /* made */
	int64_t tried_ms; /* the last of them */
	int64_t deadline; /* of the whole */

	struct upstream_call *call;
	enum breaker_pass pass;
	struct event_stream stream;
	struct buf refusal;
	int64_t active_ms; /* the last event */
	struct timer quiet;
	struct timer next; /* try, or failure */
	bool heard;        /* an event came */
	bool begun;        /* text came */
	bool finished;     /* and is whole */
	bool closing;      /* and only its end is to come */
	enum rc failure;
	struct usage usage;
};

/*
 * The end.
 */

static void
answer_count(const struct answer *a, enum metric metric, unsigned row)
{
	metrics_count(loop_metrics(a->model->loop), metric, row);
}

static void
answer_count_tokens(const struct answer *a)
{
	struct metrics *m = loop_metrics(a->model->loop);

	if (a->usage.prompt_tokens > 0)
		metrics_add(
		    m, METRIC_TOKENS, TOKENS_IN, a->usage.prompt_tokens);
	if (a->usage.completion_tokens > 0)
		metrics_add(
		    m, METRIC_TOKENS, TOKENS_OUT, a->usage.completion_tokens);
}

static void
answer_free(struct answer *a)
{
	answer_count_tokens(a);
	loop_untimer(a->model->loop, &a->quiet);
	loop_untimer(a->model->loop, &a->next);
	if (a->call != NULL)
		upstream_cancel(a->call);
	if (a->pass != BREAKER_REFUSED)
		breaker_forget(&a->model->shared->breaker, a->pass);
	event_stream_free(&a->stream);
	buf_wipe(&a->request);
	buf_free(&a->refusal);
	free(a);
}

static void
answer_end(struct answer *a, enum rc rc)
{
	const struct answer_events *events = a->events;
	struct usage usage = a->usage;
	void *arg = a->arg;

	answer_free(a);
	events->done(arg, rc, &usage);
}

/* The try is over; tells the breaker. */
static void
answer_report(struct answer *a, bool ok)
{
	if (a->pass != BREAKER_REFUSED)
		breaker_report(&a->model->shared->breaker, a->pass, ok,
		    loop_now(a->model->loop));
	a->pass = BREAKER_REFUSED;
}

/* An upstream may repeat the key that it refuses, and be cut off in it. */
static void
hide(struct buf *text, const char *secret)
{
	size_t n = secret != NULL ? strlen(secret) : 0;
	char *at;

	while (n > 0 && text->len >= n &&
	       (at = memmem(text->data, text->len, secret, n)) != NULL)
		memset(at, '*', n);
	for (n = n < text->len ? n : text->len; n > 0; n--) {
		at = text->data + text->len - n;
		if (memcmp(at, secret, n) == 0)
			memset(at, '*', n);
	}
}

static void
answer_log(struct answer *a, enum rc rc, int status, const char *why)
{
	hide(&a->refusal, a->model->shared->conf.key);
	log_warn("upstream", LOG_STR("id", a->request_id),
	    LOG_STR("code", rc_code(rc)), LOG_INT("status", status),
	    LOG_STR("why", why),
	    LOG_STR(
		"said", a->refusal.len > 0 ? buf_string(&a->refusal) : NULL));
}

/*
 * The stream of a try.
 */

/* When the silence has been too long. */
static int64_t
answer_due(const struct answer *a)
{
	const struct openai_conf *conf = &a->model->shared->conf;
	int64_t due = a->active_ms;

	if (a->closing)
		due += CLOSING_MS;
	else
		due += a->heard ? conf->stall_ms : conf->first_token_ms;
	return due < a->deadline ? due : a->deadline;
}

/* The timer is set anew only when its time may come earlier than it was. */
static void
answer_heard(struct answer *a, bool closing)
{
	bool sooner = !a->heard || closing;

	a->active_ms = loop_now(a->model->loop);
	a->heard = true;
	a->closing = closing;
	if (sooner)
		loop_timer(a->model->loop, &a->quiet, answer_due(a));
}

static bool
answer_event(void *arg, const char *data, size_t n)
{
	struct answer *a = arg;
	struct completion_chunk *chunk = &a->model->chunk;
	bool ok;

	if (a->closing)
		return true;
	ok = completion_read(chunk, data, n);
	answer_heard(a, chunk->done);
	if (!ok || chunk->error) {
		buf_add(&a->refusal, data, n < MAX_REFUSAL ? n : MAX_REFUSAL);
		a->failure = RC_UPSTREAM;
	}
	if (chunk->text.len > 0) {
		if (!a->begun)
			metrics_observe(loop_metrics(a->model->loop),
			    METRIC_FIRST_TOKEN, 0,
			    (a->active_ms - a->tried_ms) * 1000);
		a->begun = true;
		a->events->delta(a->arg, chunk->text.data, chunk->text.len);
	}
	if (chunk->finished || chunk->done)
		a->finished = true;
	if (chunk->has_usage)
		a->usage = chunk->usage;
	return a->failure == RC_OK;
}

static bool
answer_body(void *arg, int status, const char *data, size_t n)
{
	struct answer *a = arg;
	size_t room = MAX_REFUSAL - a->refusal.len;

	if (status == 200) {
		if (event_stream_feed(&a->stream, data, n, answer_event, a))
			return true;
		a->failure = RC_UPSTREAM;
		return false;
	}
	buf_add(&a->refusal, data, n < room ? n : room);
	return true;
}

/*
 * Tries.
 */

static void answer_try(struct answer *);

/* A callback may come later only: the failure waits for the next turn. */
static void
answer_fail_soon(struct answer *a, enum rc rc)
{
	a->failure = rc;
	loop_timer(a->model->loop, &a->next, loop_now(a->model->loop));
}

static void
answer_next(struct timer *timer, void *arg)
{
	struct answer *a = arg;

	(void)timer;
	if (a->failure != RC_OK)
		answer_end(a, a->failure);
	else
		answer_try(a);
}

static bool
is_passing(int status)
{
	return status == 408 || status == 409 || status == 429 || status >= 500;
}

/* How long to wait before the next try; -1: there is none. */
static int64_t
answer_patience(struct answer *a, int64_t retry_after)
{
	const struct openai_conf *conf = &a->model->shared->conf;
	int64_t now = loop_now(a->model->loop);
	int64_t wait;

	if (a->retries == 0)
		return -1;
	wait = (int64_t)BACKOFF_MS << (conf->retries - a->retries);
	wait += wait * (now % 256) / 1024;
	if (retry_after >= 0)
		wait = retry_after * 1000;
	if (wait > conf->first_token_ms || now + wait > a->deadline)
		return -1;
	return wait;
}

static void
answer_retry_or_end(struct answer *a, int64_t retry_after)
{
	struct openai *shared = a->model->shared;
	int64_t now = loop_now(a->model->loop);
	int64_t wait = answer_patience(a, retry_after);

	if (retry_after > 0)
		atomic_store(&shared->busy_until, now + retry_after * 1000);
	if (wait < 0) {
		answer_end(a, RC_UPSTREAM_DOWN);
		return;
	}
	a->retries--;
	loop_untimer(a->model->loop, &a->quiet);
	loop_timer(a->model->loop, &a->next, now + wait);
}

/* A 400 or 422 that names a field of ours: the next try goes without it. */
static bool
answer_swap(struct answer *a, int status)
{
	struct openai *shared = a->model->shared;
	unsigned quirks;

	if ((status != 400 && status != 422) || a->refusal.len == 0)
		return false;
	quirks = completion_quirks(a->quirks, a->refusal.data, a->refusal.len);
	if (shared->conf.tokens_field != OPENAI_TOKENS_AUTO)
		quirks = (quirks & ~(unsigned)QUIRK_COMPLETION_TOKENS) |
		         (a->quirks & QUIRK_COMPLETION_TOKENS);
	if (quirks == a->quirks || a->swaps == MAX_SWAPS)
		return false;
	a->swaps++;
	a->quirks = quirks;
	atomic_store(&shared->quirks, quirks);
	return true;
}

static void
answer_refused(struct answer *a, int status, int64_t retry_after)
{
	bool passing = is_passing(status);

	answer_report(a, !passing);
	answer_count(a, METRIC_UPSTREAM,
	    passing ? OUTCOME_UNAVAILABLE : OUTCOME_REJECTED);
	if (answer_swap(a, status)) {
		answer_try(a);
		return;
	}
	answer_log(a, passing ? RC_UPSTREAM_DOWN : RC_UPSTREAM, status, NULL);
	if (passing)
		answer_retry_or_end(a, retry_after);
	else
		answer_end(a, RC_UPSTREAM);
}

static enum rc
outcome_rc(enum upstream_end end)
{
	switch (end) {
	case UPSTREAM_REFUSED:
		return RC_UPSTREAM_DOWN;
	case UPSTREAM_TIMEOUT:
		return RC_UPSTREAM_TIMEOUT;
	case UPSTREAM_NOMEM:
		return RC_NOMEM;
	default:
		return RC_UPSTREAM;
	}
}

static enum metrics_outcome
try_outcome(const struct answer *a, enum rc rc)
{
	switch (rc) {
	case RC_OK:
		return a->begun ? OUTCOME_OK : OUTCOME_BROKEN;
	case RC_UPSTREAM_DOWN:
		return OUTCOME_UNREACHABLE;
	case RC_UPSTREAM_TIMEOUT:
		return OUTCOME_TIMEOUT;
	case RC_NOMEM:
		return OUTCOME_CANCELLED;
	default:
		return OUTCOME_BROKEN;
	}
}

static void
answer_call_end(void *arg, enum upstream_end end, int status,
    int64_t retry_after, const char *why)
{
	struct answer *a = arg;
	enum rc rc = a->failure;

	a->call = NULL;
	if (end != UPSTREAM_NOMEM && status != 0 && status != 200) {
		answer_refused(a, status, retry_after);
		return;
	}
	if (end == UPSTREAM_OK && rc == RC_OK &&
	    !event_stream_end(&a->stream, answer_event, a))
		rc = RC_UPSTREAM;
	if (rc == RC_OK && !a->finished)
		rc = outcome_rc(end);
	answer_report(a, rc == RC_OK || rc == RC_NOMEM);
	answer_count(a, METRIC_UPSTREAM, try_outcome(a, rc));
	if (rc != RC_OK)
		answer_log(a, rc, status, why);
	if (rc == RC_UPSTREAM_DOWN)
		answer_retry_or_end(a, -1);
	else
		answer_end(a, rc);
}

static const struct upstream_events call_events = {
	.body = answer_body,
	.end = answer_call_end,
};

/* What is finished is whole, whatever does not come any more. */
static void
answer_quiet(struct timer *timer, void *arg)
{
	struct answer *a = arg;
	int64_t due = answer_due(a);
	enum rc rc;

	if (loop_now(a->model->loop) < due) {
		loop_timer(a->model->loop, timer, due);
		return;
	}
	rc = a->finished ? RC_OK : RC_UPSTREAM_TIMEOUT;
	answer_report(a, rc == RC_OK);
	answer_count(a, METRIC_UPSTREAM, try_outcome(a, rc));
	if (rc != RC_OK)
		answer_log(a, rc, 0, "silence");
	answer_end(a, rc);
}

static void
answer_try(struct answer *a)
{
	struct model *m = a->model;
	const struct openai_conf *conf = &m->shared->conf;
	int64_t now = loop_now(m->loop), retry_ms;

	a->pass = breaker_allow(&m->shared->breaker, now, &retry_ms);
	if (a->pass == BREAKER_REFUSED) {
		answer_fail_soon(a, RC_UPSTREAM_DOWN);
		return;
	}
	event_stream_free(&a->stream);
	event_stream_init(&a->stream);
	buf_clear(&a->refusal);
	a->request.len = a->tail_at;
	completion_tail(&a->request, conf->max_tokens, a->quirks);
	a->active_ms = now;
	a->tried_ms = now;
	loop_timer(m->loop, &a->quiet, answer_due(a));
	if (!a->request.failed)
		a->call = upstream_start(m->upstream, a->request.data,
		    a->request.len, a->request_id, &call_events, a);
	if (a->call == NULL)
		answer_fail_soon(a, RC_NOMEM);
	else if (a->tries++ > 0)
		answer_count(a, METRIC_UPSTREAM_RETRIES, 0);
}

/*
 * The interface.
 */

static void
write_request(struct answer *a, const struct prompt *prompt)
{
	const struct openai_conf *conf = &a->model->shared->conf;
	struct completion_request request = {
		.model = conf->model,
		.temperature = conf->temperature,
		.history = prompt->history,
		.question = prompt->question,
		.len = prompt->len,
	};
	struct buf system;

	buf_init(&system, SYSTEM_PROMPT_FILLED_MAX);
	system_prompt_fill(&system, conf->system, clock_wall_ms());
	request.system = buf_string(&system);
	if (request.system == NULL)
		a->request.failed = true;
	completion_write(&a->request, &request);
	a->tail_at = a->request.len;
	buf_free(&system);
}

static struct answer *
openai_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg)
{
	struct model *m = (struct model *)responder;
	const struct openai_conf *conf = &m->shared->conf;
	struct answer *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	a->model = m;
	a->events = events;
	a->arg = arg;
	a->usage = USAGE_NONE;
	a->quirks = atomic_load(&m->shared->quirks);
	a->retries = conf->retries;
	a->deadline = loop_now(m->loop) + conf->whole_ms;
	snprintf(
	    a->request_id, sizeof(a->request_id), "%s", prompt->request_id);
	timer_init(&a->quiet, answer_quiet, a);
	timer_init(&a->next, answer_next, a);
	event_stream_init(&a->stream);
	buf_init(&a->refusal, MAX_REFUSAL + 1);
	buf_init(&a->request, MAX_REQUEST);
	write_request(a, prompt);
	answer_try(a);
	return a;
}

static void
openai_cancel(struct responder *responder, struct answer *a)
{
	(void)responder;
	if (a->begun)
		answer_report(a, true);
	if (a->call != NULL)
		answer_count(a, METRIC_UPSTREAM,
		    a->finished ? OUTCOME_OK : OUTCOME_CANCELLED);
	answer_free(a);
}

static enum rc
openai_ready(struct responder *responder, int64_t *retry_ms)
{
	struct model *m = (struct model *)responder;
	int64_t now = loop_now(m->loop);
	int64_t busy = atomic_load(&m->shared->busy_until) - now;
	enum breaker_pass pass;

	pass = breaker_look(&m->shared->breaker, now, retry_ms);
	if (busy > *retry_ms)
		*retry_ms = busy;
	if (*retry_ms == 0)
		*retry_ms = ADVICE_MS;
	return pass == BREAKER_REFUSED ? RC_UPSTREAM_DOWN : RC_OK;
}

static void
openai_close(struct responder *responder)
{
	struct model *m = (struct model *)responder;

	upstream_close(m->upstream);
	buf_free(&m->chunk.text);
	free(m);
}

static const struct responder_backend responder_openai = {
	.name = "openai",
	.start = openai_start,
	.cancel = openai_cancel,
	.ready = openai_ready,
	.close = openai_close,
};

struct responder *
responder_openai_open(struct openai *shared, struct loop *loop)
{
	const struct upstream_conf conf = {
		.url = shared->url,
		.key = shared->conf.key,
		.connect_ms = shared->conf.connect_ms,
	};
	struct model *m;

	if ((m = calloc(1, sizeof(*m))) == NULL ||
	    (m->upstream = upstream_open(loop, &conf)) == NULL) {
		log_error("memory", LOG_STR("for", "upstream"));
		free(m);
		return NULL;
	}
	m->responder.backend = &responder_openai;
	m->shared = shared;
	m->loop = loop;
	return &m->responder;
}

struct openai *
openai_new(const struct openai_conf *conf)
{
	static const char path[] = "/chat/completions";
	size_t size = strlen(conf->base_url) + sizeof(path);
	struct openai *shared;

	if ((shared = calloc(1, sizeof(*shared))) == NULL)
		return NULL;
	shared->conf = *conf;
	breaker_init(&shared->breaker);
	if (conf->tokens_field == OPENAI_TOKENS_COMPLETION)
		atomic_store(&shared->quirks, QUIRK_COMPLETION_TOKENS);
	if ((shared->url = malloc(size)) == NULL) {
		openai_free(shared);
		return NULL;
	}
	snprintf(shared->url, size, "%s%s", conf->base_url, path);
	return shared;
}

bool
openai_is_shut(struct openai *shared, int64_t now)
{
	int64_t retry_ms;

	return breaker_look(&shared->breaker, now, &retry_ms) ==
	       BREAKER_REFUSED;
}

void
openai_free(struct openai *shared)
{
	if (shared == NULL)
		return;
	breaker_destroy(&shared->breaker);
	free(shared->url);
	free(shared);
}
