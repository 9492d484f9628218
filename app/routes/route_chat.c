/* A message comes in over HTTP; a turn answers it, at once or in a stream. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/rc.h"
#include "base/sid.h"
#include "base/text.h"
#include "chat/turn.h"
#include "http/accept.h"
#include "http/cookie.h"
#include "http/exchange.h"
#include "http/guard.h"
#include "http/reply.h"
#include "http/sse.h"
#include "limits/limit.h"
#include "routes/cited_json.h"
#include "routes/routes.h"
#include "server/cgi.h"
#include "service/service.h"

/* What an event begins with. */
#define EVENT(type) "{\"type\":\"" type "\""

/* What the body asks for; points into the document. */
struct ask {
	const char *message;
	size_t len;
	struct sid sid;
	bool has_sid;
	bool stream;
};

/* A chat that is being answered. */
struct chat {
	struct exchange *x;
	struct turn *turn;
	struct limits *limits; /* NULL: none */
	struct addr creator;
	bool stream;
	bool named; /* a session, which is live for all that is known */
	struct sid sid;
};

static enum rc
ask_read_sid(struct ask *ask, const struct json *value)
{
	const char *text;
	size_t len;

	if (json_kind(value) == JSON_NULL)
		return RC_OK;
	if ((text = json_text(value, &len)) == NULL)
		return RC_SESSION_ID;
	if (len == 0)
		return RC_OK;
	ask->has_sid = true;
	return sid_parse(&ask->sid, text, len) ? RC_OK : RC_SESSION_ID;
}

/* *field: the member that is wrong, of RC_FIELD. */
static enum rc
ask_read(struct ask *ask, const struct exchange *x, const struct json *doc,
    const char **field)
{
	const struct service_loop *sl = x->world;
	const struct json *stream = json_get(doc, "stream");
	enum rc rc;

	*field = "message";
	ask->message = json_text(json_get(doc, "message"), &ask->len);
	if (ask->message == NULL || text_is_blank(ask->message, ask->len))
		return RC_FIELD;
	*field = "stream";
	if (stream == NULL)
		ask->stream = accept_events(x->cgi->var[CGI_ACCEPT]);
	else if (json_kind(stream) == JSON_BOOL)
		ask->stream = json_true(stream);
	else
		return RC_FIELD;
	*field = NULL;
	if (ask->len > sl->service->conf->message_max_bytes)
		return RC_MESSAGE_SIZE;
	rc = ask_read_sid(ask, json_get(doc, "session_id"));
	if (rc == RC_OK && !ask->has_sid)
		ask->has_sid = cookie_session(x, &ask->sid);
	return rc;
}

static void
chat_free(struct chat *chat)
{
	if (chat->limits != NULL)
		limit_end(chat->limits, &chat->creator, LIMIT_TURNS);
	free(chat);
}

/* A session that was named and is not live may be a guess. */
static enum rc
chat_creates(void *arg, int64_t *retry_ms)
{
	struct chat *chat = arg;
	struct exchange *x = chat->x;
	int retry_s = 0;
	enum rc rc = RC_OK;

	if (chat->named)
		rc = guard_take(x, LIMIT_GUESS, &retry_s);
	chat->named = false;
	if (rc == RC_OK)
		rc = guard_take(x, LIMIT_NEW, &retry_s);
	if (rc == RC_OK)
		rc = service_admit_session(x, false);
	*retry_ms = (int64_t)retry_s * 1000;
	return rc;
}

static void
chat_abort(struct exchange *x, void *arg)
{
	struct chat *chat = arg;

	(void)x;
	turn_leave(chat->turn);
	chat_free(chat);
}

/*
 * What every answer has is added as it stands in JSON, behind another member:
 * quoting the same names anew each time costs as much as the answer does.
 */

static void
add_session(struct buf *b, const struct sid *sid)
{
	char id[SID_TEXT_SIZE];

	sid_text(id, sid);
	buf_adds(b, ",\"session_id\":\"");
	buf_add(b, id, sizeof(id) - 1);
	buf_addc(b, '"');
}

