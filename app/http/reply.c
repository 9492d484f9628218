/*
 * Replies as CGI wants them (RFC 3875, section 6): header and body are built
 * into one buffer and handed over at once.
 */
#include "http/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "http/cookie.h"
#include "http/guard.h"
#include "http/origin.h"
#include "server/conn.h"

#define MAX_HEAD         (2 * 1024) /* bytes of a reply's headers */
#define SMALL_REPLY      (4 * 1024) /* one that is built on the stack */
#define MAX_PROBLEM      (4 * 1024) /* bytes of a problem document */
#define MAX_EXTRA        128        /* bytes of further headers */
#define MAX_PREFLIGHT    512        /* bytes of those of an OPTIONS */
#define BUSY_RETRY_S     5
#define CAPACITY_RETRY_S 60

#define STATUS_LIST(X) \
	X(200, "OK", "Succès") \
	X(204, "No Content", "Sans contenu") \
	X(400, "Bad Request", "Requête incorrecte") \
	X(403, "Forbidden", "Accès refusé") \
	X(404, "Not Found", "Introuvable") \
	X(405, "Method Not Allowed", "Méthode non permise") \
	X(409, "Conflict", "Conflit") \
	X(410, "Gone", "N'existe plus") \
	X(413, "Content Too Large", "Contenu trop volumineux") \
	X(414, "URI Too Long", "Adresse trop longue") \
	X(415, "Unsupported Media Type", "Type de contenu non pris en charge") \
	X(422, "Unprocessable Content", "Contenu non traitable") \
	X(429, "Too Many Requests", "Trop de requêtes") \
	X(431, "Request Header Fields Too Large", "En-têtes trop longs") \
	X(500, "Internal Server Error", "Erreur interne") \
	X(501, "Not Implemented", "Non pris en charge") \
	X(502, "Bad Gateway", "Réponse invalide en amont") \
	X(503, "Service Unavailable", "Service indisponible") \
	X(504, "Gateway Timeout", "Délai dépassé en amont")

const char *
status_title(int status, enum lang lang)
{
#define STATUS_CASE(number, en, fr) \
	case number: \
		return lang == LANG_EN ? (en) : (fr);

	switch (status) {
		STATUS_LIST(STATUS_CASE)
	default:
		return lang == LANG_EN ? "Unknown" : "Inconnu";
	}
#undef STATUS_CASE
}

static void
add_header(struct buf *out, const char *name, const char *value)
{
	buf_adds(out, name);
	buf_adds(out, value);
	buf_add(out, "\r\n", 2);
}

void
reply_head_add(
    struct buf *out, const struct exchange *x, const struct reply_head *head)
{
	buf_adds(out, "Status: ");
	buf_addn(out, head->status);
	buf_addc(out, ' ');
	buf_adds(out, status_title(head->status, LANG_EN));
	buf_add(out, "\r\n", 2);
	if (head->content_type != NULL)
		add_header(out, "Content-Type: ", head->content_type);
	if (head->length >= 0) {
		buf_adds(out, "Content-Length: ");
		buf_addn(out, head->length);
		buf_add(out, "\r\n", 2);
	}
	add_header(out, "Cache-Control: ", head->cache_control);
	buf_adds(out, "X-Content-Type-Options: nosniff\r\n");
	if (head->extra != NULL)
		buf_adds(out, head->extra);
	origin_add_headers(out, &x->origin);
	cookie_add_header(out, x);
	add_header(out, "X-Request-Id: ", x->request_id);
	buf_add(out, "\r\n", 2);
}

/* Send headers and body; body NULL: none. The body stays the caller's. */
static void
reply_send(struct exchange *x, int status, const char *content_type,
    const struct buf *body, const char *extra)
{
	size_t length = body == NULL ? 0 : body->len;
	const struct reply_head head = {
		.status = status,
		.content_type = content_type,
		.length = body == NULL ? -1 : (int64_t)length,
		.cache_control = "no-store",
		.extra = extra,
	};
	char room[SMALL_REPLY];
	struct buf out;

	buf_init(&out, MAX_HEAD + length);
	if (out.max < sizeof(room)) {
		out.data = room;
		out.cap = sizeof(room);
	} else {
		out.secret = x->guarded;
		buf_reserve(&out, out.max);
	}
	reply_head_add(&out, x, &head);
	if (length > 0 && x->method != METHOD_HEAD)
		buf_add(&out, body->data, length);
	if (out.failed || (body != NULL && body->failed)) {
		x->status = rc_status(RC_NOMEM);
		x->rc = RC_NOMEM;
		exchange_refuse(x->conn);
	} else {
		x->status = status;
		conn_write(x->conn, out.data, out.len);
	}
	if (out.data != room)
		buf_free(&out);
	else if (x->guarded)
		explicit_bzero(room, out.len);
	exchange_end(x);
}

