/* What the store's calls answer where a backend cannot do a thing. */
#include "session/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
what_a_backend_has_not_is_told(void **state)
{
	static const struct store_backend least = { .name = "least" };
	struct store store = { &least };
	struct session session = { .message_count = 1 };
	struct store_list list = { 0 };
	uint64_t place = 0;

	(void)state;
	assert_int_equal(store_sweep(&store, 1, 10), 0);
	assert_int_equal(store_export(&store, &place, 1, &list), RC_NOSESSION);
	assert_int_equal(store_adopt(&store, &session, 1), RC_NOSESSION);
	assert_int_equal(store_return(&store, &session, 1), RC_NOSESSION);
	store_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_backend_has_not_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
