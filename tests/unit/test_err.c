/* One line that says what went wrong, and where. */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
each_part_of_a_place_may_be_left_out(void **state)
{
	static const struct {
		struct err_place at;
		const char *says;
	} rows[] = {
		{ { NULL, NULL, 0 }, "is 7" },
		{ { "listen", NULL, 0 }, "listen: is 7" },
		{ { NULL, "/a", 0 }, "/a: is 7" },
		{ { "articles", "/a", 0 }, "articles: /a: is 7" },
		{ { "articles", "/a", 3 }, "articles: /a:3: is 7" },
	};
	struct err err = { "" };

	(void)state;
	assert_false(err_is_set(&err));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(err_put(&err, rows[i].at, "is %d", 7));
		assert_string_equal(err.text, rows[i].says);
		assert_true(err_is_set(&err));
	}
	err_clear(&err);
	assert_false(err_is_set(&err));
}

/* Whichever part is too long, the rest is left out. */
static void
what_is_too_long_is_cut_off(void **state)
{
	char many[2 * ERR_SIZE];
	struct err_place places[] = { { many, "/a", 1 }, { "a", many, 1 },
		{ "a", many, 0 }, { "a", "/a", 1 } };
	struct err err;

	(void)state;
	memset(many, 'x', sizeof(many));
	many[sizeof(many) - 1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memset(&err, 'y', sizeof(err));
		err_put(&err, places[i], "%s", many);
		assert_int_equal(strlen(err.text), ERR_SIZE - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_of_a_place_may_be_left_out),
		cmocka_unit_test(what_is_too_long_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
