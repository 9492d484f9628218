/*
 * The life of a request above the server: what its headers say is read once,
 * and the log gets one line of it, at its end.
 */
#include "http/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "base/text.h"
#include "http/accept.h"
#include "http/route.h"
#include "limits/suspicion.h"
#include "log/log.h"
#include "log/metrics.h"
#include "loop/loop.h"
#include "server/cgi.h"

#define METHOD_LOG_MAX 16   /* a longer one is not shown in the log */
#define REFUSED_LINES  1000 /* of refused requests, a minute */

_Static_assert(METHOD_OTHER + 1 == METRICS_METHODS, "each has a row");

static const char *const method_names[] = {
	[METHOD_GET] = "GET",
	[METHOD_HEAD] = "HEAD",
	[METHOD_POST] = "POST",
	[METHOD_DELETE] = "DELETE",
	[METHOD_OPTIONS] = "OPTIONS",
	[METHOD_OTHER] = "other",
};

const char *
method_name(enum method method)
{
	return method_names[method];
}

static enum method
method_parse(const char *name)
{
	int i;

	for (i = 0; i < METHOD_OTHER; i++) {
		if (strcmp(method_names[i], name) == 0)
			break;
	}
	return (enum method)i;
}

static bool
request_id_ok(const char *id)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t n = strnlen(id, REQUEST_ID_SIZE);

	return n > 0 && n < REQUEST_ID_SIZE && strspn(id, allowed) == n;
}

/* A bijection, so that a counter never gives the same id twice. */
static uint64_t
request_id_mix(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;
	return n ^ n >> 31;
}

static void
hex_write(char out[17], uint64_t n)
{
	for (int i = 0; i < 16; i++, n <<= 4)
		out[i] = text_hex_digit(n >> 60);
	out[16] = '\0';
}

static void
request_id_set(struct exchange *x, uint64_t *ids)
{
	const char *id = x->cgi->var[CGI_X_REQUEST_ID];

	if (request_id_ok(id))
		memcpy(x->request_id, id, strlen(id) + 1);
	else
		hex_write(x->request_id, request_id_mix((*ids)++));
}

/*
 * lighttpd answers a POST without Content-Length, as « curl -X POST » sends it,
 * with 411 by itself; its error handler hands it to us as a GET.
 */
static void
method_restore(struct cgi *cgi)
{
	if (strcmp(cgi->var[CGI_REDIRECT_STATUS], "411") == 0)
		cgi->var[CGI_REQUEST_METHOD] = "POST";
}

struct exchange *
exchange_new(struct conn *conn, struct cgi *cgi, void *world, uint64_t *ids)
{
	struct exchange *x;

	if ((x = calloc(1, sizeof(*x))) == NULL) {
		log_error("memory", LOG_STR("for", "request"));
		metrics_request(loop_metrics(conn_loop(conn)), 0, METHOD_OTHER,
		    rc_status(RC_NOMEM), 0);
		cgi_free(cgi);
		exchange_refuse(conn);
		conn_end(conn);
		return NULL;
	}
	x->loop = conn_loop(conn);
	x->world = world;
	x->cgi = cgi;
	method_restore(cgi);
	x->method = method_parse(cgi->var[CGI_REQUEST_METHOD]);
	x->lang = accept_language(cgi->var[CGI_ACCEPT_LANGUAGE]);
	request_id_set(x, ids);
	x->conn = conn;
	x->started_us = clock_mono_us();
	conn_set(conn, x);
	return x;
}

/* An answer that had begun is not refused, however it ended. */
static enum metrics_suspicious
exchange_suspicion(const struct exchange *x)
{
	return x->status < 400 ? ROWS_SUSPICIOUS : suspicion_of(x->rc);
}

/*
 * Count what is suspicious, and log it once in a while. Whether the request's
 * own line tells more than that.
 */
