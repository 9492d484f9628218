/*
 * What is heard of an upstream comes to one end here: an answer that is whole,
 * one that broke off, a refusal, or silence.
 */
#include "chat/model/attempt.h"

#include <string.h>

#include "log/log.h"
#include "log/metrics.h"

#define CLOSING_MS 1000 /* from [DONE] to the reply's end */

/*
 * The end.
 */

static void
attempt_count(const struct attempt *a, enum metrics_outcome outcome)
{
	metrics_count(loop_metrics(a->all->loop), METRIC_UPSTREAM, outcome);
}

/* It runs no more; nothing is kept of its stream. */
static void
attempt_stop(struct attempt *a)
{
	loop_untimer(a->all->loop, &a->quiet);
	if (a->call != NULL)
		upstream_cancel(a->call);
	a->call = NULL;
	event_stream_free(&a->stream);
}

static void
attempt_over(struct attempt *a, const struct attempt_end *end)
{
	attempt_stop(a);
	a->events->end(a->arg, end);
}

void
attempt_log(struct attempt *a, const struct attempt_end *end)
{
	struct buf *said = &a->refusal;

	log_warn("upstream", LOG_STR("id", a->request_id),
	    LOG_STR("code", rc_code(end->rc)), LOG_INT("status", end->status),
	    LOG_STR("why", end->why),
	    LOG_STR("said", said->len > 0 ? buf_string(said) : NULL));
}

/*
 * The stream.
 */

/* When the silence has been too long. */
static int64_t
attempt_due(const struct attempt *a)
{
	const struct attempts *all = a->all;
	int64_t due = a->active_ms;

	if (a->closing)
		due += CLOSING_MS;
	else
		due += a->heard ? all->stall_ms : all->first_token_ms;
	return due < a->deadline ? due : a->deadline;
}

/* The timer is set anew only when its time may come earlier than it was. */
static void
attempt_heard(struct attempt *a, bool closing)
{
	bool sooner = !a->heard || closing;

	a->active_ms = loop_now(a->all->loop);
	a->heard = true;
	a->closing = closing;
	if (sooner)
		loop_timer(a->all->loop, &a->quiet, attempt_due(a));
}

static void
attempt_delta(struct attempt *a, const struct buf *text)
{
	if (!a->begun)
		metrics_observe(loop_metrics(a->all->loop), METRIC_FIRST_TOKEN,
		    0, (a->active_ms - a->started_ms) * 1000);
	a->begun = true;
	a->events->delta(a->arg, text->data, text->len);
}

static bool
attempt_event(void *arg, const char *data, size_t n)
{
	struct attempt *a = arg;
	struct completion_chunk *chunk = &a->all->chunk;
	bool ok;

	if (a->closing)
		return true;
	ok = completion_read(chunk, data, n);
	attempt_heard(a, chunk->done);
	if (!ok || chunk->error) {
		buf_add(&a->refusal, data,
		    n < ATTEMPT_MAX_REFUSAL ? n : ATTEMPT_MAX_REFUSAL);
		a->failed = true;
		a->refused = ok;
	}
	if (chunk->text.len > 0)
		attempt_delta(a, &chunk->text);
	if (chunk->finished || chunk->done)
		a->finished = true;
	if (chunk->has_usage)
		a->usage = chunk->usage;
	return !a->failed;
}

static bool
attempt_body(void *arg, int status, const char *data, size_t n)
{
	struct attempt *a = arg;
	size_t room = ATTEMPT_MAX_REFUSAL - a->refusal.len;

	if (status != 200) {
		buf_add(&a->refusal, data, n < room ? n : room);
		return true;
	}
	if (!event_stream_feed(&a->stream, data, n, attempt_event, a))
		a->failed = true;
	return !a->failed;
}

/*
 * What the end was.
 */

static enum refusal
attempt_refusal(const struct attempt *a, int status)
{
	return refusal_read(
	    status, a->refusal.len > 0 ? a->refusal.data : "", a->refusal.len);
}

/*
 * It was told that there is no answer: by the reply's status, or in a stream
 * that had no text yet.
 */
