/* From a request's headers to its handler, or to the problem in its place. */
#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_conn.h"
#include "http/reply.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UUID     "0f8fad5b-d9cb-469f-a165-70867728950e"
#define UPPER    "0F8FAD5B-D9CB-469F-A165-70867728950E"

static void
test_match(void **state)
{
	static const struct {
		const char *pattern, *path;
		const char *id; /* NULL: does not fit */
	} cases[] = {
		{ "/health", "/health", "" },
		{ "/health", "/health/", NULL },
		{ "/health", "/healthy", NULL },
		{ "/health", "/heal", NULL },
		{ "/health", "/HEALTH", NULL },
		{ "/health", "", NULL },
		{ "/s/{id}", "/s/abc", "abc" },
		{ "/s/{id}", "/s/", NULL },
		{ "/s/{id}", "/s", NULL },
		{ "/s/{id}", "/s/abc/", NULL },
		{ "/s/{id}", "/s/abc/info", NULL },
		{ "/s/{id}", "/t/abc", NULL },
		{ "/s/{id}/info", "/s/abc/info", "abc" },
		{ "/s/{id}/info", "/s//info", NULL },
		{ "/s/{id}/info", "/s/abc", NULL },
		{ "/s/{id}/info", "/s/abc/info/", NULL },
		{ "/s/{id}/info", "/s/a/b/info", NULL },
		{ "/s/{id}/info", "/s/abc/information", NULL },
	};
	const char *id;
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		print_message("# %s %s\n", cases[i].pattern, cases[i].path);
		if (!route_match(cases[i].pattern, cases[i].path, &id, &len)) {
			assert_null(cases[i].id);
			continue;
		}
		assert_non_null(cases[i].id);
		assert_int_equal(len, strlen(cases[i].id));
		if (len == 0)
			assert_null(id);
		else
			assert_memory_equal(id, cases[i].id, len);
	}
}

/*
 * The dispatcher, with a table of its own. A handler answers with its name.
 */

static void
answer(struct exchange *x, const char *name)
{
	char id[SID_TEXT_SIZE];
	struct buf body;

	buf_init(&body, 1024);
	buf_adds(&body, name);
	if (x->has_log_sid) {
		sid_text(id, &x->sid);
		buf_addf(&body, " %s", id);
	}
	reply_json(x, 200, &body);
}

static void
handle_health(struct exchange *x)
{
	answer(x, "health");
}

static void
handle_new(struct exchange *x)
{
	answer(x, "new");
}

static void
handle_chat(struct exchange *x)
{
	answer(x, "chat");
}

static void
handle_info(struct exchange *x)
{
	answer(x, "info");
}

static void
handle_delete(struct exchange *x)
{
	answer(x, "delete");
}

static void
handle_post(struct exchange *x)
{
	answer(x, "post");
}

static const struct route routes[] = {
	{ METHOD_GET, "/health", handle_health, 0, LIMIT_NONE },
	{ METHOD_POST, "/session/new", handle_new, ROUTE_DRAINS, LIMIT_NONE },
	{ METHOD_POST, "/session/chat", handle_chat, ROUTE_DRAINS | ROUTE_JSON,
	    LIMIT_NONE },
	{ METHOD_GET, "/session/{id}/info", handle_info, 0, LIMIT_NONE },
	{ METHOD_DELETE, "/session/{id}", handle_delete, 0, LIMIT_NONE },
	{ METHOD_POST, "/session/{id}", handle_post, ROUTE_JSON, LIMIT_NONE },
};
static const struct route_table table = { routes,
	sizeof(routes) / sizeof(routes[0]) };

struct request {
	const char *method, *uri;
	const char *type;    /* Content-Type, NULL: none */
	const char *base;    /* NULL: none */
	const char *refused; /* REDIRECT_STATUS, NULL: none */
	bool draining, over, malformed;
};

