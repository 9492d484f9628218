#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

static void
times_are_shown_in_utc(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00" },
		{ 999, "1970-01-01T00:00:00" },
		{ 1000, "1970-01-01T00:00:01" },
		{ -1, "1969-12-31T23:59:59" },
		{ -1000, "1969-12-31T23:59:59" },
		{ -1001, "1969-12-31T23:59:58" },
		{ 951782400000, "2000-02-29T00:00:00" },
		{ 951868799999, "2000-02-29T23:59:59" },
		{ 951868800000, "2000-03-01T00:00:00" },
		{ 1762612200000, "2025-11-08T14:30:00" },
		{ 1709164800000, "2024-02-29T00:00:00" },
		{ 1740787199999, "2025-02-28T23:59:59" },
		{ 1735689599999, "2024-12-31T23:59:59" },
		{ 4107542400000, "2100-03-01T00:00:00" },
		{ 253402300799999, "9999-12-31T23:59:59" },
		{ 253402300800000, "9999-12-31T23:59:59" },
		{ INT64_MAX, "9999-12-31T23:59:59" },
		{ -62167219200000, "0000-01-01T00:00:00" },
		{ INT64_MIN, "0000-01-01T00:00:00" },
	};
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	setenv("TZ", "Pacific/Auckland", 1);
	tzset();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		clock_text(text, rows[i].ms);
		assert_string_equal(text, rows[i].text);
	}
}

static void
every_day_agrees_with_the_c_library(void **state)
{
	char text[CLOCK_TEXT_SIZE], expected[64];
	struct tm tm;
	time_t t;

	(void)state;
	for (int64_t day = -100000; day < 800000; day++) {
		t = (time_t)(day * 86400 + (day & 0xffff));
		gmtime_r(&t, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
		clock_text(text, (int64_t)t * 1000);
		assert_string_equal(text, expected);
	}
}

static void
a_day_ends_at_midnight(void **state)
{
	static const struct {
		int64_t now, left;
	} rows[] = {
		{ 0, 86400000 }, { 1, 86399999 }, { 86399999, 1 },
		{ 86400000, 86400000 },
		{ 1762612200000, 34200000 }, /* 2025-11-08T14:30:00 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(clock_day_left_ms(rows[i].now), rows[i].left);
}

static void
clocks_have_their_units(void **state)
{
	struct timespec before, after;
	int64_t ms, us, wall;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	us = clock_mono_us();
	ms = clock_mono_ms();
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(us >= before.tv_sec * 1000000LL + before.tv_nsec / 1000);
	assert_true(us <= after.tv_sec * 1000000LL + after.tv_nsec / 1000);
	assert_true(ms >= us / 1000);
	assert_true(ms <= after.tv_sec * 1000LL + after.tv_nsec / 1000000);

	clock_gettime(CLOCK_REALTIME, &before);
	wall = clock_wall_ms();
	clock_gettime(CLOCK_REALTIME, &after);
	assert_true(wall >= before.tv_sec * 1000LL + before.tv_nsec / 1000000);
	assert_true(wall <= after.tv_sec * 1000LL + after.tv_nsec / 1000000);
}

static void
the_clocks_stay_apart_as_they_were(void **state)
{
	int64_t first = clock_wall_offset(), apart;

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(clock_wall_offset(), first);
	apart = clock_wall_ms() - clock_mono_ms() - first;
	assert_true(apart > -1000 && apart < 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clocks_stay_apart_as_they_were),
		cmocka_unit_test(times_are_shown_in_utc),
		cmocka_unit_test(every_day_agrees_with_the_c_library),
		cmocka_unit_test(a_day_ends_at_midnight),
		cmocka_unit_test(clocks_have_their_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
