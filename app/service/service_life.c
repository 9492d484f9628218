/* The service while it runs, whoever it serves for. */
#include "service/service_life.h"

#include "articles/articles.h"
#include "articles/reload.h"
#include "base/clock.h"
#include "limits/suspicion.h"
#include "log/log.h"
#include "service/responder_kinds.h"

struct server *
service_start(struct service *service, unsigned other_fds)
{
	struct server_app callbacks = service_callbacks(service);
	struct server_conf sc = {
		.threads = (unsigned)service->conf->threads,
		.conn_fds = 1 + service->responder->conn_fds,
		.loop_fds = service->responder->loop_fds,
		.other_fds = other_fds,
		.body_max = service->conf->request_max_bytes,
	};

	return server_start(&sc, &callbacks);
}

void
service_tell_start(const struct service *service)
{
	const struct conf *cf = service->conf;
	struct index *ix = articles_index(service->articles);

	log_notice("start", LOG_STR("version", PACKAGE_VERSION),
	    LOG_STR("listen", cf->listen == NULL ? "inherited" : cf->listen),
	    LOG_INT("threads", cf->threads),
	    LOG_STR("responder", conf_responders[service->responder->setting]),
	    LOG_INT("articles", (int64_t)index_count(ix)),
	    LOG_INT("session_timeout_ms", cf->session_timeout_ms));
	index_unref(ix);
}

static void
tell_suspicions(const struct service *service, int64_t now)
{
	suspicions_tell(service->suspicions, now,
	    (enum addr_shown)service->conf->log_client);
}

void
service_tick(const struct service *service)
{
	log_tick();
	tell_suspicions(service, clock_mono_ms());
}

void
service_hangup(const struct service *service)
{
	log_reopen();
	reload_now(service->reload);
}

void
service_tell_end(const struct service *service)
{
	tell_suspicions(service, clock_mono_ms() + SUSPICION_MS);
}
