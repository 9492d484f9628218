/*
 * The handlers from end to end: real store, line, turns and loop, between a
 * connection without a socket and a responder that says what the test says.
 */
#include "routes/routes.h"
#include "service/responder_kinds.h"
#include "service/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_conn.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UNKNOWN  "0f8fad5b-d9cb-469f-a165-70867728950e"
#define MAX_CHAT 100 /* bytes of a message */
#define EVENTS   "text/event-stream"
#define SETTLED  8 /* turns of the loop after which nothing is to do */

/*
 * The responder.
 */

struct answer {
	const struct answer_events *events;
	void *arg;
};

static struct answer *asked; /* the latest answer that runs */
static char asked_text[256]; /* its question */
static unsigned asked_history;
static enum lang asked_lang;
static unsigned cancelled;

static enum rc
fake_start(struct responder *r, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	(void)r;
	assert_non_null(asked = malloc(sizeof(*asked)));
	*asked = (struct answer){ events, arg };
	snprintf(asked_text, sizeof(asked_text), "%.*s", (int)prompt->len,
	    prompt->question);
	asked_history = prompt->history->count;
	asked_lang = prompt->lang;
	*answer = asked;
	return RC_OK;
}

static void
fake_cancel(struct responder *r, struct answer *a)
{
	(void)r;
	cancelled++;
	if (asked == a)
		asked = NULL;
	free(a);
}

static void
fake_close(struct responder *r)
{
	(void)r;
	assert_null(asked);
}

static const struct responder_backend fake_backend = {
	.name = "fake",
	.start = fake_start,
	.cancel = fake_cancel,
	.close = fake_close,
};
static struct responder fake = { &fake_backend };

static struct responder *
fake_open(const struct service *service, struct loop *on)
{
	assert_non_null(service);
	assert_non_null(on);
	return &fake;
}

static const struct responder_kind fake_kind = { .open_loop = fake_open };

/*
 * The service.
 */

static struct conf conf;
static struct metrics_all metrics;
static struct service service;
static struct server_app server;
static struct loop *loop;
static struct service_loop *sl;
static uint64_t max_sessions;
static int64_t ttl_ms;

static void
settle(void)
{
	int i;

	for (i = 0; i < SETTLED; i++)
		loop_turn(loop, 0);
}

static void
say(const char *text)
{
	assert_non_null(asked);
	asked->events->delta(asked->arg, text, strlen(text));
}

static void
finish(enum rc rc, struct usage usage)
{
	struct answer *a = asked;

	assert_non_null(a);
	asked = NULL;
	a->events->done(a->arg, rc, &usage);
	free(a);
	settle();
}

static int
open_service(void **state)
{
	struct store_limits limits = {
		.ttl_ms = ttl_ms,
		.max_sessions = max_sessions,
		.memory = 1 << 24,
		.session_messages = 200,
		.session_bytes = 1 << 18,
	};
	static char base[] = "";

	(void)state;
	conf = (struct conf){
		.message_max_bytes = MAX_CHAT,
		.base_path = base,
		.context_messages = 40,
		.context_bytes = 1 << 15,
		.turn_wait_ms = 60000,
	};
	cancelled = 0;
	loop = loop_new(0);
	metrics_all_init(&metrics);
	service = (struct service){ .conf = &conf,
		.responder = &fake_kind,
		.routes = &routes_table,
		.store = store_memory_open(&limits),
		.queue = turn_queue_new(),
		.metrics = &metrics };
	server = service_callbacks(&service);
	sl = server.loop_open(server.arg, loop);
	return sl == NULL ? -1 : 0;
}

static int
setup(void **state)
{
	max_sessions = 1000;
	ttl_ms = 30 * 60000;
	return open_service(state);
}

static int
setup_short(void **state)
{
	max_sessions = 1000;
	ttl_ms = 90000;
	return open_service(state);
}

static int
setup_full(void **state)
{
	max_sessions = 1;
	ttl_ms = 90000;
	return open_service(state);
}

