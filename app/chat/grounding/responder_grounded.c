/*
 * An answer has one of the two responders behind it. While the model's has
 * given nothing that may be shown, its failure is not the end: the same
 * question goes to the articles.
 */
#include "chat/grounding/responder_grounded.h"

#include <sys/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/container.h"
#include "base/request_id.h"
#include "chat/grounding/past.h"
#include "chat/grounding/unanswered.h"
#include "chat/topic.h"
#include "log/log.h"
#include "log/metrics.h"

#define DAY_MS      (24 * 60 * 60 * 1000)
#define OUT_MAX     (4 * 1024 * 1024)
#define OFFERED_MAX (32 * 1024)
#define PROMPT_MAX  (2 * 1024 * 1024)
#define WORDS_MAX   1024

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

	struct sources sources;
	struct cite_url urls[SOURCES_MAX];
	struct cite_filter filter;
	struct buf out;
	struct buf cited;
	enum cited_grounding grounding;
	uint32_t told;  /* what was cited so far */
	bool is_told;   /* something was, and by whom */
	bool has_begun; /* something was given */
	bool offered;

	/* the prompt, for whoever is asked next */
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
answer_count(const struct answer *a)
{
	static const enum metrics_grounding rows[] = {
		[GROUNDING_CITED] = GROUNDING_ROW_CITED,
		[GROUNDING_UNCITED] = GROUNDING_ROW_UNCITED,
		[GROUNDING_NONE] = GROUNDING_ROW_NONE,
	};
	struct metrics *m = loop_metrics(a->g->loop);
	const struct cite_filter *f = &a->filter;

	if (a->has_begun && a->asked == a->g->local)
		metrics_count(m, METRIC_ANSWERS, GROUNDING_ROW_ARTICLES);
	else if (a->has_begun && a->grounding != GROUNDING_UNSAID)
		metrics_count(m, METRIC_ANSWERS, rows[a->grounding]);
	metrics_add(m, METRIC_CITATIONS, CITATION_KNOWN, f->known);
	metrics_add(m, METRIC_CITATIONS, CITATION_UNKNOWN, f->unknown);
	metrics_add(m, METRIC_CITATIONS, CITATION_LINK, f->links);
	metrics_add(m, METRIC_CITATIONS, CITATION_PICTURE, f->pictures);
}

static void
answer_free(struct answer *a)
{
	answer_count(a);
	loop_untask(a->g->loop, &a->task);
	sources_free(&a->sources);
	cite_filter_free(&a->filter);
	buf_wipe(&a->out);
	buf_free(&a->cited);
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

/* All that the model was offered, once, before anything else. */
static void
answer_offer(struct answer *a)
{
	struct buf b;

	if (a->offered || a->sources.count == 0 || a->events->sources == NULL)
		return;
	a->offered = true;
	buf_init(&b, OFFERED_MAX);
	cited_begin(&b, GROUNDING_UNCITED, BY_MODEL);
	sources_cite(&b, &a->sources, UINT32_MAX);
	if (!b.failed)
		a->events->sources(a->arg, b.data, b.len);
	buf_free(&b);
}

static void
answer_offer_soon(struct loop_task *task)
{
	answer_offer(container_of(task, struct answer, task));
}

/* Say what the answer goes by, whenever there is more to be said. */
static void
answer_tell(struct answer *a)
{
	bool by_model = a->asked == a->g->model;
	uint32_t cited = by_model ? a->filter.cited : 0;

	if (a->events->cited == NULL || (a->is_told && a->told == cited))
		return;
	a->is_told = true;
	a->told = cited;
	if (cited != 0)
		a->grounding = GROUNDING_CITED;
	buf_clear(&a->cited);
	cited_begin(&a->cited, a->grounding, by_model ? BY_MODEL : BY_ARTICLES);
	sources_cite(&a->cited, &a->sources, cited);
	if (!a->cited.failed)
		a->events->cited(a->arg, a->cited.data, a->cited.len);
}

static void
answer_give(struct answer *a, const char *text, size_t n)
{
	if (n == 0)
		return;
	answer_offer(a);
	answer_tell(a);
	a->has_begun = true;
	a->events->delta(a->arg, text, n);
}

/* Without sources to cite, what a model says is still looked through. */
static void
model_delta(void *arg, const char *text, size_t n)
{
	struct answer *a = arg;

	if (!a->g->conf->search) {
		answer_give(a, text, n);
		return;
	}
	cite_filter_add(&a->filter, text, n, &a->out);
	answer_give(a, a->out.data, a->out.len);
	if (!a->out.failed)
		buf_clear(&a->out);
}

static void
local_delta(void *arg, const char *text, size_t n)
{
	answer_give(arg, text, n);
}

static void
local_done(void *arg, enum rc rc, const struct usage *usage)
{
	answer_end(arg, rc, usage);
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
	return responder_start(a->asked, &prompt, &events, a, &a->inner);
}

/* Whether the articles may answer in the place of a model that ended so. */
static bool
may_fall_back(const struct answer *a, enum rc rc)
{
	return a->g->conf->fallback && !a->has_begun &&
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
	if (a->g->conf->search && (rc == RC_OK || a->has_begun)) {
		cite_filter_end(&a->filter, &a->out);
		answer_give(a, a->out.data, a->out.len);
	}
	if (a->out.failed)
		rc = RC_NOMEM;
	if (!may_fall_back(a, rc) || answer_fall_back(a, rc) != RC_OK)
		answer_end(a, rc, usage);
}

static bool
boundary_make(char boundary[SOURCES_BOUNDARY_SIZE])
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	snprintf(boundary, SOURCES_BOUNDARY_SIZE, "%08x", (unsigned)random);
	return true;
}

