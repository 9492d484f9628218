/* The tokens of a day: taken, settled, and there again at midnight. */
#include "limits/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#define THREADS 16
#define DAY     INT64_C(86400000)
#define NOON    (20000 * DAY + DAY / 2)

static struct budget budget;

static struct budget_share
take(int64_t tokens, int64_t wall_ms)
{
	struct budget_share share = { 0 };

	assert_true(budget_take(&budget, &share, tokens, wall_ms));
	assert_int_equal(share.tokens, tokens);
	return share;
}

static bool
refused(int64_t tokens, int64_t wall_ms)
{
	struct budget_share share = { 0 };

	if (budget_has(&budget, tokens, wall_ms) ||
	    budget_take(&budget, &share, tokens, wall_ms))
		return false;
	assert_int_equal(share.tokens, 0);
	return true;
}

static void
not_one_token_more(void **state)
{
	(void)state;
	budget_init(&budget, 1000);
	take(600, NOON);
	assert_true(refused(401, NOON));
	take(400, NOON);
	assert_true(refused(1, NOON));
	assert_true(refused(INT64_MAX, NOON));
	budget_destroy(&budget);
}

static void
what_was_not_used_is_there_again(void **state)
{
	struct budget_share share;

	(void)state;
	budget_init(&budget, 1000);
	share = take(1000, NOON);
	budget_settle(&budget, &share, 250);
	assert_true(refused(751, NOON));
	budget_settle(&budget, &share, 0);
	assert_true(refused(751, NOON));
	share = take(750, NOON);
	budget_settle(&budget, &share, 0);
	take(750, NOON);
	budget_destroy(&budget);
}

/* An upstream may use more than it was allowed: that counts too. */
static void
what_was_used_beyond_the_share_counts(void **state)
{
	struct budget_share share;

	(void)state;
	budget_init(&budget, 1000);
	share = take(100, NOON);
	budget_settle(&budget, &share, 950);
	assert_true(refused(51, NOON));
	share = take(50, NOON);
	budget_settle(&budget, &share, 70);
	assert_true(refused(0, NOON));
	budget_destroy(&budget);
}

static void
a_day_ends_at_midnight_in_utc(void **state)
{
	struct budget_share share;
	int64_t midnight = 20001 * DAY;

	(void)state;
	budget_init(&budget, 1000);
	share = take(1000, NOON);
	assert_true(refused(1, midnight - 1));
	take(900, midnight);
	budget_settle(&budget, &share, 0);
	assert_true(refused(101, midnight));
	assert_true(refused(101, NOON));
	take(1000, midnight + DAY);
	budget_destroy(&budget);
}

/* For a moment it is a day in years. */
static void
a_clock_that_runs_ahead_costs_no_day(void **state)
{
	const int64_t ahead = NOON + 4000 * DAY;
	struct budget_share early, late;

	(void)state;
	budget_init(&budget, 1000);
	early = take(300, NOON);
	late = take(900, ahead);
	assert_true(refused(101, ahead));

	/* what was spent meanwhile counts until midnight, */
	assert_true(refused(1, NOON));
	budget_settle(&budget, &late, 400);
	take(300, NOON);
	assert_true(refused(1, NOON));
	budget_settle(&budget, &early, 100);
	take(200, NOON);
	assert_true(refused(1, NOON));

	/* and no longer */
	assert_true(refused(1001, NOON + DAY));
	take(1000, NOON + DAY);
	assert_true(refused(1, NOON + DAY));
	take(1000, NOON + 2 * DAY);
	budget_destroy(&budget);
}

/* Around midnight it may go to and fro. */
static void
a_clock_that_is_set_back_gives_no_day_again(void **state)
{
	const int64_t midnight = 20001 * DAY;

	(void)state;
	budget_init(&budget, 1000);
	take(500, midnight - 1);
	for (int i = 0; i < 3; i++) {
		if (i == 0)
			take(1000, midnight);
		assert_true(refused(1, midnight));
		assert_true(refused(1, midnight - 1));
	}
	take(1000, midnight + DAY);
	assert_true(refused(1, midnight + DAY));
	budget_destroy(&budget);
}

