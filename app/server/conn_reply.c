/* What the application does with a connection: it answers a request. */
#include <stddef.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "server/conn_state.h"
#include "server/fcgi_records.h"

#define CONN_RECORDS 64 /* bytes around most replies */

void
conn_tell_sent(struct conn *c)
{
	conn_sent_f *fn = c->when_sent;

	c->when_sent = NULL;
	if (fn != NULL)
		fn(c->when_sent_arg);
}

void
conn_set(struct conn *c, void *arg)
{
	c->arg = arg;
}

void
conn_write(struct conn *c, const void *data, size_t n)
{
	if (c->stalled && conn_backlog(c) + n > CONN_MAX_BACKLOG)
		c->too_slow = true;
	else if (buf_reserve(&c->out, n + CONN_RECORDS) != NULL)
		fcgi_add_stdout(&c->out, c->id, data, n);
	c->written += n;
	loop_task(c->env->loop, &c->flush);
}

void
conn_produce(struct conn *c, conn_more_f *more)
{
	c->more = more;
	loop_task(c->env->loop, &c->flush);
}

void
conn_guard(struct conn *c)
{
	c->out.secret = true;
}

void
conn_break(struct conn *c)
{
	c->more = NULL;
	c->cut = true;
	conn_to(c, REPLY_LAST);
	loop_task(c->env->loop, &c->flush);
}

void
conn_when_sent(struct conn *c, conn_sent_f *fn, void *arg)
{
	c->when_sent = fn;
	c->when_sent_arg = arg;
}

void
conn_end(struct conn *c)
{
	c->more = NULL;
	fcgi_add_end(&c->out, c->id);
	if (conn_backlog(c) <= CONN_LOW)
		conn_tell_sent(c);
	fcgi_next(&c->reader);
	conn_to(c, c->keep && !c->env->draining ? REPLY_NONE : REPLY_LAST);
	loop_task(c->env->loop, &c->flush);
}

struct loop *
conn_loop(const struct conn *c)
{
	return c->env->loop;
}

size_t
conn_written(const struct conn *c)
{
	return c->written;
}
