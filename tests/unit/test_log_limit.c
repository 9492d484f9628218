#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "log/log_limit.h"

static void
so_many_lines_a_minute_are_shown(void **state)
{
	struct log_limit limit = { 0 };
	const char *event = NULL;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(log_limit_take(&limit, "a", 3, 1000 + i));
	for (int i = 0; i < 5; i++)
		assert_false(log_limit_take(&limit, "a", 3, 60999));
	assert_true(log_limit_take(&limit, "b", 3, 60999));
	assert_int_equal(log_limit_told(&limit, &event, 60999), 0);
	assert_int_equal(log_limit_told(&limit, &event, 61000), 5);
	assert_string_equal(event, "a");
	assert_int_equal(log_limit_told(&limit, &event, 61000), 0);
	assert_true(log_limit_take(&limit, "a", 3, 61000));
}

/* A storm that goes on does not keep its count to itself. */
static void
what_was_hidden_is_told_while_it_goes_on(void **state)
{
	struct log_limit limit = { 0 };
	const char *event = NULL;

	(void)state;
	for (int64_t now = 0; now < 60000; now += 10)
		assert_int_equal(log_limit_take(&limit, "a", 1, now), now == 0);
	assert_true(log_limit_take(&limit, "a", 1, 60000));
	assert_false(log_limit_take(&limit, "a", 1, 60010));
	assert_int_equal(log_limit_told(&limit, &event, 60020), 5999);
	assert_int_equal(log_limit_told(&limit, &event, 60020), 0);
	assert_int_equal(log_limit_told(&limit, &event, 120000), 1);
}

static void
events_are_told_one_after_the_other(void **state)
{
	struct log_limit limit = { 0 };
	const char *event = NULL;

	(void)state;
	assert_false(log_limit_take(&limit, "a", 0, 0));
	assert_false(log_limit_take(&limit, "b", 0, 0));
	assert_false(log_limit_take(&limit, "b", 0, 0));
	assert_int_equal(log_limit_told(&limit, &event, INT64_MAX), 1);
	assert_string_equal(event, "a");
	assert_int_equal(log_limit_told(&limit, &event, INT64_MAX), 2);
	assert_string_equal(event, "b");
	assert_int_equal(log_limit_told(&limit, &event, INT64_MAX), 0);
}

static void
names_are_compared_not_places(void **state)
{
	struct log_limit limit = { 0 };
	char one[] = "storm", other[] = "storm";

	(void)state;
	assert_true(log_limit_take(&limit, one, 1, 0));
	assert_false(log_limit_take(&limit, other, 1, 0));
}

static void
further_events_share_the_last_place(void **state)
{
	static char names[LOG_LIMIT_EVENTS + 2][8];
	struct log_limit limit = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < LOG_LIMIT_EVENTS; i++) {
		snprintf(names[i], sizeof(names[i]), "e%zu", i);
		assert_true(log_limit_take(&limit, names[i], 2, 0));
	}
	assert_true(log_limit_take(&limit, "more", 2, 0));
	assert_false(log_limit_take(&limit, "yet more", 2, 0));
	assert_int_equal(limit.count, LOG_LIMIT_EVENTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_lines_a_minute_are_shown),
		cmocka_unit_test(what_was_hidden_is_told_while_it_goes_on),
		cmocka_unit_test(events_are_told_one_after_the_other),
		cmocka_unit_test(names_are_compared_not_places),
		cmocka_unit_test(further_events_share_the_last_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
