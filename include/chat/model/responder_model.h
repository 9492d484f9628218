/*
 * A language model behind an OpenAI-compatible API, as all loops share it: its
 * address and settings, its breaker, and what was learnt of its dialect.
 */
#ifndef CHAT_MODEL_RESPONDER_MODEL_H
#define CHAT_MODEL_RESPONDER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits/budget.h"
#include "limits/limit.h"
#include "loop/loop.h"

struct responder;
struct model;

enum model_tokens {
	MODEL_TOKENS_AUTO,		/* max_tokens, swapped when refused */
	MODEL_TOKENS_MAX,		/* max_tokens */
	MODEL_TOKENS_COMPLETION,	/* max_completion_tokens */
};

struct model_conf {
	const char		*base_url;	/* without /chat/completions,
						   which goes before a query */
	const char		*model;
	const char		*key;		/* or NULL */
	const char		*headers;	/* lines, secrets; or NULL */
	const char		*proxy;		/* URL, or NULL */
	const char		*proxy_user;	/* user:password, or NULL */
	const char		*ca_file;	/* or NULL */
	const char		*system;	/* prompt; {date} and {time} */
	double			 temperature;
	int64_t			 max_tokens;
	struct budget		*budget;	/* the day's tokens */
	struct limits		*clients;	/* what each may use of them;
						   NULL: all */
	enum model_tokens	 tokens_field;
	unsigned		 retries;
	int64_t			 connect_ms;
	int64_t			 first_token_ms;
	int64_t			 stall_ms;
	int64_t			 whole_ms;
};

/*
 * The strings of conf, the budget and the limits must outlive it. NULL without
 * memory.
 */
struct model *model_new(const struct model_conf *);

/* No responder may be open any more. NULL is allowed. */
void model_free(struct model *);

/* Whether the breaker refuses calls now (monotonic ms); from any thread. */
bool model_is_shut(struct model *, int64_t now);

/*
 * The responder on one loop. Failures end with RC_UPSTREAM (nonsense, a
 * refusal, an empty answer), RC_UPSTREAM_DOWN (nobody there, busy, broken: it
 * was retried), RC_UPSTREAM_TIMEOUT or RC_BUDGET. NULL: what failed was logged.
 *
 * Each try takes from the day's tokens what it may use at most. It gives back
 * what the model's usage says it did not use; all of it when it was refused
 * (4xx but 408, or in its stream) or not sent; and all but the prompt and what
 * came, in bytes, when it failed otherwise or was given up.
 */
struct responder *responder_model_open(struct model *, struct loop *);

#endif