static int
teardown(void **state)
{
	(void)state;
	server.loop_close(sl);
	turn_queue_free(service.queue);
	store_close(service.store);
	loop_free(loop);
	metrics_all_destroy(&metrics);
	return 0;
}

/*
 * Requests.
 */

static void
serve(struct conn *conn, struct cgi *cgi)
{
	fake_conn_init(conn, loop);
	server.request(sl, conn, cgi);
	settle();
}

static void
ask(struct conn *conn, const char *method, const char *path)
{
	serve(conn, fake_cgi(method, path));
}

static struct cgi *
chat_cgi(const char *body, size_t len)
{
	struct cgi *cgi = fake_cgi("POST", "/session/chat");

	cgi->var[CGI_CONTENT_TYPE] = "application/json";
	cgi->body = body;
	cgi->body_len = len;
	return cgi;
}

static void
chat(struct conn *conn, const char *body)
{
	serve(conn, chat_cgi(body, strlen(body)));
}

static void
leave(struct conn *conn)
{
	assert_false(conn->ended);
	server.abort(sl, conn->arg);
	fake_conn_free(conn);
	settle();
}

/* Whether text fits a form, in which 0 stands for any hexadecimal digit. */
static bool
has_form(const char *text, const char *form)
{
	for (; *form != '\0'; text++, form++) {
		if (*form == '0' ? *text == '\0' ||
				       strchr("0123456789abcdef", *text) == NULL
				 : *text != *form)
			return false;
	}
	return true;
}

/* The text with <id> and <time> where such stand. */
static const char *
plain(const char *text, struct buf *out)
{
	static const char id[] = "00000000-0000-0000-0000-000000000000";
	static const char time[] = "0000-00-00T00:00:00";

	buf_clear(out);
	while (*text != '\0') {
		if (has_form(text, id)) {
			buf_adds(out, "<id>");
			text += sizeof(id) - 1;
		} else if (has_form(text, time)) {
			buf_adds(out, "<time>");
			text += sizeof(time) - 1;
		} else {
			buf_addc(out, *text++);
		}
	}
	return buf_string(out);
}

/* The reply so far: its status, and its body in the plain form. */
static void
check_so_far(struct conn *conn, int status, const char *body)
{
	struct buf out;
	char line[32];

	snprintf(line, sizeof(line), "Status: %d ", status);
	assert_memory_equal(fake_conn_text(conn), line, strlen(line));
	buf_init(&out, 65536);
	assert_string_equal(plain(fake_conn_body(conn), &out), body);
	buf_free(&out);
}

static void
check(struct conn *conn, int status, const char *body)
{
	assert_true(conn->ended);
	check_so_far(conn, status, body);
	fake_conn_free(conn);
}

/* A problem with this code; `with` stands in its document too. */
static void
check_problem(struct conn *conn, int status, const char *code, const char *with)
{
	char text[64];

	assert_true(conn->ended);
	snprintf(text, sizeof(text), "Status: %d ", status);
	assert_memory_equal(fake_conn_text(conn), text, strlen(text));
	snprintf(text, sizeof(text), "\"code\":\"%s\"", code);
	assert_non_null(strstr(fake_conn_body(conn), text));
	assert_non_null(strstr(fake_conn_body(conn), with));
	fake_conn_free(conn);
}

/* The session's id in a reply. */
static void
take_id(struct conn *conn, char id[SID_TEXT_SIZE])
{
	const char *found = strstr(fake_conn_text(conn), "\"session_id\":\"");

	assert_non_null(found);
	snprintf(id, SID_TEXT_SIZE, "%s", found + strlen("\"session_id\":\""));
}

static void
new_session(char id[SID_TEXT_SIZE])
{
	struct conn conn;

	ask(&conn, "POST", "/session/new");
	take_id(&conn, id);
	check(&conn, 200,
	    "{\"session_id\":\"<id>\",\"message\":\"Session créée avec "
	    "succès\"}");
}