static void
without_a_limit_nothing_is_counted(void **state)
{
	struct budget_share share = { 0 };

	(void)state;
	budget_init(&budget, 0);
	assert_true(budget_has(&budget, INT64_MAX, NOON));
	assert_true(budget_take(&budget, &share, INT64_MAX, NOON));
	assert_int_equal(share.tokens, 0);
	budget_settle(&budget, &share, 5);
	budget_destroy(&budget);
}

/* Each call uses less than it takes; together they stay within the day. */
static void *
caller(void *arg)
{
	atomic_int_fast64_t *used = arg;
	struct budget_share share;

	for (int64_t i = 0; i < 20000; i++) {
		share = (struct budget_share){ 0 };
		if (!budget_take(&budget, &share, 50 + i % 7, NOON))
			continue;
		atomic_fetch_add(used, i % 50);
		budget_settle(&budget, &share, i % 50);
	}
	return NULL;
}

static void
calls_side_by_side_stay_within_it(void **state)
{
	atomic_int_fast64_t used = 0;
	pthread_t threads[THREADS];

	(void)state;
	budget_init(&budget, 100000);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, caller, &used), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(used <= 100000);
	assert_true(used > 100000 - THREADS * 60);
	assert_int_equal(used, budget.use.tokens);
	budget_destroy(&budget);
}

/*
 * From one process to another.
 */

static struct budget_account
given(uint64_t turns, int64_t wall_ms)
{
	struct budget_account account = { 0 };

	budget_give(&budget, turns, 0, wall_ms, &account);
	return account;
}

static void
what_was_spent_is_told_once(void **state)
{
	struct budget_account account;
	struct budget_share share;

	(void)state;
	budget_init(&budget, 1000);
	assert_false(budget_give(&budget, 0, 50, NOON, &account));
	budget_keep(&budget);
	share = take(300, NOON);
	budget_settle(&budget, &share, 200);
	account = given(0, NOON);
	assert_int_equal(account.day, 20000);
	assert_int_equal(account.tokens, 200);
	assert_int_equal(account.largest, 300);
	assert_false(budget_give(&budget, 0, 50, NOON, &account));
	assert_true(refused(1, NOON));
	budget_keep(&budget);
	take(800, NOON);
	budget_destroy(&budget);
}

/* A call for each turn, of half of what is left; less of it as they end. */
static void
a_reserve_is_kept_for_turns_that_run(void **state)
{
	struct budget_account account;
	struct budget_share share;

	(void)state;
	budget_init(&budget, 1000);
	share = take(200, NOON);
	assert_int_equal(given(2, NOON).tokens, 600);
	assert_true(refused(401, NOON));
	budget_settle(&budget, &share, 50);
	assert_int_equal(given(2, NOON).tokens, -150);
	assert_int_equal(given(1, NOON).tokens, -200);
	share = take(200, NOON);
	assert_true(refused(1, NOON));
	assert_int_equal(given(1, NOON).tokens, 0);
	budget_settle(&budget, &share, 180);
	assert_int_equal(given(1, NOON).tokens, 0);
	assert_int_equal(given(0, NOON).tokens, -20);
	assert_true(refused(1, NOON));
	budget_destroy(&budget);

	budget_init(&budget, 1000);
	take(400, NOON);
	assert_true(budget_give(&budget, UINT64_MAX, 0, NOON, &account));
	assert_int_equal(account.tokens, 700);
	budget_destroy(&budget);

	budget_init(&budget, 1000);
	take(100, NOON);
	assert_true(budget_give(&budget, 2, 50, NOON, &account));
	assert_int_equal(account.tokens, 400);
	budget_destroy(&budget);
}

static void
what_was_used_beyond_is_told_too(void **state)
{
	struct budget_share share;

	(void)state;
	budget_init(&budget, 1000);
	share = take(200, NOON);
	assert_int_equal(given(1, NOON).tokens, 400);
	budget_settle(&budget, &share, 5000);
	assert_int_equal(given(1, NOON).tokens, 4600);
	assert_int_equal(given(0, NOON).tokens, 0);
	budget_destroy(&budget);
}

