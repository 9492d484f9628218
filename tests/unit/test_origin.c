/* Pages from here and from elsewhere: who is refused, who reads the reply. */
#include "http/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_conn.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/sse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LISTED   "https://a.example"
#define LIST     "https://b.example:8443, " LISTED
#define OTHER    "https://evil.example"
#define EXPOSE   "Access-Control-Expose-Headers: Retry-After, X-Request-Id\r\n"

/* list, origin, site: what came; foreign, allowed, varies: what it means */
static void
test_decision(void **state)
{
	static const struct {
		const char *list, *origin, *site;
		bool foreign;
		const char *allowed;
		bool varies;
	} cases[] = {
		/* programs, and what a page of the same origin reads */
		{ NULL, "", "", false, NULL, false },
		{ "", "", "", false, NULL, false },
		{ LIST, "", "", false, NULL, true },
		{ "*", "", "", false, "*", false },
		/* what the browser says of itself */
		{ NULL, "", "same-origin", false, NULL, false },
		{ NULL, OTHER, "same-origin", false, NULL, false },
		{ NULL, "null", "same-origin", false, NULL, false },
		{ NULL, "", "none", false, NULL, false },
		{ NULL, "", "same-site", true, NULL, false },
		{ NULL, "", "cross-site", true, NULL, false },
		{ NULL, LISTED, "cross-site", true, NULL, false },
		{ NULL, "", "Same-Origin", true, NULL, false },
		{ NULL, "", "same-origin, none", true, NULL, false },
		{ NULL, "", "sideways", true, NULL, false },
		/* browsers that do not say it, and plain HTTP */
		{ NULL, OTHER, "", true, NULL, false },
		{ NULL, "null", "", true, NULL, false },
		{ "", OTHER, "", true, NULL, false },
		/* a list */
		{ LIST, LISTED, "cross-site", false, LISTED, true },
		{ LIST, LISTED, "same-site", false, LISTED, true },
		{ LIST, LISTED, "same-origin", false, LISTED, true },
		{ LIST, LISTED, "", false, LISTED, true },
		{ LIST, OTHER, "cross-site", true, NULL, true },
		{ LIST, OTHER, "", true, NULL, true },
		{ LIST, OTHER, "same-origin", false, NULL, true },
		{ LIST, "", "cross-site", true, NULL, true },
		{ LIST, "null", "cross-site", true, NULL, true },
		{ LIST, "null", "", true, NULL, true },
		/* all */
		{ "*", OTHER, "cross-site", false, "*", false },
		{ "*", "null", "cross-site", false, "*", false },
		{ "*", OTHER, "", false, "*", false },
	};
	struct cgi *cgi = fake_cgi("POST", "/");
	struct origin o;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		print_message("# %s %s %s\n",
		    cases[i].list == NULL ? "-" : cases[i].list,
		    cases[i].origin, cases[i].site);
		cgi->var[CGI_ORIGIN] = cases[i].origin;
		cgi->var[CGI_SEC_FETCH_SITE] = cases[i].site;
		o = origin_of(cases[i].list, cgi);
		assert_int_equal(o.foreign, cases[i].foreign);
		assert_int_equal(o.varies, cases[i].varies);
		if (cases[i].allowed == NULL)
			assert_null(o.allowed);
		else
			assert_string_equal(o.allowed, cases[i].allowed);
	}
	free(cgi);
}