/* Send a request to the table; the reply is in conn. */
static void
dispatch(struct conn *conn, const struct request *r)
{
	struct router router = { .table = &table,
		.base_path = r->base == NULL ? "" : r->base };
	struct cgi *cgi = fake_cgi(r->method, r->uri);
	struct exchange *x;
	uint64_t ids = 0;

	if (r->type != NULL)
		cgi->var[CGI_CONTENT_TYPE] = r->type;
	if (r->refused != NULL)
		cgi->var[CGI_REDIRECT_STATUS] = r->refused;
	cgi->body_over = r->over;
	cgi->malformed = r->malformed;
	fake_conn_init(conn, fake_loop());
	x = exchange_new(conn, cgi, NULL, &ids);
	assert_non_null(x);
	route_dispatch(&router, x, r->draining);
	assert_true(conn->ended);
}

/*
 * Whether the reply is what is expected: the name of a handler, or the code of
 * a problem, or "204".
 */
static void
check(const struct request *r, const char *expected)
{
	struct conn conn;
	char code[64];
	const char *text;

	print_message(
	    "# %s %s %s\n", r->method, r->uri, r->type == NULL ? "" : r->type);
	dispatch(&conn, r);
	text = fake_conn_text(&conn);
	if (strncmp(text, "Status: 200 ", 12) == 0) {
		assert_string_equal(fake_conn_body(&conn), expected);
	} else if (strncmp(text, "Status: 204 ", 12) == 0) {
		assert_string_equal("204", expected);
	} else {
		snprintf(code, sizeof(code), "\"code\":\"%s\"", expected);
		assert_non_null(strstr(text, code));
	}
	fake_conn_free(&conn);
}

static void
test_paths(void **state)
{
	static const struct {
		const char *uri, *expected;
	} cases[] = {
		{ "/health", "health" },
		{ "/health?", "health" },
		{ "/health?a=/b#c", "health" },
		{ "/health#part", "health" },
		{ "/health/", "health" },
		{ "/health/?x", "health" },
		{ "/health//", "not_found" },
		{ "/health/./", "not_found" },
		{ "//health", "not_found" },
		{ "//", "not_found" },
		{ "/./health", "not_found" },
		{ "/a/../health", "not_found" },
		{ "/%68ealth", "health" },
		{ "/healt%68", "health" },
		{ "/HEALTH", "not_found" },
		{ "/health%3f", "not_found" },
		{ "/health%", "not_found" },
		{ "/health%6", "not_found" },
		{ "/healt%6?8", "not_found" },
		{ "/healt%g8", "not_found" },
		{ "/health%00", "not_found" },
		{ "/health%00/x", "not_found" },
		{ "/%2568ealth", "not_found" },
		{ "http://example.org/health", "health" },
		{ "HTTPS://example.org:8000/health?x", "health" },
		{ "http://example.org", "not_found" },
		{ "http://example.org?/health", "not_found" },
		{ "ftp://example.org/health", "not_found" },
		{ "x?http://a/health", "not_found" },
		{ "health", "not_found" },
		{ "*", "not_found" },
		{ "/", "not_found" },
		{ "?", "not_found" },
		{ "/session/" UUID "/info", "info " UUID },
		{ "/session/" UPPER "/info", "info " UUID },
		{ "/session/" UUID "/info/", "info " UUID },
		{ "/session/" UUID "//info/", "not_found" },
		{ "/session/", "not_found" },
		{ "/session/" UUID "0/info", "invalid_session_id" },
		{ "/session/x/info", "invalid_session_id" },
		{ "/session/%20" UUID "/info", "invalid_session_id" },
		{ "/session/{id}/info", "invalid_session_id" },
		{ "/session//info", "not_found" },
		{ "/session/a%2Fb/info", "not_found" },
	};
	char *longest;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		check(&(struct request){ .method = "GET", .uri = cases[i].uri },
		    cases[i].expected);

	longest = malloc(65536);
	assert_non_null(longest);
	memset(longest, 'a', 65535);
	longest[0] = '/';
	longest[65535] = '\0';
	check(
	    &(struct request){ .method = "GET", .uri = longest }, "not_found");
	free(longest);
}

