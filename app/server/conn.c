/*
 * A connection is either idle (between requests), busy collecting a request,
 * or busy with its reply. It never blocks: what the socket does not take waits
 * here, up to a ceiling and a time.
 */
#include "server/conn_state.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "log/log.h"
#include "server/fcgi_records.h"
#include "server/fcgi_save.h"
#include "server/pool.h"

#define CONN_MAX_OUTPUT (4 * 1024 * 1024) /* bytes of a reply waiting */

/* End it; the pool is to be told. */
static int
conn_detach(struct conn *c)
{
	struct loop *loop = c->pool->loop;
	int fd = c->fd;

	conn_list_to(c, NULL);
	loop_untimer(loop, &c->deadline);
	loop_untask(loop, &c->flush);
	loop_unwatch(loop, &c->io);
	fcgi_reader_free(&c->reader);
	buf_free(&c->out);
	conn_tell_sent(c);
	free(c);
	return fd;
}

int
conn_give(struct conn *c)
{
	struct pool *pool = c->pool;
	int fd = conn_detach(c);

	pool_closed(pool);
	return fd;
}

void
conn_give_part(struct conn *c, struct transit *transit)
{
	transit_init(transit, c->fd);
	fcgi_save(&transit->part, &c->reader);
	conn_give(c);
}

void
conn_close(struct conn *c)
{
	struct pool *pool = c->pool;
	int fd;

	if (c->reply == REPLY_RUNNING) {
		c->reply = REPLY_LAST;
		pool->app->abort(pool->state, c->arg);
	}
	fd = conn_give(c);
	close(fd);
}

int
conn_watch(struct conn *c, uint32_t events)
{
	int rc;

	if (c->io.fd == -1)
		rc = loop_watch(c->pool->loop, &c->io, c->fd, events);
	else
		rc = loop_rewatch(c->pool->loop, &c->io, events);
	if (rc == 0)
		return 0;
	log_error("epoll", LOG_INT("errno", errno));
	conn_close(c);
	return -1;
}

/* True when it waits for its next request, with nothing left to send. */
static bool
conn_is_idle(const struct conn *c)
{
	return c->reply == REPLY_NONE && conn_backlog(c) == 0 &&
	       fcgi_idle(&c->reader);
}

/* Whatever comes now would not be answered: it is about to be closed. */
static bool
conn_is_over(const struct conn *c)
{
	return c->reply == REPLY_LAST || c->too_slow || c->out.failed;
}

static bool
conn_is_done(const struct conn *c)
{
	return conn_backlog(c) == 0 &&
	       (c->reply == REPLY_LAST ||
		   (c->pool->draining && conn_is_idle(c)));
}

/* It waits for a request, which may be another process's; -1: it is gone. */
static int
conn_rest(struct conn *c)
{
	struct pool *pool = c->pool;

	conn_list_to(c, &pool->idle);
	if (!pool->held)
		return 0;
	if (pool->pass == NULL) {
		loop_unwatch(pool->loop, &c->io);
		return 0;
	}
	pool->pass(pool->pass_arg, conn_detach(c));
	pool_closed(pool);
	return -1;
}

/* The socket is full; so much was taken since last time. -1: it is gone. */
static int
conn_stall(struct conn *c, size_t taken)
{
	struct loop *loop = c->pool->loop;

	if (!c->stalled && conn_watch(c, EPOLLIN | EPOLLRDHUP | EPOLLOUT) == -1)
		return -1;
	c->taken += taken;
	if (!c->stalled || c->taken >= CONN_LOW) {
		loop_timer(loop, &c->deadline, loop_now(loop) + CONN_STALL_MS);
		c->taken = 0;
	}
	c->stalled = true;
	return 0;
}

/*
 * It is idle again, or has a limited time for the rest of its request; -1: it
 * is gone.
 */
