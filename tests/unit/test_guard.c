/* Where the dispatcher and the replies meet the limits. */
#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fake_conn.h"
#include "http/reply.h"
#include "http/route.h"
#include "log/metrics.h"

#define UUID "550e8400-e29b-41d4-a716-446655440000"

static struct metrics_all metrics;
static struct limits *limits;
static struct loop *loop;

static void
handle_new(struct exchange *x)
{
	struct buf body;

	buf_init(&body, 64);
	buf_adds(&body, guard_creator(x) == NULL ? "anybody" : "own");
	reply_json(x, 200, &body);
}

static void
handle_info(struct exchange *x)
{
	reply_rc(x, RC_NOSESSION);
}

static void
handle_full(struct exchange *x)
{
	reply_rc(x, RC_TOO_MANY_SESSIONS);
}

static void
handle_busy(struct exchange *x)
{
	reply_rc(x, RC_TOO_MANY_TURNS);
}

static void
handle_spent(struct exchange *x)
{
	reply_rc(x, RC_BUDGET);
}

static const struct route routes[] = {
	{ METHOD_POST, "/session/new", handle_new, ROUTE_DRAINS, LIMIT_NEW },
	{ METHOD_POST, "/session/chat", handle_new, ROUTE_JSON, LIMIT_CHAT },
	{ METHOD_GET, "/full", handle_full, 0, LIMIT_NONE },
	{ METHOD_GET, "/busy", handle_busy, 0, LIMIT_NONE },
	{ METHOD_GET, "/spent", handle_spent, 0, LIMIT_NONE },
	{ METHOD_GET, "/session/{id}/info", handle_info, 0, LIMIT_NONE },
};
static const struct route_table table = { routes,
	sizeof(routes) / sizeof(routes[0]) };

static int
setup(void **state)
{
	const struct limit_conf conf = {
		.rate = { [LIMIT_NEW] = { 2, 60 },
		    [LIMIT_CHAT] = { 1, 7 },
		    [LIMIT_GUESS] = { 3, 60 } },
	};

	(void)state;
	loop = loop_new(0);
	metrics_all_init(&metrics);
	metrics_join(&metrics, loop_metrics(loop));
	limits = limits_open(&conf);
	return limits == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	limits_close(limits);
	metrics_leave(&metrics, loop_metrics(loop));
	metrics_all_destroy(&metrics);
	loop_free(loop);
	return 0;
}

/* Ask from an address; the reply's text, to be freed with conn. */
static const char *
ask(struct conn *conn, const char *address, const char *method,
    const char *path, bool draining)
{
	struct router router = { .table = &table, .base_path = "" };
	struct exchange *x;
	uint64_t ids = 0;

	fake_conn_init(conn, loop);
	x = exchange_new(conn, fake_cgi(method, path), NULL, &ids);
	assert_non_null(x);
	assert_true(addr_parse(&x->client, address, strlen(address)));
	x->creator = addr_key(&x->client);
	x->limits = limits;
	route_dispatch(&router, x, draining);
	assert_true(conn->ended);
	return fake_conn_text(conn);
}

/* The same; has the reply this status and this text? */
static void
check(const char *address, const char *method, const char *path, int status,
    const char *part)
{
	char line[32];
	struct conn conn;
	const char *text = ask(&conn, address, method, path, false);

	snprintf(line, sizeof(line), "Status: %d ", status);
	if (strncmp(text, line, strlen(line)) != 0 ||
	    strstr(text, part) == NULL)
		fail_msg("%s %s: %s", method, path, text);
	fake_conn_free(&conn);
}

static uint64_t
limited(enum metrics_limited row)
{
	struct metrics_sum sum;

	metrics_sum(&metrics, &sum);
	return sum.cell[METRIC_LIMITED + row];
}

static void
a_row_names_the_bucket_it_takes_from(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		check("192.0.2.1", "POST", "/session/new", 200, "anybody");
	for (int i = 0; i < 5; i++)
		check("192.0.2.1", "POST", "/session/new", 429,
		    "\"code\":\"rate_limited\"");
	check("192.0.2.1", "POST", "/session/new", 429, "Retry-After: 30\r\n");
	check("192.0.2.2", "POST", "/session/new", 200, "anybody");
	assert_int_equal(limited(LIMITED_RATE), 6);
}

/* What is refused before costs no token. */
static void
a_token_is_taken_last(void **state)
{
	struct conn conn;
	const char *text;

	(void)state;
	for (int i = 0; i < 5; i++) {
		text = ask(&conn, "192.0.2.1", "POST", "/session/new", true);
		assert_non_null(strstr(text, "Status: 503 "));
		fake_conn_free(&conn);
		check("192.0.2.1", "POST", "/session/chat", 415, "");
		check("192.0.2.1", "GET", "/session/new", 405, "");
		check("192.0.2.1", "OPTIONS", "/session/new", 204, "");
	}
	check("192.0.2.1", "POST", "/session/new", 200, "anybody");
}

static void
wrong_ids_have_a_bucket_of_their_own(void **state)
{
	static const char *const paths[] = { "/session/" UUID "/info",
		"/session/x/info" };

	(void)state;
	check("192.0.2.1", "GET", paths[0], 404, "session_not_found");
	check("192.0.2.1", "GET", paths[1], 400, "invalid_session_id");
	check("192.0.2.1", "POST", "/session/new", 200, "anybody");
	check("192.0.2.1", "GET", paths[0], 404, "session_not_found");
	for (int i = 0; i < 4; i++)
		check("192.0.2.1", "GET", paths[i % 2], 429,
		    "Retry-After: 20\r\n");
	check("192.0.2.1", "POST", "/session/new", 200, "own");
	check("192.0.2.1", "GET", "/nowhere", 404, "not_found");
	check("192.0.2.2", "GET", paths[0], 404, "session_not_found");
	assert_int_equal(limited(LIMITED_RATE), 4);
}

static void
every_refusal_has_a_retry_after_and_is_counted(void **state)
{
	static const struct {
		const char *path, *code;
		enum metrics_limited row;
	} rows[] = {
		{ "/full", "too_many_sessions", LIMITED_SESSIONS },
		{ "/busy", "too_many_turns", LIMITED_TURNS },
		{ "/spent", "budget_exhausted", LIMITED_BUDGET },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check("192.0.2.1", "GET", rows[i].path, 429, rows[i].code);
		check(
		    "192.0.2.1", "GET", rows[i].path, 429, "\r\nRetry-After: ");
		assert_int_equal(limited(rows[i].row), 2);
	}
	assert_int_equal(limited(LIMITED_RATE), 0);
}

static void
without_limits_all_get_through(void **state)
{
	(void)state;
	limits_close(limits);
	limits = NULL;
	for (int i = 0; i < 50; i++) {
		check("192.0.2.1", "POST", "/session/new", 200, "anybody");
		check("192.0.2.1", "GET", "/session/x/info", 400,
		    "invalid_session_id");
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_row_names_the_bucket_it_takes_from),
		TEST(a_token_is_taken_last),
		TEST(wrong_ids_have_a_bucket_of_their_own),
		TEST(every_refusal_has_a_retry_after_and_is_counted),
		TEST(without_limits_all_get_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
