/* What leaves, byte by byte: replies, problems, streams, and the log's line. */
#include "http/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture.h"
#include "fake_conn.h"
#include "http/route.h"
#include "http/sse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UUID     "0f8fad5b-d9cb-469f-a165-70867728950e"

static struct conn conn;
static uint64_t ids;

static struct exchange *
begin(const char *method, const char *language)
{
	struct cgi *cgi = fake_cgi(method, "/");
	struct exchange *x;

	cgi->var[CGI_ACCEPT_LANGUAGE] = language;
	fake_conn_init(&conn, fake_loop());
	assert_non_null(x = exchange_new(&conn, cgi, NULL, &ids));
	assert_ptr_equal(conn.arg, x);
	return x;
}

static void
check_ended(const char *expected)
{
	assert_true(conn.ended);
	assert_string_equal(fake_conn_text(&conn), expected);
	fake_conn_free(&conn);
}

static struct buf
json_of(const char *text, size_t max)
{
	struct buf body;

	buf_init(&body, max);
	buf_adds(&body, text);
	return body;
}

static const char json_head[] = "Status: 200 OK\r\n"
				"Content-Type: application/json\r\n"
				"Content-Length: 9\r\n"
				"Cache-Control: no-store\r\n"
				"X-Content-Type-Options: nosniff\r\n"
				"X-Request-Id: req-1\r\n"
				"\r\n";

static void
test_json(void **state)
{
	struct buf body = json_of("{\"a\":1.5}", 100);
	char expected[512];

	(void)state;
	snprintf(expected, sizeof(expected), "%s%s", json_head, "{\"a\":1.5}");
	reply_json(begin("GET", ""), 200, &body);
	assert_null(body.data);
	assert_int_equal(conn.writes, 1);
	check_ended(expected);
}

static void
test_json_head(void **state)
{
	struct buf body = json_of("{\"a\":1.5}", 100);

	(void)state;
	reply_json(begin("HEAD", ""), 200, &body);
	check_ended(json_head);
}

static void
test_json_failed(void **state)
{
	struct buf body = json_of("too long for this", 3);

	(void)state;
	assert_true(body.failed);
	reply_json(begin("GET", ""), 200, &body);
	assert_memory_equal(fake_conn_text(&conn), "Status: 503 ", 12);
	assert_non_null(strstr(fake_conn_body(&conn), "\"unavailable\""));
	fake_conn_free(&conn);
}

static void
test_options(void **state)
{
	(void)state;
	reply_options(begin("OPTIONS", ""), "GET, HEAD, OPTIONS");
	check_ended("Status: 204 No Content\r\n"
		    "Cache-Control: no-store\r\n"
		    "X-Content-Type-Options: nosniff\r\n"
		    "Allow: GET, HEAD, OPTIONS\r\n"
		    "X-Request-Id: req-1\r\n"
		    "\r\n");
}

/* What stands between the fixed parts of a problem's reply. */
struct expected {
	const char *status, *extra, *members;
};

static void
check_problem(
    const char *language, const struct problem *p, const struct expected *e)
{
	char text[2048], body[1024];

	snprintf(
	    body, sizeof(body), "{\"type\":\"about:blank\",%s}", e->members);
	snprintf(text, sizeof(text),
	    "Status: %s\r\n"
	    "Content-Type: application/problem+json\r\n"
	    "Content-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "%s"
	    "X-Request-Id: req-1\r\n"
	    "\r\n%s",
	    e->status, strlen(body), e->extra, body);
	reply_problem(begin("POST", language), p);
	assert_int_equal(conn.writes, 1);
	check_ended(text);
}

static void
test_problems(void **state)
{
	struct sid sid;

	(void)state;
	assert_true(sid_parse(&sid, UUID, strlen(UUID)));
	check_problem("", &(struct problem){ .rc = RC_NOSESSION },
	    &(struct expected){ "404 Not Found", "",
		"\"title\":\"Introuvable\",\"status\":404,"
		"\"detail\":\"Session non trouvée ou expirée\","
		"\"code\":\"session_not_found\",\"request_id\":\"req-1\"" });
	check_problem("en", &(struct problem){ .rc = RC_NOSESSION },
	    &(struct expected){ "404 Not Found", "",
		"\"title\":\"Not Found\",\"status\":404,"
		"\"detail\":\"Session not found or expired\","
		"\"code\":\"session_not_found\",\"request_id\":\"req-1\"" });
	check_problem("fr",
	    &(struct problem){ .rc = RC_FIELD, .field = "message" },
	    &(struct expected){ "422 Unprocessable Content", "",
		"\"title\":\"Contenu non traitable\",\"status\":422,"
		"\"detail\":\"Un champ est absent ou incorrect\u00a0: "
		"message\",\"code\":\"invalid_field\","
		"\"request_id\":\"req-1\",\"field\":\"message\"" });
	check_problem("en",
	    &(struct problem){ .rc = RC_FIELD, .field = "stream" },
	    &(struct expected){ "422 Unprocessable Content", "",
		"\"title\":\"Unprocessable Content\",\"status\":422,"
		"\"detail\":\"A field is missing or wrong: stream\","
		"\"code\":\"invalid_field\",\"request_id\":\"req-1\","
		"\"field\":\"stream\"" });
	check_problem("en",
	    &(struct problem){ .rc = RC_METHOD, .allow = "POST, OPTIONS" },
	    &(struct expected){ "405 Method Not Allowed",
		"Allow: POST, OPTIONS\r\n",
		"\"title\":\"Method Not Allowed\",\"status\":405,"
		"\"detail\":\"This method is not allowed here\","
		"\"code\":\"method_not_allowed\",\"request_id\":\"req-1\"" });
	check_problem("en",
	    &(struct problem){
		.rc = RC_UNAVAILABLE, .sid = &sid, .retry_after = 7 },
	    &(struct expected){ "503 Service Unavailable", "Retry-After: 7\r\n",
		"\"title\":\"Service Unavailable\",\"status\":503,"
		"\"detail\":\"The service is unavailable at the moment\","
		"\"code\":\"unavailable\",\"request_id\":\"req-1\","
		"\"session_id\":\"" UUID "\"" });
}

