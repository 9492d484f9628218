/* Cookies that come in, and the one that goes out. */
#include "http/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_conn.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define A        "0f8fad5b-d9cb-469f-a165-70867728950e"
#define UPPER    "0F8FAD5B-D9CB-469F-A165-70867728950E"
#define B        "3f2b8a30-5d0c-4a58-9a0e-6c1d1f7f0a11"

static void
test_find(void **state)
{
	static const struct {
		const char *header;
		const char *id; /* NULL: none */
	} cases[] = {
		{ "", NULL },
		{ "chat=" A, A },
		{ "chat=" UPPER, A },
		{ "chat=\"" A "\"", A },
		{ " chat=" A " ", A },
		{ "a=b; chat=" A, A },
		{ "a=b;chat=" A ";c=d", A },
		{ "chat=" A "; chat=" B, A },
		{ "chat=" B "; chat=" A, B },
		{ "chat=; chat=" B, B },
		{ "chat=x; chat=\"" B "\"", B },
		{ "chat=\"" A "; chat=" B, B },
		{ ";;; chat=" A, A },
		{ "chat", NULL },
		{ "chat=", NULL },
		{ "chat=\"", NULL },
		{ "chat=\"\"", NULL },
		{ "chat=" A "0", NULL },
		{ "chat=" A " x", NULL },
		{ "chat=\"" A, NULL },
		{ "chat =" A, NULL },
		{ "Chat=" A, NULL },
		{ "xchat=" A, NULL },
		{ "chatx=" A, NULL },
		{ "chat:" A, NULL },
		{ "x=chat=" A, NULL },
		{ "x=\"; chat=" A "\"", NULL },
		{ A, NULL },
	};
	char id[SID_TEXT_SIZE];
	struct sid sid;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		print_message("# %s\n", cases[i].header);
		if (!cookie_find(&sid, cases[i].header, "chat")) {
			assert_null(cases[i].id);
			continue;
		}
		sid_text(id, &sid);
		assert_non_null(cases[i].id);
		assert_string_equal(id, cases[i].id);
	}
}

static struct sid
sid_of(const char *text)
{
	struct sid sid;

	assert_true(sid_parse(&sid, text, strlen(text)));
	return sid;
}

static void
check_header(const struct exchange *x, const char *expected)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_adds(&b, "");
	cookie_add_header(&b, x);
	assert_string_equal(buf_string(&b), expected);
	buf_free(&b);
}

static void
test_give(void **state)
{
	static const struct cookie on = { "chat", "/" };
	static const struct cookie below = { "chat", "/api/bot" };
	struct cgi *cgi = fake_cgi("POST", "/session/new");
	struct exchange x = { .cgi = cgi, .cookie = &on };
	struct sid sid = sid_of(A);

	(void)state;
	check_header(&x, "");
	cookie_give(&x, &sid);
	check_header(&x, "Set-Cookie: chat=" A "; Path=/; HttpOnly; "
			 "SameSite=Lax\r\n");
	x.cookie = &below;
	cgi->var[CGI_HTTPS] = "on";
	check_header(&x, "Set-Cookie: chat=" A "; Path=/api/bot; HttpOnly; "
			 "SameSite=Lax; Secure\r\n");
	cgi->var[CGI_HTTPS] = "OFF";
	check_header(&x, "Set-Cookie: chat=" A "; Path=/api/bot; HttpOnly; "
			 "SameSite=Lax\r\n");
	free(cgi);
}

/* Only from the client that has it. */
static void
test_take(void **state)
{
	static const struct cookie on = { "chat", "/" };
	struct cgi *cgi = fake_cgi("DELETE", "/session/" A);
	struct exchange x = { .cgi = cgi, .cookie = &on };
	struct sid sid = sid_of(A);

	(void)state;
	cookie_take(&x, &sid);
	check_header(&x, "");
	cgi->var[CGI_COOKIE] = "chat=" B;
	cookie_take(&x, &sid);
	check_header(&x, "");
	cgi->var[CGI_COOKIE] = "chat=" A;
	cookie_take(&x, &sid);
	check_header(&x, "Set-Cookie: chat=; Max-Age=0; Path=/; HttpOnly; "
			 "SameSite=Lax\r\n");
	free(cgi);
}

static void
test_off(void **state)
{
	static const struct cookie off = { NULL, "/" };
	struct cgi *cgi = fake_cgi("POST", "/session/new");
	struct exchange x = { .cgi = cgi, .cookie = &off };
	struct sid sid = sid_of(A);
	int i;

	(void)state;
	cgi->var[CGI_COOKIE] = "=" A "; chat=" A;
	for (i = 0; i < 2; i++) {
		cookie_give(&x, &sid);
		cookie_take(&x, &sid);
		assert_false(cookie_session(&x, &sid));
		check_header(&x, "");
		x.cookie = NULL;
	}
	free(cgi);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_give),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
