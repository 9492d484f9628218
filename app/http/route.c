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
#include "http/guard.h"
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

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False for a bad escape, a NUL, or what does not fit. */
static bool
path_decode(char out[MAX_PATH], const char *in, size_t n)
{
	const char *end = in + n;
	size_t len = 0;
	int high, low;

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
		if (end - in < 3 || (high = hex_digit(in[1])) == -1 ||
		    (low = hex_digit(in[2])) == -1 || (high | low) == 0)
			return false;
		out[len++] = (char)(high << 4 | low);
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

/* The row of a path with this method. */
static const struct route *
route_method(const struct router *r, const char *path, enum method method)
{
	size_t i;

	if (method == METHOD_HEAD)
		method = METHOD_GET;
	for (i = 0; i < r->table->count; i++) {
		if (r->table->rows[i].method == method &&
		    strcmp(r->table->rows[i].path, path) == 0)
			return &r->table->rows[i];
	}
	return NULL;
}

/* The value of Allow: every method of a path. */
static void
route_allow(char out[MAX_ALLOW], const struct router *r, const char *path)
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
		if (route_method(r, path, methods[i].method) != NULL)
			n += (size_t)snprintf(
			    out + n, MAX_ALLOW - n, "%s, ", methods[i].name);
	}
	snprintf(out + n, MAX_ALLOW - n, "OPTIONS");
}

static bool
charset_is_utf8(const char *value)
{
	static const char utf8[] = "utf-8";

	value += *value == '"';
	return strncasecmp(value, utf8, sizeof(utf8) - 1) == 0 &&
	       strchr("\"; \t", value[sizeof(utf8) - 1]) != NULL;
}

static bool
media_is_json(const char *type)
{
	static const char json[] = "application/json";
	static const char charset[] = "charset=";
	size_t n = strcspn(type, "; \t");

	if (n != sizeof(json) - 1 || strncasecmp(type, json, n) != 0)
		return false;
	for (type += n; *(type += strspn(type, "; \t")) != '\0';
	     type += strcspn(type, ";")) {
		n = sizeof(charset) - 1;
		if (strncasecmp(type, charset, n) == 0 &&
		    !charset_is_utf8(type + n))
			return false;
	}
	return true;
}

/* What the row requires, but for its {id}. */
static enum rc
route_check(const struct route *row, const struct exchange *x, bool draining)
{
	if (x->origin.foreign && (row->flags & ROUTE_CHANGES))
		return RC_ORIGIN;
	if (draining && (row->flags & ROUTE_DRAINS))
		return RC_UNAVAILABLE;
	if (!(row->flags & ROUTE_JSON))
		return RC_OK;
	if (x->cgi->body_over)
		return RC_BODY_SIZE;
	return media_is_json(x->cgi->var[CGI_CONTENT_TYPE]) ? RC_OK : RC_MEDIA;
}

/* The path is known, the method is not one of its own. */
static void
route_refuse(const struct router *r, struct exchange *x)
{
	char allow[MAX_ALLOW];

	route_allow(allow, r, x->route->path);
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

/* An error handler may call us for what the web server has refused. */
static bool
is_refused(const struct cgi *cgi)
{
	const char *status = cgi->var[CGI_REDIRECT_STATUS];

	return (*status == '4' || *status == '5') && strcmp(status, "411") != 0;
}

void
route_dispatch(const struct router *r, struct exchange *x, bool draining)
{
	struct problem problem = { .rc = RC_OK };
	const struct route *row;
	char whole[MAX_PATH];
	const char *path, *id;
	size_t id_len;

	x->origin = origin_of(r->origins, x->cgi->var[CGI_ORIGIN],
	    x->cgi->var[CGI_SEC_FETCH_SITE]);
	x->cookie = &r->cookie;
	if (is_refused(x->cgi) || !path_read(whole, x->cgi) ||
	    (path = path_below(whole, r->base_path)) == NULL ||
	    (x->route = route_find(r, path, &id, &id_len)) == NULL) {
		reply_rc(x, RC_NOTFOUND);
		return;
	}
	x->route_row = 1 + (unsigned)(x->route - r->table->rows);
	if ((row = route_method(r, x->route->path, x->method)) == NULL) {
		route_refuse(r, x);
		return;
	}
	x->route = row;
	problem.rc = route_check(row, x, draining);
	if (problem.rc == RC_OK && id != NULL)
		problem.rc = route_take_id(x, id, id_len);
	if (problem.rc == RC_OK)
		problem.rc = guard_take(x, row->limit, &problem.retry_after);
	if (problem.rc == RC_OK)
		row->handle(x);
	else
		reply_problem(x, &problem);
}
