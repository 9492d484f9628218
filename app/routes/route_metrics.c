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
gauges_read(struct metrics_sum *sum, const struct service *service,
    const struct store_totals *totals, int64_t now)
{
	const struct responder_kind *kind = service->responder;
	struct index *ix;

	sum->cell[METRIC_SESSIONS] = totals->sessions;
	sum->cell[METRIC_SESSION_BYTES] = totals->bytes;
	sum->cell[METRIC_BREAKER_OPEN] = kind->is_shut != NULL &&
	                                 kind->is_shut(service->shared, now);
	ix = articles_index(service->articles);
	sum->cell[METRIC_ARTICLES] = index_count(ix);
	index_unref(ix);
	sum->cell[METRIC_ARTICLES_AGE] = (uint64_t)articles_age(
	    service->articles, clock_wall_ms());
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
	const struct service_loop *sl = x->world;
	const struct metrics_names names = names_of(sl->service->routes);
	struct metrics_sum sum;
	struct buf body;

	if (!reply_resume(x, rc))
		return;
	metrics_sum(sl->service->metrics, &sum);
	gauges_read(&sum, sl->service, totals, loop_now(x->loop));
	buf_init(&body, METRICS_TEXT_MAX);
	metrics_text(&body, &sum, &names);
	reply_body(x, METRICS_TEXT_TYPE, &body);
}

void
metrics_get(struct exchange *x)
{
	const struct store_now now = store_now_at(loop_now(x->loop));
	const struct service_loop *sl = x->world;

	exchange_wait(x);
	store_count(sl->port, &now, metrics_counted, x);
}
