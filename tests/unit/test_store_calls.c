/* What the store's calls answer where a backend cannot do a thing. */
#include "session/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
keep(void *arg, enum rc rc, struct session *none)
{
	assert_null(none);
	*(enum rc *)arg = rc;
}

static void
what_a_backend_has_not_is_told(void **state)
{
	static const struct store_backend least = { .name = "least" };
	struct store store = { &least };
	struct session session = { .message_count = 1 };
	struct store_list list = { 0 };
	const struct store_now now = { 1, 1 };
	uint64_t place = 0;
	enum rc told = RC_OK;
	struct store_port port = { &store };
	const struct store_ask ask = { .now = now };

	(void)state;
	assert_int_equal(store_sweep(&store, &now, 10), 0);
	assert_int_equal(
	    store_export(&store, &place, &now, &list), RC_NOSESSION);
	assert_int_equal(store_adopt(&store, &session, &now), RC_NOSESSION);
	assert_int_equal(store_return(&store, &session, &now), RC_NOSESSION);
	assert_int_equal(
	    store_peek(&store, &session.id, &WINDOW_ALL, &now, &session),
	    RC_NOSESSION);
	assert_int_equal(store_live(&store, &now), 0);
	store_forget(&store, &session.id, &now);
	store_let_go(&store, &session.id, &now);
	store_quit(&port, &session.id, NULL);
	store_tell(&port, &ask, STORE_STOP, keep, &told);
	assert_int_equal(told, RC_NOSESSION);
	store_part(NULL);
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