static void
attempt_refused(struct attempt *a, int status, int64_t retry_after)
{
	enum refusal refusal = attempt_refusal(a, status);
	bool passing = refusal == REFUSAL_PASSING;
	const struct attempt_end end = {
		.rc = passing ? RC_UPSTREAM_DOWN : RC_UPSTREAM,
		.refusal = refusal,
		.status = status,
		.retry_after = passing ? retry_after : -1,
	};

	attempt_count(a, passing ? OUTCOME_UNAVAILABLE : OUTCOME_REJECTED);
	attempt_over(a, &end);
}

static enum rc
broken_rc(enum upstream_end end)
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
attempt_outcome(const struct attempt *a, enum rc rc)
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
attempt_ended(struct attempt *a, enum rc rc, int status, const char *why)
{
	const struct attempt_end end = {
		.rc = rc,
		.refusal = REFUSAL_FAILURE,
		.status = status,
		.retry_after = -1,
		.why = why,
	};

	attempt_count(a, attempt_outcome(a, rc));
	attempt_over(a, &end);
}

static void
attempt_call_end(void *arg, enum upstream_end end, int status,
    int64_t retry_after, const char *why)
{
	struct attempt *a = arg;
	enum rc rc = RC_OK;

	a->call = NULL;
	if (end != UPSTREAM_NOMEM && status != 0 && status != 200) {
		attempt_refused(a, status, retry_after);
		return;
	}
	if (end == UPSTREAM_OK && !a->failed &&
	    !event_stream_end(&a->stream, attempt_event, a))
		a->failed = true;
	if (a->refused && !a->begun) {
		attempt_refused(a, status, retry_after);
		return;
	}
	if (a->failed)
		rc = RC_UPSTREAM;
	else if (!a->finished)
		rc = broken_rc(end);
	attempt_ended(a, rc, status, why);
}

/* What is finished is whole, whatever does not come any more. */
static void
attempt_quiet(struct timer *timer, void *arg)
{
	struct attempt *a = arg;
	int64_t due = attempt_due(a);

	if (loop_now(a->all->loop) < due)
		loop_timer(a->all->loop, timer, due);
	else
		attempt_ended(
		    a, a->finished ? RC_OK : RC_UPSTREAM_TIMEOUT, 0, "silence");
}

/*
 * The interface.
 */

void
attempt_init(struct attempt *a, struct attempts *all, const char *request_id,
    const struct attempt_events *events, void *arg)
{
	*a = (struct attempt){
		.all = all,
		.events = events,
		.arg = arg,
		.request_id = request_id,
		.usage = USAGE_NONE,
	};
	buf_init(&a->refusal, ATTEMPT_MAX_REFUSAL + 1);
	event_stream_init(&a->stream);
	timer_init(&a->quiet, attempt_quiet, a);
}

enum rc
attempt_start(struct attempt *a, const struct buf *request, int64_t deadline)
{
	static const struct upstream_events call_events = {
		.body = attempt_body,
		.end = attempt_call_end,
	};
	struct attempts *all = a->all;

	a->started_ms = a->active_ms = loop_now(all->loop);
	a->deadline = deadline;
	a->heard = a->begun = a->finished = a->closing = false;
	a->failed = a->refused = false;
	a->usage = USAGE_NONE;
	buf_clear(&a->refusal);
	a->call = upstream_start(all->upstream, request->data, request->len,
	    a->request_id, &call_events, a);
	if (a->call == NULL) {
		attempt_stop(a);
		return RC_NOMEM;
	}
	loop_timer(all->loop, &a->quiet, attempt_due(a));
	return RC_OK;
}

bool
attempt_has_sent(const struct attempt *a)
{
	return a->call == NULL || upstream_has_sent(a->call);
}

void
attempt_free(struct attempt *a)
{
	if (a->call != NULL)
		attempt_count(a, a->finished ? OUTCOME_OK : OUTCOME_CANCELLED);
	attempt_stop(a);
	buf_free(&a->refusal);
}
