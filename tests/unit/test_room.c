/* Whether there is memory is asked of malloc, not answered by the compiler. */
#include "base/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_little_is_there(void **state)
{
	(void)state;
	assert_true(room_for(1));
	assert_true(room_for(100000));
}

static void
test_too_much_is_not(void **state)
{
	(void)state;
	assert_false(room_for(PTRDIFF_MAX / 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_little_is_there),
		cmocka_unit_test(test_too_much_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
