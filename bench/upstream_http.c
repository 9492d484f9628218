/* Just enough HTTP for the one client that the simulator has. */
#include "upstream_http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_HEAD (256 * 1024)

bool
http_is(struct http_text t, const char *s)
{
	return strlen(s) == t.n && strncasecmp(t.s, s, t.n) == 0;
}

/* What stands before the separator, which is taken away with it. */
static bool
http_cut(struct http_text *from, struct http_text *out, const char *separator)
{
	size_t n = strlen(separator);
	const char *at = memmem(from->s, from->n, separator, n);

	if (at == NULL)
		return false;
	out->s = from->s;
	out->n = (size_t)(at - from->s);
	from->s += out->n + n;
	from->n -= out->n + n;
	return true;
}

bool
http_field(
    struct http_text *fields, struct http_text *name, struct http_text *value)
{
	if (!http_cut(fields, value, "\r\n") || !http_cut(value, name, ":"))
		return false;
	while (value->n > 0 && *value->s == ' ') {
		value->s++;
		value->n--;
	}
	return true;
}

enum http_read
http_read(struct http_request *r, const char *data, size_t len)
{
	struct http_text all = { data, len }, head, fields, name, value;
	size_t body = 0;

	memset(r, 0, sizeof(*r));
	if (len > 0 && (*data < 'A' || *data > 'Z'))
		return HTTP_BAD;
	if (!http_cut(&all, &head, "\r\n\r\n"))
		return len > MAX_HEAD ? HTTP_BAD : HTTP_MORE;
	head.n += 2;
	if (!http_cut(&head, &r->method, " ") ||
	    !http_cut(&head, &r->path, " ") || !http_cut(&head, &name, "\r\n"))
		return HTTP_BAD;
	r->fields = fields = head;
	while (http_field(&fields, &name, &value)) {
		if (http_is(name, "Transfer-Encoding"))
			return HTTP_BAD;
		if (http_is(name, "Content-Length"))
			body = (size_t)strtoull(value.s, NULL, 10);
		if (http_is(name, "Expect"))
			r->expects = true;
	}
	if (body > HTTP_MAX_REQUEST)
		return HTTP_BAD;
	r->body = (struct http_text){ all.s, body };
	r->size = len - all.n + body;
	return all.n < body ? HTTP_MORE : HTTP_WHOLE;
}

void
http_reply(struct buf *b, int status, const char *type, const char *more,
    const char *body, size_t n)
{
	buf_addf(b,
	    "HTTP/1.1 %d Simulated\r\nContent-Type: %s\r\n%s"
	    "Content-Length: %zu\r\n\r\n",
	    status, type, more, n);
	buf_add(b, body, n);
}
