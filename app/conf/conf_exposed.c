/* Plain HTTP is for one's own machine. */
#include "conf/conf_exposed.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"

#define HTTP "http://"

static bool
is_name(const char *name, const char *host, size_t n)
{
	return strlen(name) == n && strncasecmp(name, host, n) == 0;
}

/* This machine's own, as the host of a URL. */
static bool
is_loopback(const char *host, size_t n)
{
	static const char own[] = "127.";
	struct addr addr;

	if (is_name("localhost", host, n) || is_name("[::1]", host, n))
		return true;
	return strncmp(host, own, sizeof(own) - 1) == 0 &&
	       addr_parse(&addr, host, n);
}

bool
conf_is_exposed(const char *url)
{
	const char *host = url + sizeof(HTTP) - 1;
	size_t n;

	if (strncasecmp(url, HTTP, sizeof(HTTP) - 1) != 0)
		return false;
	n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	return !is_loopback(host, n);
}
