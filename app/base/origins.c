/* Which origins stand in a list. */
#include "base/origins.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS    "abcdefghijklmnopqrstuvwxyz"
#define DIGITS     "0123456789"
#define SEPARATORS ", \t"
#define MAX_DIGITS 5 /* of a port */
#define MAX_PORT   65535

/* The length of the scheme at s, 0 when there is none. */
static size_t
scheme_length(const char *s)
{
	size_t n = strspn(s, LETTERS DIGITS "+.-");

	return strspn(s, LETTERS) > 0 && strncmp(s + n, "://", 3) == 0 ? n : 0;
}

/* The length of the host at s, 0 when there is none. */
static size_t
host_length(const char *s)
{
	size_t n;

	if (*s != '[')
		return strspn(s, LETTERS DIGITS "-._");
	n = strspn(s + 1, DIGITS "abcdef:.");
	return n > 1 && s[n + 1] == ']' ? n + 2 : 0;
}

/* A port of n digits that browsers write behind this scheme. */
static bool
port_ok(const char *port, size_t n, const char *scheme)
{
	long number;

	if (n == 0 || n > MAX_DIGITS || *port == '0' ||
	    strspn(port, DIGITS) != n)
		return false;
	number = strtol(port, NULL, 10);
	return number <= MAX_PORT &&
	       !(number == 80 && strncmp(scheme, "http:", 5) == 0) &&
	       !(number == 443 && strncmp(scheme, "https:", 6) == 0);
}

static bool
origin_ok(const char *s, size_t n)
{
	size_t scheme = scheme_length(s), host, end;

	if (scheme == 0 || n > ORIGINS_MAX_ONE)
		return false;
	host = host_length(s + scheme + 3);
	end = scheme + 3 + host;
	if (host == 0 || end >= n)
		return host > 0 && end == n;
	return s[end] == ':' && port_ok(s + end + 1, n - end - 1, s);
}

/* Step to the next origin of a list: its length, 0 at the end. */
static size_t
list_next(const char **list, const char **one)
{
	size_t n;

	*one = *list + strspn(*list, SEPARATORS);
	n = strcspn(*one, SEPARATORS);
	*list = *one + n;
	return n;
}

bool
origins_any(const char *list)
{
	return strcmp(list, "*") == 0;
}

bool
origins_valid(const char *list)
{
	const char *one;
	size_t n;

	if (origins_any(list))
		return true;
	while ((n = list_next(&list, &one)) > 0)
		if (!origin_ok(one, n))
			return false;
	return true;
}

bool
origins_have(const char *list, const char *origin)
{
	size_t len = strlen(origin), n;
	const char *one;

	while ((n = list_next(&list, &one)) > 0)
		if (n == len && memcmp(one, origin, n) == 0)
			return true;
	return false;
}
