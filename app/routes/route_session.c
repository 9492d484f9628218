/* A session from the outside: made, looked at, deleted. */
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
#include "routes/routes.h"
#include "service/service.h"
#include "session/history.h"
#include "session/store.h"

#define MAX_REPLY   512 /* bytes of JSON without messages */
#define MAX_MESSAGE 128 /* bytes of JSON of a message, without its text */
#define MAX_ESCAPE  6   /* bytes that one of text can become in JSON */
#define MINUTE_MS   60000

static struct store *
session_store(const struct exchange *x)
{
	const struct service_loop *al = x->app;

	return al->app->store;
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

	if (!exchange_resume(x))
		return;
	if (rc != RC_OK) {
		reply_rc(x, rc);
		return;
	}
	x->log_sid = s->id;
	x->has_log_sid = true;
	cookie_give(x, &s->id);
	reply_message(x, &s->id, "Session créée avec succès",
	    "Session created successfully");
}

void
session_new(struct exchange *x)
{
	enum rc rc = service_admit_session(x);

	if (rc != RC_OK) {
		reply_rc(x, rc);
		return;
	}
	exchange_wait(x);
	store_create(session_store(x), &x->creator, false, loop_now(x->loop),
	    session_created, x);
}

static int64_t
minutes_left(const struct exchange *x, const struct session *s)
{
	int64_t left = s->expires_ms - loop_now(x->loop);

	return left <= 0 ? 0 : (left - 1) / MINUTE_MS + 1;
}

static void
info_loaded(void *arg, enum rc rc, struct session *s)
{
	struct exchange *x = arg;
	struct buf body;
	int64_t offset;

	if (!exchange_resume(x))
		return;
	if (rc != RC_OK) {
		reply_rc(x, rc);
		return;
	}
	offset = clock_wall_offset();
	buf_init(&body, MAX_REPLY);
	json_open(&body, NULL);
	add_id(&body, &s->id);
	json_add_integer(&body, "message_count", (int64_t)s->message_count);
	add_time(&body, "created_at", s->created_ms + offset);
	add_time(&body, "last_activity", s->active_ms + offset);
	json_add_integer(&body, "expires_in_minutes", minutes_left(x, s));
	json_close(&body);
	reply_json(x, 200, &body);
}

void
session_info(struct exchange *x)
{
	exchange_wait(x);
	store_load(session_store(x), &x->sid, guard_creator(x), false,
	    &WINDOW_NONE, loop_now(x->loop), info_loaded, x);
}

static void
add_message(struct buf *b, const struct message *m, int64_t offset)
{
	json_open(b, NULL);
	json_add_string(b, "role", m->role == ROLE_USER ? "user" : "assistant");
	json_add_text(b, "content", m->text, m->len);
	add_time(b, "created_at", m->created_ms + offset);
	if (m->status == MESSAGE_INTERRUPTED)
		json_add_string(b, "status", "interrupted");
	json_close(b);
}

static void
messages_loaded(void *arg, enum rc rc, struct session *s)
{
	struct exchange *x = arg;
	struct message m;
	struct buf body;
	int64_t offset;
	size_t pos = 0;

	if (!exchange_resume(x))
		return;
	if (rc != RC_OK) {
		reply_rc(x, rc);
		return;
	}
	offset = clock_wall_offset();
	buf_init(&body, MAX_REPLY + s->history.count * (size_t)MAX_MESSAGE +
			    s->history.size * MAX_ESCAPE);
	json_open(&body, NULL);
	add_id(&body, &s->id);
	json_add_integer(&body, "message_count", (int64_t)s->message_count);
	json_open_array(&body, "messages");
	while (history_next(&s->history, &pos, &m))
		add_message(&body, &m, offset);
	json_close_array(&body);
	json_close(&body);
	reply_json(x, 200, &body);
}

void
session_messages(struct exchange *x)
{
	exchange_wait(x);
	store_load(session_store(x), &x->sid, guard_creator(x), false,
	    &WINDOW_ALL, loop_now(x->loop), messages_loaded, x);
}

/* Those who stand in line hear of it whether or not this client is there. */
static void
session_deleted(void *arg, enum rc rc, struct session *none)
{
	struct exchange *x = arg;
	const struct service_loop *al = x->app;

	(void)none;
	if (rc == RC_OK)
		turn_queue_tell(al->app->line, &x->sid, TURN_QUEUE_DELETED);
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
	exchange_wait(x);
	store_delete(session_store(x), &x->sid, guard_creator(x),
	    loop_now(x->loop), session_deleted, x);
}