static int
conn_settle(struct conn *c)
{
	struct loop *loop = c->pool->loop;

	if (c->reply != REPLY_NONE || c->stalled)
		return 0;
	if (!fcgi_idle(&c->reader)) {
		if (!c->deadline.set)
			loop_timer(loop, &c->deadline,
			    loop_now(loop) + CONN_REQUEST_MS);
		return 0;
	}
	loop_untimer(loop, &c->deadline);
	return conn_backlog(c) == 0 ? conn_rest(c) : 0;
}

/* Bytes that were sent leave when they are more than those that wait. */
static void
conn_forget(struct conn *c, size_t sent)
{
	c->sent += sent;
	if (c->sent == c->out.len)
		buf_clear(&c->out);
	else if (c->sent > c->out.len / 2)
		buf_consume(&c->out, c->sent);
	else
		return;
	c->sent = 0;
}

/* Send what the socket takes; -1: the connection is gone. */
static int
conn_send(struct conn *c)
{
	ssize_t sent = 0;

	if (conn_backlog(c) > 0)
		sent = send(c->fd, c->out.data + c->sent, conn_backlog(c),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == -1 && errno != EAGAIN && errno != EINTR) {
		conn_close(c);
		return -1;
	}
	if (sent > 0)
		conn_forget(c, (size_t)sent);
	if (c->reply != REPLY_RUNNING && conn_backlog(c) <= CONN_LOW)
		conn_tell_sent(c);
	if (conn_backlog(c) == 0)
		return 0;
	return conn_stall(c, sent > 0 ? (size_t)sent : 0);
}

/* All is sent; afterwards the connection may be gone. */
static void
conn_sent(struct conn *c)
{
	if (conn_is_done(c)) {
		conn_close(c);
		return;
	}
	if (c->reply == REPLY_NONE) {
		buf_free(&c->out);
		c->out.secret = false;
	}
	if (c->stalled) {
		c->stalled = false;
		loop_untimer(c->pool->loop, &c->deadline);
		if (conn_watch(c, EPOLLIN | EPOLLRDHUP) == -1)
			return;
	}
	conn_settle(c);
}

/* Send what there is; afterwards the connection may be gone. */
static void
conn_flush(struct conn *c)
{
	if (c->out.failed || c->too_slow || c->cut) {
		if (!c->cut)
			log_warn(
			    "slow_reader", LOG_INT("backlog", conn_backlog(c)));
		conn_close(c);
		return;
	}
	if (conn_send(c) == -1)
		return;
	if (c->more != NULL && conn_backlog(c) < CONN_LOW)
		c->more(c->arg);
	else if (conn_backlog(c) == 0)
		conn_sent(c);
}

static void
conn_flush_task(struct loop_task *task)
{
	conn_flush(
	    (struct conn *)((char *)task - offsetof(struct conn, flush)));
}

/* The request is complete: hand it to the application. */
static void
conn_request(struct conn *c)
{
	struct pool *pool = c->pool;
	struct cgi *cgi;
	bool bad = false;

	loop_untimer(pool->loop, &c->deadline);
	c->id = c->reader.id;
	c->keep = c->reader.keep;
	c->arg = NULL;
	c->written = 0;
	conn_tell_sent(c);
	c->reply = REPLY_RUNNING;
	cgi = parser_run(pool->parser, &c->reader, &bad);
	buf_free(&c->reader.params);
	buf_free(&c->reader.body);
	if (cgi != NULL) {
		pool->app->request(pool->state, c, cgi);
		return;
	}
	log_warn("fastcgi", LOG_STR("refused", bad ? "params" : "memory"));
	c->reply = REPLY_LAST;
	loop_task(pool->loop, &c->flush);
}

/* The web server gives up a request: it wants to hear that it has ended. */
static void
conn_aborted(struct conn *c)
{
	struct pool *pool = c->pool;

	if (c->reply != REPLY_RUNNING)
		return;
	pool->app->abort(pool->state, c->arg);
	conn_end(c);
}

