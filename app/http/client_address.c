/* Whom a request comes from, whatever it says of itself. */
#include "http/client_address.h"

#include <string.h>

#define BLANKS " \t"

/* Take the last element off a list of n bytes; false: none is left. */
static bool
list_pop(const char *list, size_t *n, const char **element, size_t *len)
{
	size_t end = *n, begin;

	while (end > 0 && strchr("," BLANKS, list[end - 1]) != NULL)
		end--;
	for (begin = end; begin > 0 && list[begin - 1] != ','; begin--)
		;
	*n = begin;
	while (begin < end && strchr(BLANKS, list[begin]) != NULL)
		begin++;
	*element = list + begin;
	*len = end - begin;
	return *len > 0;
}

static bool
is_port(const char *s, size_t n)
{
	return n >= 2 && n <= 6 && s[0] == ':' &&
	       strspn(s + 1, "0123456789") >= n - 1;
}

/* An address, "192.0.2.1:8080", "[2001:db8::1]" or "[2001:db8::1]:8080". */
static bool
hop_parse(struct addr *addr, const char *s, size_t n)
{
	bool bracket = *s == '[';
	const char *end = memchr(s, bracket ? ']' : ':', n);
	size_t rest;

	if (addr_parse(addr, s, n))
		return true;
	if (end == NULL)
		return false;
	rest = n - (size_t)(end - s) - bracket;
	if (!is_port(end + bracket, rest) && !(bracket && rest == 0))
		return false;
	return addr_parse(addr, s + bracket, (size_t)(end - s) - bracket);
}

struct addr
client_address(const struct cgi *cgi, const struct addr_set *trusted)
{
	const char *peer = cgi->var[CGI_REMOTE_ADDR];
	const char *list = cgi->var[CGI_X_FORWARDED_FOR], *hop;
	struct addr addr = { { 0 } };
	size_t n, len;

	if (!addr_parse(&addr, peer, strlen(peer)) || trusted->count == 0)
		return addr;
	n = strlen(list);
	while (addr_set_has(trusted, &addr) && list_pop(list, &n, &hop, &len) &&
	       hop_parse(&addr, hop, len))
		;
	return addr;
}
