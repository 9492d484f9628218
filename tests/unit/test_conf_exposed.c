/* Where a key may go over plain HTTP. */
#include "conf/conf_exposed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_exposed(void **state)
{
	static const struct {
		const char *url;
		bool exposed;
	} rows[] = {
		{ "https://api.example/v1", false },
		{ "HTTPS://192.0.2.1", false },
		{ "http://localhost", false },
		{ "http://localhost:11434/v1", false },
		{ "HTTP://LocalHost/v1", false },
		{ "http://127.0.0.1:1234", false },
		{ "http://127.8.9.1/v1?x=y", false },
		{ "http://[::1]:8080/v1", false },
		{ "http://[::1]", false },
		{ "http://api.example/v1", true },
		{ "Http://api.example:443", true },
		{ "http://192.168.1.5:11434/v1", true },
		{ "http://[2001:db8::1]:80/v1", true },
		{ "http://ollama:11434/v1", true },
		{ "http://localhost.example", true },
		{ "http://127.0.0.1.example/v1", true },
		{ "http://127.example", true },
		{ "http://api.example/127.0.0.1", true },
		{ "http://", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# %s\n", rows[i].url);
		assert_int_equal(conf_is_exposed(rows[i].url), rows[i].exposed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exposed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
