/*
 * From a request to its handler. What a row requires is checked here, so that
 * no handler has to.
 */
#include "http/route.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/rc.h"
#include "base/sid.h"
#include "base/text.h"
#include "http/guard.h"
#include "http/media.h"
#include "http/origin.h"
#include "http/reply.h"
#include "server/cgi.h"

#define MAX_PATH  1024 /* bytes; no route has a longer one */
#define MAX_ALLOW 64

#define ID_MARK "{id}"

bool
route_match(
    const char *pattern, const char *path, const char **id, size_t *id_len)
{
	const char *mark = strstr(pattern, ID_MARK);
	size_t n;

	*id = NULL;
	*id_len = 0;
	if (mark == NULL)
		return strcmp(pattern, path) == 0;
	n = (size_t)(mark - pattern);
	if (strncmp(pattern, path, n) != 0)
		return false;
	path += n;
	n = strcspn(path, "/");
	if (n == 0 || strcmp(mark + strlen(ID_MARK), path + n) != 0)
		return false;
	*id = path;
	*id_len = n;
	return true;
}

/* False for a bad escape, a NUL, or what does not fit. */
static bool
path_decode(char out[MAX_PATH], const char *in, size_t n)
{
	const char *end = in + n;
	size_t len = 0;
	uint32_t byte;

	if (n < MAX_PATH && memchr(in, '%', n) == NULL) {
		memcpy(out, in, n);
		out[n] = '\0';
		return true;
	}
	while (in < end && len < MAX_PATH - 1) {
		if (*in != '%') {
			out[len++] = *in++;
			continue;
		}
		if (end - in < 3 || !text_hex_number(in + 1, 2, &byte) ||
		    byte == 0)
			return false;
		out[len++] = (char)byte;
		in += 3;
	}
	out[len] = '\0';
	return in == end;
}

/* The path in a request target of either form (RFC 9112, section 3.2). */
static const char *
target_path(const char *target)
{
	static const char *const schemes[] = { "http://", "https://" };
	size_t i, n;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		n = strlen(schemes[i]);
		if (strncasecmp(target, schemes[i], n) == 0)
			return target + n + strcspn(target + n, "/?#");
	}
	return target;
}

static bool
path_read(char out[MAX_PATH], const struct cgi *cgi)
{
	const char *target = cgi->var[CGI_REQUEST_URI];
	int n;

	if (*target != '\0') {
		target = target_path(target);
		return path_decode(out, target, strcspn(target, "?#"));
	}
	n = snprintf(out, MAX_PATH, "%s%s", cgi->var[CGI_SCRIPT_NAME],
	    cgi->var[CGI_PATH_INFO]);
	return n >= 0 && n < MAX_PATH;
}

/* The path below the base path; NULL when it stands elsewhere. */
static const char *
path_below(const char *path, const char *base)
{
	size_t n = strlen(base);

	return strncmp(path, base, n) == 0 && path[n] == '/' ? path + n : NULL;
}

/* The first row with this path, so that fixed ones win. */
static const struct route *
route_find(
    const struct router *r, const char *path, const char **id, size_t *id_len)
{
	size_t i;

	for (i = 0; i < r->table->count; i++) {
		if (route_match(r->table->rows[i].path, path, id, id_len))
			return &r->table->rows[i];
	}
	return NULL;
}

/* The row with this method, of those that have the path of the first. */
static const struct route *
route_method(
    const struct router *r, const struct route *first, enum method method)
{
	const struct route *end = r->table->rows + r->table->count, *row;

	if (method == METHOD_HEAD)
		method = METHOD_GET;
	for (row = first; row < end; row++) {
		if (row->method == method &&
		    strcmp(row->path, first->path) == 0)
			return row;
	}
	return NULL;
}

/* The value of Allow: every method of a path, by its first row. */
static void
route_allow(
    char out[MAX_ALLOW], const struct router *r, const struct route *first)
{
	static const struct {
		enum method method;
		const char *name;
	} methods[] = {
		{ METHOD_GET, "GET" },
		{ METHOD_HEAD, "HEAD" },
		{ METHOD_POST, "POST" },
		{ METHOD_DELETE, "DELETE" },
	};
	size_t i, n = 0;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (route_method(r, first, methods[i].method) != NULL)
			n += (size_t)snprintf(
			    out + n, MAX_ALLOW - n, "%s, ", methods[i].name);
	}
	snprintf(out + n, MAX_ALLOW - n, "OPTIONS");
}

