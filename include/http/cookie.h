/*
 * Cookie mode: the id of a visitor's session also travels in a cookie
 * (RFC 6265), so that a client need not carry it. Where the mode is off, or an
 * exchange reached no route, these do nothing.
 */
#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/sid.h"
#include "http/exchange.h"

struct cookie {
	const char	*name;		/* a token; NULL: the mode is off */
	const char	*path;		/* of the service, not empty */
};

/*
 * The first cookie of a Cookie header that has this name and the id of a
 * session as its value, which may stand in double quotes. False without one.
 */
bool cookie_find(struct sid *, const char *header, const char *name);

/* The session that the request's cookie names. */
bool cookie_session(const struct exchange *, struct sid *);

/* The reply is to give the client this session's cookie. */
void cookie_give(struct exchange *, const struct sid *);

/* The session is gone: a client that sent its cookie is to lose that. */
void cookie_take(struct exchange *, const struct sid *);

/*
 * The Set-Cookie header of a reply, if cookie_give or cookie_take asked for it.
 * No Max-Age: it ends with the browser, the session itself sooner. No script
 * reads it (HttpOnly), and pages of other sites do not send it (SameSite=Lax:
 * only with a navigation, and no GET looks at it); over HTTPS it stays there.
 */
void cookie_add_header(struct buf *, const struct exchange *);

#endif
