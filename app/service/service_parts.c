/* What the settings ask for, made. */
#include "service/service_parts.h"

#include "articles/reload.h"
#include "base/addr.h"
#include "chat/turn_queue.h"
#include "limits/limit.h"
#include "limits/suspicion.h"
#include "service/responder_kinds.h"
#include "session/store.h"

/* What the settings and the parts have each for themselves is the same. */
_Static_assert(CONF_RATE_MAX_COUNT == LIMIT_MAX_COUNT &&
		   CONF_RATE_MAX_SECONDS == LIMIT_MAX_SECONDS &&
		   sizeof(struct conf_rate) == sizeof(struct limit_rate),
    "struct conf_rate and struct limit_rate differ");

static void
session_ended(void *arg, const struct addr *creator)
{
	limit_end(arg, creator, LIMIT_SESSIONS);
}

static struct store *
sessions_open(const struct conf *cf, struct limits *clients)
{
	struct store_limits limits = {
		.ttl_ms = cf->session_timeout_ms,
		.max_sessions = cf->max_sessions,
		.per_creator = cf->sessions_per_ip,
		.memory = cf->memory_limit,
		.session_messages = cf->session_max_messages,
		.session_bytes = cf->session_max_bytes,
		.ended = session_ended,
		.ended_arg = clients,
	};

	return store_kinds[0].open(&limits);
}

/* A visitor may use a tenth of the day's tokens, unless it is said. */
static int64_t
client_tokens(const struct conf *cf)
{
	if (cf->tokens_per_ip_per_day != CONF_AUTO)
		return (int64_t)cf->tokens_per_ip_per_day;
	return ((int64_t)cf->tokens_per_day + 9) / 10;
}

/* Sessions tell it when they end. */
static struct limits *
clients_open(const struct conf *cf)
{
	struct limit_conf conf = {
		.rate = {
			[LIMIT_NEW] = { cf->rate_new.count,
			    cf->rate_new.seconds },
			[LIMIT_CHAT] = { cf->rate_chat.count,
			    cf->rate_chat.seconds },
		},
		.live = {
			[LIMIT_SESSIONS] = cf->sessions_per_ip,
			[LIMIT_TURNS] = cf->turns_per_ip,
			[LIMIT_READING] = LIMIT_READING_BYTES,
		},
		.sessions = cf->max_sessions,
		.day_tokens = client_tokens(cf),
	};

	if (cf->rate_new.count > 0) {
		conf.rate[LIMIT_GUESS] = LIMIT_GUESSES;
		conf.rate[LIMIT_READ] = LIMIT_READS;
	}
	return limits_open(&conf);
}

struct articles_conf
service_articles_conf(const struct conf *cf)
{
	const struct conf_recency *all = &cf->recency;
	const struct conf_recency *news = &cf->recency_news;

	return (struct articles_conf){
		.path = cf->articles,
		.limits = { cf->articles_max, cf->articles_memory,
		    cf->article_max_bytes, NULL },
		.search = { cf->sources_threshold, cf->follow_weight,
		    { all->weight, all->days }, { news->weight, news->days } },
	};
}

/* The last one answers when no other does. */
static const struct responder_kind *
responder_choose(const struct conf *cf)
{
	const struct responder_kind *kind = responder_kinds;
	const struct responder_kind *last = kind + responder_kinds_count - 1;

	while (kind != last && cf->responder != (int)kind->setting &&
	       (cf->responder != CONF_RESPONDER_AUTO || !kind->is_wanted(cf)))
		kind++;
	return kind;
}

/* NULL, or the name of what failed. */
static const char *
responder_begin(struct service *service, const char *system)
{
	const struct responder_kind *kind = responder_choose(service->conf);

	service->responder = kind;
	if (kind->open == NULL)
		return NULL;
	service->shared = kind->open(service, system);
	return service->shared != NULL ? NULL : kind->part;
}

static void
responder_end(struct service *service)
{
	if (service->shared != NULL)
		service->responder->close(service->shared);
}

const char *
service_parts_open(struct service *service, const char *system)
{
	const struct conf *cf = service->conf;
	const char *failed;

	if (cf->trusted_proxies != NULL)
		addr_set_parse(&service->trusted, cf->trusted_proxies);
	if ((service->suspicions = suspicions_open()) == NULL)
		return "suspicions";
	if ((service->limits = clients_open(cf)) == NULL)
		return "limits";
	if ((service->store = sessions_open(cf, service->limits)) == NULL)
		return "store";
	if ((service->queue = turn_queue_new()) == NULL)
		return "line";
	if ((failed = responder_begin(service, system)) != NULL)
		return failed;
	if (cf->articles != NULL &&
	    (service->reload = reload_start(service->articles)) == NULL)
		return "reload";
	return NULL;
}

void
service_parts_close(struct service *service)
{
	reload_stop(service->reload);
	responder_end(service);
	turn_queue_free(service->queue);
	store_close(service->store);
	limits_close(service->limits);
	suspicions_close(service->suspicions);
}
