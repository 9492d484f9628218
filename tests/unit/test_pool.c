/* How many connections a loop takes, what makes room, and how it ends. */
#include "server/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "server/fcgi.h"

#define MAX_CONNS 2
#define BODY_MAX  4096
#define WAIT_MS   5000 /* for what comes at once */
#define TURNS     100

struct service {
	struct loop *loop;
	struct pool *pool;
	struct pool_listener listener;
	int door;           /* the listening descriptor */
	struct conn *asked; /* a request that waits for its answer */
	unsigned requests, aborts, drains, emptied;
};

/*
 * The application answers when the test says so.
 */

static void
app_request(void *state, struct conn *c, struct cgi *cgi)
{
	struct service *s = state;

	conn_set(c, s);
	s->asked = c;
	s->requests++;
	free(cgi);
}

static void
app_abort(void *state, void *arg)
{
	struct service *s = state;

	assert_ptr_equal(arg, s);
	s->asked = NULL;
	s->aborts++;
}

static void
app_drain(void *state)
{
	struct service *s = state;

	s->drains++;
}

static const struct server_app application = {
	.loop_drain = app_drain,
	.request = app_request,
	.abort = app_abort,
};

static void
answer(struct service *s)
{
	assert_non_null(s->asked);
	conn_write(s->asked, "Status: 200 OK\r\n\r\n", 18);
	conn_end(s->asked);
	s->asked = NULL;
}

/* A socket in the abstract name space: no file, no name that is taken. */
static int
door_open(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static int
setup(void **state)
{
	struct service *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_true(parse_init());
	log_set_level(LOG_LEVEL_FATAL);
	assert_non_null(s->loop = loop_new(0));
	assert_non_null(s->pool = calloc(1, sizeof(*s->pool)));
	s->pool->loop = s->loop;
	s->pool->app = &application;
	s->pool->state = s;
	assert_non_null(s->pool->parser = parser_new());
	s->pool->body_max = BODY_MAX;
	s->pool->max_conns = MAX_CONNS;
	pool_open(s->pool);
	s->door = door_open();
	pool_listen(s->pool, &s->listener, s->door);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct service *s = *state;

	pool_unlisten(s->pool, &s->listener, false);
	while (s->pool->busy.first != NULL)
		conn_close(s->pool->busy.first);
	while (s->pool->idle.first != NULL)
		conn_close(s->pool->idle.first);
	assert_int_equal(s->pool->count, 0);
	close(s->door);
	parser_free(s->pool->parser);
	free(s->pool);
	loop_free(s->loop);
	free(s);
	return 0;
}

/*
 * The web server's side.
 */

static int
visit(const struct service *s)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(
	    getsockname(s->door, (struct sockaddr *)&name, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, len), 0);
	return fd;
}

/* Turn until there are so many connections. */
static void
await_count(const struct service *s, unsigned count)
{
	int turns;

	for (turns = 0; turns < TURNS && s->pool->count != count; turns++)
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(s->pool->count, count);
}

static void
await_requests(const struct service *s, unsigned count)
{
	int turns;

	for (turns = 0; turns < TURNS && s->requests != count; turns++)
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(s->requests, count);
}

/* A request, or all of it but the last so many bytes. */
static void
send_request(int fd, size_t missing)
{
	struct buf b;

	buf_init(&b, 1024);
	fcgi_add_request(&b, 1, true, "", 0, "", 0);
	assert_false(b.failed);
	assert_int_equal(
	    send(fd, b.data, b.len - missing, 0), (ssize_t)(b.len - missing));
	buf_free(&b);
}

/* Whether it was closed from there; what was answered is passed over. */
static bool
is_closed(int fd)
{
	char text[4096];
	ssize_t n;

	do
		n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

/*
 * Room.
 */

static void
the_longest_idle_makes_room(void **state)
{
	struct service *s = *state;
	int a = visit(s), b, c;

	await_count(s, 1);
	b = visit(s);
	await_count(s, 2);
	c = visit(s);
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
	int a = visit(s), b = visit(s), c;

	send_request(a, 0);
	send_request(b, 4);
	await_count(s, 2);
	await_requests(s, 1);
	while (s->pool->idle.first != NULL)
		loop_turn(s->loop, WAIT_MS);
	c = visit(s);
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
	int a = visit(s);

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
	int a = visit(s), b = visit(s), c = visit(s);

	pool_unlisten(s->pool, &s->listener, true);
	assert_int_equal(s->pool->count, MAX_CONNS);
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
	int a = visit(s), b;

	send_request(a, 0);
	await_requests(s, 1);
	pool_hold(s->pool);
	assert_false(pool_collects(s->pool));
	pool_await_empty(s->pool, note_emptied, s);
	assert_int_equal(s->emptied, 0);
	b = visit(s);
	loop_turn(s->loop, 0);
	assert_int_equal(s->pool->count, 1);
	answer(s);
	await_count(s, 0);
	assert_true(is_closed(a));
	assert_int_equal(s->emptied, 1);
	pool_await_empty(s->pool, note_emptied, s);
	assert_int_equal(s->emptied, 2);
	pool_release(s->pool);
	await_count(s, 1);
	close(a);
	close(b);
}

static void
what_is_half_there_is_seen(void **state)
{
	struct service *s = *state;
	int a = visit(s);

	send_request(a, 4);
	await_count(s, 1);
	while (s->pool->busy.first == NULL)
		loop_turn(s->loop, WAIT_MS);
	assert_true(pool_collects(s->pool));
	close(a);
}

static void
an_idle_connection_can_be_given_away(void **state)
{
	struct service *s = *state;
	int a = visit(s), given;

	await_count(s, 1);
	pool_hold(s->pool);
	assert_int_not_equal(given = pool_give(s->pool), -1);
	assert_int_equal(s->pool->count, 0);
	assert_int_equal(pool_give(s->pool), -1);
	assert_false(is_closed(a));
	pool_release(s->pool);
	conn_open(s->pool, given);
	send_request(a, 0);
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
	int a = visit(s), b = visit(s);

	await_count(s, 2);
	send_request(b, 0);
	await_requests(s, 1);
	pool_drain(s->pool);
	pool_drain(s->pool);
	assert_int_equal(s->drains, 1);
	assert_int_equal(s->pool->count, 1);
	assert_true(is_closed(a));
	answer(s);
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
	int a = visit(s);

	send_request(a, 0);
	await_requests(s, 1);
	pool_drain(s->pool);
	assert_true(s->pool->give_up.set);
	s->pool->give_up.fire(&s->pool->give_up, s->pool->give_up.arg);
	assert_int_equal(s->pool->count, 0);
	assert_int_equal(s->aborts, 1);
	assert_true(is_closed(a));
	close(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_longest_idle_makes_room),
		TEST(where_all_are_busy_others_wait),
		TEST(out_of_descriptors_it_tries_again),
		TEST(what_is_no_socket_is_left_alone),
		TEST(last_calls_are_let_in),
		TEST(held_it_takes_no_new_request),
		TEST(what_is_half_there_is_seen),
		TEST(an_idle_connection_can_be_given_away),
		TEST(draining_closes_what_is_idle),
		TEST(what_does_not_end_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