/* What the row requires, but for its {id}. named: of the body's media. */
static enum rc
route_check(const struct route *row, const struct exchange *x, bool draining,
    char named[MEDIA_NAMED_SIZE])
{
	*named = '\0';
	if (x->cgi->malformed)
		return RC_REQUEST;
	if (x->origin.foreign && (row->flags & ROUTE_CHANGES))
		return RC_ORIGIN;
	if (draining && (row->flags & ROUTE_DRAINS))
		return RC_UNAVAILABLE;
	if (!(row->flags & ROUTE_JSON))
		return RC_OK;
	if (x->cgi->body_over)
		return RC_BODY_SIZE;
	return media_check(x->cgi, named);
}

/* The path is known, the method is not one of its own. */
static void
route_refuse(const struct router *r, struct exchange *x)
{
	char allow[MAX_ALLOW];

	route_allow(allow, r, x->route);
	if (x->method == METHOD_OPTIONS)
		reply_options(x, allow);
	else
		reply_problem(
		    x, &(struct problem){ .rc = RC_METHOD, .allow = allow });
}

static enum rc
route_take_id(struct exchange *x, const char *id, size_t len)
{
	if (!sid_parse(&x->sid, id, len))
		return RC_SESSION_ID;
	x->log_sid = x->sid;
	x->has_log_sid = true;
	return RC_OK;
}

/*
 * An error handler may call us for what the web server has refused: then it is
 * told so in our words, whatever was asked for. RC_OK: it was not.
 */
static enum rc
route_refused(const struct cgi *cgi)
{
	static const enum rc told[] = { RC_NOTFOUND, RC_METHOD, RC_BODY_SIZE,
		RC_URI_SIZE, RC_HEADER_SIZE, RC_UNKNOWN };
	const char *said = cgi->var[CGI_REDIRECT_STATUS];
	int status = 0;
	size_t i;

	if ((*said != '4' && *said != '5') || strlen(said) != 3)
		return RC_OK;
	for (i = 0; i < 3; i++)
		status = status * 10 + (said[i] - '0');
	if (status == 411)
		return RC_OK;
	for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (rc_status(told[i]) == status)
			return told[i];
	return status < 500 || status == 505 ? RC_REQUEST : RC_UNAVAILABLE;
}

/* The path below the base path, without one slash at its end; NULL: none. */
static const char *
route_path(const struct router *r, char whole[MAX_PATH], const struct cgi *cgi)
{
	size_t n;

	if (!path_read(whole, cgi))
		return NULL;
	n = strlen(whole);
	if (n > 1 && whole[n - 1] == '/')
		whole[n - 1] = '\0';
	return path_below(whole, r->base_path);
}

void
route_dispatch(const struct router *r, struct exchange *x, bool draining)
{
	struct problem problem = { .rc = route_refused(x->cgi) };
	char whole[MAX_PATH], named[MEDIA_NAMED_SIZE];
	const struct route *row;
	const char *path, *id;
	size_t id_len;

	x->origin = origin_of(r->origins, x->cgi);
	x->cookie = &r->cookie;
	if (problem.rc != RC_OK) {
		reply_problem(x, &problem);
		return;
	}
	if ((path = route_path(r, whole, x->cgi)) == NULL ||
	    (x->route = route_find(r, path, &id, &id_len)) == NULL) {
		reply_rc(x, RC_NOTFOUND);
		return;
	}
	x->route_row = 1 + (unsigned)(x->route - r->table->rows);
	if ((row = route_method(r, x->route, x->method)) == NULL) {
		route_refuse(r, x);
		return;
	}
	x->route = row;
	problem.rc = route_check(row, x, draining, named);
	problem.named = named;
	if (problem.rc == RC_OK && id != NULL)
		problem.rc = route_take_id(x, id, id_len);
	if (problem.rc == RC_OK)
		problem.rc = guard_take(x, row->limit, &problem.retry_after);
	if (problem.rc == RC_OK)
		row->handle(x);
	else
		reply_problem(x, &problem);
}
