/* From a message to articles: words, passages, neighbours, age. */
#include "articles/search.h"

#include <math.h>
#include <stdlib.h>

#include "articles/index_layout.h"
#include "articles/near.h"
#include "articles/passages.h"
#include "articles/score.h"

struct search {
	struct search_result *result;
	const struct search_conf *conf;
	const struct search_ask *ask;
	const struct index_view *view;
	struct query query;
	struct candidate best[SEARCH_POOL];
	size_t count;
};

static size_t
search_max(const struct search_ask *ask)
{
	return ask->max < SEARCH_MAX ? ask->max : SEARCH_MAX;
}

static struct search_passage
search_passage(const struct search *s, uint32_t passage, double score)
{
	const struct index_passage *p = &s->view->passages[passage];
	struct article a = index_article(s->result->index, p->article);

	return (struct search_passage){ a.text + p->start, p->len, score };
}

/* A new hit with its best passage. */
static void
hit_add(struct search *s, uint32_t passage, double passage_score, double score)
{
	struct search_result *r = s->result;
	struct search_hit *hit = &r->hits[r->count++];

	hit->article = index_article(
	    r->index, s->view->passages[passage].article);
	hit->score = score;
	hit->passages[0] = search_passage(s, passage, passage_score);
	hit->count = 1;
}

/* Nothing in particular was asked for. */
static void
search_newest(struct search *s)
{
	uint32_t n, article, count = (uint32_t)s->view->head->articles;

	s->result->newest = true;
	s->result->relevant = s->query.news;
	for (n = 0; n < count && s->result->count < search_max(s->ask); n++) {
		article = s->view->newest[n];
		if (!score_skips(s->ask, article) &&
		    s->view->articles[article].passages > 0)
			hit_add(
			    s, s->view->articles[article].first_passage, 0, 0);
	}
}

static double
search_fresh(const struct search *s, uint32_t article)
{
	const struct search_recency *r = s->query.news ? &s->conf->recency_news
	                                               : &s->conf->recency;
	uint32_t day = s->view->articles[article].day;
	double age = day < s->ask->today ? s->ask->today - day : 0;

	return 1 + r->weight * exp2(-age / r->days);
}

/* The best first; of equally good ones the earlier in the file. */
static int
candidate_compare(const void *one, const void *other)
{
	const struct candidate *a = one, *b = other;

	if (a->score < b->score || b->score < a->score)
		return a->score < b->score ? 1 : -1;
	return a->passage < b->passage ? -1 : a->passage > b->passage;
}

/* Look closely at those that the words alone have chosen. */
static double
search_rank(struct search *s)
{
	struct near near;
	double best = 0;
	size_t i;

	near_init(&near, &s->query);
	for (i = 0; i < s->count; i++) {
		s->best[i].score += near_bonus(
		    &near, s->view, s->best[i].passage);
		if (s->best[i].score > best)
			best = s->best[i].score;
		s->best[i].score *= search_fresh(s, s->best[i].article);
	}
	qsort(s->best, s->count, sizeof(*s->best), candidate_compare);
	return best;
}

static struct search_hit *
hit_find(struct search_result *r, uint32_t article)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		if (r->hits[i].article.number == article)
			return &r->hits[i];
	}
	return NULL;
}

static void
search_gather(struct search *s)
{
	const struct candidate *c = s->best;
	struct search_hit *hit;
	size_t i;

	for (i = 0; i < s->count; i++, c++) {
		hit = hit_find(s->result, c->article);
		if (hit != NULL && hit->count < SEARCH_PASSAGES)
			hit->passages[hit->count++] = search_passage(
			    s, c->passage, c->score);
		else if (hit == NULL && s->result->count < search_max(s->ask))
			hit_add(s, c->passage, c->score, c->score);
	}
}

static void
search_words(struct search *s)
{
	double best;

	s->count = score_best(s->best, s->view, &s->query, s->ask);
	best = search_rank(s);
	search_gather(s);
	s->result->relevant = s->count > 0 &&
	                      best >= s->conf->threshold * s->query.sum;
}

enum rc
search_run(struct search_result *r, struct index *ix,
    const struct search_conf *conf, const struct search_ask *ask)
{
	struct search s = {
		.result = r,
		.conf = conf,
		.ask = ask,
		.view = index_view(ix),
	};

	r->index = index_ref(ix);
	r->count = 0;
	r->relevant = r->newest = false;
	if (!query_read(
		&s.query, ix, &ask->message, &ask->before, conf->follow))
		return RC_NOMEM;
	if (s.query.count == 0 && s.query.sum <= 0)
		search_newest(&s);
	else
		search_words(&s);
	return RC_OK;
}

void
search_free(struct search_result *r)
{
	index_unref(r->index);
	r->index = NULL;
}
