/*
 * An answer has one of the two responders behind it. While the model's has
 * given nothing that may be shown, its failure is not the end: the same
 * question goes to the articles.
 */
#include "chat/grounding/responder_grounded.h"

#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/request_id.h"
#include "chat/grounding/giving.h"
#include "chat/grounding/grounded_prompt.h"
#include "chat/topic.h"
#include "log/log.h"

struct grounded {
	struct responder responder; /* first */
	const struct grounded_conf *conf;
	struct articles *articles;
	struct responder *model;
	struct responder *local;
	struct loop *loop;
};

struct answer {
	struct grounded *g;
	const struct answer_events *events;
	void *arg;
	struct loop_task task;
	struct responder *asked; /* who answers now */
	struct answer *inner;    /* its answer */
	struct giving giving;

	/* the question, for whoever is asked next */
	struct history past;
	enum lang lang;
	struct addr client;
	char request_id[REQUEST_ID_SIZE];
	size_t len;
	char question[];
};

/*
 * The end.
 */

static void
answer_free(struct answer *a)
{
	giving_count(&a->giving, loop_metrics(a->g->loop));
	loop_untask(a->g->loop, &a->task);
	giving_free(&a->giving);
	history_free(&a->past);
	explicit_bzero(a->question, a->len);
	free(a);
}

static void
answer_end(struct answer *a, enum rc rc, const struct usage *usage)
{
	const struct answer_events *events = a->events;
	struct usage used = *usage;
	void *arg = a->arg;

	answer_free(a);
	events->done(arg, rc, &used);
}

/*
 * Giving.
 */

static void
answer_offer_soon(struct loop_task *task)
{
	giving_offer(&container_of(task, struct answer, task)->giving);
}

static void
model_delta(void *arg, const char *text, size_t n)
{
	struct answer *a = arg;

	giving_model(&a->giving, text, n);
}

static void
local_delta(void *arg, const char *text, size_t n)
{
	struct answer *a = arg;

	giving_text(&a->giving, text, n);
}

static void
local_done(void *arg, enum rc rc, const struct usage *usage)
{
	struct answer *a = arg;

	answer_end(a, giving_end(&a->giving, rc), usage);
}

/*
 * Asking.
 */

static struct prompt
answer_prompt(const struct answer *a)
{
	return (struct prompt){
		.history = &a->past,
		.question = a->question,
		.len = a->len,
		.lang = a->lang,
		.request_id = a->request_id,
		.client = &a->client,
	};
}

static enum rc
answer_ask_local(struct answer *a, enum prompt_why why)
{
	static const struct answer_events events = {
		.delta = local_delta,
		.done = local_done,
	};
	struct prompt prompt = answer_prompt(a);

	prompt.why = why;
	a->asked = a->g->local;
	a->giving.by = BY_ARTICLES;
	return responder_start(a->asked, &prompt, &events, a, &a->inner);
}

/* Whether the articles may answer in the place of a model that ended so. */
static bool
may_fall_back(const struct answer *a, enum rc rc)
{
	return a->g->conf->fallback && !a->giving.has_begun &&
	       (rc == RC_OK || rc == RC_UPSTREAM || rc == RC_UPSTREAM_DOWN ||
		   rc == RC_UPSTREAM_TIMEOUT || rc == RC_BUDGET);
}

static enum rc
answer_fall_back(struct answer *a, enum rc why)
{
	const char *code = rc_code(why);

	log_notice("fallback", LOG_STR("id", a->request_id),
	    LOG_STR("why", code != NULL ? code : "empty"));
	return answer_ask_local(a, PROMPT_DEGRADED);
}

static void
model_done(void *arg, enum rc rc, const struct usage *usage)
{
	struct answer *a = arg;

	a->inner = NULL;
	rc = giving_end(&a->giving, rc);
	if (!may_fall_back(a, rc) || (rc = answer_fall_back(a, rc)) != RC_OK)
		answer_end(a, rc, usage);
}

static enum rc
answer_ask_with(struct answer *a, const struct prompt *prompt)
{
	static const struct answer_events events = {
		.delta = model_delta,
		.done = model_done,
	};

	a->asked = a->g->model;
	a->giving.by = BY_MODEL;
	return responder_start(a->asked, prompt, &events, a, &a->inner);
}