/* A browser that says only where the page is from, and the Host it asked. */
static void
test_the_page_of_the_host(void **state)
{
	static const struct {
		const char *origin, *host, *https;
		bool foreign;
	} cases[] = {
		{ "http://chat.example", "chat.example", "", false },
		{ "https://chat.example", "chat.example", "", false },
		{ "https://chat.example", "chat.example", "on", false },
		{ "http://chat.example", "chat.example", "on", true },
		{ "http://chat.example", "chat.example", "off", false },
		{ "http://chat.example:8000", "chat.example:8000", "", false },
		{ "http://chat.example:8000", "chat.example", "", false },
		{ "http://chat.example", "chat.example:8000", "", false },
		{ "http://chat.example:1", "chat.example:2", "", false },
		{ "http://chat.example", "CHAT.Example", "", false },
		{ "http://192.168.1.5:8000", "192.168.1.5", "", false },
		{ "http://[::1]:8000", "[::1]", "", false },
		{ "http://[::1]", "[::1]:8000", "", false },
		{ "http://[::1]", "[::2]", "", true },
		{ "http://[::1", "[::1", "", true },
		{ "http://[::1]x", "[::1]x", "", true },
		{ "http://chat.example", "", "", true },
		{ "http://", "", "", true },
		{ "http://:80", ":80", "", true },
		{ "null", "null", "", true },
		{ "chat.example", "chat.example", "", true },
		{ "ftp://chat.example", "chat.example", "", true },
		{ "http://chat.example", "chat.example.evil", "", true },
		{ "http://evil.chat.example", "chat.example", "", true },
		{ "http://chat.example.evil", "chat.example", "", true },
		{ "http://chat.exampl", "chat.example", "", true },
		{ "http://chat.example:x", "chat.example", "", true },
		{ "http://chat.example/", "chat.example", "", true },
		{ "http://chat.example@evil", "chat.example", "", true },
		{ "http://evil#chat.example", "chat.example", "", true },
		{ "http://chat.example http://x", "chat.example", "", true },
		{ "http://chat.example", "chat.example, evil", "", true },
	};
	struct cgi *cgi = fake_cgi("POST", "/");
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		print_message("# %s %s %s\n", cases[i].origin, cases[i].host,
		    cases[i].https);
		cgi->var[CGI_ORIGIN] = cases[i].origin;
		cgi->var[CGI_HOST] = cases[i].host;
		cgi->var[CGI_HTTPS] = cases[i].https;
		cgi->var[CGI_SEC_FETCH_SITE] = "";
		assert_int_equal(
		    origin_of(NULL, cgi).foreign, cases[i].foreign);
		/* what the browser says of itself goes before it */
		cgi->var[CGI_SEC_FETCH_SITE] = "cross-site";
		assert_true(origin_of(NULL, cgi).foreign);
		cgi->var[CGI_SEC_FETCH_SITE] = "same-origin";
		assert_false(origin_of(NULL, cgi).foreign);
	}
	free(cgi);
}

static void
test_headers(void **state)
{
	static const struct {
		struct origin origin;
		const char *headers;
	} cases[] = {
		{ { NULL, false, false }, "" },
		{ { NULL, false, true }, "" },
		{ { NULL, true, true }, "Vary: Origin\r\n" },
		{ { "*", false, false },
		    "Access-Control-Allow-Origin: *\r\n" EXPOSE },
		{ { LISTED, true, false },
		    "Vary: Origin\r\n"
		    "Access-Control-Allow-Origin: " LISTED "\r\n" EXPOSE },
	};
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		buf_init(&b, 1024);
		buf_adds(&b, "");
		origin_add_headers(&b, &cases[i].origin);
		assert_string_equal(buf_string(&b), cases[i].headers);
		buf_free(&b);
	}
}

static void
test_preflight(void **state)
{
	static const char whole[] =
	    "Access-Control-Allow-Methods: POST, OPTIONS\r\n"
	    "Access-Control-Allow-Headers: "
	    "Content-Type, Idempotency-Key, X-Request-Id\r\n"
	    "Access-Control-Max-Age: 7200\r\n";
	char out[512];

	(void)state;
	assert_true(origin_preflight(out, sizeof(out), "POST, OPTIONS"));
	assert_string_equal(out, whole);
	assert_true(origin_preflight(out, sizeof(whole), "POST, OPTIONS"));
	assert_false(origin_preflight(out, sizeof(whole) - 1, "POST, OPTIONS"));
}

/*
 * Through the dispatcher.
 */

static void
handle_json(struct exchange *x)
{
	struct buf body;

	buf_init(&body, 16);
	buf_adds(&body, "{}");
	reply_json(x, 200, &body);
}

static void
handle_stream(struct exchange *x)
{
	sse_open(x);
	sse_close(x);
}