static void
test_script_name(void **state)
{
	struct router router = { .table = &table, .base_path = "/api" };
	struct cgi *cgi = fake_cgi("GET", "");
	struct conn conn;
	uint64_t ids = 0;

	(void)state;
	cgi->var[CGI_SCRIPT_NAME] = "/api";
	cgi->var[CGI_PATH_INFO] = "/health";
	fake_conn_init(&conn, fake_loop());
	route_dispatch(&router, exchange_new(&conn, cgi, NULL, &ids), false);
	assert_string_equal(fake_conn_body(&conn), "health");
	fake_conn_free(&conn);
}

static void
test_base_path(void **state)
{
	static const struct {
		const char *uri, *expected;
	} cases[] = {
		{ "/api/bot/health", "health" },
		{ "/%61pi/bot/health?x", "health" },
		{ "/api/bot/session/" UUID "/info", "info " UUID },
		{ "/health", "not_found" },
		{ "/api/bot", "not_found" },
		{ "/api/bot/", "not_found" },
		{ "/api/bot/health/", "health" },
		{ "/api/bothealth", "not_found" },
		{ "/api/bot/api/bot/health", "not_found" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		check(&(struct request){ .method = "GET",
			  .uri = cases[i].uri,
			  .base = "/api/bot" },
		    cases[i].expected);
}

static void
test_methods(void **state)
{
	static const struct {
		const char *method, *uri, *expected;
		const char *allow;
	} cases[] = {
		{ "POST", "/session/new", "new", NULL },
		{ "post", "/session/new", "method_not_allowed",
		    "POST, OPTIONS" },
		{ "DELETE", "/session/new", "method_not_allowed",
		    "POST, OPTIONS" },
		{ "DELETE", "/session/" UUID, "delete " UUID, NULL },
		{ "GET", "/session/" UUID, "method_not_allowed",
		    "POST, DELETE, OPTIONS" },
		{ "GET", "/session/x", "method_not_allowed",
		    "POST, DELETE, OPTIONS" },
		{ "PUT", "/health", "method_not_allowed",
		    "GET, HEAD, OPTIONS" },
		{ "", "/health", "method_not_allowed", "GET, HEAD, OPTIONS" },
		{ "HEAD", "/session/new", "method_not_allowed",
		    "POST, OPTIONS" },
		{ "OPTIONS", "/health", "204", "GET, HEAD, OPTIONS" },
		{ "OPTIONS", "/session/x/info", "204", "GET, HEAD, OPTIONS" },
		{ "OPTIONS", "/nothing", "not_found", NULL },
		{ "PUT", "/nothing", "not_found", NULL },
	};
	struct request r;
	struct conn conn;
	char allow[64];
	const char *found;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		r = (struct request){ .method = cases[i].method,
			.uri = cases[i].uri };
		if (strcmp(r.method, "HEAD") != 0)
			check(&r, cases[i].expected);
		dispatch(&conn, &r);
		found = strstr(fake_conn_text(&conn), "\r\nAllow: ");
		if (cases[i].allow == NULL) {
			assert_null(found);
		} else {
			snprintf(allow, sizeof(allow), "\r\nAllow: %s\r\n",
			    cases[i].allow);
			assert_non_null(found);
			assert_memory_equal(found, allow, strlen(allow));
		}
		fake_conn_free(&conn);
	}
}

static void
test_head(void **state)
{
	const struct request get = { .method = "GET", .uri = "/health" };
	const struct request head = { .method = "HEAD", .uri = "/health" };
	struct conn a, b;
	const char *body;

	(void)state;
	dispatch(&a, &get);
	dispatch(&b, &head);
	body = fake_conn_body(&a);
	assert_string_equal(body, "health");
	assert_int_equal(b.out.len, a.out.len - strlen(body));
	assert_memory_equal(a.out.data, b.out.data, b.out.len);
	fake_conn_free(&a);
	fake_conn_free(&b);
}

static void
test_media_types(void **state)
{
	static const struct {
		const char *type, *expected;
	} cases[] = {
		{ "application/json", "chat" },
		{ "Application/JSON", "chat" },
		{ "application/json; charset=utf-8", "chat" },
		{ "application/json;charset=UTF-8", "chat" },
		{ "application/json ; Charset=\"utf-8\"", "chat" },
		{ "application/json; a=b; charset=utf-8; c=d", "chat" },
		{ "application/json;", "chat" },
		{ "application/json; a=b", "chat" },
		{ "application/json; charset=utf-16", NULL },
		{ "application/json; charset=utf-80", NULL },
		{ "application/json; charset=iso-8859-1", NULL },
		{ "application/json; charset=", NULL },
		{ "application/json; a=b;charset=latin1", NULL },
		{ "application/jsonp", NULL },
		{ "application/json+x", NULL },
		{ "application/problem+json", NULL },
		{ "application/x-www-form-urlencoded", NULL },
		{ "text/plain", NULL },
		{ "", NULL },
		{ ";charset=utf-8", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		check(&(struct request){ .method = "POST",
			  .uri = "/session/chat",
			  .type = cases[i].type },
		    cases[i].expected == NULL ? "unsupported_media_type"
					      : cases[i].expected);
}

/* What is found first is answered first. */
static void
test_order(void **state)
{
	struct request r = { .method = "PUT",
		.uri = "/session/chat//",
		.malformed = true,
		.draining = true,
		.over = true };

	(void)state;
	check(&r, "not_found");
	r.uri = "/session/chat";
	check(&r, "method_not_allowed");
	r.method = "OPTIONS";
	check(&r, "204");
	r.method = "POST";
	check(&r, "invalid_request");
	r.malformed = false;
	check(&r, "unavailable");
	r.draining = false;
	check(&r, "body_too_large");
	r.over = false;
	check(&r, "unsupported_media_type");
	r.uri = "/session/x";
	check(&r, "unsupported_media_type");
	r.type = "application/json";
	check(&r, "invalid_session_id");
	r.uri = "/session/" UUID;
	check(&r, "post " UUID);
}

/* What a web server has refused before it asked us to say so. */
static void
test_refused(void **state)
{
	static const struct {
		const char *status, *expected;
	} cases[] = {
		{ "400", "invalid_request" }, { "403", "invalid_request" },
		{ "404", "not_found" }, { "405", "method_not_allowed" },
		{ "408", "invalid_request" }, { "413", "body_too_large" },
		{ "414", "uri_too_long" }, { "417", "invalid_request" },
		{ "431", "headers_too_large" }, { "500", "unavailable" },
		{ "501", "not_implemented" }, { "503", "unavailable" },
		{ "505", "invalid_request" },
		/* it was not refused */
		{ "", "health" }, { "200", "health" }, { "304", "health" },
		{ "4", "health" }, { "4000", "health" }, { "x", "health" },
		{ "411", "method_not_allowed" }, /* it was a POST */
	};
	struct request r = { .method = "GET", .uri = "/health" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		r.refused = cases[i].status;
		check(&r, cases[i].expected);
	}
}

static void
test_draining(void **state)
{
	struct request r = {
		.method = "POST", .uri = "/session/new", .draining = true
	};

	(void)state;
	check(&r, "unavailable");
	r.method = "GET";
	r.uri = "/health";
	check(&r, "health");
}

static void
test_body_ignored(void **state)
{
	(void)state;
	check(&(struct request){ .method = "POST",
		  .uri = "/session/new",
		  .type = "text/plain",
		  .over = true },
	    "new");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_script_name),
		cmocka_unit_test(test_base_path),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_media_types),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_draining),
		cmocka_unit_test(test_body_ignored),
	};

	return cmocka_run_group_tests(
	    tests, fake_loop_setup, fake_loop_teardown);
}