/* A path below a session; valid until the next call. */
static const char *
below(const char *id, const char *what)
{
	static char path[128];

	snprintf(path, sizeof(path), "/session/%s%s", id, what);
	return path;
}

/* A chat's body; valid until the next call. */
static const char *
message(const char *id, const char *more)
{
	static char body[256];

	snprintf(body, sizeof(body),
	    "{\"message\":\"Bonjour\",\"session_id\":\"%s\"%s}", id, more);
	return body;
}

#define STREAM ",\"stream\":true"

/*
 * Sessions.
 */

static void
test_new(void **state)
{
	struct cgi *cgi = fake_cgi("POST", "/session/new");
	char a[SID_TEXT_SIZE], b[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(a);
	new_session(b);
	assert_string_not_equal(a, b);

	cgi->var[CGI_ACCEPT_LANGUAGE] = "en";
	cgi->body = "not JSON";
	cgi->body_len = strlen(cgi->body);
	serve(&conn, cgi);
	check(&conn, 200,
	    "{\"session_id\":\"<id>\",\"message\":\"Session created "
	    "successfully\"}");
}

static void
test_new_capacity(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(id);
	ask(&conn, "POST", "/session/new");
	assert_non_null(strstr(fake_conn_text(&conn), "\r\nRetry-After: "));
	check_problem(&conn, 503, "session_capacity", "req-1");
	ask(&conn, "DELETE", below(id, ""));
	fake_conn_free(&conn);
	new_session(id);
}

static void
test_info(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(id);
	ask(&conn, "GET", below(id, "/info"));
	check(&conn, 200,
	    "{\"session_id\":\"<id>\",\"message_count\":0,"
	    "\"created_at\":\"<time>\",\"last_activity\":\"<time>\","
	    "\"expires_in_minutes\":30}");
	ask(&conn, "HEAD", below(id, "/info"));
	check(&conn, 200, "");
	ask(&conn, "GET", below(UNKNOWN, "/info"));
	check_problem(&conn, 404, "session_not_found", "req-1");
	ask(&conn, "GET", below("x", "/info"));
	check_problem(&conn, 400, "invalid_session_id", "req-1");
}

/* What is left of the 90 s is more than one minute. */
static void
test_info_rounds_up(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(id);
	ask(&conn, "GET", below(id, "/info"));
	assert_non_null(
	    strstr(fake_conn_text(&conn), "\"expires_in_minutes\":2}"));
	fake_conn_free(&conn);
}

static void
test_info_times(void **state)
{
	static const char *const names[] = { "\"created_at\":\"",
		"\"last_activity\":\"" };
	char early[CLOCK_TEXT_SIZE], late[CLOCK_TEXT_SIZE];
	char id[SID_TEXT_SIZE];
	struct conn conn;
	const char *found;
	size_t i, n = CLOCK_TEXT_SIZE - 1;

	(void)state;
	clock_text(early, clock_wall_ms() - 1000);
	new_session(id);
	ask(&conn, "GET", below(id, "/info"));
	clock_text(late, clock_wall_ms() + 1000);
	for (i = 0; i < COUNT(names); i++) {
		found = strstr(fake_conn_text(&conn), names[i]);
		assert_non_null(found);
		found += strlen(names[i]);
		assert_true(strncmp(early, found, n) <= 0);
		assert_true(strncmp(found, late, n) <= 0);
	}
	fake_conn_free(&conn);
}

static void
test_delete(void **state)
{
	struct cgi *cgi;
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(id);
	ask(&conn, "DELETE", below(id, ""));
	check(&conn, 200, "{\"message\":\"Session supprimée avec succès\"}");
	ask(&conn, "DELETE", below(id, ""));
	check_problem(
	    &conn, 404, "session_not_found", "Session non trouvée ou expirée");
	ask(&conn, "GET", below(id, "/info"));
	check_problem(&conn, 404, "session_not_found", "req-1");

	new_session(id);
	cgi = fake_cgi("DELETE", below(id, ""));
	cgi->var[CGI_ACCEPT_LANGUAGE] = "en-GB";
	serve(&conn, cgi);
	check(&conn, 200, "{\"message\":\"Session deleted successfully\"}");
}

static void
test_stats(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	ask(&conn, "GET", "/sessions/stats");
	check(&conn, 200, "{\"active_sessions\":0}");
	new_session(id);
	new_session(id);
	ask(&conn, "GET", "/sessions/stats");
	check(&conn, 200, "{\"active_sessions\":2}");
}

static void
test_health(void **state)
{
	struct cgi *cgi = fake_cgi("GET", "/health");
	struct conn conn;

	(void)state;
	ask(&conn, "GET", "/health");
	check(&conn, 200,
	    "{\"status\":\"healthy\",\"message\":\"Le service est "
	    "opérationnel\"}");
	cgi->var[CGI_ACCEPT_LANGUAGE] = "en";
	serve(&conn, cgi);
	check(&conn, 200,
	    "{\"status\":\"healthy\",\"message\":\"The service is "
	    "operational\"}");
	ask(&conn, "GET", "/ready");
	check(&conn, 200, "{\"status\":\"ready\"}");
}

static void
test_drain(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn, running;

	(void)state;
	new_session(id);
	chat(&running, message(id, ""));
	server.loop_drain(sl);
	ask(&conn, "POST", "/session/new");
	check_problem(&conn, 503, "unavailable", "req-1");
	chat(&conn, message(id, ""));
	check_problem(&conn, 503, "unavailable", "req-1");
	ask(&conn, "GET", "/ready");
	check_problem(&conn, 503, "unavailable", "req-1");
	ask(&conn, "GET", "/health");
	fake_conn_free(&conn);
	ask(&conn, "GET", below(id, "/info"));
	assert_memory_equal(fake_conn_text(&conn), "Status: 200 ", 12);
	fake_conn_free(&conn);
	say("Au revoir");
	finish(RC_OK, USAGE_NONE);
	check(&running, 200,
	    "{\"response\":\"Au revoir\",\"session_id\":\"<id>\","
	    "\"message_count\":2,\"success\":true,\"new_session\":false}");
}

static void
test_base_path(void **state)
{
	char base[] = "/api/chatbot";
	struct conn conn;

	(void)state;
	sl->router.base_path = base;
	ask(&conn, "GET", "/api/chatbot/sessions/stats");
	check(&conn, 200, "{\"active_sessions\":0}");
	ask(&conn, "GET", "/sessions/stats");
	check_problem(&conn, 404, "not_found", "req-1");
}

/*
 * Chats whose answer comes as a whole.
 */

static void
test_chat(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(id);
	chat(&conn, message(id, ""));
	assert_string_equal(asked_text, "Bonjour");
	assert_int_equal(asked_history, 0);
	assert_int_equal(asked_lang, LANG_FR);
	say("Voi");
	say("ci \"tout\"\n");
	assert_int_equal(conn.out.len, 0);
	finish(RC_OK, (struct usage){ 12, 30, 42 });
	assert_non_null(strstr(fake_conn_text(&conn), id));
	check(&conn, 200,
	    "{\"response\":\"Voici \\\"tout\\\"\\n\",\"session_id\":\"<id>\","
	    "\"message_count\":2,\"success\":true,\"new_session\":false,"
	    "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":30,"
	    "\"total_tokens\":42}}");

	chat(&conn, message(id, ""));
	assert_int_equal(asked_history, 2);
	say("Oui");
	finish(RC_OK, USAGE_NONE);
	check(&conn, 200,
	    "{\"response\":\"Oui\",\"session_id\":\"<id>\","
	    "\"message_count\":4,\"success\":true,\"new_session\":false}");

	ask(&conn, "GET", below(id, "/messages"));
	check(&conn, 200,
	    "{\"session_id\":\"<id>\",\"message_count\":4,\"messages\":["
	    "{\"role\":\"user\",\"content\":\"Bonjour\","
	    "\"created_at\":\"<time>\"},"
	    "{\"role\":\"assistant\",\"content\":\"Voici \\\"tout\\\"\\n\","
	    "\"created_at\":\"<time>\"},"
	    "{\"role\":\"user\",\"content\":\"Bonjour\","
	    "\"created_at\":\"<time>\"},"
	    "{\"role\":\"assistant\",\"content\":\"Oui\","
	    "\"created_at\":\"<time>\"}]}");
}

static void
test_chat_which_session(void **state)
{
	static const struct {
		const char *body;
		bool taken;
	} cases[] = {
		{ "{\"message\":\"a\"}", true },
		{ "{\"message\":\"a\",\"session_id\":null}", true },
		{ "{\"message\":\"a\",\"session_id\":\"\"}", true },
		{ "{\"message\":\"a\",\"session_id\":\"" UNKNOWN "\"}", true },
		{ "{\"message\":\"a\",\"other\":[1,{}]}", true },
		{ "{\"message\":\"a\",\"session_id\":\"x\"}", false },
		{ "{\"message\":\"a\",\"session_id\":\" " UNKNOWN "\"}",
		    false },
		{ "{\"message\":\"a\",\"session_id\":\"" UNKNOWN "0\"}",
		    false },
		{ "{\"message\":\"a\",\"session_id\":7}", false },
		{ "{\"message\":\"a\",\"session_id\":false}", false },
		{ "{\"message\":\"a\",\"session_id\":[]}", false },
		{ "{\"message\":\"a\",\"session_id\":{}}", false },
	};
	struct conn conn;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		chat(&conn, cases[i].body);
		if (!cases[i].taken) {
			check_problem(
			    &conn, 400, "invalid_session_id", "req-1");
			continue;
		}
		say("b");
		finish(RC_OK, USAGE_NONE);
		assert_null(strstr(fake_conn_text(&conn), UNKNOWN));
		check(&conn, 200,
		    "{\"response\":\"b\",\"session_id\":\"<id>\","
		    "\"message_count\":2,\"success\":true,"
		    "\"new_session\":true}");
	}
}

