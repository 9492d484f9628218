/* A session from the outside: made, looked at, deleted. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rc.h"
#include "base/sid.h"
#include "chat/turn_queue.h"
#include "http/cookie.h"
#include "http/exchange.h"
#include "http/guard.h"
#include "http/reply.h"
#include "routes/history_json.h"
#include "routes/routes.h"
#include "service/service.h"
#include "session/history.h"
#include "session/store.h"

#define MAX_REPLY 512 /* bytes of JSON without messages */
#define MINUTE_MS 60000

static struct store_port *
session_port(const struct exchange *x)
{
	const struct service_loop *sl = x->world;

	return sl->port;
}

/* Read the session that the path names. */
static void
session_look(
    struct exchange *x, const struct window *window, store_done_f *done)
{
	const struct store_ask ask = {
		.sid = &x->sid,
		.creator = guard_creator(x),
		.window = window,
		.now = store_now_at(loop_now(x->loop)),
	};

	exchange_wait(x);
	store_load(session_port(x), &ask, done, x);
}

static void
add_id(struct buf *b, const struct sid *sid)
{
	char id[SID_TEXT_SIZE];

	sid_text(id, sid);
	json_add_text(b, "session_id", id, sizeof(id) - 1);
}

static void
add_time(struct buf *b, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text(text, wall_ms);
	json_add_string(b, name, text);
}

static void
reply_message(
    struct exchange *x, const struct sid *sid, const char *fr, const char *en)
{
	struct buf body;

	buf_init(&body, MAX_REPLY);
	json_open(&body, NULL);
	if (sid != NULL)
		add_id(&body, sid);
	json_add_string(&body, "message", x->lang == LANG_EN ? en : fr);
	json_close(&body);
	reply_json(x, 200, &body);
}

static void
session_created(void *arg, enum rc rc, struct session *s)
{
	struct exchange *x = arg;

	if (!reply_resume(x, rc))
		return;
	x->log_sid = s->id;
	x->has_log_sid = true;
	cookie_give(x, &s->id);
	reply_message(x, &s->id, "Session créée avec succès",
	    "Session created successfully");
}

void
session_new(struct exchange *x)
{
	const struct store_now now = store_now_at(loop_now(x->loop));
	enum rc rc = service_admit_session(x, true);

	if (rc != RC_OK) {
		reply_rc(x, rc);
		return;
	}
	exchange_wait(x);
	store_create(
	    session_port(x), &x->creator, NULL, &now, session_created, x);
}

static int64_t
minutes_left(const struct session *s)
{
	return s->left_ms <= 0 ? 0 : (s->left_ms - 1) / MINUTE_MS + 1;
}

static void
info_loaded(void *arg, enum rc rc, struct session *s)
{
	struct exchange *x = arg;
	struct buf body;

	if (!reply_resume(x, rc))
		return;
	buf_init(&body, MAX_REPLY);
	json_open(&body, NULL);
	add_id(&body, &s->id);
	json_add_integer(&body, "message_count", (int64_t)s->message_count);
	add_time(&body, "created_at", s->created_ms);
	add_time(&body, "last_activity", s->active_ms);
	json_add_integer(&body, "expires_in_minutes", minutes_left(s));
	json_close(&body);
	reply_json(x, 200, &body);
}

void
session_info(struct exchange *x)
{
	session_look(x, &WINDOW_NONE, info_loaded);
}

/* A long history on its way to a client. */
struct reading {
	struct exchange *x;
	size_t held; /* bytes, of guard_hold */
	struct history_json json;
};

static void
reading_free(struct reading *r)
{
	guard_let_go(r->x, r->held);
	history_json_free(&r->json);
	free(r);
}

static void
reading_abort(struct exchange *x, void *arg)
{
	(void)x;
	reading_free(arg);
}

/* Of a session that is gone by now nothing more is told. */
static void
reading_more(void *arg)
{
	struct exchange *x = arg;
	struct reading *r = x->arg;
	struct service_loop *sl = x->world;
	bool more = true, gone = history_is_revoked(&r->json.history);

	buf_clear(&sl->event);
	if (!gone)
		more = history_json_next(&r->json, &sl->event);
	if (more && !gone && !sl->event.failed) {
		reply_piece(x, &sl->event);
		buf_clear(&sl->event);
		return;
	}
	reading_free(r);
	if (gone || sl->event.failed) {
		exchange_break(x);
	} else {
		reply_piece(x, &sl->event);
		exchange_end(x);
	}
	buf_clear(&sl->event);
}

static enum rc
reading_begin(struct exchange *x, const struct session *s, int *retry_s)
{
	size_t bytes = s->history.size + HISTORY_JSON_PIECE;
	struct reading *r;
	enum rc rc;

	if ((rc = guard_hold(x, bytes, retry_s)) != RC_OK)
		return rc;
	if ((r = malloc(sizeof(*r))) == NULL) {
		guard_let_go(x, bytes);
		return RC_NOMEM;
	}
	*r = (struct reading){ .x = x, .held = bytes };
	history_json_init(&r->json, s);
	x->on_abort = reading_abort;
	x->arg = r;
	if (!reply_produce(x, "application/json", reading_more)) {
		reading_free(r);
		exchange_end(x);
	}
	return RC_OK;
}

/* A short history is sent as a whole, with its length. */
static enum rc
messages_reply(struct exchange *x, struct session *s, int *retry_s)
{
	struct history_json json;
	struct buf body;
	enum rc rc = RC_OK;

	if (x->method == METHOD_HEAD) {
		reply_empty(x, "application/json");
		return RC_OK;
	}
	exchange_guard(x);
	history_json_init(&json, s);
	buf_init(&body, HISTORY_JSON_PIECE + HISTORY_JSON_MORE);
	buf_guard(&body);
	if (!history_json_next(&json, &body))
		reply_json(x, 200, &body);
	else
		rc = reading_begin(x, s, retry_s);
	history_json_free(&json);
	buf_free(&body);
	return rc;
}

static void
messages_loaded(void *arg, enum rc rc, struct session *s)
{
	struct exchange *x = arg;
	struct problem problem = { .rc = rc };

	if (!exchange_resume(x))
		return;
	if (problem.rc == RC_OK)
		problem.rc = guard_take_read(x,
		    x->method == METHOD_HEAD ? 0 : s->history.size,
		    &problem.retry_after);
	if (problem.rc == RC_OK)
		problem.rc = messages_reply(x, s, &problem.retry_after);
	if (problem.rc != RC_OK)
		reply_problem(x, &problem);
}

void
session_messages(struct exchange *x)
{
	session_look(x, x->method == METHOD_HEAD ? &WINDOW_NONE : &WINDOW_ALL,
	    messages_loaded);
}

/* Those who stand in line hear of it whether or not this client is there. */
static void
session_deleted(void *arg, enum rc rc, struct session *none)
{
	struct exchange *x = arg;
	const struct service_loop *sl = x->world;

	(void)none;
	if (rc == RC_OK)
		turn_queue_tell(
		    sl->service->queue, &x->sid, TURN_QUEUE_DELETED);
	if (!exchange_resume(x))
		return;
	if (rc == RC_OK || rc == RC_NOSESSION)
		cookie_take(x, &x->sid);
	if (rc != RC_OK)
		reply_rc(x, rc);
	else
		reply_message(x, NULL, "Session supprimée avec succès",
		    "Session deleted successfully");
}

void
session_delete(struct exchange *x)
{
	const struct store_now now = store_now_at(loop_now(x->loop));

	exchange_wait(x);
	store_delete(session_port(x), &x->sid, guard_creator(x), &now,
	    session_deleted, x);
}
