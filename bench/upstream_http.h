/*
 * HTTP/1.1 as the simulator needs it: requests that are there as a whole, and
 * short replies. Bytes in, bytes out.
 */
#ifndef BENCH_UPSTREAM_HTTP_H
#define BENCH_UPSTREAM_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define HTTP_MAX_REQUEST (4 * 1024 * 1024)

struct http_text {
	const char	*s;
	size_t		 n;
};

/* Points into the bytes that it was read from. */
struct http_request {
	struct http_text	method, path;
	struct http_text	fields;		/* the header's lines */
	struct http_text	body;
	size_t			size;		/* of the whole request */
	bool			expects;	/* a 100 before its body */
};

enum http_read {
	HTTP_MORE,		/* not there yet; expects is valid */
	HTTP_WHOLE,
	HTTP_BAD,
};

enum http_read http_read(struct http_request *, const char *, size_t);

bool http_is(struct http_text, const char *);

/* The next header field, from fields; false when there is none. */
bool http_field(struct http_text *fields, struct http_text *name,
    struct http_text *value);

/* Write a reply; more: further header lines, each with its CRLF, or "". */
void http_reply(struct buf *, int status, const char *type, const char *more,
    const char *body, size_t);

#endif
