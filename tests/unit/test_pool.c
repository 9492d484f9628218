/* How many connections a loop takes, what makes room, and how it ends. */
#include "server/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pool_service.h"

/*
 * Room.
 */

/* One that comes from elsewhere. */
static void
take(struct pool *pool, int fd)
{
	struct transit transit;

	transit_init(&transit, fd);
	pool_take(pool, &transit);
}

static void
the_longest_idle_makes_room(void **state)
{
	struct service *s = *state;
	int a = service_visit(s), b, c;

	await_count(s, 1);
	b = service_visit(s);
	await_count(s, 2);
	c = service_visit(s);
	while (!is_closed(a))
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(s->pool->count, 2);
	assert_false(is_closed(b));
	assert_false(is_closed(c));
	close(a);
	close(b);
	close(c);
}

static void
where_all_are_busy_others_wait(void **state)
{
	struct service *s = *state;
	int a = service_visit(s), b = service_visit(s), c;

	send_request(a);
	send_part(b, true, 4);
	await_count(s, 2);
	await_requests(s, 1);
	while (!list_is_empty(&s->pool->idle))
		loop_turn(s->loop, WAIT_MS);
	c = service_visit(s);
	while (!s->pool->retry.set)
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(s->pool->count, 2);
	close(b);
	await_count(s, 1);
	assert_false(s->pool->retry.set);
	await_count(s, 2);
	close(c);
	close(a);
	await_count(s, 0);
	assert_int_equal(s->aborts, 1);
}

static void
out_of_descriptors_it_tries_again(void **state)
{
	struct service *s = *state;
	struct rlimit before, none;
	int a = service_visit(s);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (!s->pool->retry.set)
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(s->pool->count, 0);
	await_count(s, 1);
	close(a);
}

