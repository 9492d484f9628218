/* The same-origin policy from the server's side. */
#include "http/origin.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/origins.h"

#define PREFLIGHT_S "7200" /* that a browser may keep the answer */

static bool
site_is_foreign(const char *site)
{
	return strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

/* The length of a host name at the head of a string; 0: it is none. */
static size_t
host_length(const char *s)
{
	size_t n = *s == '[' ? strcspn(s, "]") + 1 : strcspn(s, ":");
	const char *port;

	if (n > strlen(s))
		return 0;
	port = s + n;
	if (*port == ':')
		port += 1 + strspn(port + 1, "0123456789");
	return *port == '\0' ? n : 0;
}

/* Whether a page is from a host that a request went to. */
static bool
is_of_host(const char *origin, const struct cgi *cgi)
{
	static const char http[] = "http://", https[] = "https://";
	const char *host = cgi->var[CGI_HOST];
	size_t n = host_length(host);

	if (strncmp(origin, https, sizeof(https) - 1) == 0)
		origin += sizeof(https) - 1;
	else if (strncmp(origin, http, sizeof(http) - 1) == 0 &&
		 !cgi_is_https(cgi))
		origin += sizeof(http) - 1;
	else
		return false;
	return n > 0 && host_length(origin) == n &&
	       strncasecmp(origin, host, n) == 0;
}

struct origin
origin_of(const char *list, const struct cgi *cgi)
{
	const char *origin = cgi->var[CGI_ORIGIN];
	const char *site = cgi->var[CGI_SEC_FETCH_SITE];
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
		o.foreign = *origin != '\0' && !is_of_host(origin, cgi);
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
