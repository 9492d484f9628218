/*
 * Which web pages a browser may let use the service: those of its own origin,
 * and those of the origins that are allowed (Fetch, "CORS protocol"; W3C Fetch
 * Metadata). Whatever says that it comes from elsewhere is foreign: it may
 * change nothing, and what it reads the browser does not show to it. The Host
 * header is not asked: web servers rewrite it, and a rebound name forges it.
 */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct origin {
	const char	*allowed;	/* the page's origin, or "*"; NULL:
					   no CORS headers */
	bool		 varies;	/* with the page's origin */
	bool		 foreign;	/* refuse what changes something */
};

/*
 * list: allowed_origins, NULL or "" for none. origin and site: the request's
 * Origin and Sec-Fetch-Site, "" when absent. The result points to them.
 *
 * An allowed origin is never foreign. Else Sec-Fetch-Site decides, which no
 * page can forge: only "same-origin" and "none" (a person's own doing) are not
 * foreign; another port or sub-domain ("same-site") is, and so is any value of
 * the future. Without it any Origin is foreign, "null" as well; without both
 * it is no page of another origin that changes something, but a program.
 */
struct origin origin_of(const char *list, const char *origin,
    const char *site);

/* The headers that this means for any reply, perhaps none. */
void origin_add_headers(struct buf *, const struct origin *);

/*
 * Write the further headers of an answer to a preflight, as a string with CRLF
 * behind each: methods is the value of Allow. False when it does not fit.
 */
bool origin_preflight(char *out, size_t size, const char *methods);

#endif
