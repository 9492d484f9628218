/*
 * The route table and its dispatcher. A row carries what it requires; the
 * dispatcher checks it once: 404, 405, 413, 415, 429, 400 for a wrong {id} and
 * the answer to OPTIONS fall out of the same loop. Fixed paths stand before
 * patterns.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <stddef.h>

#include "http/cookie.h"
#include "http/exchange.h"
#include "limits/limit.h"

enum route_flags {
	ROUTE_JSON = 1,		/* the body must be application/json */
	ROUTE_DRAINS = 2,	/* 503 once the process is to end */
	ROUTE_CHANGES = 4,	/* 403 for a page of a foreign origin */
};

typedef void route_handle_f(struct exchange *);

struct route {
	enum method	 method;	/* GET serves HEAD as well */
	const char	*path;		/* "/session/{id}/info" */
	route_handle_f	*handle;
	unsigned	 flags;
	enum limit_kind	 limit;
};

/* All the rows; fixed paths stand before patterns. */
struct route_table {
	const struct route	*rows;
	size_t			 count;
};

struct router {
	const struct route_table *table;
	const char		*base_path;	/* "" or "/api/chatbot" */
	const char		*origins;	/* allowed ones, NULL: none */
	struct cookie		 cookie;
};

/*
 * Find the route and call its handler, or answer with a problem. The path is
 * REQUEST_URI without query, percent-decoded, or SCRIPT_NAME and PATH_INFO
 * where the web server sends none. draining: refuse what ROUTE_DRAINS marks.
 */
void route_dispatch(const struct router *, struct exchange *, bool draining);

/*
 * The pure part: match a path (without base path) against a pattern. True when
 * it fits; *id and *id_len are then the part that stands for {id}, NULL when
 * the pattern has none.
 */
bool route_match(const char *pattern, const char *path, const char **id,
    size_t *id_len);

#endif
