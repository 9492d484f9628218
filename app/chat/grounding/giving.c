/* Nothing is told before there is text, but for the sources. */
#include "chat/grounding/giving.h"

#define OUT_MAX     (4 * 1024 * 1024)
#define OFFERED_MAX (32 * 1024)

void
giving_init(struct giving *g, const struct answer_events *events, void *arg)
{
	*g = (struct giving){ .events = events, .arg = arg };
	buf_init(&g->out, OUT_MAX);
	buf_guard(&g->out);
	buf_init(&g->cited, CITED_MAX);
}

void
giving_free(struct giving *g)
{
	sources_free(&g->sources);
	cite_filter_free(&g->filter);
	buf_wipe(&g->out);
	buf_free(&g->cited);
}

void
giving_filter(struct giving *g, enum cite_form form, bool any_links)
{
	const struct cite_conf conf = {
		.urls = g->urls,
		.count = g->sources.count,
		.form = form,
		.any = any_links,
	};

	sources_urls(&g->sources, g->urls);
	cite_filter_init(&g->filter, &conf);
	g->filters = true;
}

void
giving_offer(struct giving *g)
{
	struct buf b;

	if (g->offered || g->sources.count == 0 || g->events->sources == NULL)
		return;
	g->offered = true;
	buf_init(&b, OFFERED_MAX);
	cited_begin(&b, GROUNDING_UNCITED, BY_MODEL);
	sources_cite(&b, &g->sources, UINT32_MAX);
	g->failed |= b.failed;
	if (!b.failed)
		g->events->sources(g->arg, b.data, b.len);
	buf_free(&b);
}

/* Say what the answer goes by, whenever there is more to be said. */
static void
giving_tell(struct giving *g)
{
	uint32_t cited = g->by == BY_MODEL ? g->filter.cited : 0;

	if (g->events->cited == NULL || (g->is_told && g->told == cited))
		return;
	g->is_told = true;
	g->told = cited;
	if (cited != 0)
		g->grounding = GROUNDING_CITED;
	buf_clear(&g->cited);
	cited_begin(&g->cited, g->grounding, g->by);
	sources_cite(&g->cited, &g->sources, cited);
	g->failed |= g->cited.failed;
	if (!g->cited.failed)
		g->events->cited(g->arg, g->cited.data, g->cited.len);
}

void
giving_text(struct giving *g, const char *text, size_t n)
{
	if (n == 0)
		return;
	giving_offer(g);
	giving_tell(g);
	if (g->failed)
		return;
	g->has_begun = true;
	g->events->delta(g->arg, text, n);
}

/* What the filter let through; without memory, it is not all of that. */
static void
giving_filtered(struct giving *g)
{
	g->failed |= g->out.failed;
	giving_text(g, g->out.data, g->out.len);
	buf_clear(&g->out);
}

/* Without sources to cite, what a model says is still looked through. */
void
giving_model(struct giving *g, const char *text, size_t n)
{
	if (!g->filters) {
		giving_text(g, text, n);
		return;
	}
	cite_filter_add(&g->filter, text, n, &g->out);
	giving_filtered(g);
}

enum rc
giving_end(struct giving *g, enum rc rc)
{
	if (g->filters && g->by == BY_MODEL && (rc == RC_OK || g->has_begun)) {
		cite_filter_end(&g->filter, &g->out);
		giving_filtered(g);
	}
	return g->failed ? RC_NOMEM : rc;
}

void
giving_count(const struct giving *g, struct metrics *m)
{
	static const enum metrics_grounding rows[] = {
		[GROUNDING_CITED] = GROUNDING_ROW_CITED,
		[GROUNDING_UNCITED] = GROUNDING_ROW_UNCITED,
		[GROUNDING_NONE] = GROUNDING_ROW_NONE,
	};
	const struct cite_filter *f = &g->filter;

	if (g->has_begun && g->by == BY_ARTICLES)
		metrics_count(m, METRIC_ANSWERS, GROUNDING_ROW_ARTICLES);
	else if (g->has_begun && g->grounding != GROUNDING_UNSAID)
		metrics_count(m, METRIC_ANSWERS, rows[g->grounding]);
	metrics_add(m, METRIC_CITATIONS, CITATION_KNOWN, f->known);
	metrics_add(m, METRIC_CITATIONS, CITATION_UNKNOWN, f->unknown);
	metrics_add(m, METRIC_CITATIONS, CITATION_LINK, f->links);
	metrics_add(m, METRIC_CITATIONS, CITATION_PICTURE, f->pictures);
}
