/* The loops start together or not at all. */
#include "server/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "log/log.h"
#include "server/fcgi_parse.h"
#include "server/pool.h"

struct application {
	atomic_uint opened, closed, drained;
	unsigned good; /* loops that can be opened */
};

static void *
open_loop(void *arg, struct loop *loop)
{
	struct application *app = arg;

	assert_non_null(loop);
	return atomic_fetch_add(&app->opened, 1) < app->good ? app : NULL;
}

static void
close_loop(void *state)
{
	struct application *app = state;

	atomic_fetch_add(&app->closed, 1);
}

static void
drain_loop(void *state)
{
	struct application *app = state;

	atomic_fetch_add(&app->drained, 1);
}

static struct server *
start(struct application *app, unsigned threads)
{
	const struct server_conf conf = {
		.threads = threads, .conn_fds = 1, .body_max = 1000
	};
	const struct server_app callbacks = {
		.arg = app,
		.loop_open = open_loop,
		.loop_close = close_loop,
		.loop_drain = drain_loop,
	};

	return server_start(&conf, &callbacks);
}

static void
all_loops_run(void **state)
{
	struct application app = { .good = 3 };
	struct server *server = start(&app, 3);

	(void)state;
	assert_non_null(server);
	assert_int_equal(server_loops(server), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_non_null(server_pool(server, i));
		assert_true(server_pool(server, i)->env.max_conns > 0);
	}
	server_drain(server);
	assert_int_equal(app.closed, 3);
	assert_int_equal(app.drained, 3);
}

static void
one_that_fails_ends_the_others(void **state)
{
	struct application app = { .good = 2 };

	(void)state;
	assert_null(start(&app, 4));
	assert_int_equal(app.opened, 3);
	assert_int_equal(app.closed, 2);
	assert_int_equal(app.drained, 2);
}

static void
there_is_one_loop_per_core(void **state)
{
	struct application app = { .good = UINT32_MAX };
	struct server *server = start(&app, 0);

	(void)state;
	assert_non_null(server);
	assert_true(server_loops(server) >= 1);
	assert_int_equal(server_loops(server), app.opened);
	server_drain(server);
}

static int
setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_FATAL);
	return parser_init() ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_loops_run),
		cmocka_unit_test(one_that_fails_ends_the_others),
		cmocka_unit_test(there_is_one_loop_per_core),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
