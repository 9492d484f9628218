/* Whom a request is believed to come from. */
#include "http/client_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* Peer, X-Forwarded-For, and the client as it is shown. */
struct row {
	const char *peer, *forwarded, *client;
};

static void
check(const char *trusted, const struct row *rows, size_t count)
{
	char shown[ADDR_TEXT_SIZE];
	struct addr_set set;
	struct addr addr;
	struct cgi cgi = { .body = "" };

	assert_true(addr_set_parse(&set, trusted));
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < CGI_COUNT; k++)
			cgi.var[k] = "";
		cgi.var[CGI_REMOTE_ADDR] = rows[i].peer;
		cgi.var[CGI_X_FORWARDED_FOR] = rows[i].forwarded;
		addr = client_address(&cgi, &set);
		addr_text(shown, &addr);
		if (strcmp(shown, rows[i].client) != 0)
			fail_msg("%s, %s: %s", rows[i].peer, rows[i].forwarded,
			    shown);
	}
}

static void
nobody_is_believed_by_default(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.1", "", "192.0.2.1" },
		{ "192.0.2.1", "203.0.113.9", "192.0.2.1" },
		{ "127.0.0.1", "203.0.113.9", "127.0.0.1" },
		{ "2001:db8::1", "203.0.113.9", "2001:db8::1" },
		{ "fe80::1%eth0", "203.0.113.9", "fe80::1" },
		{ "", "203.0.113.9", "-" },
		{ "unix:", "203.0.113.9", "-" },
		{ "::", "203.0.113.9", "-" },
	};

	(void)state;
	check("", rows, sizeof(rows) / sizeof(rows[0]));
}

static void
the_rightmost_hop_that_is_no_proxy_counts(void **state)
{
	static const struct row rows[] = {
		{ "10.0.0.1", "203.0.113.9", "203.0.113.9" },
		{ "10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9" },
		{ "10.0.0.1", "198.51.100.7,203.0.113.9,10.0.0.2",
		    "203.0.113.9" },
		{ "10.0.0.1", "198.51.100.7, 203.0.113.9 , 10.2.0.2, 10.0.0.2",
		    "203.0.113.9" },
		{ "10.0.0.1", "2001:db8::5, 10.0.0.2", "2001:db8::5" },
		{ "10.0.0.1", "203.0.113.9, 2001:db8:ff::1", "203.0.113.9" },
		{ "2001:db8:ff::1", "203.0.113.9", "203.0.113.9" },
		/* who is not trusted says nothing of others */
		{ "192.0.2.1", "203.0.113.9", "192.0.2.1" },
		{ "192.0.2.1", "203.0.113.9, 10.0.0.2", "192.0.2.1" },
		{ "", "203.0.113.9", "-" },
		/* all are proxies: the first of them */
		{ "10.0.0.1", "", "10.0.0.1" },
		{ "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3" },
	};

	(void)state;
	check("10.0.0.0/8, 2001:db8:ff::/48", rows,
	    sizeof(rows) / sizeof(rows[0]));
}

static void
entries_have_several_forms(void **state)
{
	static const struct row rows[] = {
		{ "10.0.0.1", "203.0.113.9:41234", "203.0.113.9" },
		{ "10.0.0.1", "[2001:db8::5]", "2001:db8::5" },
		{ "10.0.0.1", "[2001:db8::5]:443", "2001:db8::5" },
		{ "10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9" },
		{ "10.0.0.1", "203.0.113.9,", "203.0.113.9" },
		{ "10.0.0.1", "203.0.113.9, ,, 10.0.0.2\t,", "203.0.113.9" },
		{ "10.0.0.1", ", ,", "10.0.0.1" },
	};

	(void)state;
	check("10.0.0.0/8", rows, sizeof(rows) / sizeof(rows[0]));
}

static void
what_is_malformed_ends_the_walk(void **state)
{
	static const char *const bad[] = { "unknown", "_hidden", "[::1", "[]",
		"[", "]", ":", "203.0.113.9:", "203.0.113.9:x",
		"203.0.113.9:123456", "203.0.113.9:80:80", "203.0.113",
		"203.0.113.9 203.0.113.8", "[2001:db8::5]443",
		"[2001:db8::5]:", "[2001:db8::5]:a", "\"203.0.113.9\"",
		"for=203.0.113.9", "\x01\xff", "203.0.113.9;" };
	char list[128];
	struct row row = { "10.0.0.1", list, NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		list[0] = '\0';
		strncat(list, bad[i], sizeof(list) - 1);
		row.client = "10.0.0.1";
		check("10.0.0.0/8", &row, 1);
		strncat(list, ", 10.0.0.2", sizeof(list) - strlen(list) - 1);
		row.client = "10.0.0.2";
		check("10.0.0.0/8", &row, 1);
	}
}

/* A proxy that is trusted may pass on as much as PARAMS can hold. */
static void
a_long_list_is_walked_once(void **state)
{
	static const char hop[] = "10.0.0.1,";
	size_t n = 7000, len = sizeof(hop) - 1;
	char *list = malloc(n * len + 1);
	struct row row = { "10.0.0.1", list, "10.0.0.1" };

	(void)state;
	assert_non_null(list);
	for (size_t i = 0; i < n; i++)
		memcpy(list + i * len, hop, len);
	list[n * len] = '\0';
	check("10.0.0.0/8", &row, 1);
	memcpy(list, "10.9.9.9,", len);
	row.client = "10.9.9.9";
	check("10.0.0.0/8", &row, 1);
	free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_believed_by_default),
		cmocka_unit_test(the_rightmost_hop_that_is_no_proxy_counts),
		cmocka_unit_test(entries_have_several_forms),
		cmocka_unit_test(what_is_malformed_ends_the_walk),
		cmocka_unit_test(a_long_list_is_walked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
