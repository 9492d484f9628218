/* Dates in both languages; only French has a first of the month. */
#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
a_date_is_written_in_its_language(void **state)
{
	static const struct {
		enum lang lang;
		int year, month, day;
		const char *says;
	} rows[] = {
		{ LANG_FR, 2025, 11, 1, "1er novembre 2025" },
		{ LANG_FR, 2025, 2, 28, "28 février 2025" },
		{ LANG_FR, 999, 12, 31, "31 décembre 0999" },
		{ LANG_EN, 2025, 1, 1, "1 January 2025" },
		{ LANG_EN, 2024, 12, 31, "31 December 2024" },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		date_add(
		    &b, rows[i].lang, rows[i].year, rows[i].month, rows[i].day);
		assert_string_equal(buf_string(&b), rows[i].says);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_date_is_written_in_its_language),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