static void
reply_or_fail(
    struct exchange *x, int status, const char *content_type, struct buf *body)
{
	if (body->failed)
		reply_rc(x, RC_NOMEM);
	else
		reply_send(x, status, content_type, body, NULL);
	buf_free(body);
}

void
reply_json(struct exchange *x, int status, struct buf *body)
{
	reply_or_fail(x, status, "application/json", body);
}

void
reply_body(struct exchange *x, const char *content_type, struct buf *body)
{
	reply_or_fail(x, 200, content_type, body);
}

/* The headers, whatever follows; x->rc tells of a failure. */
static void
reply_open(struct exchange *x, const char *content_type)
{
	const struct reply_head begin = {
		.status = 200,
		.content_type = content_type,
		.length = -1,
		.cache_control = "no-store",
	};
	struct buf head;

	buf_init(&head, MAX_HEAD);
	reply_head_add(&head, x, &begin);
	x->status = head.failed ? rc_status(RC_NOMEM) : 200;
	if (head.failed) {
		x->rc = RC_NOMEM;
		exchange_refuse(x->conn);
	} else {
		conn_write(x->conn, head.data, head.len);
	}
	buf_free(&head);
}

void
reply_empty(struct exchange *x, const char *content_type)
{
	reply_open(x, content_type);
	exchange_end(x);
}

bool
reply_produce(struct exchange *x, const char *content_type, conn_more_f *more)
{
	reply_open(x, content_type);
	if (x->rc != RC_OK)
		return false;
	conn_produce(x->conn, more);
	return true;
}

void
reply_piece(struct exchange *x, const struct buf *piece)
{
	conn_write(x->conn, piece->data, piece->len);
}

void
reply_options(struct exchange *x, const char *allow)
{
	char extra[MAX_PREFLIGHT];
	int n = snprintf(extra, sizeof(extra), "Allow: %s\r\n", allow);

	if (x->origin.allowed != NULL)
		origin_preflight(extra + n, sizeof(extra) - (size_t)n, allow);
	reply_send(x, 204, NULL, NULL, extra);
}

void
problem_members(
    struct buf *b, const struct exchange *x, const struct problem *p)
{
	const char *text = rc_text(p->rc, x->lang);
	const char *wrong = p->field != NULL ? p->field : p->named;
	char detail[256];
	char id[SID_TEXT_SIZE];

	json_add_string(b, "title", status_title(rc_status(p->rc), x->lang));
	json_add_integer(b, "status", rc_status(p->rc));
	if (wrong != NULL && *wrong != '\0') {
		snprintf(detail, sizeof(detail), "%s%s: %s", text,
		    x->lang == LANG_FR ? "\u00a0" : "", wrong);
		text = detail;
	}
	json_add_string(b, "detail", text);
	if (rc_code(p->rc) != NULL)
		json_add_string(b, "code", rc_code(p->rc));
	json_add_string(b, "request_id", x->request_id);
	if (p->field != NULL)
		json_add_string(b, "field", p->field);
	if (p->sid != NULL) {
		sid_text(id, p->sid);
		json_add_string(b, "session_id", id);
	}
}

static int
problem_retry_after(const struct problem *p)
{
	if (p->retry_after != 0)
		return p->retry_after;
	switch (p->rc) {
	case RC_BUSY:
	case RC_TOO_MANY_TURNS:
		return BUSY_RETRY_S;
	case RC_CAPACITY:
	case RC_TOO_MANY_SESSIONS:
		return CAPACITY_RETRY_S;
	case RC_BUDGET:
		return (int)((clock_day_left_ms(clock_wall_ms()) + 999) / 1000);
	default:
		return 0;
	}
}

void
reply_problem(struct exchange *x, const struct problem *given)
{
	struct problem problem = *given, *p = &problem;
	char extra[MAX_EXTRA] = "";
	struct buf body;
	int retry_after;

	guard_refusal(x, &p->rc, &p->retry_after);
	retry_after = problem_retry_after(p);
	if (p->allow != NULL)
		snprintf(extra, sizeof(extra), "Allow: %s\r\n", p->allow);
	else if (p->rc == RC_ENCODING)
		snprintf(extra, sizeof(extra), "Accept-Encoding: identity\r\n");
	else if (retry_after > 0)
		snprintf(
		    extra, sizeof(extra), "Retry-After: %d\r\n", retry_after);
	buf_init(&body, MAX_PROBLEM);
	json_open(&body, NULL);
	json_add_string(&body, "type", "about:blank");
	problem_members(&body, x, p);
	json_close(&body);
	x->rc = p->rc;
	reply_send(
	    x, rc_status(p->rc), "application/problem+json", &body, extra);
	buf_free(&body);
}

void
reply_rc(struct exchange *x, enum rc rc)
{
	reply_problem(x, &(struct problem){ .rc = rc });
}

bool
reply_resume(struct exchange *x, enum rc rc)
{
	if (!exchange_resume(x))
		return false;
	if (rc != RC_OK)
		reply_rc(x, rc);
	return rc == RC_OK;
}