/* Read records; -1: the connection is to be closed. */
static int
conn_read(struct conn *c, const char *data, size_t n)
{
	enum fcgi_event event;
	size_t used;

	do {
		event = fcgi_read(&c->reader, data, n, &used);
		data += used;
		n -= used;
		if (event == FCGI_BROKEN) {
			log_warn("fastcgi", LOG_STR("refused", "records"));
			return -1;
		}
		if (event == FCGI_CLOSE)
			c->reply = REPLY_LAST;
		else if (event == FCGI_ABORT)
			conn_aborted(c);
		else if (event == FCGI_REQUEST && c->pool->pass != NULL)
			return -1; /* it did not wait for the reply before */
		else if (event == FCGI_REQUEST)
			conn_request(c);
	} while (n > 0 && c->reply != REPLY_LAST);

	if (c->reader.replies.len > 0) {
		buf_add(&c->out, c->reader.replies.data, c->reader.replies.len);
		buf_clear(&c->reader.replies);
		loop_task(c->pool->loop, &c->flush);
	}
	return 0;
}

/* -1: there is no more to come, or the connection is gone. */
static int
conn_input(struct conn *c)
{
	struct pool *pool = c->pool;
	ssize_t n;
	int rc;

	n = recv(c->fd, pool->input, sizeof(pool->input), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0 && conn_is_over(c))
		return 0;
	if (n > 0) {
		conn_list_to(c, &pool->busy);
		rc = conn_read(c, pool->input, (size_t)n);
		explicit_bzero(pool->input, (size_t)n);
		if (rc == 0)
			return conn_settle(c);
	} else if (n == 0 && c->reply == REPLY_LAST && conn_backlog(c) > 0) {
		/* a half-closed web server still reads */
		return conn_watch(c, EPOLLOUT);
	}
	conn_close(c);
	return -1;
}

static void
conn_ready(struct loop_io *io, uint32_t events)
{
	struct conn *c = (struct conn *)((char *)io -
					 offsetof(struct conn, io));

	if ((events & ~(uint32_t)EPOLLOUT) != 0 && conn_input(c) == -1)
		return;
	if (events & EPOLLOUT)
		conn_flush(c);
}

/* The request trickles in, or the reader takes nothing. */
static void
conn_expired(struct timer *timer, void *arg)
{
	struct conn *c = arg;

	(void)timer;
	log_warn(c->stalled ? "stalled_reader" : "slow_request",
	    LOG_INT("backlog", conn_backlog(c)));
	conn_close(c);
}

/* NULL: there is no memory, and it was closed. */
static struct conn *
conn_new(struct pool *pool, int fd)
{
	struct conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		log_error("memory", LOG_STR("for", "connection"));
		close(fd);
		return NULL;
	}
	c->pool = pool;
	c->fd = fd;
	c->io = (struct loop_io){ conn_ready, -1 };
	c->flush.run = conn_flush_task;
	timer_init(&c->deadline, conn_expired, c);
	fcgi_reader_init(&c->reader, pool->body_max, pool->max_conns);
	buf_init(&c->out, CONN_MAX_OUTPUT);
	pool->count++;
	return c;
}

void
conn_open(struct pool *pool, int fd)
{
	struct conn *c = conn_new(pool, fd);

	if (c == NULL || conn_rest(c) == -1 || pool->held)
		return;
	/* most often the request is there already, and the reply ends it */
	if (conn_input(c) == 0 && c->reply != REPLY_LAST)
		conn_watch(c, EPOLLIN | EPOLLRDHUP);
}

void
conn_resume(struct pool *pool, struct transit *transit)
{
	struct conn *c;

	if (transit->part.len == 0) {
		conn_open(pool, transit->fd);
	} else if ((c = conn_new(pool, transit->fd)) != NULL) {
		conn_list_to(c, &pool->busy);
		if (conn_read(c, transit->part.data, transit->part.len) == -1)
			conn_close(c);
		else if (conn_settle(c) == 0)
			conn_watch(c, EPOLLIN | EPOLLRDHUP);
	}
	buf_wipe(&transit->part);
}
