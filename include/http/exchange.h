/*
 * An exchange: one request and its reply, from the dispatcher to the last
 * byte. A handler gets it, answers it exactly once, now or later, with one of
 * the reply_ functions or with sse_open and sse_close; then it is gone.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/rc.h"
#include "base/request_id.h"
#include "base/sid.h"
#include "http/origin.h"
#include "server/conn.h"

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_OTHER,
};

enum cookie_act {
	COOKIE_KEEP,		/* no Set-Cookie */
	COOKIE_GIVE,
	COOKIE_TAKE,
};

struct cookie;
struct suspicions;

/* "GET" and so on, "other"; for all but METHOD_OTHER as in a request. */
const char *method_name(enum method);

struct limits;
struct route;

/*
 * The client has gone: the handler stops what it does for it and must not
 * answer; x is gone when this returns.
 */
struct exchange;
typedef void exchange_abort_f(struct exchange *, void *arg);

struct exchange {
	/* the handler reads */
	struct loop		*loop;
	void			*world;		/* the loop's own, of routes/ */
	struct cgi		*cgi;
	enum method		 method;
	enum lang		 lang;
	char			 request_id[REQUEST_ID_SIZE];
	struct addr		 client;	/* client_address's */
	enum addr_shown		 log_client;	/* what the log shows of it */
	struct suspicions	*suspicions;	/* NULL: not told of */
	struct addr		 creator;	/* addr_key's of it */
	struct limits		*limits;	/* NULL: none */
	struct sid		 sid;		/* of a route with {id} */
	struct sid		 log_sid;	/* set it to log the session */
	bool			 has_log_sid;

	/* the handler may set, when it answers later */
	exchange_abort_f	*on_abort;
	void			*arg;

	/* http's own */
	struct conn		*conn;
	const struct route	*route;		/* NULL: none matched */
	unsigned		 route_row;	/* metrics_request's */
	struct origin		 origin;	/* the asking page is */
	const struct cookie	*cookie;	/* cookie.h; and what the */
	struct sid		 cookie_sid;	/* reply does with it */
	enum cookie_act		 cookie_act;
	int64_t			 started_us;
	int			 status;	/* 0: not answered yet */
	enum rc			 rc;		/* of a problem, for the log */
	bool			 waiting;	/* from wait to resume */
	bool			 gone;		/* the client left meanwhile */
	bool			 streaming;
	bool			 guarded;	/* exchange_guard's */
	struct timer		 ping;
	int64_t			 sent_ms;	/* the stream's last bytes */
};

/*
 * A new exchange for a request; takes cgi. ids is the loop's counter for the
 * request ids that we make ourselves; it begins anywhere. NULL without memory:
 * then cgi is freed and conn was answered.
 */
struct exchange *exchange_new(struct conn *, struct cgi *, void *world,
    uint64_t *ids);

/*
 * What this exchange carries from here on is somebody's words: whatever held a
 * part of the reply is overwritten with zeros when it has been sent.
 */
void exchange_guard(struct exchange *);

/* conn_when_sent, for a caller that has something to give back then. */
void exchange_when_sent(struct exchange *, conn_sent_f *, void *arg);

/* After its reply: logs the request's line, ends it on conn, frees it. */
void exchange_end(struct exchange *);

/* The reply cannot be completed: the same, but the client sees it cut. */
void exchange_break(struct exchange *);

/* The client has gone: tells the handler, logs, frees. */
void exchange_abort(struct exchange *);

/*
 * Around a call that answers later and cannot be taken back, as the store's:
 * from wait to resume x stays, even when the client leaves. Resume is the first
 * thing its callback does; false: the client has gone, and x is gone now.
 */
void exchange_wait(struct exchange *);
bool exchange_resume(struct exchange *);

/* Write the reply that needs no memory: RC_NOMEM's. Does not end it. */
void exchange_refuse(struct conn *);

#endif
