/* What an operator's Prometheus asks for. */
#include "articles/articles.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/rc.h"
#include "http/exchange.h"
#include "http/reply.h"
#include "log/metrics.h"
#include "log/metrics_text.h"
#include "routes/routes.h"
#include "service/responder_kinds.h"
#include "service/service.h"
#include "session/store.h"

/* The gauges that others own. */
static void
gauges_read(struct metrics_sum *sum, const struct service *app,
    const struct store_totals *totals, int64_t now)
{
	const struct responder_kind *kind = app->responder;
	struct index *ix;

	sum->cell[METRIC_SESSIONS] = totals->sessions;
	sum->cell[METRIC_SESSION_BYTES] = totals->bytes;
	sum->cell[METRIC_BREAKER_OPEN] = kind->is_shut != NULL &&
	                                 kind->is_shut(app->shared, now);
	ix = articles_index(app->articles);
	sum->cell[METRIC_ARTICLES] = index_count(ix);
	index_unref(ix);
	sum->cell[METRIC_ARTICLES_AGE] = (uint64_t)articles_age(
	    app->articles, clock_wall_ms());
	sum->cell[METRIC_BUILD] = 1;
}

static struct metrics_names
names_of(const struct route_table *routes)
{
	struct metrics_names names = { .route = { "none" } };
	size_t i;

	for (i = 0; i < routes->count; i++)
		names.route[1 + i] = routes->rows[i].path;
	for (i = 0; i < METRICS_METHODS; i++)
		names.method[i] = method_name((enum method)i);
	return names;
}

static void
metrics_counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct exchange *x = arg;
	const struct service_loop *al = x->app;
	const struct metrics_names names = names_of(al->app->routes);
	struct metrics_sum sum;
	struct buf body;

	if (!reply_resume(x, rc))
		return;
	metrics_sum(al->app->metrics, &sum);
	gauges_read(&sum, al->app, totals, loop_now(x->loop));
	buf_init(&body, METRICS_TEXT_MAX);
	metrics_text(&body, &sum, &names);
	reply_body(x, METRICS_TEXT_TYPE, &body);
}

void
metrics_get(struct exchange *x)
{
	const struct store_now now = store_now_at(loop_now(x->loop));
	const struct service_loop *al = x->app;

	exchange_wait(x);
	store_count(al->port, &now, metrics_counted, x);
}