static void
out_of_descriptors_the_longest_idle_makes_room(void **state)
{
	struct service *s = *state;
	struct rlimit before, none;
	int a = service_visit(s), b;

	await_count(s, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	b = service_visit(s);
	none = before;
	none.rlim_cur = (rlim_t)b + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	send_request(b);
	await_requests(s, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(is_closed(a));
	close(a);
	close(b);
}

static void
what_is_no_socket_is_left_alone(void **state)
{
	struct service *s = *state;
	struct pool_listener other;
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	pool_listen(s->pool, &other, fds[0]);
	assert_int_equal(write(fds[1], "x", 1), 1);
	while (other.io.fd != -1)
		loop_turn(s->loop, WAIT_MS);
	pool_unlisten(s->pool, &other, false);
	pool_unlisten(s->pool, &other, false);
	close(fds[0]);
	close(fds[1]);
}

static void
last_calls_are_let_in(void **state)
{
	struct service *s = *state;
	int a = service_visit(s), b = service_visit(s), c = service_visit(s);

	pool_unlisten(s->pool, &s->listener, true);
	assert_int_equal(s->pool->count, SERVICE_CONNS);
	close(a);
	close(b);
	close(c);
}

/*
 * Holding.
 */

static void
note_emptied(void *arg)
{
	struct service *s = arg;

	s->emptied++;
}

static void
held_it_takes_no_new_request(void **state)
{
	struct service *s = *state;
	int a = service_visit(s), b;

	send_request(a);
	await_requests(s, 1);
	pool_hold(s->pool);
	assert_false(pool_collects(s->pool));
	pool_await_empty(s->pool, note_emptied, s);
	assert_int_equal(s->emptied, 0);
	b = service_visit(s);
	loop_turn(s->loop, 0);
	assert_int_equal(s->pool->count, 1);
	service_answer(s);
	await_idle(s);
	send_request(a);
	loop_turn(s->loop, 0);
	assert_int_equal(s->requests, 1);
	assert_int_equal(s->emptied, 0);
	pool_release(s->pool);
	await_requests(s, 2);
	service_answer(s);
	await_count(s, 2);
	close(a);
	close(b);
}

static void
note_passed(void *arg, int fd)
{
	struct service *s = arg;

	assert_int_equal(s->emptied, 0);
	s->passed = fd;
}

/* Its web server may have begun to send the next request there already. */
static void
who_becomes_idle_is_passed_on(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	send_request(a);
	await_requests(s, 1);
	pool_hold(s->pool);
	pool_pass(s->pool, note_passed, s);
	pool_await_empty(s->pool, note_emptied, s);
	service_answer(s);
	await_count(s, 0);
	assert_int_equal(s->emptied, 1);
	pool_await_empty(s->pool, note_emptied, s);
	assert_int_equal(s->emptied, 2);
	assert_false(is_closed(a));
	send_request(a);
	pool_release(s->pool);
	take(s->pool, s->passed);
	await_requests(s, 2);
	service_answer(s);
	await_idle(s);
	assert_int_equal(s->pool->count, 1);
	close(a);
}

/* Who listens there may go while the sessions are on their way. */
static void
last_calls_of_a_held_one_are_passed_on(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	send_request(a);
	pool_hold(s->pool);
	pool_pass(s->pool, note_passed, s);
	pool_unlisten(s->pool, &s->listener, true);
	assert_int_equal(s->pool->count, 0);
	pool_release(s->pool);
	take(s->pool, s->passed);
	await_requests(s, 1);
	assert_int_equal(s->pool->count, 1);
	close(a);
}

/* A request before the reply to the last one is read; no web server does so. */
static void
who_does_not_wait_is_closed(void **state)
{
	static const char much[700 * 1024]; /* more than a socket takes */
	struct service *s = *state;
	int a = service_visit(s);

	send_request(a);
	await_requests(s, 1);
	conn_write(s->asked, much, sizeof(much));
	loop_turn(s->loop, 0);
	pool_hold(s->pool);
	pool_pass(s->pool, note_passed, s);
	service_answer(s);
	s->passed = -1;
	send_request(a);
	await_count(s, 0);
	assert_int_equal(s->passed, -1);
	assert_true(is_closed(a));
	assert_int_equal(s->requests, 1);
	close(a);
}

static void
what_is_half_there_is_seen(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	send_part(a, true, 4);
	await_count(s, 1);
	while (list_is_empty(&s->pool->busy))
		loop_turn(s->loop, WAIT_MS);
	assert_true(pool_collects(s->pool));
	close(a);
}

static void
an_idle_connection_can_be_given_away(void **state)
{
	struct service *s = *state;
	int a = service_visit(s), given;

	await_count(s, 1);
	pool_hold(s->pool);
	assert_int_not_equal(given = pool_give(s->pool), -1);
	assert_int_equal(s->pool->count, 0);
	assert_int_equal(pool_give(s->pool), -1);
	assert_false(is_closed(a));
	pool_release(s->pool);
	take(s->pool, given);
	send_request(a);
	await_requests(s, 1);
	close(a);
}

/*
 * The end.
 */

static void
draining_closes_what_is_idle(void **state)
{
	struct service *s = *state;
	int a = service_visit(s), b = service_visit(s);

	await_count(s, 2);
	send_request(b);
	await_requests(s, 1);
	pool_drain(s->pool);
	pool_drain(s->pool);
	assert_int_equal(s->drains, 1);
	assert_int_equal(s->pool->count, 1);
	assert_true(is_closed(a));
	service_answer(s);
	await_count(s, 0);
	assert_true(is_closed(b));
	assert_false(s->pool->give_up.set);
	close(a);
	close(b);
}

static void
what_does_not_end_is_cut_off(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	send_request(a);
	await_requests(s, 1);
	pool_drain(s->pool);
	assert_true(s->pool->give_up.set);
	s->pool->give_up.fire(&s->pool->give_up, s->pool->give_up.arg);
	assert_int_equal(s->pool->count, 0);
	assert_int_equal(s->aborts, 1);
	assert_true(is_closed(a));
	close(a);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, service_setup, service_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_longest_idle_makes_room),
		TEST(where_all_are_busy_others_wait),
		TEST(out_of_descriptors_it_tries_again),
		TEST(out_of_descriptors_the_longest_idle_makes_room),
		TEST(what_is_no_socket_is_left_alone),
		TEST(last_calls_are_let_in),
		TEST(held_it_takes_no_new_request),
		TEST(who_becomes_idle_is_passed_on),
		TEST(last_calls_of_a_held_one_are_passed_on),
		TEST(who_does_not_wait_is_closed),
		TEST(what_is_half_there_is_seen),
		TEST(an_idle_connection_can_be_given_away),
		TEST(draining_closes_what_is_idle),
		TEST(what_does_not_end_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
