/*
 * The simplest responder, and the specification of one: without a language
 * model it searches the articles and remembers what the visitor said. All of
 * the answer is made at the start, then given out piece by piece, one in each
 * turn of the loop.
 */
#include "chat/responder.h"

#include <stdlib.h>

#include "articles/articles.h"
#include "base/clock.h"
#include "base/container.h"
#include "chat/local/local_answer.h"
#include "log/log.h"
#include "log/metrics.h"

#define DAY_MS (24 * 60 * 60 * 1000)

struct local {
	struct responder responder;
	struct loop *loop;
	struct articles *articles;
};

struct answer {
	struct loop *loop;
	struct loop_task task;
	const struct answer_events *events;
	void *arg;
	struct local_answer draft;
	size_t given; /* pieces */
};

static void
answer_free(struct answer *a)
{
	local_answer_free(&a->draft);
	free(a);
}

static void
answer_go_on(struct loop_task *task)
{
	struct answer *a = container_of(task, struct answer, task);
	size_t from = a->given > 0 ? a->draft.ends[a->given - 1] : 0;

	if (a->given < a->draft.pieces) {
		loop_task(a->loop, &a->task);
		a->given++;
		a->events->delta(a->arg, a->draft.text.data + from,
		    a->draft.ends[a->given - 1] - from);
	} else {
		a->events->done(a->arg, RC_OK, &USAGE_NONE);
		answer_free(a);
	}
}

/* Write all of the answer; false without memory. */
static bool
answer_write(
    struct answer *a, const struct local *local, const struct prompt *prompt)
{
	struct local_search search = {
		.index = articles_index(local->articles),
		.conf = articles_search(local->articles),
		.today = (uint32_t)(clock_wall_ms() / DAY_MS),
	};
	bool ok = local_answer_write(&a->draft, &search, prompt);

	index_unref(search.index);
	metrics_observe(loop_metrics(local->loop), METRIC_SEARCH_SECONDS, 0,
	    a->draft.search_us);
	return ok;
}

static enum rc
local_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	struct local *local = container_of(responder, struct local, responder);
	struct answer *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return RC_NOMEM;
	a->loop = local->loop;
	a->task.run = answer_go_on;
	a->events = events;
	a->arg = arg;
	if (!answer_write(a, local, prompt)) {
		answer_free(a);
		return RC_NOMEM;
	}
	loop_task(a->loop, &a->task);
	*answer = a;
	return RC_OK;
}

static void
local_cancel(struct responder *responder, struct answer *a)
{
	(void)responder;
	loop_untask(a->loop, &a->task);
	answer_free(a);
}

static void
local_close(struct responder *responder)
{
	free(container_of(responder, struct local, responder));
}

static const struct responder_backend local_backend = {
	.name = "local",
	.start = local_start,
	.cancel = local_cancel,
	.close = local_close,
};

struct responder *
responder_local_open(struct articles *articles, struct loop *loop)
{
	struct local *local;

	if ((local = calloc(1, sizeof(*local))) == NULL) {
		log_error("responder", LOG_STR("what", "out of memory"));
		return NULL;
	}
	local->responder.backend = &local_backend;
	local->loop = loop;
	local->articles = articles;
	return &local->responder;
}