static void
test_retry_after(void **state)
{
	static const struct {
		enum rc rc;
		bool retries;
	} cases[] = {
		{ RC_BUSY, true },
		{ RC_CAPACITY, true },
		{ RC_NOSESSION, false },
		{ RC_JSON, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		reply_rc(begin("POST", ""), cases[i].rc);
		assert_int_equal(
		    strstr(fake_conn_text(&conn), "\r\nRetry-After: ") != NULL,
		    cases[i].retries);
		fake_conn_free(&conn);
	}
}

/* Every result has a title in both languages. */
static void
test_titles(void **state)
{
	int rc;

	(void)state;
	for (rc = 0; rc < RC_COUNT; rc++) {
		assert_string_not_equal(
		    status_title(rc_status((enum rc)rc), LANG_EN), "Unknown");
		assert_string_not_equal(
		    status_title(rc_status((enum rc)rc), LANG_FR), "Inconnu");
	}
	assert_string_equal(status_title(299, LANG_EN), "Unknown");
}

static void
test_refuse(void **state)
{
	const char *length, *body;

	(void)state;
	fake_conn_init(&conn, fake_loop());
	exchange_refuse(&conn);
	assert_memory_equal(fake_conn_text(&conn), "Status: 503 ", 12);
	assert_non_null(
	    length = strstr(fake_conn_text(&conn), "Content-Length: "));
	body = fake_conn_body(&conn);
	assert_int_equal(strtol(length + 16, NULL, 10), strlen(body));
	assert_non_null(strstr(body, "\"code\":\"unavailable\""));
	assert_false(conn.ended);
	fake_conn_free(&conn);
}

#define LONGEST \
	"0123456789012345678901234567890123456789012345678901234567890123"

static void
test_request_id(void **state)
{
	static const struct {
		const char *sent;
		bool taken;
	} cases[] = {
		{ "a", true },
		{ "AZaz09._-", true },
		{ LONGEST, true },
		{ LONGEST "4", false },
		{ "", false },
		{ "a b", false },
		{ "a\r\nX: y", false },
		{ "é", false },
		{ "a\"", false },
	};
	char last[REQUEST_ID_SIZE] = "";
	struct exchange *x;
	struct cgi *cgi;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		cgi = fake_cgi("GET", "/");
		cgi->var[CGI_X_REQUEST_ID] = cases[i].sent;
		fake_conn_init(&conn, fake_loop());
		x = exchange_new(&conn, cgi, NULL, &ids);
		if (cases[i].taken) {
			assert_string_equal(x->request_id, cases[i].sent);
		} else {
			assert_int_equal(strlen(x->request_id), 16);
			assert_int_equal(
			    strspn(x->request_id, "0123456789abcdef"), 16);
			assert_string_not_equal(x->request_id, last);
			memcpy(last, x->request_id, sizeof(last));
		}
		exchange_abort(x);
	}
}

static const char stream_head[] =
    "Status: 200 OK\r\n"
    "Content-Type: text/event-stream; charset=utf-8\r\n"
    "Cache-Control: no-cache, no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Accel-Buffering: no\r\n"
    "X-Request-Id: req-1\r\n"
    "\r\n";

static void
send_event(struct exchange *x, struct buf *event, const char *json, bool fits)
{
	sse_begin(event);
	buf_adds(event, json);
	assert_int_equal(sse_send(x, event), fits);
}

