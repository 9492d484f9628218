/* The server's side of a request, as far as http/ and routes/ see it. */
#include "fake_conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_OUT (4 * 1024 * 1024)

static struct loop *group_loop;

int
fake_loop_setup(void **state)
{
	(void)state;
	return (group_loop = loop_new(0)) == NULL ? -1 : 0;
}

int
fake_loop_teardown(void **state)
{
	(void)state;
	loop_free(group_loop);
	return 0;
}

struct loop *
fake_loop(void)
{
	return group_loop;
}

void
fake_conn_init(struct conn *c, struct loop *loop)
{
	*c = (struct conn){ .loop = loop };
	buf_init(&c->out, MAX_OUT);
}

void
fake_conn_free(struct conn *c)
{
	buf_free(&c->out);
}

const char *
fake_conn_text(struct conn *c)
{
	const char *text = buf_string(&c->out);

	assert_non_null(text);
	return text;
}

const char *
fake_conn_body(struct conn *c)
{
	const char *end = strstr(fake_conn_text(c), "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

struct cgi *
fake_cgi(const char *method, const char *path)
{
	struct cgi *cgi = calloc(1, sizeof(*cgi));
	size_t i;

	assert_non_null(cgi);
	for (i = 0; i < CGI_COUNT; i++)
		cgi->var[i] = "";
	cgi->var[CGI_REQUEST_METHOD] = method;
	cgi->var[CGI_REQUEST_URI] = path;
	cgi->var[CGI_X_REQUEST_ID] = "req-1";
	cgi->body = "";
	return cgi;
}

void
conn_set(struct conn *c, void *arg)
{
	c->arg = arg;
}

void
conn_write(struct conn *c, const void *data, size_t n)
{
	assert_false(c->ended);
	buf_add(&c->out, data, n);
	c->writes++;
}

void
conn_end(struct conn *c)
{
	assert_false(c->ended);
	c->ended = true;
	c->more = NULL;
	if (c->when_sent != NULL)
		c->when_sent(c->when_sent_arg);
	c->when_sent = NULL;
}

void
conn_when_sent(struct conn *c, conn_sent_f *fn, void *arg)
{
	c->when_sent = fn;
	c->when_sent_arg = arg;
}

void
conn_break(struct conn *c)
{
	conn_end(c);
	c->broken = true;
}

void
conn_guard(struct conn *c)
{
	c->guarded = true;
}

void
conn_produce(struct conn *c, conn_more_f *more)
{
	assert_false(c->ended);
	c->more = more;
}

struct loop *
conn_loop(const struct conn *c)
{
	return c->loop;
}

size_t
conn_written(const struct conn *c)
{
	return c->out.len;
}
