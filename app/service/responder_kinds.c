/*
 * The table of responders. Alone in its file, so that a test program can be
 * linked with another one.
 */
#include "service/responder_kinds.h"

#include <stdlib.h>

#include "chat/grounding/responder_grounded.h"
#include "chat/model/responder_model.h"
#include "chat/model/upstream.h"
#include "service/grounding.h"

/* What the settings and the parts have each for themselves is the same. */
_Static_assert((int)CONF_TOKENS_AUTO == MODEL_TOKENS_AUTO &&
		   (int)CONF_TOKENS_MAX == MODEL_TOKENS_MAX &&
		   (int)CONF_TOKENS_COMPLETION == MODEL_TOKENS_COMPLETION,
    "enum conf_tokens_field and enum model_tokens differ");

/*
 * The language model.
 */

static bool
model_is_wanted(const struct conf *cf)
{
	return cf->llm_base_url != NULL;
}

/* A model, and what its answers go by. */
struct asked {
	struct model *model;
	char *system; /* prompt */
	bool with_articles;
	struct grounded_conf grounded;
};

static struct model *
model_make(const struct service *service, const char *system)
{
	const struct conf *cf = service->conf;
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
		.budget = service->budget,
		.clients = service->limits,
		.tokens_field = (enum model_tokens)cf->llm_max_tokens_field,
		.retries = (unsigned)cf->llm_retries,
		.connect_ms = cf->llm_connect_ms,
		.first_token_ms = cf->llm_first_token_ms,
		.stall_ms = cf->llm_stall_ms,
		.whole_ms = cf->llm_whole_ms,
	};
	struct model *model;

	if (!upstream_init())
		return NULL;
	if ((model = model_new(&conf)) == NULL)
		upstream_cleanup();
	return model;
}

static void *
model_open(const struct service *service, const char *system)
{
	struct asked *asked;

	if ((asked = calloc(1, sizeof(*asked))) == NULL)
		return NULL;
	asked->system = grounding_system(service->conf, system);
	if (asked->system == NULL ||
	    (asked->model = model_make(service, asked->system)) == NULL) {
		free(asked->system);
		free(asked);
		return NULL;
	}
	asked->with_articles = grounding_wanted(
	    &asked->grounded, service->conf, asked->system);
	return asked;
}

static void
model_close(void *shared)
{
	struct asked *asked = shared;

	model_free(asked->model);
	upstream_cleanup();
	free(asked->system);
	free(asked);
}

static struct responder *
model_open_loop(const struct service *service, struct loop *loop)
{
	struct asked *asked = service->shared;
	struct responder *model = responder_model_open(asked->model, loop);

	if (model == NULL || !asked->with_articles)
		return model;
	return responder_grounded_open(&asked->grounded, service->articles,
	    model, responder_local_open(service->articles, loop), loop);
}

static bool
model_refuses(void *shared, int64_t now)
{
	const struct asked *asked = shared;

	return model_is_shut(asked->model, now);
}

/*
 * The articles alone.
 */

static struct responder *
local_open_loop(const struct service *service, struct loop *loop)
{
	return responder_local_open(service->articles, loop);
}

const struct responder_kind responder_kinds[] = {
	{
	    .setting = CONF_RESPONDER_OPENAI,
	    .part = "language model",
	    .is_wanted = model_is_wanted,
	    .open = model_open,
	    .close = model_close,
	    .open_loop = model_open_loop,
	    .is_shut = model_refuses,
	    .conn_fds = 1,
	    .loop_fds = UPSTREAM_FDS,
	},
	{
	    .setting = CONF_RESPONDER_LOCAL,
	    .open_loop = local_open_loop,
	},
};
const size_t responder_kinds_count = sizeof(responder_kinds) /
                                     sizeof(responder_kinds[0]);

_Static_assert(sizeof(responder_kinds) / sizeof(responder_kinds[0]) ==
		   CONF_RESPONDER_COUNT - 1,
    "the setting responder and the table differ");
