/* The headers Content-Type and Content-Encoding. */
#include "http/media.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define BLANKS " \t"

/* Take the quotes off a value, if it has any. */
static void
unquote(const char **s, size_t *n)
{
	if (**s != '"')
		return;
	*n -= *n >= 2 && (*s)[*n - 1] == '"' ? 2 : 1;
	++*s;
}

/* To be shown, where it is a token (RFC 9110, section 5.6.2). */
static void
name_it(char named[MEDIA_NAMED_SIZE], const char *s, size_t n)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz";

	unquote(&s, &n);
	if (n >= MEDIA_NAMED_SIZE || strspn(s, token) < n)
		n = 0;
	memcpy(named, s, n);
	named[n] = '\0';
}

static bool
is_utf8(const char *s, size_t n)
{
	static const char *const names[] = { "utf-8", "utf8", "us-ascii",
		"ascii" };
	size_t i;

	unquote(&s, &n);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && strncasecmp(names[i], s, n) == 0)
			return true;
	return false;
}

/* The length of a parameter's value, a token or a quoted string. */
static size_t
value_length(const char *s)
{
	size_t n = 1;

	if (*s != '"')
		return strcspn(s, ";" BLANKS);
	while (s[n] != '\0' && s[n] != '"')
		n += s[n] == '\\' && s[n + 1] != '\0' ? 2 : 1;
	return n + (s[n] == '"');
}

/* The parameters of a media type: each charset must be ours. */
static enum rc
check_charset(const char *p, char named[MEDIA_NAMED_SIZE])
{
	static const char charset[] = "charset=";
	size_t name, value;

	for (; *(p += strspn(p, ";" BLANKS)) != '\0'; p += name + value) {
		name = strcspn(p, "=;");
		name += p[name] == '=';
		value = p[name - 1] == '=' ? value_length(p + name) : 0;
		if (name == sizeof(charset) - 1 &&
		    strncasecmp(p, charset, name) == 0 &&
		    !is_utf8(p + name, value)) {
			name_it(named, p + name, value);
			return RC_CHARSET;
		}
	}
	return RC_OK;
}

enum rc
media_check(const struct cgi *cgi, char named[MEDIA_NAMED_SIZE])
{
	static const char json[] = "application/json";
	const char *type = cgi->var[CGI_CONTENT_TYPE];
	const char *coding = cgi->var[CGI_CONTENT_ENCODING];
	size_t n = strcspn(type, ";" BLANKS);

	*named = '\0';
	if (*coding != '\0' && !text_equal_nocase(coding, "identity")) {
		name_it(named, coding, strlen(coding));
		return RC_ENCODING;
	}
	if (n != sizeof(json) - 1 || strncasecmp(type, json, n) != 0)
		return RC_MEDIA;
	return check_charset(type + n, named);
}