static void
test_chat_letter_case(void **state)
{
	char id[SID_TEXT_SIZE], upper[SID_TEXT_SIZE];
	struct conn conn;
	size_t i;

	(void)state;
	new_session(id);
	for (i = 0; i < sizeof(id); i++)
		upper[i] = id[i] >= 'a' && id[i] <= 'f'
		               ? (char)(id[i] - 'a' + 'A')
		               : id[i];
	chat(&conn, message(upper, ""));
	say("b");
	finish(RC_OK, USAGE_NONE);
	assert_non_null(strstr(fake_conn_text(&conn), id));
	assert_non_null(strstr(fake_conn_text(&conn), "\"new_session\":false"));
	fake_conn_free(&conn);
}

static void
test_chat_bad(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *code, *with;
	} cases[] = {
		{ "", 400, "invalid_json", "req-1" },
		{ "[]", 400, "invalid_json", "req-1" },
		{ "{'message':'a'}", 400, "invalid_json", "req-1" },
		{ "{\"message\":\"\\u0000\"}", 400, "invalid_json", "req-1" },
		{ "{}", 422, "invalid_field", "\"field\":\"message\"" },
		{ "{\"message\":null}", 422, "invalid_field",
		    "\"field\":\"message\"" },
		{ "{\"message\":7}", 422, "invalid_field",
		    "\"field\":\"message\"" },
		{ "{\"message\":\"\"}", 422, "invalid_field",
		    "\"field\":\"message\"" },
		{ "{\"message\":\" \\n\\u2003\"}", 422, "invalid_field",
		    "\"field\":\"message\"" },
		{ "{\"message\":[\"a\"]}", 422, "invalid_field",
		    "\"field\":\"message\"" },
		{ "{\"message\":\"a\",\"stream\":1}", 422, "invalid_field",
		    "\"field\":\"stream\"" },
		{ "{\"message\":\"a\",\"stream\":\"true\"}", 422,
		    "invalid_field", "\"field\":\"stream\"" },
	};
	struct conn conn;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		chat(&conn, cases[i].body);
		check_problem(
		    &conn, cases[i].status, cases[i].code, cases[i].with);
	}
	ask(&conn, "GET", "/sessions/stats");
	check(&conn, 200, "{\"active_sessions\":0}");
}

