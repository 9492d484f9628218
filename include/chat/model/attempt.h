/*
 * An attempt to have an answer from the model: one call, the stream of its
 * events, its deadlines, and what the metrics are told of it.
 */
#ifndef CHAT_MODEL_ATTEMPT_H
#define CHAT_MODEL_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rc.h"
#include "chat/model/answer_stream.h"
#include "chat/model/chunk.h"
#include "chat/model/refusal.h"
#include "chat/model/upstream.h"
#include "chat/model/why.h"
#include "chat/responder.h"
#include "loop/loop.h"

/* What the attempts of one loop have in common; it outlives them. */
struct attempts {
	struct loop		*loop;
	struct upstream		*upstream;
	int64_t			 first_token_ms;
	int64_t			 stall_ms;

	/* the attempts' own; its text must be freed after the last */
	struct chunk		 chunk;
};

struct attempt_end {
	/*
	 * RC_OK: the answer is whole. RC_LENGTH, RC_FILTER: it has some text
	 * and was ended there. RC_UPSTREAM_DOWN: there is none, which may pass;
	 * never said once text has come. RC_UPSTREAM, _TIMEOUT, RC_NOMEM.
	 */
	enum rc		 rc;

	/* what the server meant, by status or in its stream; a failure that
	   it said nothing of is REFUSAL_FAILURE, too */
	enum refusal	 refusal;
	int		 status;	/* of HTTP; 0: no reply */
	int64_t		 retry_after;	/* s, as the server asks; or -1 */
	enum why	 why;		/* for the log */
};

/* Whether the model did nothing for it; 529: it is overloaded. */
bool attempt_end_is_refused(const struct attempt_end *);

/* Whether the model is to blame, and not this request. */
bool attempt_end_is_failure(const struct attempt_end *);

/* Whether what was said may name what of the request is refused. */
bool attempt_end_may_name(const struct attempt_end *);

/* Called on the loop, never inside attempt_start. */
struct attempt_events {
	answer_delta_f	*delta;

	/* Once; the attempt may be started again, or freed. */
	void		(*end)(void *arg, const struct attempt_end *);
};

/* It lies in its owner's struct. */
struct attempt {
	struct attempts			*all;
	const struct attempt_events	*events;
	void				*arg;
	const char			*request_id;

	/* the owner reads usage, begun, finished, said, also at the end; what
	   a status other than 200 came with is said as well */
	struct answer_stream		 stream;

	/* its own */
	struct upstream_call		*call;		/* NULL: does not run */
	bool				 sent;		/* before it ended */
	struct timer			 quiet;
	int64_t				 deadline;
	int64_t				 started_ms;
	int64_t				 active_ms;	/* the last bytes, or
							   what ended it */
};

/* request_id outlives it. */
void attempt_init(struct attempt *, struct attempts *,
    const char *request_id, const struct attempt_events *, void *arg);

/*
 * Begin; the request's bytes stay until the end, or until attempt_has_sent.
 * deadline is the latest end, monotonic ms. RC_OK, or RC_NOMEM: then there is
 * no callback.
 */
enum rc attempt_start(struct attempt *, const struct buf *request,
    int64_t deadline);

/*
 * Whether the whole request has been sent: its bytes are needed no more, and
 * the model has heard them. Also true or false of one that has ended.
 */
bool attempt_has_sent(const struct attempt *);

/* Write what went wrong to the log; its words must be redacted before. */
void attempt_log(struct attempt *, const struct attempt_end *);

/* Give up one that runs, if so, and free; not from within its callbacks. */
void attempt_free(struct attempt *);

#endif