static enum rc
answer_ask_model(struct answer *a)
{
	const struct grounded_conf *conf = a->g->conf;
	const struct prompt asked = answer_prompt(a);
	struct grounded_prompt made;
	enum rc rc;

	if (!conf->search)
		return answer_ask_with(a, &asked);
	rc = grounded_prompt_make(&made, &asked, &a->giving.sources, conf);
	if (rc == RC_OK) {
		if (a->giving.sources.count == 0)
			a->giving.grounding = GROUNDING_NONE;
		giving_filter(&a->giving, conf->form, conf->any_links);
		rc = answer_ask_with(a, &made.prompt);
	}
	grounded_prompt_free(&made);
	return rc;
}

static enum rc
answer_search(struct answer *a)
{
	const struct prompt asked = answer_prompt(a);
	const struct grounded *g = a->g;
	bool found = false;
	enum rc rc;

	rc = grounded_prompt_search(&a->giving.sources, &found, &asked,
	    g->articles, g->conf, loop_metrics(g->loop));
	a->giving.grounding = found ? GROUNDING_UNCITED : GROUNDING_NONE;
	return rc;
}

/*
 * The interface.
 */

static enum rc
answer_begin(struct answer *a)
{
	const struct grounded_conf *conf = a->g->conf;
	enum rc rc = RC_OK;

	if (conf->search)
		rc = answer_search(a);
	if (rc != RC_OK)
		return rc;
	if (conf->only && a->giving.grounding == GROUNDING_NONE &&
	    topic_is_named(a->question, a->len))
		return answer_ask_local(a, PROMPT_NOT_FOUND);
	rc = answer_ask_model(a);
	if (rc != RC_OK && may_fall_back(a, rc))
		rc = answer_fall_back(a, rc);
	return rc;
}

static struct answer *
answer_new(struct grounded *g, const struct prompt *prompt,
    const struct answer_events *events, void *arg)
{
	struct answer *a;

	if ((a = calloc(1, sizeof(*a) + prompt->len)) == NULL)
		return NULL;
	a->g = g;
	a->events = events;
	a->arg = arg;
	giving_init(&a->giving, events, arg);
	a->task.run = answer_offer_soon;
	history_share(&a->past, prompt->history);
	a->lang = prompt->lang;
	a->client = *prompt->client;
	memccpy(
	    a->request_id, prompt->request_id, '\0', sizeof(a->request_id) - 1);
	a->len = prompt->len;
	memcpy(a->question, prompt->question, prompt->len);
	return a;
}

static enum rc
grounded_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	struct grounded *g = (struct grounded *)responder;
	struct answer *a = answer_new(g, prompt, events, arg);
	enum rc rc;

	if (a == NULL)
		return RC_NOMEM;
	if ((rc = answer_begin(a)) != RC_OK) {
		answer_free(a);
		return rc;
	}
	if (a->asked == a->g->model && a->giving.sources.count > 0)
		loop_task(a->g->loop, &a->task);
	*answer = a;
	return RC_OK;
}

static void
grounded_cancel(struct responder *responder, struct answer *a)
{
	(void)responder;
	responder_cancel(a->asked, a->inner);
	answer_free(a);
}

static enum rc
grounded_ready(
    struct responder *responder, const struct addr *client, int64_t *retry_ms)
{
	struct grounded *g = (struct grounded *)responder;
	enum rc rc = responder_ready(g->model, client, retry_ms);

	return g->conf->fallback ? RC_OK : rc;
}

static void
grounded_close(struct responder *responder)
{
	struct grounded *g = (struct grounded *)responder;

	responder_close(g->model);
	responder_close(g->local);
	free(g);
}

static const struct responder_backend grounded_backend = {
	.name = "grounded",
	.start = grounded_start,
	.cancel = grounded_cancel,
	.ready = grounded_ready,
	.close = grounded_close,
};

struct responder *
responder_grounded_open(const struct grounded_conf *conf,
    struct articles *articles, struct responder *model, struct responder *local,
    struct loop *loop)
{
	struct grounded *g = NULL;

	if (model == NULL || local == NULL ||
	    (g = calloc(1, sizeof(*g))) == NULL) {
		responder_close(model);
		responder_close(local);
		log_error("responder", LOG_STR("failed", "grounding"));
		return NULL;
	}
	g->responder.backend = &grounded_backend;
	g->conf = conf;
	g->articles = articles;
	g->model = model;
	g->local = local;
	g->loop = loop;
	return &g->responder;
}
