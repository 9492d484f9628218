/* What was learnt of a model, with time as a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chat/model/dialect.h"

#define START 5000
#define LATER (START + DIALECT_MS)

static void
assert_asks(struct dialect *d, int64_t now, unsigned quirks, size_t size)
{
	size_t most = 7;

	assert_int_equal(dialect_ask(d, now, &most), quirks);
	assert_int_equal(most, size);
}

static void
what_was_learnt_is_forgotten_after_an_hour(void **state)
{
	struct dialect d;

	(void)state;
	dialect_init(&d, 0);
	assert_asks(&d, START, 0, SIZE_MAX);
	dialect_learn(&d, 0, QUIRK_NO_USAGE, START);
	dialect_learn_size(&d, 4000, START + 1);
	dialect_learn(
	    &d, QUIRK_NO_USAGE, QUIRK_NO_USAGE | QUIRK_NO_SYSTEM, START + 2);
	assert_asks(&d, LATER - 1, QUIRK_NO_USAGE | QUIRK_NO_SYSTEM, 4000);
	assert_asks(&d, LATER, QUIRK_NO_SYSTEM, 4000);
	assert_asks(&d, LATER + 1, QUIRK_NO_SYSTEM, SIZE_MAX);
	assert_asks(&d, LATER + 2, 0, SIZE_MAX);
	dialect_destroy(&d);
}

/* A turn that began before says nothing of what it did not change. */
static void
what_another_learnt_stays(void **state)
{
	struct dialect d;

	(void)state;
	dialect_init(&d, 0);
	dialect_learn(&d, 0, QUIRK_NO_USAGE, START);
	dialect_learn(&d, 0, QUIRK_NO_TEMPERATURE, START);
	assert_asks(&d, START, QUIRK_NO_USAGE | QUIRK_NO_TEMPERATURE, SIZE_MAX);
	dialect_learn_size(&d, 4000, START);
	dialect_learn_size(&d, 2000, START + 5);
	assert_asks(&d, LATER + 4, 0, 2000);
	dialect_destroy(&d);
}

static void
what_is_usual_may_be_learnt_to_be_otherwise(void **state)
{
	struct dialect d;

	(void)state;
	dialect_init(&d, QUIRK_COMPLETION_TOKENS);
	assert_asks(&d, START, QUIRK_COMPLETION_TOKENS, SIZE_MAX);
	dialect_learn(&d, QUIRK_COMPLETION_TOKENS, 0, START);
	assert_asks(&d, LATER - 1, 0, SIZE_MAX);
	dialect_learn(&d, 0, QUIRK_COMPLETION_TOKENS, START);
	assert_asks(&d, START, QUIRK_COMPLETION_TOKENS, SIZE_MAX);
	assert_asks(&d, LATER, QUIRK_COMPLETION_TOKENS, SIZE_MAX);
	dialect_destroy(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_learnt_is_forgotten_after_an_hour),
		cmocka_unit_test(what_another_learnt_stays),
		cmocka_unit_test(what_is_usual_may_be_learnt_to_be_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
