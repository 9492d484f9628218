/*
 * What is heard of an upstream comes to one end here: an answer that is whole,
 * one that broke off, a refusal, or silence.
 */
#include "chat/model/attempt.h"

#include <string.h>

#include "log/log.h"
#include "log/metrics.h"

#define GRACE_MS   2000 /* from the answer's end to its usage */
#define CLOSING_MS 1000 /* from there to the reply's end */

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
	if (a->call != NULL) {
		a->sent = upstream_has_sent(a->call);
		upstream_cancel(a->call);
	}
	a->call = NULL;
	answer_stream_stop(&a->stream);
}

static void
attempt_over(struct attempt *a, const struct attempt_end *end)
{
	attempt_stop(a);
	a->events->end(a->arg, end);
}

bool
attempt_end_is_refused(const struct attempt_end *end)
{
	if (end->status == 200)
		return end->rc != RC_OK && (end->refusal == REFUSAL_REQUEST ||
					       end->refusal == REFUSAL_LENGTH);
	return (end->status >= 400 && end->status < 500 &&
		   end->status != 408) ||
	       end->status == 503 || end->status == 529;
}

bool
attempt_end_is_failure(const struct attempt_end *end)
{
	return end->rc != RC_OK && end->refusal != REFUSAL_NONE &&
	       end->refusal != REFUSAL_REQUEST &&
	       end->refusal != REFUSAL_LENGTH;
}

/* Some servers have one status for whatever they refuse, or fail at it. */
bool
attempt_end_may_name(const struct attempt_end *end)
{
	static const int statuses[] = { 400, 404, 415, 422, 500, 501 };

	if (end->status == 200)
		return end->refusal == REFUSAL_REQUEST ||
		       end->refusal == REFUSAL_FAILURE;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (end->status == statuses[i])
			return true;
	return false;
}

