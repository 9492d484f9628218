/* Replies that are sent as a whole. Each ends the exchange. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/sid.h"
#include "http/exchange.h"

/* JSON; the body is freed. When it has failed the answer is RC_NOMEM's. */
void reply_json(struct exchange *, int status, struct buf *body);

/* The same with another type, and status 200. */
void reply_body(struct exchange *, const char *content_type, struct buf *body);

/*
 * A reply with status 200 that is too long to be built as a whole, without a
 * Content-Length: more is called with x, as conn_produce has it, and gives a
 * piece with reply_piece each time; then it ends the exchange. False: there was
 * no memory; a refusal was written, and the exchange must be ended.
 */
bool reply_produce(struct exchange *, const char *content_type, conn_more_f *);
void reply_piece(struct exchange *, const struct buf *);

/* The headers of such a reply alone, for HEAD. */
void reply_empty(struct exchange *, const char *content_type);

/* The answer to OPTIONS: 204, Allow, and what a preflight wants to know. */
void reply_options(struct exchange *, const char *allow);

/*
 * A problem document (RFC 9457), after guard_refusal had its say. What is 0 or
 * NULL is left out, but RC_BUSY, RC_CAPACITY and the refusals of limits (429)
 * have a Retry-After of their own.
 */
struct problem {
	enum rc			 rc;
	const char		*field;		/* of RC_FIELD */
	const char		*named;		/* what is wrong, ASCII */
	const char		*allow;		/* of RC_METHOD: the header */
	const struct sid	*sid;		/* the session, it stays */
	int			 retry_after;	/* seconds: the header */
};
void reply_problem(struct exchange *, const struct problem *);

/* A problem that carries nothing more. */
void reply_rc(struct exchange *, enum rc);

/*
 * How the callback of a call begins that exchange_wait went before. True: the
 * client is there, rc is RC_OK, and the reply is to be made; false: there is
 * nothing more to do, rc was told.
 */
bool reply_resume(struct exchange *, enum rc);

/*
 * The members of a problem document, without `type`, into an object that is
 * open: also for the error event of a stream.
 */
void problem_members(struct buf *, const struct exchange *,
    const struct problem *);

/* What differs between the headers of replies. */
struct reply_head {
	int		 status;
	const char	*content_type;	/* NULL: none */
	int64_t		 length;	/* -1: unknown */
	const char	*cache_control;
	const char	*extra;		/* further lines, each ended with
					   CRLF, or NULL */
};

/*
 * Add the headers of every reply (Status to X-Request-Id) and the empty line
 * behind them.
 */
void reply_head_add(struct buf *, const struct exchange *,
    const struct reply_head *);

/* The reason phrase of a status (RFC 9110, section 15), in a language. */
const char *status_title(int status, enum lang);

#endif