static void
test_stream(void **state)
{
	struct exchange *x = begin("POST", "");
	struct buf event;
	char expected[512];

	(void)state;
	sse_open(x);
	assert_string_equal(fake_conn_text(&conn), stream_head);
	buf_init(&event, 15);
	send_event(x, &event, "{\"n\":1}", true);
	send_event(x, &event, "{\"n\":12}", false);
	send_event(x, &event, "{\"n\":123456789}", false);
	sse_comment(x);
	send_event(x, &event, "{\"n\":2}", true);
	snprintf(expected, sizeof(expected),
	    "%sdata: {\"n\":1}\n\n: ping\n\ndata: {\"n\":2}\n\n", stream_head);
	assert_string_equal(fake_conn_text(&conn), expected);
	assert_false(conn.ended);
	sse_close(x);
	check_ended(expected);
	buf_free(&event);
}

/* In the next turn of the loop there is a ping, if it is not called off. */
static void
ping_due(struct exchange *x)
{
	x->sent_ms = loop_now(fake_loop()) - SSE_PING_MS;
	loop_timer(fake_loop(), &x->ping, loop_now(fake_loop()));
}

/* Fire the ping's timer now, with the last bytes sent so long ago. */
static void
ping_after(struct exchange *x, int64_t silence)
{
	ping_due(x);
	x->sent_ms = loop_now(fake_loop()) - silence;
	loop_turn(fake_loop(), 0);
}

static void
test_ping(void **state)
{
	struct exchange *x = begin("POST", "");
	char expected[512];
	int64_t sent;

	(void)state;
	sse_open(x);
	sent = x->sent_ms;
	assert_true(x->ping.set);
	assert_int_equal(x->ping.at, sent + SSE_PING_MS);

	ping_after(x, 0);
	assert_string_equal(fake_conn_text(&conn), stream_head);
	assert_int_equal(x->ping.at, x->sent_ms + SSE_PING_MS);

	ping_after(x, SSE_PING_MS);
	snprintf(expected, sizeof(expected), "%s: ping\n\n", stream_head);
	assert_string_equal(fake_conn_text(&conn), expected);
	assert_true(x->ping.set);
	assert_int_equal(x->ping.at, x->sent_ms + SSE_PING_MS);

	ping_due(x);
	sse_close(x);
	loop_turn(fake_loop(), 0);
	check_ended(expected);
}

/* Exactly one line was written. */
static void
turn_queue_end(char *line, size_t size)
{
	capture_end(line, size);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void
check_has(const char *line, const char *what)
{
	if (strstr(line, what) == NULL)
		fail_msg("no %s in %s", what, line);
}

static void
test_log(void **state)
{
	static const struct route route = { METHOD_DELETE, "/session/{id}",
		NULL, 0, LIMIT_NONE };
	struct exchange *x;
	char line[2048], bytes[64], hash[SID_HASH_SIZE];

	(void)state;
	capture_begin();
	x = begin("DELETE", "");
	x->route = &route;
	assert_true(sid_parse(&x->log_sid, UUID, strlen(UUID)));
	sid_hash(hash, &x->log_sid);
	x->has_log_sid = true;
	reply_rc(x, RC_NOSESSION);
	turn_queue_end(line, sizeof(line));
	check_has(line, "event=request id=req-1 method=DELETE ");
	check_has(line, " route=\"/session/{id}\" status=404 duration_ms=");
	check_has(line, " code=session_not_found ");
	check_has(line, hash);
	snprintf(bytes, sizeof(bytes), " bytes=%zu\n", conn.out.len);
	check_has(line, bytes);
	assert_null(strstr(line, UUID));
	fake_conn_free(&conn);
}

static void
test_log_foreign(void **state)
{
	char line[2048];

	(void)state;
	capture_begin();
	reply_rc(begin("A\nVERY LONG METHOD", ""), RC_NOTFOUND);
	turn_queue_end(line, sizeof(line));
	check_has(line, " method=- route=- status=404 ");
	fake_conn_free(&conn);
}

static int left;

static void
on_abort(struct exchange *x, void *arg)
{
	assert_ptr_equal(arg, &left);
	assert_ptr_equal(x->conn, &conn);
	left++;
}

static void
test_abort(void **state)
{
	struct exchange *x;
	char line[2048];

	(void)state;
	capture_begin();
	x = begin("POST", "");
	x->on_abort = on_abort;
	x->arg = &left;
	sse_open(x);
	ping_due(x);
	exchange_abort(x);
	turn_queue_end(line, sizeof(line));
	assert_int_equal(left, 1);
	check_has(line, " status=200 ");
	check_has(line, " aborted=true\n");
	assert_false(conn.ended);
	loop_turn(fake_loop(), 0);
	fake_conn_free(&conn);
}

/* The store's answer comes after the client has left, and only then. */
static void
test_wait(void **state)
{
	struct exchange *x = begin("GET", "");

	(void)state;
	exchange_wait(x);
	assert_true(exchange_resume(x));
	exchange_wait(x);
	exchange_abort(x);
	assert_string_equal(x->request_id, "req-1");
	assert_false(exchange_resume(x));
	assert_false(conn.ended);
	assert_int_equal(conn.out.len, 0);
	fake_conn_free(&conn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_head),
		cmocka_unit_test(test_json_failed),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_request_id),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_foreign),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(
	    tests, fake_loop_setup, fake_loop_teardown);
}
