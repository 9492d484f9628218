/* Where the server below meets the handlers: a loop's world. */
#include "service/service.h"

#include <sys/random.h>

#include <stdlib.h>

#include "http/client_address.h"
#include "log/log.h"
#include "log/metrics.h"
#include "service/responder_kinds.h"

#define RECLAIM_BATCH 64 /* expired sessions removed for one that is new */

static void
service_loop_close(void *state)
{
	struct service_loop *al = state;

	metrics_leave(al->app->metrics, al->metrics);
	turns_close(al->turns);
	responder_close(al->responder);
	buf_free(&al->event);
	free(al);
}

static struct turns *
service_open_turns(const struct service_loop *al)
{
	const struct service *app = al->app;
	struct turns_conf conf = {
		.store = app->store,
		.line = app->line,
		.responder = al->responder,
		.context = { app->conf->context_messages,
		    app->conf->context_bytes },
		.wait_ms = app->conf->turn_wait_ms,
	};

	return turns_open(al->loop, &conf);
}

static struct router
service_router(const struct service *app)
{
	const struct conf *cf = app->conf;

	return (struct router){
		.table = app->routes,
		.base_path = cf->base_path,
		.origins = cf->allowed_origins,
		.cookie = { cf->session_cookie,
		    *cf->base_path == '\0' ? "/" : cf->base_path },
	};
}

static void *
service_loop_open(void *arg, struct loop *loop)
{
	const struct service *app = arg;
	struct service_loop *al;

	if ((al = calloc(1, sizeof(*al))) == NULL)
		return NULL;
	al->app = app;
	al->loop = loop;
	al->metrics = loop_metrics(loop);
	metrics_join(app->metrics, al->metrics);
	al->router = service_router(app);
	buf_init(&al->event, SERVICE_MAX_EVENT);
	buf_guard(&al->event);
	if (getrandom(&al->request_ids, sizeof(al->request_ids), 0) == -1)
		log_warn("entropy", LOG_STR("for", "request ids"));
	if ((al->responder = app->responder->open_loop(app, loop)) == NULL ||
	    (al->turns = service_open_turns(al)) == NULL) {
		log_error("loop", LOG_STR("failed", "responder or turns"));
		service_loop_close(al);
		return NULL;
	}
	al->port = turns_port(al->turns);
	return al;
}

static void
service_loop_drain(void *state)
{
	struct service_loop *al = state;

	al->draining = true;
	turns_drain(al->turns, SERVICE_GRACE_MS);
}

static enum rc
begin_session(const struct service *app, const struct addr *creator, bool empty)
{
	if (!empty)
		return limit_begin(app->limits, creator, LIMIT_SESSIONS);
	return limit_begin_empty(
	    app->limits, creator, store_is_crowded(app->store));
}

enum rc
service_admit_session(struct exchange *x, bool empty)
{
	const struct service_loop *al = x->app;
	const struct service *app = al->app;
	struct store_now now;
	enum rc rc;

	if (app->limits == NULL || app->store->backend->shared)
		return RC_OK;
	rc = begin_session(app, &x->creator, empty);
	if (rc != RC_TOO_MANY_SESSIONS)
		return rc;
	now = store_now_at(loop_now(x->loop));
	if (store_sweep(app->store, &now, RECLAIM_BATCH) > 0)
		rc = begin_session(app, &x->creator, empty);
	return rc;
}

static void
service_request(void *state, struct conn *conn, struct cgi *cgi)
{
	struct service_loop *al = state;
	struct exchange *x;

	if ((x = exchange_new(conn, cgi, al, &al->request_ids)) == NULL)
		return;
	x->client = client_address(cgi, &al->app->trusted);
	x->log_client = (enum addr_shown)al->app->conf->log_client;
	x->suspicions = al->app->suspicions;
	x->creator = addr_key(&x->client);
	x->limits = al->app->limits;
	route_dispatch(&al->router, x, al->draining);
}

static void
service_abort(void *state, void *arg)
{
	(void)state;
	exchange_abort(arg);
}

struct server_app
service_callbacks(struct service *app)
{
	return (struct server_app){
		.arg = app,
		.loop_open = service_loop_open,
		.loop_close = service_loop_close,
		.loop_drain = service_loop_drain,
		.request = service_request,
		.abort = service_abort,
	};
}