static size_t
less(size_t from, size_t n)
{
	return from > n ? from - n : 0;
}

/*
 * What there is room for: of the past, the newest, but the last pair in any
 * case; then of the sources, the first.
 */
static enum rc
answer_fit(struct answer *a, struct history *past)
{
	const struct grounded_conf *conf = a->g->conf;
	size_t room = less(conf->prompt_bytes, conf->system_bytes + a->len);
	enum rc rc;

	rc = past_make(past, &a->past, less(room, sources_size(&a->sources)));
	if (rc == RC_OK)
		sources_fit(&a->sources, less(room, past_size(past)));
	return rc;
}

static enum rc
answer_ask_with(struct answer *a, const struct prompt *prompt)
{
	static const struct answer_events events = {
		.delta = model_delta,
		.done = model_done,
	};

	a->asked = a->g->model;
	return responder_start(a->asked, prompt, &events, a, &a->inner);
}

/* Write the sources into the message. */
static enum rc
answer_ask_grounded(struct answer *a, struct prompt *prompt)
{
	char boundary[SOURCES_BOUNDARY_SIZE];
	struct buf text;
	enum rc rc = RC_ENTROPY;

	buf_init(&text, PROMPT_MAX);
	buf_guard(&text);
	if (boundary_make(boundary)) {
		sources_write(
		    &text, &a->sources, boundary, a->question, a->len);
		prompt->question = text.data;
		prompt->len = text.len;
		prompt->extracts = text.len - a->len;
		rc = text.failed ? RC_NOMEM : answer_ask_with(a, prompt);
	}
	buf_wipe(&text);
	return rc;
}

static enum rc
answer_ask_model(struct answer *a)
{
	const struct cite_conf cite = {
		.urls = a->urls,
		.form = a->g->conf->form,
		.any = a->g->conf->any_links,
	};
	struct prompt prompt = answer_prompt(a);
	struct history past = { 0 };
	enum rc rc;

	if (!a->g->conf->search)
		return answer_ask_with(a, &prompt);
	if ((rc = answer_fit(a, &past)) != RC_OK)
		return rc;
	if (a->sources.count == 0)
		a->grounding = GROUNDING_NONE;
	sources_urls(&a->sources, a->urls);
	cite_filter_init(&a->filter, &cite);
	a->filter.conf.count = a->sources.count;
	prompt.history = &past;
	rc = a->sources.count > 0 ? answer_ask_grounded(a, &prompt)
	                          : answer_ask_with(a, &prompt);
	history_free(&past);
	return rc;
}

/*
 * Searching.
 */

static void
log_unanswered(const struct answer *a, const struct index *ix)
{
	struct buf words;
	int unknown;

	buf_init(&words, WORDS_MAX);
	unknown = unanswered_words(&words, ix, a->question, a->len);
	if ((words.len > 0 || unknown > 0) && !words.failed)
		log_notice("unanswered",
		    LOG_STR("words", words.len > 0 ? buf_string(&words) : ""),
		    LOG_INT("unknown", unknown));
	buf_free(&words);
}

/* Take what was found for the question, if it answers that. */
static enum rc
answer_search(struct answer *a)
{
	const struct grounded_conf *conf = a->g->conf;
	struct search_result found = { .index = NULL };
	struct message topic = { .text = NULL };
	struct index *ix = articles_index(a->g->articles);
	int64_t begun = clock_mono_us();
	struct search_ask ask = {
		.message = { a->question, a->len },
		.max = conf->sources.max,
		.today = (uint32_t)(clock_wall_ms() / DAY_MS),
	};
	enum rc rc;

	if (topic_find(&a->past, &topic))
		ask.before = (struct query_text){ topic.text, topic.len };
	rc = search_run(&found, ix, articles_search(a->g->articles), &ask);
	metrics_observe(loop_metrics(a->g->loop), METRIC_SEARCH_SECONDS, 0,
	    clock_mono_us() - begun);
	a->grounding = GROUNDING_NONE;
	if (rc == RC_OK && found.relevant) {
		sources_take(&a->sources, &found, &conf->sources);
		a->grounding = GROUNDING_UNCITED;
	} else if (rc == RC_OK && conf->log_words) {
		log_unanswered(a, ix);
	}
	search_free(&found);
	index_unref(ix);
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
	if (conf->only && a->grounding == GROUNDING_NONE &&
	    topic_is_named(a->question, a->len))
		return answer_ask_local(a, PROMPT_NOT_FOUND);
	rc = answer_ask_model(a);
	if (rc != RC_OK && may_fall_back(a, rc))
		rc = answer_fall_back(a, rc);
	return rc;
}

static struct answer *
answer_new(struct grounded *g, const struct prompt *prompt)
{
	struct answer *a;

	if ((a = calloc(1, sizeof(*a) + prompt->len)) == NULL)
		return NULL;
	a->g = g;
	a->task.run = answer_offer_soon;
	buf_init(&a->out, OUT_MAX);
	buf_guard(&a->out);
	buf_init(&a->cited, CITED_MAX);
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
	struct answer *a = answer_new((struct grounded *)responder, prompt);
	enum rc rc;

	if (a == NULL)
		return RC_NOMEM;
	a->events = events;
	a->arg = arg;
	if ((rc = answer_begin(a)) != RC_OK) {
		answer_free(a);
		return rc;
	}
	if (a->asked == a->g->model && a->sources.count > 0)
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
