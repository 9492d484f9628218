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
	struct service_loop *sl = state;

	metrics_leave(sl->service->metrics, sl->metrics);
	turns_close(sl->turns);
	responder_close(sl->responder);
	buf_free(&sl->event);
	free(sl);
}

static struct turns *
service_open_turns(const struct service_loop *sl)
{
	const struct service *service = sl->service;
	struct turns_conf conf = {
		.store = service->store,
		.queue = service->queue,
		.responder = sl->responder,
		.context = { service->conf->context_messages,
		    service->conf->context_bytes },
		.wait_ms = service->conf->turn_wait_ms,
	};

	return turns_open(sl->loop, &conf);
}

static struct router
service_router(const struct service *service)
{
	const struct conf *cf = service->conf;

	return (struct router){
		.table = service->routes,
		.base_path = cf->base_path,
		.origins = cf->allowed_origins,
		.cookie = { cf->session_cookie,
		    *cf->base_path == '\0' ? "/" : cf->base_path },
	};
}

static void *
service_loop_open(void *arg, struct loop *loop)
{
	const struct service *service = arg;
	struct service_loop *sl;

	if ((sl = calloc(1, sizeof(*sl))) == NULL)
		return NULL;
	sl->service = service;
	sl->loop = loop;
	sl->metrics = loop_metrics(loop);
	metrics_join(service->metrics, sl->metrics);
	sl->router = service_router(service);
	buf_init(&sl->event, SERVICE_MAX_EVENT);
	buf_guard(&sl->event);
	if (getrandom(&sl->request_ids, sizeof(sl->request_ids), 0) == -1)
		log_warn("entropy", LOG_STR("for", "request ids"));
	if ((sl->responder = service->responder->open_loop(service, loop)) ==
		NULL ||
	    (sl->turns = service_open_turns(sl)) == NULL) {
		log_error("loop", LOG_STR("failed", "responder or turns"));
		service_loop_close(sl);
		return NULL;
	}
	sl->port = turns_port(sl->turns);
	return sl;
}

static void
service_loop_drain(void *state)
{
	struct service_loop *sl = state;

	sl->draining = true;
	turns_drain(sl->turns, SERVICE_GRACE_MS);
}

static enum rc
begin_session(
    const struct service *service, const struct addr *creator, bool empty)
{
	if (!empty)
		return limit_begin(service->limits, creator, LIMIT_SESSIONS);
	return limit_begin_empty(
	    service->limits, creator, store_is_crowded(service->store));
}

enum rc
service_admit_session(struct exchange *x, bool empty)
{
	const struct service_loop *sl = x->world;
	const struct service *service = sl->service;
	struct store_now now;
	enum rc rc;

	if (service->limits == NULL || service->store->backend->shared)
		return RC_OK;
	rc = begin_session(service, &x->creator, empty);
	if (rc != RC_TOO_MANY_SESSIONS)
		return rc;
	now = store_now_at(loop_now(x->loop));
	if (store_sweep(service->store, &now, RECLAIM_BATCH) > 0)
		rc = begin_session(service, &x->creator, empty);
	return rc;
}

static void
service_request(void *state, struct conn *conn, struct cgi *cgi)
{
	struct service_loop *sl = state;
	struct exchange *x;

	if ((x = exchange_new(conn, cgi, sl, &sl->request_ids)) == NULL)
		return;
	x->client = client_address(cgi, &sl->service->trusted);
	x->log_client = (enum addr_shown)sl->service->conf->log_client;
	x->suspicions = sl->service->suspicions;
	x->creator = addr_key(&x->client);
	x->limits = sl->service->limits;
	route_dispatch(&sl->router, x, sl->draining);
}

static void
service_abort(void *state, void *arg)
{
	(void)state;
	exchange_abort(arg);
}

struct server_app
service_callbacks(struct service *service)
{
	return (struct server_app){
		.arg = service,
		.loop_open = service_loop_open,
		.loop_close = service_loop_close,
		.loop_drain = service_loop_drain,
		.request = service_request,
		.abort = service_abort,
	};
}
