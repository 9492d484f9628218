/* An id in, an id out, in the headers Cookie and Set-Cookie. */
#include "http/cookie.h"

#include <string.h>

#include "server/cgi.h"

#define BLANKS " \t"

static size_t
trimmed(const char *s, size_t n)
{
	while (n > 0 && strchr(BLANKS, s[n - 1]) != NULL)
		n--;
	return n;
}

/* The value of n bytes, quotes around it allowed. */
static bool
value_read(struct sid *sid, const char *s, size_t n)
{
	if (n >= 2 && *s == '"' && s[n - 1] == '"') {
		s++;
		n -= 2;
	}
	return sid_parse(sid, s, n);
}

bool
cookie_find(struct sid *sid, const char *header, const char *name)
{
	size_t len = strlen(name), n, skip;

	for (; *header != '\0'; header += n + (header[n] == ';')) {
		header += strspn(header, BLANKS);
		n = strcspn(header, ";");
		if (n <= len || header[len] != '=' ||
		    memcmp(header, name, len) != 0)
			continue;
		skip = len + 1;
		if (value_read(
			sid, header + skip, trimmed(header + skip, n - skip)))
			return true;
	}
	return false;
}

static bool
cookie_is_on(const struct exchange *x)
{
	return x->cookie != NULL && x->cookie->name != NULL;
}

bool
cookie_session(const struct exchange *x, struct sid *sid)
{
	const char *header = x->cgi->var[CGI_COOKIE];

	return cookie_is_on(x) && cookie_find(sid, header, x->cookie->name);
}

void
cookie_give(struct exchange *x, const struct sid *sid)
{
	if (!cookie_is_on(x))
		return;
	x->cookie_sid = *sid;
	x->cookie_act = COOKIE_GIVE;
}

void
cookie_take(struct exchange *x, const struct sid *sid)
{
	struct sid sent;

	if (cookie_session(x, &sent) && sid_equal(&sent, sid))
		x->cookie_act = COOKIE_TAKE;
}

void
cookie_add_header(struct buf *b, const struct exchange *x)
{
	char id[SID_TEXT_SIZE];

	if (x->cookie_act == COOKIE_KEEP)
		return;
	buf_adds(b, "Set-Cookie: ");
	buf_adds(b, x->cookie->name);
	buf_addc(b, '=');
	if (x->cookie_act == COOKIE_GIVE) {
		sid_text(id, &x->cookie_sid);
		buf_add(b, id, sizeof(id) - 1);
	} else {
		buf_adds(b, "; Max-Age=0");
	}
	buf_adds(b, "; Path=");
	buf_adds(b, x->cookie->path);
	buf_adds(b, "; HttpOnly; SameSite=Lax");
	buf_adds(b, cgi_is_https(x->cgi) ? "; Secure\r\n" : "\r\n");
}
