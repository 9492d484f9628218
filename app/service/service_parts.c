/* What the settings ask for, made. */
#include "service/service_parts.h"

#include "articles/reload.h"
#include "base/addr.h"
#include "chat/model/responder_model.h"
#include "chat/model/upstream.h"
#include "chat/turn_queue.h"
#include "limits/limit.h"
#include "limits/suspicion.h"
#include "session/store.h"

/* What the settings and the parts have each for themselves is the same. */
_Static_assert((int)CONF_TOKENS_AUTO == MODEL_TOKENS_AUTO &&
		   (int)CONF_TOKENS_MAX == MODEL_TOKENS_MAX &&
		   (int)CONF_TOKENS_COMPLETION == MODEL_TOKENS_COMPLETION,
    "enum conf_tokens_field and enum model_tokens differ");
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

static bool
asks_model(const struct conf *cf)
{
	return cf->responder == CONF_RESPONDER_OPENAI ||
	       (cf->responder == CONF_RESPONDER_AUTO &&
		   cf->llm_base_url != NULL);
}

static struct model *
model_open(const struct service *app, const char *system)
{
	const struct conf *cf = app->conf;
	const struct model_conf conf = {
		.base_url = cf->llm_base_url,
		.model = cf->llm_model,
		.key = cf->llm_api_key,
		.headers = cf->llm_headers,
		.proxy = cf->llm_proxy,
		.proxy_user = cf->llm_proxy_user,
		.ca_file = cf->llm_ca_file,
		.system = system,
		.temperature = cf->llm_temperature,
		.max_tokens = (int64_t)cf->llm_max_tokens,
		.budget = app->budget,
		.clients = app->limits,
		.tokens_field = (enum model_tokens)cf->llm_max_tokens_field,
		.retries = (unsigned)cf->llm_retries,
		.connect_ms = cf->llm_connect_ms,
		.first_token_ms = cf->llm_first_token_ms,
		.stall_ms = cf->llm_stall_ms,
		.whole_ms = cf->llm_whole_ms,
	};
	struct model *openai;

	if (!upstream_init())
		return NULL;
	if ((openai = model_new(&conf)) == NULL)
		upstream_cleanup();
	return openai;
}

static void
model_close(struct model *openai)
{
	if (openai == NULL)
		return;
	model_free(openai);
	upstream_cleanup();
}

const char *
service_parts_open(struct service *app, const char *system)
{
	const struct conf *cf = app->conf;

	if (cf->trusted_proxies != NULL)
		addr_set_parse(&app->trusted, cf->trusted_proxies);
	if ((app->suspicions = suspicions_open()) == NULL)
		return "suspicions";
	if ((app->limits = clients_open(cf)) == NULL)
		return "limits";
	if ((app->store = sessions_open(cf, app->limits)) == NULL)
		return "store";
	if ((app->line = turn_queue_new()) == NULL)
		return "line";
	if (asks_model(cf) && (app->openai = model_open(app, system)) == NULL)
		return "language model";
	if (cf->articles != NULL &&
	    (app->reload = reload_start(app->articles)) == NULL)
		return "reload";
	return NULL;
}

void
service_parts_close(struct service *app)
{
	reload_stop(app->reload);
	model_close(app->openai);
	turn_queue_free(app->line);
	store_close(app->store);
	limits_close(app->limits);
	suspicions_close(app->suspicions);
}