static const struct route routes[] = {
	{ .method = METHOD_GET, .path = "/look", .handle = handle_json },
	{ .method = METHOD_POST,
	    .path = "/change",
	    .handle = handle_json,
	    .flags = ROUTE_CHANGES | ROUTE_DRAINS | ROUTE_JSON },
	{ .method = METHOD_POST,
	    .path = "/stream",
	    .handle = handle_stream,
	    .flags = ROUTE_CHANGES },
};
static const struct route_table table = { routes,
	sizeof(routes) / sizeof(routes[0]) };

/* The reply's text; to be freed with its conn. */
static const char *
dispatch(struct conn *conn, const char *list, const char *origin,
    const char *method, const char *path)
{
	struct router router = {
		.table = &table,
		.base_path = "",
		.origins = list,
	};
	struct cgi *cgi = fake_cgi(method, path);
	uint64_t ids = 0;

	cgi->var[CGI_ORIGIN] = origin;
	cgi->var[CGI_CONTENT_TYPE] = "application/json";
	fake_conn_init(conn, fake_loop());
	route_dispatch(&router, exchange_new(conn, cgi, NULL, &ids), false);
	assert_true(conn->ended);
	return fake_conn_text(conn);
}

static void
test_routes(void **state)
{
	static const struct {
		const char *list, *origin, *method, *path;
		const char *status;
		bool allowed;
	} cases[] = {
		{ NULL, "", "POST", "/change", "200", false },
		{ NULL, OTHER, "POST", "/change", "403", false },
		{ NULL, OTHER, "POST", "/stream", "403", false },
		{ NULL, OTHER, "GET", "/look", "200", false },
		{ NULL, OTHER, "HEAD", "/look", "200", false },
		{ NULL, OTHER, "OPTIONS", "/change", "204", false },
		{ NULL, OTHER, "POST", "/look", "405", false },
		{ NULL, OTHER, "POST", "/nothing", "404", false },
		{ LIST, LISTED, "POST", "/change", "200", true },
		{ LIST, LISTED, "POST", "/stream", "200", true },
		{ LIST, LISTED, "GET", "/look", "200", true },
		{ LIST, LISTED, "OPTIONS", "/change", "204", true },
		{ LIST, LISTED, "POST", "/look", "405", true },
		{ LIST, LISTED, "POST", "/nothing", "404", true },
		{ LIST, OTHER, "POST", "/change", "403", false },
		{ LIST, OTHER, "GET", "/look", "200", false },
		{ LIST, OTHER, "OPTIONS", "/change", "204", false },
	};
	const char *text;
	struct conn conn;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		print_message("# %s %s %s\n", cases[i].method, cases[i].path,
		    cases[i].origin);
		text = dispatch(&conn, cases[i].list, cases[i].origin,
		    cases[i].method, cases[i].path);
		assert_memory_equal(text + 8, cases[i].status, 3);
		assert_int_equal(strstr(text, "\r\nVary: Origin\r\n") != NULL,
		    cases[i].list != NULL);
		assert_int_equal(
		    strstr(text, "\r\nAccess-Control-Allow-Origin: " LISTED
				 "\r\n" EXPOSE) != NULL,
		    cases[i].allowed);
		assert_int_equal(
		    strstr(text, "\r\nAccess-Control-Allow-Methods: ") != NULL,
		    cases[i].allowed && strcmp(cases[i].status, "204") == 0);
		assert_null(strstr(text, "Credentials"));
		fake_conn_free(&conn);
	}
}

/* The refusal stands before all that a row requires. */
static void
test_refusal(void **state)
{
	struct router router = { .table = &table, .base_path = "" };
	struct cgi *cgi = fake_cgi("POST", "/change");
	struct conn conn;
	uint64_t ids = 0;

	(void)state;
	cgi->var[CGI_SEC_FETCH_SITE] = "cross-site";
	cgi->body_over = true;
	fake_conn_init(&conn, fake_loop());
	route_dispatch(&router, exchange_new(&conn, cgi, NULL, &ids), true);
	assert_non_null(
	    strstr(fake_conn_body(&conn), "\"code\":\"origin_not_allowed\""));
	fake_conn_free(&conn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decision),
		cmocka_unit_test(test_the_page_of_the_host),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_preflight),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests(
	    tests, fake_loop_setup, fake_loop_teardown);
}
