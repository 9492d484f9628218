/* Lists of origins, as people write them and as browsers mean them. */
#include "base/origins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
lists_are_of_origins_as_browsers_write_them(void **state)
{
	static const struct {
		const char *list;
		bool valid;
	} rows[] = {
		{ "", true },
		{ "*", true },
		{ "https://example.org", true },
		{ "https://example.org:8443", true },
		{ "http://localhost:3000", true },
		{ "http://127.0.0.1:8000", true },
		{ "http://[::1]:8000", true },
		{ "http://[2001:db8::1]", true },
		{ "https://xn--caf-dma.example", true },
		{ "https://a.example,https://b.example", true },
		{ "https://a.example, https://b.example ,", true },
		{ "http://a:443", true },
		{ "https://a:80", true },
		{ "chrome-extension://abcdefgh", true },
		{ "http://my_host.lan", true },
		{ "* ", false },
		{ "*, https://a.example", false },
		{ "https://a.example *", false },
		{ "https://*.example.org", false },
		{ "null", false },
		{ "example.org", false },
		{ "//example.org", false },
		{ "https:example.org", false },
		{ "https://", false },
		{ "https://example.org/", false },
		{ "https://example.org/chat", false },
		{ "https://example.org?x", false },
		{ "https://example.org#x", false },
		{ "https://user@example.org", false },
		{ "https://Example.org", false },
		{ "HTTPS://example.org", false },
		{ "https://caf\xc3\xa9.example", false },
		{ "https://example.org:", false },
		{ "https://example.org:0", false },
		{ "https://example.org:08443", false },
		{ "https://example.org:65535", true },
		{ "https://example.org:65536", false },
		{ "https://example.org:100000", false },
		{ "https://example.org:99999999999999999999", false },
		{ "https://example.org:84a", false },
		{ "https://example.org:443", false },
		{ "http://example.org:80", false },
		{ "http://[::1", false },
		{ "http://[]", false },
		{ "http://[::1]8000", false },
		{ "http://[::G]", false },
		{ "http://::1", false },
		{ "1http://a", false },
		{ "://a", false },
		{ "https://a.example;https://b.example", false },
		{ "https://a.example\r\nX: y", false },
		{ "https://a.example\x01", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (origins_valid(rows[i].list) != rows[i].valid)
			fail_msg("%s", rows[i].list);
}

static void
one_origin_has_a_length(void **state)
{
	char one[ORIGINS_MAX_ONE + 2];

	(void)state;
	memset(one, 'a', sizeof(one));
	memcpy(one, "https://", 8);
	one[ORIGINS_MAX_ONE] = '\0';
	assert_true(origins_valid(one));
	one[ORIGINS_MAX_ONE] = 'a';
	one[ORIGINS_MAX_ONE + 1] = '\0';
	assert_false(origins_valid(one));
}

static void
only_the_very_origin_is_in_the_list(void **state)
{
	static const char list[] = "https://a.example, "
				   "https://b.example:8443,http://c\t";
	static const struct {
		const char *origin;
		bool is;
	} rows[] = {
		{ "https://a.example", true },
		{ "https://b.example:8443", true },
		{ "http://c", true },
		{ "https://b.example", false },
		{ "http://a.example", false },
		{ "https://a.example:443", false },
		{ "https://A.example", false },
		{ "https://a.example.evil", false },
		{ "https://evil-a.example", false },
		{ "https://a.exampl", false },
		{ "https://a.example,", false },
		{ "https://a.example, https://b.example:8443", false },
		{ ",", false },
		{ "", false },
		{ "null", false },
		{ "*", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (origins_have(list, rows[i].origin) != rows[i].is)
			fail_msg("%s", rows[i].origin);
	assert_false(origins_have("", "https://a.example"));
	assert_false(origins_have("", ""));
	assert_false(origins_any(list));
	assert_false(origins_any(""));
	assert_true(origins_any("*"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_of_origins_as_browsers_write_them),
		cmocka_unit_test(one_origin_has_a_length),
		cmocka_unit_test(only_the_very_origin_is_in_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
