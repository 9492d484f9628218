/* The service while it runs, whoever it serves for. */
#include "service/service_life.h"

#include "articles/articles.h"
#include "articles/reload.h"
#include "base/clock.h"
#include "chat/model/upstream.h"
#include "limits/suspicion.h"
#include "log/log.h"

struct server *
service_start(struct service *app, unsigned other_fds)
{
	struct server_app callbacks = service_callbacks(app);
	struct server_conf sc = {
		.threads = (unsigned)app->conf->threads,
		.conn_fds = app->openai != NULL ? 2 : 1,
		.loop_fds = app->openai != NULL ? UPSTREAM_FDS : 0,
		.other_fds = other_fds,
		.body_max = app->conf->request_max_bytes,
	};

	return server_start(&sc, &callbacks);
}

void
service_tell_start(const struct service *app)
{
	const struct conf *cf = app->conf;
	struct index *ix = articles_index(app->articles);

	log_notice("start", LOG_STR("version", PACKAGE_VERSION),
	    LOG_STR("listen", cf->listen == NULL ? "inherited" : cf->listen),
	    LOG_INT("threads", cf->threads),
	    LOG_STR("responder", app->openai != NULL ? "openai" : "local"),
	    LOG_INT("articles", (int64_t)index_count(ix)),
	    LOG_INT("session_timeout_ms", cf->session_timeout_ms));
	index_unref(ix);
}

static void
tell_suspicions(const struct service *app, int64_t now)
{
	suspicions_tell(
	    app->suspicions, now, (enum addr_shown)app->conf->log_client);
}

void
service_tick(const struct service *app)
{
	log_tick();
	tell_suspicions(app, clock_mono_ms());
}

void
service_hangup(const struct service *app)
{
	log_reopen();
	reload_now(app->reload);
}

void
service_tell_end(const struct service *app)
{
	tell_suspicions(app, clock_mono_ms() + SUSPICION_MS);
}
