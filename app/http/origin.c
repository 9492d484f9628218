/* The same-origin policy from the server's side. */
#include "http/origin.h"

#include <stdio.h>
#include <string.h>

#include "base/origins.h"

#define PREFLIGHT_S "7200" /* that a browser may keep the answer */

static bool
site_is_foreign(const char *site)
{
	return strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

struct origin
origin_of(const char *list, const char *origin, const char *site)
{
	struct origin o = { 0 };

	if (list != NULL && origins_any(list)) {
		o.allowed = "*";
		return o;
	}
	o.varies = list != NULL && *list != '\0';
	if (o.varies && *origin != '\0' && origins_have(list, origin))
		o.allowed = origin;
	else if (*site != '\0')
		o.foreign = site_is_foreign(site);
	else
		o.foreign = *origin != '\0';
	return o;
}

void
origin_add_headers(struct buf *b, const struct origin *o)
{
	if (o->varies)
		buf_adds(b, "Vary: Origin\r\n");
	if (o->allowed == NULL)
		return;
	buf_adds(b, "Access-Control-Allow-Origin: ");
	buf_adds(b, o->allowed);
	buf_adds(b, "\r\nAccess-Control-Expose-Headers: "
		    "Retry-After, X-Request-Id\r\n");
}

bool
origin_preflight(char *out, size_t size, const char *methods)
{
	int n = snprintf(out, size,
	    "Access-Control-Allow-Methods: %s\r\n"
	    "Access-Control-Allow-Headers: "
	    "Content-Type, Idempotency-Key, X-Request-Id\r\n"
	    "Access-Control-Max-Age: " PREFLIGHT_S "\r\n",
	    methods);

	return n > 0 && (size_t)n < size;
}