static void
add_new_session(struct buf *b, bool new_session)
{
	buf_adds(b,
	    new_session ? ",\"new_session\":true" : ",\"new_session\":false");
}

static void
add_usage(struct buf *b, const struct usage *usage)
{
	if (usage->prompt_tokens < 0 || usage->completion_tokens < 0)
		return;
	buf_adds(b, ",\"usage\":{\"prompt_tokens\":");
	buf_addn(b, usage->prompt_tokens);
	buf_adds(b, ",\"completion_tokens\":");
	buf_addn(b, usage->completion_tokens);
	buf_adds(b, ",\"total_tokens\":");
	buf_addn(b, usage->prompt_tokens + usage->completion_tokens);
	buf_addc(b, '}');
}

/* Begin an event; it is sent before the next one of this loop begins. */
static struct buf *
chat_event(const struct chat *chat, const char *head)
{
	struct service_loop *sl = chat->x->world;

	sse_begin(&sl->event);
	buf_adds(&sl->event, head);
	return &sl->event;
}

static void
chat_waits(void *arg)
{
	struct chat *chat = arg;

	if (!chat->stream)
		return;
	sse_open(chat->x);
	sse_comment(chat->x);
}

static void
log_session(struct exchange *x, const struct sid *sid)
{
	x->log_sid = *sid;
	x->has_log_sid = true;
}

static void
chat_started(void *arg, const struct sid *sid, bool new_session)
{
	struct chat *chat = arg;
	struct buf *json;

	log_session(chat->x, sid);
	if (!chat->stream)
		return;
	if (new_session)
		cookie_give(chat->x, sid);
	if (!chat->x->streaming)
		sse_open(chat->x);
	json = chat_event(chat, EVENT("start"));
	add_session(json, sid);
	add_new_session(json, new_session);
	json_close(json);
	sse_send(chat->x, json);
}

static void
chat_delta(void *arg, const char *text, size_t len)
{
	struct chat *chat = arg;
	struct buf *json;

	if (!chat->stream)
		return;
	json = chat_event(chat, EVENT("delta"));
	json_add_text(json, "text", text, len);
	json_close(json);
	sse_send(chat->x, json);
}

static void
chat_sources(void *arg, const char *sources, size_t n)
{
	struct chat *chat = arg;
	struct buf *json;

	if (!chat->stream)
		return;
	json = chat_event(chat, EVENT("sources"));
	cited_json_add_sources(json, sources, n);
	json_close(json);
	sse_send(chat->x, json);
}

/* The members of an answer, up to the end of its object. */
static void
add_answer(struct buf *b, const struct turn_end *end)
{
	json_add_text(b, "response", end->answer, end->len);
	add_session(b, end->sid);
	buf_adds(b, ",\"message_count\":");
	buf_addn(b, (int64_t)end->message_count);
	buf_adds(b, ",\"success\":true");
	add_new_session(b, end->new_session);
	add_usage(b, &end->usage);
	if (end->interrupted != RC_OK) {
		json_add_string(b, "status", "interrupted");
		json_add_string(b, "code", rc_code(end->interrupted));
	}
	cited_json_add(b, end->cited, end->cited_len);
	json_close(b);
}

/* The session that a stream was about, live or not any more; or NULL. */
static const struct sid *
chat_session(const struct chat *chat, const struct turn_end *end)
{
	if (end->sid != NULL)
		return end->sid;
	return chat->named ? &chat->sid : NULL;
}

/* A stream ends with one event, which is an error when memory is short. */
static void
chat_end_stream(
    struct chat *chat, const struct turn_end *end, struct problem *problem)
{
	struct exchange *x = chat->x;
	struct buf *json;

	if (end->rc == RC_OK) {
		json = chat_event(chat, EVENT("done"));
		add_answer(json, end);
		if (!sse_send(x, json))
			problem->rc = RC_NOMEM;
	}
	if (problem->rc != RC_OK) {
		if (problem->sid == NULL)
			problem->sid = chat_session(chat, end);
		guard_refusal(x, &problem->rc, &problem->retry_after);
		json = chat_event(chat, EVENT("error"));
		problem_members(json, x, problem);
		json_close(json);
		sse_send(x, json);
		x->rc = problem->rc;
	}
	sse_close(x);
}

