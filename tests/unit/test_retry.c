/* When a failed call is made again, with time as a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chat/model/retry.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define START    (INT64_C(1000) * 256) /* no longer wait than the least */

static struct retry
retry(unsigned most)
{
	return (struct retry){
		.most = most,
		.longest_ms = 30000,
		.deadline = START + 120000,
	};
}

static void
some_statuses_pass(void **state)
{
	static const struct {
		int status;
		bool passing;
	} rows[] = {
		{ 200, false },
		{ 204, false },
		{ 307, false },
		{ 400, false },
		{ 401, false },
		{ 404, false },
		{ 407, false },
		{ 408, true },
		{ 409, true },
		{ 410, false },
		{ 422, false },
		{ 429, true },
		{ 499, false },
		{ 500, true },
		{ 503, true },
		{ 529, true },
		{ 599, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    retry_is_passing(rows[i].status), rows[i].passing);
}

static void
waits_double_until_no_call_is_left(void **state)
{
	struct retry r = retry(4);

	(void)state;
	assert_int_equal(retry_wait(&r, START, -1), 500);
	assert_int_equal(retry_wait(&r, START, -1), 1000);
	assert_int_equal(retry_wait(&r, START + 128, -1), 2250);
	assert_int_equal(retry_wait(&r, START + 255, -1), 4996);
	assert_int_equal(r.made, 4);
	assert_int_equal(retry_wait(&r, START, -1), -1);
	assert_int_equal(r.made, 4);
	r = retry(0);
	assert_int_equal(retry_wait(&r, START, 0), -1);
}

static void
the_server_says_when(void **state)
{
	struct retry r = retry(9);

	(void)state;
	assert_int_equal(retry_wait(&r, START, 0), 0);
	assert_int_equal(retry_wait(&r, START, 7), 7000);
	assert_int_equal(retry_wait(&r, START, 30), 30000);
	assert_int_equal(retry_wait(&r, START, 31), -1);
	assert_int_equal(retry_wait(&r, START, 86400), -1);
	assert_int_equal(r.made, 3);
}

static void
no_call_is_made_past_the_deadline(void **state)
{
	struct retry r = retry(9);

	(void)state;
	assert_int_equal(retry_wait(&r, r.deadline - 5000, 5), 5000);
	assert_int_equal(retry_wait(&r, r.deadline - 4999, 5), -1);
	assert_int_equal(retry_wait(&r, r.deadline, -1), -1);
	assert_int_equal(retry_wait(&r, r.deadline, 0), 0);
	assert_int_equal(retry_wait(&r, r.deadline + 1, 0), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_statuses_pass),
		cmocka_unit_test(waits_double_until_no_call_is_left),
		cmocka_unit_test(the_server_says_when),
		cmocka_unit_test(no_call_is_made_past_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
