/* The fixture of the tests of connections and their pool. */
#include "pool_service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log/log.h"
#include "server/fcgi_records.h"

#define BODY_MAX 4096
#define TURNS    100

/*
 * The application answers when the test says so.
 */

static void
service_request(void *state, struct conn *c, struct cgi *cgi)
{
	struct service *s = state;

	conn_set(c, s);
	s->asked = c;
	s->requests++;
	free(cgi);
}

static void
service_abort(void *state, void *arg)
{
	struct service *s = state;

	assert_ptr_equal(arg, s);
	s->asked = NULL;
	s->aborts++;
}

static void
service_drain(void *state)
{
	struct service *s = state;

	s->drains++;
}

static const struct server_app application = {
	.loop_drain = service_drain,
	.request = service_request,
	.abort = service_abort,
};

void
service_answer(struct service *s)
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

int
service_setup(void **state)
{
	struct service *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_true(parser_init());
	log_set_level(LOG_LEVEL_FATAL);
	assert_non_null(s->loop = loop_new(0));
	assert_non_null(s->pool = calloc(1, sizeof(*s->pool)));
	s->pool->env.loop = s->loop;
	s->pool->env.app = &application;
	s->pool->env.state = s;
	assert_non_null(s->pool->env.parser = parser_new());
	s->pool->env.body_max = BODY_MAX;
	s->pool->env.max_conns = SERVICE_CONNS;
	pool_open(s->pool);
	s->door = door_open();
	pool_listen(s->pool, &s->listener, s->door);
	*state = s;
	return 0;
}

int
service_teardown(void **state)
{
	struct service *s = *state;

	pool_unlisten(s->pool, &s->listener, false);
	pool_cut(s->pool);
	assert_int_equal(s->pool->count, 0);
	close(s->door);
	parser_free(s->pool->env.parser);
	free(s->pool);
	loop_free(s->loop);
	free(s);
	return 0;
}

/*
 * The web server's side.
 */

int
service_visit(const struct service *s)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(
	    getsockname(s->door, (struct sockaddr *)&name, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, len), 0);
	return fd;
}

void
await_count(const struct service *s, unsigned count)
{
	int turns;

	for (turns = 0; turns < TURNS && s->pool->count != count; turns++)
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(s->pool->count, count);
}

void
await_requests(const struct service *s, unsigned count)
{
	int turns;

	for (turns = 0; turns < TURNS && s->requests != count; turns++)
		loop_turn(s->loop, WAIT_MS);
	assert_int_equal(s->requests, count);
}

void
await_idle(const struct service *s)
{
	int turns;

	for (turns = 0; turns < TURNS && !list_is_empty(&s->pool->busy);
	     turns++)
		loop_turn(s->loop, WAIT_MS);
	assert_true(list_is_empty(&s->pool->busy));
}

void
send_part(int fd, bool keep, size_t missing)
{
	struct buf b;

	buf_init(&b, 1024);
	fcgi_add_request(&b, &(struct fcgi_request){ .id = 1, .keep = keep });
	assert_false(b.failed);
	assert_int_equal(
	    send(fd, b.data, b.len - missing, 0), (ssize_t)(b.len - missing));
	buf_free(&b);
}

void
send_request(int fd)
{
	send_part(fd, true, 0);
}

bool
is_closed(int fd)
{
	char text[4096];
	ssize_t n;

	do
		n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}