static void
test_chat_length(void **state)
{
	char body[MAX_CHAT + 32];
	struct conn conn;
	int n, len;

	(void)state;
	for (len = MAX_CHAT; len <= MAX_CHAT + 1; len++) {
		n = snprintf(
		    body, sizeof(body), "{\"message\":\"%0*d\"}", len, 0);
		serve(&conn, chat_cgi(body, (size_t)n));
		if (len > MAX_CHAT) {
			check_problem(&conn, 413, "message_too_long", "req-1");
		} else {
			say("b");
			finish(RC_OK, USAGE_NONE);
			fake_conn_free(&conn);
		}
	}
}

/* What fails before any text leaves the history as it was. */
static void
test_chat_fails(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	chat(&conn, "{\"message\":\"a\"}");
	finish(RC_UNAVAILABLE, USAGE_NONE);
	take_id(&conn, id);
	check_problem(&conn, 503, "unavailable", "\"session_id\":\"");
	ask(&conn, "GET", below(id, "/messages"));
	check(&conn, 200,
	    "{\"session_id\":\"<id>\",\"message_count\":0,\"messages\":[]}");
}

static void
test_chat_leaves(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(id);
	chat(&conn, message(id, ""));
	say("Voici");
	leave(&conn);
	assert_int_equal(cancelled, 1);
	ask(&conn, "GET", below(id, "/messages"));
	check(&conn, 200,
	    "{\"session_id\":\"<id>\",\"message_count\":0,\"messages\":[]}");
}