/* It counts until its answer has left, however slow the reader is. */
static void
chat_sent(void *arg)
{
	chat_free(arg);
}

static void
chat_done(void *arg, const struct turn_end *end)
{
	struct chat *chat = arg;
	struct buf body;
	struct problem problem = {
		.rc = end->rc,
		.sid = end->rc == RC_DELETED ? NULL : end->sid,
		.retry_after = (int)((end->retry_ms + 999) / 1000),
	};

	exchange_when_sent(chat->x, chat_sent, chat);
	if (end->sid != NULL)
		log_session(chat->x, end->sid);
	if (problem.sid != NULL && end->new_session)
		cookie_give(chat->x, problem.sid);
	if (chat->x->streaming) {
		chat_end_stream(chat, end, &problem);
	} else if (end->rc != RC_OK) {
		reply_problem(chat->x, &problem);
	} else {
		buf_init(&body, SERVICE_MAX_EVENT);
		buf_guard(&body);
		json_open(&body, NULL);
		add_answer(&body, end);
		reply_json(chat->x, 200, &body);
	}
}

/* One more of the client's chats; NULL: *rc says why not. */
static struct chat *
chat_new(struct exchange *x, enum rc *rc)
{
	struct chat *chat;

	*rc = RC_NOMEM;
	if ((chat = calloc(1, sizeof(*chat))) == NULL)
		return NULL;
	chat->x = x;
	chat->creator = x->creator;
	*rc = RC_OK;
	if (x->limits != NULL)
		*rc = limit_begin(x->limits, &x->creator, LIMIT_TURNS);
	if (*rc != RC_OK) {
		free(chat);
		return NULL;
	}
	chat->limits = x->limits;
	exchange_guard(x);
	return chat;
}

static enum rc
chat_start(struct exchange *x, const struct ask *ask)
{
	static const struct turn_events events = { chat_creates, chat_waits,
		chat_started, chat_delta, chat_sources, chat_done };
	const struct service_loop *sl = x->world;
	struct turn_request request = {
		.sid = ask->has_sid ? &ask->sid : NULL,
		.creator = &x->creator,
		.own = ask->has_sid && guard_creator(x) != NULL,
		.message = ask->message,
		.len = ask->len,
		.lang = x->lang,
		.request_id = x->request_id,
		.keep_partial = ask->stream,
	};
	const char *key = x->cgi->var[CGI_IDEMPOTENCY_KEY];
	struct chat *chat;
	enum rc rc;

	if (*key != '\0')
		request.key = key;
	if ((chat = chat_new(x, &rc)) == NULL)
		return rc;
	chat->named = ask->has_sid;
	chat->sid = ask->sid;
	chat->stream = ask->stream;
	chat->turn = turn_start(sl->turns, &request, &events, chat);
	if (chat->turn == NULL) {
		chat_free(chat);
		return RC_NOMEM;
	}
	x->on_abort = chat_abort;
	x->arg = chat;
	return RC_OK;
}

/* A byte order mark means nothing in UTF-8, but some programs write it. */
static enum rc
body_parse(const struct cgi *cgi, struct json **doc)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t skip = sizeof(mark) - 1;

	if (cgi->body_len < skip || memcmp(cgi->body, mark, skip) != 0)
		skip = 0;
	return json_parse(cgi->body + skip, cgi->body_len - skip, doc);
}

void
chat_post(struct exchange *x)
{
	struct problem problem = { .rc = RC_OK };
	struct ask ask = { .has_sid = false };
	struct json *doc = NULL;

	problem.rc = body_parse(x->cgi, &doc);
	if (problem.rc == RC_OK)
		problem.rc = ask_read(&ask, x, doc, &problem.field);
	if (problem.rc == RC_OK)
		problem.rc = chat_start(x, &ask);
	json_free(doc);
	if (problem.rc != RC_OK)
		reply_problem(x, &problem);
}
