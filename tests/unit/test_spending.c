/* Tokens of the day, of all and of one client: both are taken, or neither. */
#include "chat/model/spending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DAY_MS  INT64_C(86400000)
#define ALL     1000
#define CLIENTS 600

static struct spending
spending_of(struct budget *budget, struct limits *clients, uint8_t last)
{
	return (struct spending){
		.budget = budget,
		.clients = clients,
		.client = { .b = { [10] = 0xff, [11] = 0xff, [15] = last } },
	};
}

static void
both_are_taken_or_neither(void **state)
{
	const struct limit_conf conf = { .day_tokens = CLIENTS };
	struct limits *clients = limits_open(&conf);
	struct spending one, two;
	struct budget budget;

	(void)state;
	assert_non_null(clients);
	budget_init(&budget, ALL);
	one = spending_of(&budget, clients, 1);
	two = spending_of(&budget, clients, 2);
	assert_false(spending_take(&one, CLIENTS + 1, DAY_MS));
	assert_int_equal(spending_taken(&one), 0);
	assert_true(budget_has(&budget, ALL, DAY_MS));
	assert_true(spending_take(&one, CLIENTS, DAY_MS));
	assert_true(spending_take(&one, CLIENTS, DAY_MS)); /* has it already */
	assert_int_equal(spending_taken(&one), CLIENTS);
	assert_false(spending_take(&two, CLIENTS, DAY_MS));
	assert_true(limit_has_tokens(clients, &two.client, CLIENTS, DAY_MS));

	spending_settle(&one, 100);
	spending_settle(&one, 100);
	assert_int_equal(spending_taken(&one), 0);
	assert_true(budget_has(&budget, ALL - 100, DAY_MS));
	assert_false(budget_has(&budget, ALL - 99, DAY_MS));
	assert_true(
	    limit_has_tokens(clients, &one.client, CLIENTS - 100, DAY_MS));
	budget_destroy(&budget);
	limits_close(clients);
}

static void
clients_may_have_no_limit(void **state)
{
	struct budget budget;
	struct spending sp;

	(void)state;
	budget_init(&budget, ALL);
	sp = spending_of(&budget, NULL, 1);
	assert_true(spending_take(&sp, ALL, DAY_MS));
	assert_int_equal(spending_taken(&sp), ALL);
	spending_settle(&sp, 0);
	assert_true(budget_has(&budget, ALL, DAY_MS));
	budget_destroy(&budget);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_are_taken_or_neither),
		cmocka_unit_test(clients_may_have_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