static void
test_chat_capacity(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(id);
	chat(&conn, "{\"message\":\"a\",\"stream\":true}");
	check_problem(&conn, 503, "session_capacity", "req-1");
}

static void
test_line_full(void **state)
{
	struct conn conns[TURN_QUEUE_MAX_WAITING + 1], last;
	char id[SID_TEXT_SIZE];
	size_t i;

	(void)state;
	new_session(id);
	for (i = 0; i < COUNT(conns); i++)
		chat(&conns[i], message(id, ""));
	chat(&last, message(id, STREAM));
	assert_non_null(strstr(fake_conn_text(&last), "\r\nRetry-After: "));
	check_problem(&last, 409, "session_busy", "req-1");
	for (i = 0; i < COUNT(conns); i++) {
		assert_false(conns[i].ended);
		say("b");
		finish(RC_OK, USAGE_NONE);
		assert_true(conns[i].ended);
		fake_conn_free(&conns[i]);
	}
}

/*
 * Streams.
 */

static void
test_stream(void **state)
{
	static const char start[] = "data: {\"type\":\"start\","
				    "\"session_id\":\"<id>\","
				    "\"new_session\":true}\n\n";
	char expected[1024];
	struct conn conn;

	(void)state;
	chat(&conn, "{\"message\":\"a\",\"stream\":true}");
	check_so_far(&conn, 200, start);
	assert_non_null(strstr(fake_conn_text(&conn),
	    "\r\nContent-Type: text/event-stream; charset=utf-8\r\n"));
	say("Voici\n");
	say("l'été");
	snprintf(expected, sizeof(expected), "%s%s", start,
	    "data: {\"type\":\"delta\",\"text\":\"Voici\\n\"}\n\n"
	    "data: {\"type\":\"delta\",\"text\":\"l'été\"}\n\n");
	check_so_far(&conn, 200, expected);
	finish(RC_OK, (struct usage){ 1, 2, 3 });
	snprintf(expected + strlen(expected),
	    sizeof(expected) - strlen(expected), "%s",
	    "data: {\"type\":\"done\",\"response\":\"Voici\\nl'été\","
	    "\"session_id\":\"<id>\",\"message_count\":2,\"success\":true,"
	    "\"new_session\":true,\"usage\":{\"prompt_tokens\":1,"
	    "\"completion_tokens\":2,\"total_tokens\":3}}\n\n");
	check(&conn, 200, expected);
}

