/* The end of a request: its body is overwritten. */
#include "server/cgi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wiped.h"

static void
a_body_of_its_own_is_overwritten(void **state)
{
	static const char body[] = "Bonjour";
	struct cgi *cgi = calloc(1, sizeof(*cgi) + sizeof(body));

	(void)state;
	assert_non_null(cgi);
	cgi->body = memcpy(cgi + 1, body, sizeof(body));
	cgi->body_len = sizeof(body) - 1;
	cgi->body_own = true;
	wiped_forget();
	cgi_free(cgi);
	assert_string_equal(wiped_last()->text, body);
	assert_int_equal(wiped_last()->len, sizeof(body) - 1);
}

static void
another_one_is_left_alone(void **state)
{
	struct cgi *cgi = calloc(1, sizeof(*cgi));

	(void)state;
	assert_non_null(cgi);
	cgi->body = "Bonjour";
	cgi->body_len = 7;
	wiped_forget();
	cgi_free(cgi);
	cgi_free(NULL);
	assert_null(wiped_last()->at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_of_its_own_is_overwritten),
		cmocka_unit_test(another_one_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
