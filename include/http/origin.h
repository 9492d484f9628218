/*
 * Which web pages a browser may let use the service: those of its own origin,
 * and those of the origins that are allowed (Fetch, "CORS protocol"; W3C Fetch
 * Metadata). Whatever says that it comes from elsewhere is foreign: it may
 * change nothing, and what it reads the browser does not show to it.
 */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "server/cgi.h"

struct origin {
	const char	*allowed;	/* the page's origin, or "*"; NULL:
					   no CORS headers */
	bool		 varies;	/* with the page's origin */
	bool		 foreign;	/* refuse what changes something */
};

/*
 * list: allowed_origins, NULL or "" for none. Of the request its Origin,
 * Sec-Fetch-Site and Host count; the result points to them.
 *
 * An allowed origin is never foreign. Else Sec-Fetch-Site decides, which no
 * page can forge: only "same-origin" and "none" (a person's own doing) are not
 * foreign; another port or sub-domain ("same-site") is, and so is any value of
 * the future. Browsers that do not send it (any over plain HTTP to another
 * machine) are asked where the page is from: an Origin is our own when its host
 * name is that of Host. The ports are left aside, which some web servers drop
 * from Host, and so is the scheme, which a proxy may have changed; but over
 * HTTPS a page that came without is foreign. "null" is. Without either it is no
 * page of another origin that changes something, but a program.
 */
struct origin origin_of(const char *list, const struct cgi *);

/* The headers that this means for any reply, perhaps none. */
void origin_add_headers(struct buf *, const struct origin *);

/*
 * Write the further headers of an answer to a preflight, as a string with CRLF
 * behind each: methods is the value of Allow. False when it does not fit.
 */
bool origin_preflight(char *out, size_t size, const char *methods);

#endif