static void
test_stream_asked_for(void **state)
{
	static const struct {
		const char *accept, *body;
		bool streams;
	} cases[] = {
		{ "", "{\"message\":\"a\"}", false },
		{ EVENTS, "{\"message\":\"a\"}", true },
		{ EVENTS, "{\"message\":\"a\",\"stream\":false}", false },
		{ "*/*", "{\"message\":\"a\",\"stream\":true}", true },
		{ EVENTS ";q=0", "{\"message\":\"a\"}", false },
		{ "", "{\"message\":\"a\",\"stream\":null}", false },
		{ EVENTS, "{\"message\":\"a\",\"stream\":null}", true },
	};
	struct conn conn;
	struct cgi *cgi;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		cgi = chat_cgi(cases[i].body, strlen(cases[i].body));
		cgi->var[CGI_ACCEPT] = cases[i].accept;
		serve(&conn, cgi);
		assert_int_equal(conn.out.len > 0, cases[i].streams);
		say("b");
		finish(RC_OK, USAGE_NONE);
		fake_conn_free(&conn);
	}
}

/* In the line the headers leave at once, and the events when it moves. */
static void
test_stream_waits(void **state)
{
	struct conn first, second;
	char id[SID_TEXT_SIZE];

	(void)state;
	new_session(id);
	chat(&first, message(id, ""));
	chat(&second, message(id, STREAM));
	check_so_far(&second, 200, ": ping\n\n");
	say("b");
	finish(RC_OK, USAGE_NONE);
	fake_conn_free(&first);
	check_so_far(&second, 200,
	    ": ping\n\n"
	    "data: {\"type\":\"start\",\"session_id\":\"<id>\","
	    "\"new_session\":false}\n\n");
	leave(&second);
}

static void
test_stream_fails(void **state)
{
	struct conn conn;

	(void)state;
	chat(&conn, "{\"message\":\"a\",\"stream\":true}");
	finish(RC_UNAVAILABLE, USAGE_NONE);
	check(&conn, 200,
	    "data: {\"type\":\"start\",\"session_id\":\"<id>\","
	    "\"new_session\":true}\n\n"
	    "data: {\"type\":\"error\",\"title\":\"Service indisponible\","
	    "\"status\":503,\"detail\":\"Le service est momentanément "
	    "indisponible\",\"code\":\"unavailable\",\"request_id\":\"req-1\","
	    "\"session_id\":\"<id>\"}\n\n");
}

static void
test_stream_leaves(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn;

	(void)state;
	new_session(id);
	chat(&conn, message(id, STREAM));
	say("Voici");
	leave(&conn);
	assert_int_equal(cancelled, 1);
	ask(&conn, "GET", below(id, "/messages"));
	check(&conn, 200,
	    "{\"session_id\":\"<id>\",\"message_count\":2,\"messages\":["
	    "{\"role\":\"user\",\"content\":\"Bonjour\","
	    "\"created_at\":\"<time>\"},"
	    "{\"role\":\"assistant\",\"content\":\"Voici\","
	    "\"created_at\":\"<time>\",\"status\":\"interrupted\","
	    "\"code\":\"stopped\"}]}");
}

/*
 * Stopping, and deleting meanwhile.
 */

static void
test_stop(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn, stop;

	(void)state;
	new_session(id);
	chat(&conn, message(id, ""));
	say("Voici");
	ask(&stop, "POST", below(id, "/stop"));
	check(&stop, 200, "{\"stopped\":true}");
	assert_int_equal(cancelled, 1);
	check(&conn, 200,
	    "{\"response\":\"Voici\",\"session_id\":\"<id>\","
	    "\"message_count\":2,\"success\":true,\"new_session\":false,"
	    "\"status\":\"interrupted\",\"code\":\"stopped\"}");
	ask(&stop, "POST", below(id, "/stop"));
	check(&stop, 200, "{\"stopped\":false}");
	ask(&stop, "POST", below(UNKNOWN, "/stop"));
	check_problem(&stop, 404, "session_not_found", "req-1");
}

