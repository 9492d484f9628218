/* Pairs that fit their bytes, and those of them that are asked for. */
#include "server/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S(text) (text), sizeof(text) - 1

static void
test_params_are_checked(void **state)
{
	static const struct {
		const char *params;
		size_t len;
		bool ok;
	} cases[] = {
		{ S(""), true },
		{ S("\1\1AB"), true },
		{ S("\1\0A"), true },
		{ S("\0\0"), true },
		{ S("\0\1B"), true },
		{ S("\1\1AB\2\0CD"), true },
		{ S("\200\0\0\1\1AB"), true },
		{ S("\1\200\0\0\1AB"), true },
		{ S("\200\0\0\0\200\0\0\0"), true },
		{ S("\1"), false },
		{ S("\1\1"), false },
		{ S("\1\1A"), false },
		{ S("\2\0A"), false },
		{ S("\0\2B"), false },
		{ S("\1\1ABC"), false },
		{ S("\1\1AB\1"), false },
		{ S("\200"), false },
		{ S("\200\0\0"), false },
		{ S("\200\0\0\1"), false },
		{ S("\200\0\0\1\200\0\0"), false },
		{ S("\200\0\0\2\1AB"), false },
		{ S("\377\377\377\376\0A"), false },
		{ S("\377\377\377\376\377\377\377\376AB"), false },
		{ S("\377\377\377\377\377\377\377\377AB"), false },
		{ S("\1\377\377\377\377AB"), false },
		{ S("\1\377\377\377\376AB"), false },
		{ S("\177\0A"), false },
		{ S("\1\3AB\0C"), true },
		{ S("\1\3NB\0C"), false },
		{ S("\1\1N\0"), false },
	};
	static const struct params_name list[] = { { S("N") } };
	struct params_names names;
	struct buf out;
	char *exact;
	size_t i;

	(void)state;
	buf_init(&out, 100);
	params_names_init(&names, list, 1);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		exact = malloc(cases[i].len > 0 ? cases[i].len : 1);
		assert_non_null(exact);
		memcpy(exact, cases[i].params, cases[i].len);
		if (params_pick(&out, exact, cases[i].len, &names) !=
		    cases[i].ok)
			fail_msg("case %zu", i);
		assert_int_equal(out.len, 0);
		free(exact);
	}
	assert_true(params_pick(&out, NULL, 0, &names));
	buf_free(&out);
}

static void
test_params_are_picked(void **state)
{
	static const char params[] = "\2\1AB1\1\1A2\3\1ABC3\2\1XY4\2\0AB";
	static const struct params_name list[] = { { S("AB") }, { S("ABC") },
		{ S("X") } };
	struct params_names names;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	params_names_init(&names, list, 3);
	assert_true(params_pick(&out, params, sizeof(params) - 1, &names));
	assert_int_equal(out.len, 11);
	assert_memory_equal(out.data, "\2\1AB1\3\1ABC3", out.len);
	assert_false(params_pick(&out, S("\2\3AB1\0002"), &names));
	buf_clear(&out);
	out.max = 4;
	assert_false(params_pick(&out, S("\2\1AB1"), &names));
	assert_true(out.failed);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params_are_checked),
		cmocka_unit_test(test_params_are_picked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