/* What runs on over midnight was begun, or was let wait, the day before. */
static void
the_day_that_was_given_does_not_end(void **state)
{
	struct budget_account account;
	int64_t midnight = 20001 * DAY;

	(void)state;
	budget_init(&budget, 1000);
	take(200, NOON);
	account = given(1, midnight - 1);
	assert_int_equal(account.tokens, 400);
	take(200, midnight + 1);
	assert_true(refused(1, midnight + 1));
	account = given(0, midnight + 2);
	assert_int_equal(account.day, 20000);
	assert_int_equal(account.tokens, 0);
	budget_destroy(&budget);

	/* but yesterday's tokens are nobody's any more */
	budget_init(&budget, 1000);
	take(200, NOON);
	assert_false(budget_give(&budget, 0, 50, midnight, &account));
	assert_int_equal(account.day, 20001);
	budget_destroy(&budget);
}

static void
what_is_told_counts_on_its_day(void **state)
{
	int64_t midnight = 20001 * DAY;

	(void)state;
	budget_init(&budget, 1000);
	budget_adopt(&budget, &(struct budget_account){ 20000, 600, 100 });
	assert_true(refused(401, NOON));
	budget_adopt(&budget, &(struct budget_account){ 20000, -100, 100 });
	assert_true(refused(501, NOON));
	take(500, NOON);
	assert_true(refused(1, NOON));
	take(1000, midnight);
	budget_destroy(&budget);
}

static void
what_is_told_of_another_day_does_not(void **state)
{
	int64_t midnight = 20001 * DAY;

	(void)state;
	budget_init(&budget, 1000);
	budget_adopt(&budget, &(struct budget_account){ 20000, 600, 100 });
	take(900, midnight);
	budget_adopt(&budget, &(struct budget_account){ 20000, -600, 100 });
	budget_adopt(&budget, &(struct budget_account){ 20000, 600, 100 });
	assert_true(refused(101, midnight));
	take(100, midnight);
	budget_adopt(
	    &budget, &(struct budget_account){ 20001, -BUDGET_MAX, 0 });
	take(1000, midnight);
	for (int i = 0; i < 2000; i++)
		budget_adopt(
		    &budget, &(struct budget_account){ 20001, BUDGET_MAX, 0 });
	assert_true(refused(0, midnight));
	budget_destroy(&budget);
}

/* Through one that has no limit itself, with turns that run on in it. */
static void
it_goes_from_hand_to_hand(void **state)
{
	struct budget_account account;

	(void)state;
	budget_init(&budget, 0);
	budget_adopt(&budget, &(struct budget_account){ 20000, 600, 100 });
	assert_int_equal(given(3, NOON).tokens, 600);
	budget_destroy(&budget);

	budget_init(&budget, 1000);
	budget_adopt(&budget, &(struct budget_account){ 20000, 600, 100 });
	assert_int_equal(given(2, NOON).tokens, 800);
	budget_adopt(&budget, &(struct budget_account){ 20000, -300, 100 });
	assert_int_equal(given(2, NOON).tokens, -300);
	account = given(0, NOON);
	assert_int_equal(account.tokens, -200);
	assert_int_equal(account.largest, 100);
	budget_destroy(&budget);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_one_token_more),
		cmocka_unit_test(what_was_not_used_is_there_again),
		cmocka_unit_test(what_was_used_beyond_the_share_counts),
		cmocka_unit_test(a_day_ends_at_midnight_in_utc),
		cmocka_unit_test(a_clock_that_runs_ahead_costs_no_day),
		cmocka_unit_test(a_clock_that_is_set_back_gives_no_day_again),
		cmocka_unit_test(without_a_limit_nothing_is_counted),
		cmocka_unit_test(calls_side_by_side_stay_within_it),
		cmocka_unit_test(what_was_spent_is_told_once),
		cmocka_unit_test(a_reserve_is_kept_for_turns_that_run),
		cmocka_unit_test(what_was_used_beyond_is_told_too),
		cmocka_unit_test(the_day_that_was_given_does_not_end),
		cmocka_unit_test(what_is_told_counts_on_its_day),
		cmocka_unit_test(what_is_told_of_another_day_does_not),
		cmocka_unit_test(it_goes_from_hand_to_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