static bool
exchange_note_suspicion(struct exchange *x)
{
	enum metrics_suspicious kind = exchange_suspicion(x);

	if (kind == ROWS_SUSPICIOUS)
		return true;
	metrics_count(loop_metrics(x->loop), METRIC_SUSPICIOUS, kind);
	return x->status < 400 || x->suspicions == NULL ||
	       suspicions_log(x->suspicions, &x->client, kind,
		   loop_now(x->loop), x->request_id, x->log_client);
}

/* However many are refused, their lines fill no disk. */
static enum log_level
exchange_log_level(const struct exchange *x, bool told)
{
	if (x->status < 400)
		return LOG_LEVEL_INFO;
	if (!told)
		return LOG_LEVEL_DEBUG;
	return log_allows(LOG_LEVEL_INFO, "request", REFUSED_LINES)
	           ? LOG_LEVEL_INFO
	           : LOG_LEVEL_DEBUG;
}

static void
exchange_log(const struct exchange *x, enum log_level level, int64_t us,
    struct log_field outcome)
{
	const char *method = x->cgi->var[CGI_REQUEST_METHOD];
	char hash[SID_HASH_SIZE], client[ADDR_TEXT_SIZE];

	if (strnlen(method, METHOD_LOG_MAX + 1) > METHOD_LOG_MAX)
		method = "-";
	if (x->has_log_sid)
		sid_hash(hash, &x->log_sid);
	LOG_VERB(level, "request", LOG_BARE("id", x->request_id),
	    LOG_STR("method", method),
	    LOG_STR("route", x->route == NULL ? "-" : x->route->path),
	    LOG_INT("status", x->status), LOG_US("duration_ms", us),
	    LOG_BARE("client", addr_show(client, &x->client, x->log_client)),
	    LOG_BARE("session", x->has_log_sid ? hash : NULL),
	    LOG_BARE("code", rc_code(x->rc)), outcome);
}

/* It is over: one line, and one more of its kind. */
static void
exchange_account(struct exchange *x, struct log_field outcome)
{
	int64_t us = clock_mono_us() - x->started_us;
	enum log_level level;

	level = exchange_log_level(x, exchange_note_suspicion(x));
	if (log_shows(level))
		exchange_log(x, level, us, outcome);
	metrics_request(
	    loop_metrics(x->loop), x->route_row, x->method, x->status, us);
}

static void
exchange_free(struct exchange *x)
{
	cgi_free(x->cgi);
	free(x);
}

void
exchange_guard(struct exchange *x)
{
	x->guarded = true;
	conn_guard(x->conn);
}

void
exchange_end(struct exchange *x)
{
	exchange_account(
	    x, (struct log_field)LOG_INT("bytes", conn_written(x->conn)));
	conn_end(x->conn);
	exchange_free(x);
}

void
exchange_when_sent(struct exchange *x, conn_sent_f *fn, void *arg)
{
	conn_when_sent(x->conn, fn, arg);
}

void
exchange_break(struct exchange *x)
{
	exchange_account(x, (struct log_field)LOG_TRUE("aborted"));
	conn_break(x->conn);
	exchange_free(x);
}

void
exchange_abort(struct exchange *x)
{
	if (x->on_abort != NULL)
		x->on_abort(x, x->arg);
	loop_untimer(x->loop, &x->ping);
	exchange_account(x, (struct log_field)LOG_TRUE("aborted"));
	x->conn = NULL;
	x->gone = true;
	if (!x->waiting)
		exchange_free(x);
}

void
exchange_wait(struct exchange *x)
{
	must(!x->waiting);
	x->waiting = true;
}

bool
exchange_resume(struct exchange *x)
{
	must(x->waiting);
	x->waiting = false;
	if (!x->gone)
		return true;
	exchange_free(x);
	return false;
}

void
exchange_refuse(struct conn *conn)
{
	static const char reply[] =
	    "Status: 503 Service Unavailable\r\n"
	    "Content-Type: application/problem+json\r\n"
	    "Content-Length: 87\r\n"
	    "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "\r\n"
	    "{\"type\":\"about:blank\",\"title\":\"Service indisponible\","
	    "\"status\":503,\"code\":\"unavailable\"}";

	conn_write(conn, reply, sizeof(reply) - 1);
}
