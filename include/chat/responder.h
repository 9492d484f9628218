/*
 * The responder: what answers a message. A backend gets a prompt and answers
 * in pieces, by callback, on the loop that asked and never before start has
 * returned.
 */
#ifndef CHAT_RESPONDER_H
#define CHAT_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rc.h"
#include "loop/loop.h"
#include "session/history.h"

/* Why a responder is asked. */
enum prompt_why {
	PROMPT_ASKED,			/* it is the one that answers */
	PROMPT_DEGRADED,		/* the one that should have cannot */
	PROMPT_NOT_FOUND,		/* no article answers it */
};

/* All of it is valid during start only: what is needed later is copied. */
struct prompt {
	const struct history	*history;	/* the window, oldest first */
	const char		*question;	/* UTF-8 */
	size_t			 len;
	enum lang		 lang;
	const char		*request_id;
	const struct addr	*client;	/* who asks */
	size_t			 extracts;	/* bytes of the question that
						   are articles */
	enum prompt_why		 why;
};

/* What the responder reports of its cost; -1: unknown. Never NULL below. */
struct usage {
	int64_t	prompt_tokens;
	int64_t	completion_tokens;
	int64_t	total_tokens;		/* thoughts may come on top of both */
};
#define USAGE_NONE ((struct usage) { -1, -1, -1 })

/* A piece of the answer: UTF-8, cut between characters, valid in the call. */
typedef void answer_delta_f(void *arg, const char *, size_t);

/*
 * The end, once: RC_OK when the answer is complete, else why not. The answer
 * is gone when this returns. An answer without any text is not complete: that
 * is the turn's RC_UPSTREAM.
 */
typedef void answer_done_f(void *arg, enum rc, const struct usage *);

/*
 * What an answer goes by, as session/cited.h has it; valid in the call.
 * Sources: all that it may cite, once, before any text. Cited: what is known
 * so far, before the text that it is known from; it takes the place of what was
 * told before.
 */
typedef void answer_cited_f(void *arg, const char *, size_t);

/* It outlives the answer. */
struct answer_events {
	answer_delta_f	*delta;
	answer_done_f	*done;
	answer_cited_f	*sources;	/* NULL: nobody wants to know */
	answer_cited_f	*cited;		/* likewise */
};

struct responder;		/* a backend's state on one loop */
struct answer;			/* an answer that is being given */

/*
 * RC_OK: *answer is being given. Else there will be no callback: RC_NOMEM, or
 * RC_BUDGET when the day's tokens do not suffice.
 */
typedef enum rc responder_start_f(struct responder *, const struct prompt *,
    const struct answer_events *, void *arg, struct answer **answer);

/*
 * Give up an answer; no callback comes after this, and it is gone. Not from
 * within one of its callbacks.
 */
typedef void responder_cancel_f(struct responder *, struct answer *);

/*
 * Whether this client may ask for an answer now: RC_OK, RC_UPSTREAM_DOWN or,
 * when the day's tokens suffice for none, RC_BUDGET. *retry_ms is how long it
 * is advised to wait before another attempt, 0 when that is not known.
 */
typedef enum rc responder_ready_f(struct responder *,
    const struct addr *client, int64_t *retry_ms);

/* No answer may be running any more. */
typedef void responder_close_f(struct responder *);

/* A backend. All members but ready are set. */
struct responder_backend {
	const char		*name;
	responder_start_f	*start;
	responder_cancel_f	*cancel;
	responder_ready_f	*ready;		/* NULL: always */
	responder_close_f	*close;
};

/* Every backend's struct begins with this. */
struct responder {
	const struct responder_backend	*backend;
};

struct articles;

/*
 * The one that searches the articles; it is the specification of a responder.
 * NULL: what failed was logged.
 */
struct responder *responder_local_open(struct articles *, struct loop *);

/* The calls: each goes to the backend's function of the same name. */
responder_start_f	responder_start;
responder_cancel_f	responder_cancel;
responder_ready_f	responder_ready;
responder_close_f	responder_close;	/* NULL is allowed */

#endif
