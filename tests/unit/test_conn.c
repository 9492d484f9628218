/* What becomes of readers that are slow. */
#include "server/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "pool_service.h"

#define MUCH (700 * 1024) /* bytes; twice of it is too much */

/* More than a socket takes at once. */
static void
write_much(struct service *s)
{
	static const char much[MUCH];

	assert_non_null(s->asked);
	conn_write(s->asked, much, sizeof(much));
	loop_turn(s->loop, 0);
}

/* Read while the loop turns, so many bytes at least. */
static void
read_much(struct service *s, int fd, size_t least)
{
	static char text[65536];
	ssize_t n;

	while (least > 0) {
		n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
		if (n > 0)
			least -= (size_t)n < least ? (size_t)n : least;
		else
			loop_turn(s->loop, WAIT_MS);
	}
}

static void
a_slow_reader_gets_all_in_the_end(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	send_request(a);
	await_requests(s, 1);
	write_much(s);
	service_answer(s);
	read_much(s, a, MUCH);
	while (list_is_empty(&s->pool->idle))
		loop_turn(s->loop, WAIT_MS);
	send_request(a);
	await_requests(s, 2);
	close(a);
}

static void
one_that_is_too_far_behind_is_dropped(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	send_request(a);
	await_requests(s, 1);
	write_much(s);
	write_much(s);
	await_count(s, 0);
	assert_int_equal(s->aborts, 1);
	close(a);
}

static void
one_that_says_no_more_may_still_read(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	send_part(a, false, 0);
	await_requests(s, 1);
	write_much(s);
	service_answer(s);
	loop_turn(s->loop, 0);
	shutdown(a, SHUT_WR);
	loop_turn(s->loop, WAIT_MS);
	assert_int_equal(s->pool->count, 1);
	read_much(s, a, MUCH);
	await_count(s, 0);
	assert_true(is_closed(a));
	close(a);
}

static void
no_request_is_taken_where_it_cannot_be_answered(void **state)
{
	struct service *s = *state;
	int a = service_visit(s), b = service_visit(s);

	send_part(a, false, 0);
	await_requests(s, 1);
	write_much(s);
	service_answer(s);
	loop_turn(s->loop, 0);
	send_request(a);
	send_request(b);
	await_requests(s, 2);
	read_much(s, a, MUCH);
	await_count(s, 1);
	assert_int_equal(s->requests, 2);
	assert_int_equal(s->aborts, 0);
	close(a);
	close(b);
}

/*
 * In pieces.
 */

static unsigned pieces; /* that are left */
static unsigned asked;  /* how often for one */
static struct conn *to;

static void
give_piece(void *arg)
{
	static const char piece[40 * 1024];

	(void)arg;
	asked++;
	if (pieces == 0) {
		conn_end(to);
		return;
	}
	pieces--;
	conn_write(to, piece, sizeof(piece));
}

static int
produce(struct service *s, unsigned n)
{
	int a = service_visit(s);

	send_request(a);
	await_requests(s, 1);
	pieces = n;
	asked = 0;
	to = s->asked;
	conn_produce(to, give_piece);
	return a;
}

static void
pieces_are_asked_for_as_the_reader_takes_them(void **state)
{
	struct service *s = *state;
	int a = produce(s, 100);

	for (int i = 0; i < 200; i++)
		loop_turn(s->loop, 0);
	assert_in_range(asked, 2, 20);
	read_much(s, a, 100 * 40 * 1024);
	while (list_is_empty(&s->pool->idle))
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(asked, 101);
	/* the connection goes on */
	send_request(a);
	await_requests(s, 2);
	close(a);
}

static void
a_reply_that_is_broken_off_is_seen_to_be(void **state)
{
	struct service *s = *state;
	int a = produce(s, 3);

	while (asked < 2)
		loop_turn(s->loop, WAIT_MS);
	conn_break(to);
	await_count(s, 0);
	assert_int_equal(s->aborts, 0);
	close(a);
}

static void
nothing_is_asked_for_once_the_reader_has_gone(void **state)
{
	struct service *s = *state;
	int a = produce(s, 100);

	while (asked < 2)
		loop_turn(s->loop, WAIT_MS);
	close(a);
	await_count(s, 0);
	assert_int_equal(s->aborts, 1);
	assert_true(pieces > 0);
}

/*
 * When it was sent.
 */

static int told;

static void
tell(void *arg)
{
	(void)arg;
	told++;
}

static void
the_end_is_told_when_little_waits(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	told = 0;
	send_request(a);
	await_requests(s, 1);
	conn_when_sent(s->asked, tell, NULL);
	write_much(s);
	assert_int_equal(told, 0);
	service_answer(s);
	loop_turn(s->loop, 0);
	assert_int_equal(told, 0);
	read_much(s, a, MUCH);
	while (list_is_empty(&s->pool->idle))
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(told, 1);
	close(a);
}

static void
the_end_is_told_when_the_reader_leaves(void **state)
{
	struct service *s = *state;
	int a = service_visit(s);

	told = 0;
	send_request(a);
	await_requests(s, 1);
	conn_when_sent(s->asked, tell, NULL);
	write_much(s);
	service_answer(s);
	loop_turn(s->loop, 0);
	assert_int_equal(told, 0);
	close(a);
	await_count(s, 0);
	assert_int_equal(told, 1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, service_setup, service_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_slow_reader_gets_all_in_the_end),
		TEST(one_that_is_too_far_behind_is_dropped),
		TEST(one_that_says_no_more_may_still_read),
		TEST(no_request_is_taken_where_it_cannot_be_answered),
		TEST(pieces_are_asked_for_as_the_reader_takes_them),
		TEST(a_reply_that_is_broken_off_is_seen_to_be),
		TEST(nothing_is_asked_for_once_the_reader_has_gone),
		TEST(the_end_is_told_when_little_waits),
		TEST(the_end_is_told_when_the_reader_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