static void
test_stop_before_text(void **state)
{
	char id[SID_TEXT_SIZE];
	struct conn conn, stop;

	(void)state;
	new_session(id);
	chat(&conn, message(id, STREAM));
	ask(&stop, "POST", below(id, "/stop"));
	check(&stop, 200, "{\"stopped\":true}");
	check(&conn, 200,
	    "data: {\"type\":\"start\",\"session_id\":\"<id>\","
	    "\"new_session\":false}\n\n"
	    "data: {\"type\":\"done\",\"response\":\"\","
	    "\"session_id\":\"<id>\",\"message_count\":0,\"success\":true,"
	    "\"new_session\":false,\"status\":\"interrupted\","
	    "\"code\":\"stopped\"}\n\n");
}

/* The one who runs and those who wait hear of it, each in its way. */
static void
test_delete_meanwhile(void **state)
{
	struct conn running, waiting, streaming, conn;
	char id[SID_TEXT_SIZE];

	(void)state;
	new_session(id);
	chat(&running, message(id, ""));
	chat(&waiting, message(id, ""));
	chat(&streaming, message(id, STREAM));
	say("Voici");
	ask(&conn, "DELETE", below(id, ""));
	check(&conn, 200, "{\"message\":\"Session supprimée avec succès\"}");
	assert_int_equal(cancelled, 1);
	assert_null(strstr(fake_conn_text(&running), "session_id"));
	check_problem(&running, 410, "session_deleted", "req-1");
	check_problem(&waiting, 410, "session_deleted", "req-1");
	check(&streaming, 200,
	    ": ping\n\n"
	    "data: {\"type\":\"error\",\"title\":\"N'existe plus\","
	    "\"status\":410,\"detail\":\"La session a été supprimée\","
	    "\"code\":\"session_deleted\",\"request_id\":\"req-1\","
	    "\"session_id\":\"<id>\"}\n\n");
	ask(&conn, "GET", below(id, "/info"));
	check_problem(&conn, 404, "session_not_found", "req-1");
}

static void
test_delete_first_turn(void **state)
{
	struct conn running, conn;
	char id[SID_TEXT_SIZE];

	(void)state;
	chat(&running, "{\"message\":\"a\",\"stream\":true}");
	take_id(&running, id);
	ask(&conn, "DELETE", below(id, ""));
	check(&conn, 200, "{\"message\":\"Session supprimée avec succès\"}");
	assert_true(running.ended);
	assert_non_null(strstr(fake_conn_text(&running), "\"type\":\"error\""));
	fake_conn_free(&running);
	ask(&conn, "GET", "/sessions/stats");
	check(&conn, 200, "{\"active_sessions\":0}");
}

#define TEST(f)       cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_FULL(f)  cmocka_unit_test_setup_teardown(f, setup_full, teardown)
#define TEST_SHORT(f) cmocka_unit_test_setup_teardown(f, setup_short, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new),
		TEST_FULL(test_new_capacity),
		TEST(test_info),
		TEST_SHORT(test_info_rounds_up),
		TEST(test_info_times),
		TEST(test_delete),
		TEST(test_stats),
		TEST(test_health),
		TEST(test_drain),
		TEST(test_base_path),
		TEST(test_chat),
		TEST(test_chat_which_session),
		TEST(test_chat_letter_case),
		TEST(test_chat_bad),
		TEST(test_chat_length),
		TEST(test_chat_fails),
		TEST(test_chat_leaves),
		TEST_FULL(test_chat_capacity),
		TEST(test_line_full),
		TEST(test_stream),
		TEST(test_stream_asked_for),
		TEST(test_stream_waits),
		TEST(test_stream_fails),
		TEST(test_stream_leaves),
		TEST(test_stop),
		TEST(test_stop_before_text),
		TEST(test_delete_meanwhile),
		TEST(test_delete_first_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