void
attempt_log(struct attempt *a, const struct attempt_end *end)
{
	struct buf *said = &a->stream.said;

	log_warn("upstream", LOG_STR("id", a->request_id),
	    LOG_STR("code", rc_code(end->rc)), LOG_INT("status", end->status),
	    LOG_STR("why", why_word(end->why)),
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

	if (a->stream.over)
		due += CLOSING_MS;
	else if (a->stream.finished)
		due += GRACE_MS;
	else
		due += a->stream.begun ? all->stall_ms : all->first_token_ms;
	return due < a->deadline ? due : a->deadline;
}

static void
attempt_delta(void *arg, const char *text, size_t n)
{
	struct attempt *a = arg;

	if (!a->stream.begun)
		metrics_observe(loop_metrics(a->all->loop), METRIC_FIRST_TOKEN,
		    0, (loop_now(a->all->loop) - a->started_ms) * 1000);
	a->events->delta(a->arg, text, n);
}

/* What may bring the time nearer that is waited for. */
static unsigned
attempt_phase(const struct attempt *a)
{
	return (unsigned)a->stream.begun | (unsigned)a->stream.finished << 1 |
	       (unsigned)a->stream.over << 2;
}

/*
 * All that comes of a stream is a sign of life, until the answer's end is told:
 * from then on, text only.
 */
static bool
attempt_body(void *arg, int status, const char *data, size_t n)
{
	struct attempt *a = arg;
	unsigned phase = attempt_phase(a);
	uint64_t given = a->stream.given;
	bool finished = a->stream.finished, more;

	if (status != 200) {
		answer_stream_say(&a->stream, data, n);
		return true;
	}
	more = answer_stream_feed(&a->stream, data, n);
	if (!finished || given != a->stream.given || phase != attempt_phase(a))
		a->active_ms = loop_now(a->all->loop);
	if (phase != attempt_phase(a))
		loop_timer(a->all->loop, &a->quiet, attempt_due(a));
	return more;
}

/*
 * What the end was.
 */

static enum refusal
attempt_refusal(const struct attempt *a, int status)
{
	const struct buf *said = &a->stream.said;

	return refusal_read(status, said->len > 0 ? said->data : "", said->len);
}

/*
 * It was told that there is no answer: by the reply's status, or in a stream
 * that had no text yet.
 */
static void
attempt_refused(
    struct attempt *a, int status, int64_t retry_after, enum why why)
{
	enum refusal refusal = attempt_refusal(a, status);
	bool passing = refusal == REFUSAL_PASSING;
	const struct attempt_end end = {
		.rc = passing ? RC_UPSTREAM_DOWN : RC_UPSTREAM,
		.refusal = refusal,
		.status = status,
		.retry_after = passing ? retry_after : -1,
		.why = why,
	};

	attempt_count(a, passing ? OUTCOME_UNAVAILABLE : OUTCOME_REJECTED);
	attempt_over(a, &end);
}

static enum metrics_outcome
attempt_outcome(enum rc rc)
{
	switch (rc) {
	case RC_OK:
	case RC_LENGTH:
	case RC_FILTER:
		return OUTCOME_OK;
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
attempt_ended(struct attempt *a, enum rc rc, int status, enum why why)
{
	const struct attempt_end end = {
		.rc = rc,
		.refusal = a->stream.finished ? REFUSAL_NONE : REFUSAL_FAILURE,
		.status = status,
		.retry_after = -1,
		.why = why,
	};

	attempt_count(a, attempt_outcome(rc));
	attempt_over(a, &end);
}

/* The model has come to its end, though perhaps not to an answer. */
static void
attempt_finished(struct attempt *a)
{
	enum why why = answer_stream_whole(&a->stream);
	enum rc rc = RC_UPSTREAM;

	if (why == WHY_NONE)
		rc = RC_OK;
	else if (a->stream.begun)
		rc = why == WHY_LENGTH ? RC_LENGTH : RC_FILTER;
	attempt_ended(a, rc, 200, why);
}

/* The call has ended before the answer did. */
static void
attempt_broken(
    struct attempt *a, enum upstream_end end, int status, const char *words)
{
	static const struct {
		enum rc rc;
		enum why why;
	} rows[] = {
		[UPSTREAM_OK] = { RC_UPSTREAM, WHY_NO_END },
		[UPSTREAM_REFUSED] = { RC_UPSTREAM_DOWN, WHY_UNREACHABLE },
		[UPSTREAM_TIMEOUT] = { RC_UPSTREAM_TIMEOUT,
		    WHY_CONNECT_TIMEOUT },
		[UPSTREAM_BROKEN] = { RC_UPSTREAM, WHY_BROKE_OFF },
		[UPSTREAM_TOO_LARGE] = { RC_UPSTREAM, WHY_TOO_LARGE },
		[UPSTREAM_NOMEM] = { RC_NOMEM, WHY_MEMORY },
	};
	enum rc rc = rows[end].rc;
	enum why why = rows[end].why;

	if (end == UPSTREAM_OK && !a->stream.event)
		why = WHY_NO_STREAM;
	if (rc == RC_UPSTREAM_DOWN && a->stream.begun)
		rc = RC_UPSTREAM;
	if (end != UPSTREAM_OK && end != UPSTREAM_TOO_LARGE &&
	    a->stream.said.len == 0)
		answer_stream_say(&a->stream, words, strlen(words));
	attempt_ended(a, rc, status, why);
}

static void
attempt_call_end(void *arg, const struct upstream_reply *reply)
{
	struct attempt *a = arg;
	struct answer_stream *stream = &a->stream;
	enum upstream_end end = reply->end;
	int status = reply->status;

	a->call = NULL;
	a->sent = reply->sent;
	if (end != UPSTREAM_NOMEM && status != 0 && status != 200) {
		attempt_refused(a, status, reply->retry_after, WHY_STATUS);
		return;
	}
	if (end == UPSTREAM_OK)
		answer_stream_end(stream);
	if (answer_stream_is_refusal(stream))
		attempt_refused(a, status, reply->retry_after, stream->why);
	else if (stream->why != WHY_NONE)
		attempt_ended(a, RC_UPSTREAM, status, stream->why);
	else if (stream->finished)
		attempt_finished(a);
	else
		attempt_broken(a, end, status, reply->why);
}

static enum why
silence_why(const struct attempt *a)
{
	if (loop_now(a->all->loop) >= a->deadline)
		return WHY_TIMEOUT;
	return a->stream.begun ? WHY_STALL : WHY_FIRST_TOKEN;
}

/* What is finished is whole, whatever does not come any more. */
static void
attempt_quiet(struct timer *timer, void *arg)
{
	struct attempt *a = arg;
	int64_t due = attempt_due(a);

	if (loop_now(a->all->loop) < due)
		loop_timer(a->all->loop, timer, due);
	else if (a->stream.finished)
		attempt_finished(a);
	else
		attempt_ended(a, RC_UPSTREAM_TIMEOUT, 0, silence_why(a));
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
	};
	answer_stream_init(&a->stream, &all->chunk, attempt_delta, a);
	timer_init(&a->quiet, attempt_quiet, a);
}

enum rc
attempt_start(struct attempt *a, const struct buf *request, int64_t deadline)
{
	static const struct upstream_events call_events = {
		.body = attempt_body,
		.end = attempt_call_end,
	};
	static const struct attempt_end nomem = { .rc = RC_NOMEM,
		.why = WHY_MEMORY };
	struct attempts *all = a->all;

	a->started_ms = a->active_ms = loop_now(all->loop);
	a->deadline = deadline;
	answer_stream_again(&a->stream);
	a->call = upstream_start(all->upstream, request->data, request->len,
	    a->request_id, &call_events, a);
	if (a->call == NULL) {
		attempt_log(a, &nomem);
		attempt_stop(a);
		return RC_NOMEM;
	}
	loop_timer(all->loop, &a->quiet, attempt_due(a));
	return RC_OK;
}

bool
attempt_has_sent(const struct attempt *a)
{
	return a->call != NULL ? upstream_has_sent(a->call) : a->sent;
}

void
attempt_free(struct attempt *a)
{
	if (a->call != NULL)
		attempt_count(
		    a, a->stream.finished ? OUTCOME_OK : OUTCOME_CANCELLED);
	attempt_stop(a);
	answer_stream_free(&a->stream);
}
