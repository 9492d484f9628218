/* What all loops share of a model, and the responder that a loop has of it. */
#include "chat/model/responder_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/container.h"
#include "chat/model/answer.h"
#include "chat/model/breaker.h"
#include "chat/model/dialect.h"
#include "chat/model/request.h"
#include "chat/model/request_head.h"
#include "chat/model/upstream.h"
#include "limits/budget.h"
#include "limits/limit.h"
#include "log/log.h"

#define ADVICE_MS 5000 /* to wait, when nobody said how long */

static enum rc
model_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	return answer_new(
	    container_of(responder, struct model_responder, responder), prompt,
	    events, arg, answer);
}

static void
model_cancel(struct responder *responder, struct answer *a)
{
	(void)responder;
	answer_free(a);
}

static enum rc
model_ready(
    struct responder *responder, const struct addr *client, int64_t *retry_ms)
{
	struct model_responder *m = container_of(
	    responder, struct model_responder, responder);
	const struct model_conf *conf = &m->shared->conf;
	int64_t now = loop_now(m->loop), wall = clock_wall_ms();
	int64_t busy = atomic_load(&m->shared->busy_until) - now;
	struct addr key = addr_key(client);
	enum breaker_pass pass;

	pass = breaker_look(&m->shared->breaker, &key, now, retry_ms);
	if (busy > *retry_ms)
		*retry_ms = busy;
	if (*retry_ms == 0)
		*retry_ms = ADVICE_MS;
	if (pass == BREAKER_REFUSED)
		return RC_UPSTREAM_DOWN;
	if (budget_has(conf->budget, conf->max_tokens, wall) &&
	    (conf->clients == NULL ||
		limit_has_tokens(conf->clients, &key, conf->max_tokens, wall)))
		return RC_OK;
	*retry_ms = clock_day_left_ms(wall);
	return RC_BUDGET;
}

static void
model_close(struct responder *responder)
{
	struct model_responder *m = container_of(
	    responder, struct model_responder, responder);

	upstream_close(m->attempts.upstream);
	buf_free(&m->attempts.chunk.text);
	request_head_free(&m->head);
	free(m);
}

static const struct responder_backend responder_openai = {
	.name = "openai",
	.start = model_start,
	.cancel = model_cancel,
	.ready = model_ready,
	.close = model_close,
};

struct responder *
responder_model_open(struct model *shared, struct loop *loop)
{
	const struct upstream_conf conf = {
		.url = shared->url,
		.key = shared->conf.key,
		.headers = shared->conf.headers,
		.proxy = shared->conf.proxy,
		.proxy_user = shared->conf.proxy_user,
		.ca_file = shared->conf.ca_file,
		.connect_ms = shared->conf.connect_ms,
	};
	struct model_responder *m;

	if ((m = calloc(1, sizeof(*m))) == NULL ||
	    (m->attempts.upstream = upstream_open(loop, &conf)) == NULL) {
		log_error("memory", LOG_STR("for", "upstream"));
		free(m);
		return NULL;
	}
	m->responder.backend = &responder_openai;
	m->shared = shared;
	m->loop = loop;
	m->attempts.loop = loop;
	buf_guard(&m->attempts.chunk.text);
	m->attempts.first_token_ms = shared->conf.first_token_ms;
	m->attempts.stall_ms = shared->conf.stall_ms;
	request_head_init(&m->head);
	return &m->responder;
}

/* The path goes behind that of the base, and before a query. */
static char *
model_url(const char *base)
{
	static const char path[] = "/chat/completions";
	size_t n = strcspn(base, "?"), from = n;
	size_t size = strlen(base) + sizeof(path);
	char *url;

	while (n > 0 && base[n - 1] == '/')
		n--;
	if ((url = malloc(size)) != NULL)
		snprintf(
		    url, size, "%.*s%s%s", (int)n, base, path, base + from);
	return url;
}

struct model *
model_new(const struct model_conf *conf)
{
	struct model *shared;

	if ((shared = calloc(1, sizeof(*shared))) == NULL)
		return NULL;
	shared->conf = *conf;
	breaker_init(&shared->breaker);
	dialect_init(
	    &shared->dialect, conf->tokens_field == MODEL_TOKENS_COMPLETION
				  ? QUIRK_COMPLETION_TOKENS
				  : 0);
	if ((shared->url = model_url(conf->base_url)) == NULL) {
		model_free(shared);
		return NULL;
	}
	return shared;
}

bool
model_is_shut(struct model *shared, int64_t now)
{
	int64_t retry_ms;

	return breaker_look(&shared->breaker, NULL, now, &retry_ms) ==
	       BREAKER_REFUSED;
}

void
model_free(struct model *shared)
{
	if (shared == NULL)
		return;
	breaker_destroy(&shared->breaker);
	dialect_destroy(&shared->dialect);
	free(shared->url);
	free(shared);
}
