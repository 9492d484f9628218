/*
 * HTTP calls to a language model's server, over libcurl, on one loop: a multi
 * handle in the loop's own epoll and timers. Connections are kept and, where
 * the server speaks HTTP/2, shared. Locked down: http and https only, no
 * redirects, no proxy but the one that is set, no netrc, verified TLS, ceilings
 * on what comes back. Nothing makes the loop wait.
 */
#ifndef CHAT_MODEL_UPSTREAM_H
#define CHAT_MODEL_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

#define UPSTREAM_MAX_HEADERS (64 * 1024)	/* bytes of a reply's headers */

/*
 * Bytes of a reply's body. They are not kept, so this bounds no memory but the
 * work that a reply without end can make: an answer of TURN_MAX_ANSWER in words
 * of a letter, each in an event of its own, and as much thought before it, fit.
 */
#define UPSTREAM_MAX_BODY (256 * 1024 * 1024)

/*
 * Descriptors in addition to those of calls: libcurl's own, and a name's
 * lookup.
 */
#define UPSTREAM_FDS 6
#define UPSTREAM_MAX_RETRY_AFTER 86400		/* s; more is taken for it */

struct upstream;		/* of one loop */
struct upstream_call;

struct upstream_conf {
	const char	*url;		/* the whole, http or https */
	const char	*key;		/* bearer token, or NULL */
	const char	*headers;	/* further lines, or NULL */
	const char	*proxy;		/* URL: http, https, socks5h; or NULL */
	const char	*proxy_user;	/* user:password, or NULL */
	const char	*ca_file;	/* NULL: the system's authorities */
	int64_t		 connect_ms;	/* for the name, and to connect */
};

/* How a call ended. */
enum upstream_end {
	UPSTREAM_OK,		/* the reply is complete, whatever its status */
	UPSTREAM_REFUSED,	/* no connection: refused, unknown host, TLS */
	UPSTREAM_TIMEOUT,	/* no connection in time */
	UPSTREAM_BROKEN,	/* it broke off, or is not HTTP */
	UPSTREAM_TOO_LARGE,	/* over one of the ceilings */
	UPSTREAM_NOMEM,
};

struct upstream_reply {
	enum upstream_end	 end;
	int			 status;	/* of HTTP; 0: none came */
	int64_t			 retry_after;	/* s, of that header; or -1 */
	bool			 sent;		/* the whole request */
	const char		*why;		/* libcurl's, for the log */
};

/* Called on the loop, never inside upstream_start. */
struct upstream_events {
	/*
	 * Bytes of the body; status is the reply's. False: no more of it, the
	 * call ends as UPSTREAM_BROKEN. No call may be started in here.
	 */
	bool	(*body)(void *arg, int status, const char *, size_t);

	/* The end, once; the call is gone when this returns. */
	void	(*end)(void *arg, const struct upstream_reply *);
};

/* Once per process, before the first thread and after the last. */
bool upstream_init(void);
void upstream_cleanup(void);

/* The configuration's strings must outlive it. NULL: what failed was logged. */
struct upstream *upstream_open(struct loop *, const struct upstream_conf *);

/* No call may be running any more. NULL is allowed. */
void upstream_close(struct upstream *);

/*
 * POST a body of JSON, whose bytes must stay until the call is gone.
 * request_id is copied, and sent as X-Request-Id. NULL without memory: no
 * callback comes.
 */
struct upstream_call *upstream_start(struct upstream *, const void *body,
    size_t n, const char *request_id, const struct upstream_events *,
    void *arg);

/* Whether all bytes of the body are under way; nobody needs them any more. */
bool upstream_has_sent(const struct upstream_call *);

/* Give up, not from within its own callbacks; none comes after this. */
void upstream_cancel(struct upstream_call *);

#endif
