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
#include "base/container.h"
#include "base/list.h"
#include "log/log.h"
#include "server/fcgi_records.h"
#include "server/fcgi_save.h"
#include "server/transit.h"

#define CONN_MAX_OUTPUT (4 * 1024 * 1024) /* bytes of a reply waiting */

int
conn_give(struct conn *c)
{
	struct conn_env *env = c->env;
	int fd = c->fd;

	env->events->leaves(c);
	loop_untimer(env->loop, &c->deadline);
	loop_untask(env->loop, &c->flush);
	loop_unwatch(env->loop, &c->io);
	fcgi_reader_free(&c->reader);
	buf_free(&c->out);
	conn_tell_sent(c);
	free(c);
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
	struct conn_env *env = c->env;

	if (c->reply == REPLY_RUNNING) {
		conn_to(c, REPLY_LAST);
		env->app->abort(env->state, c->arg);
	}
	close(conn_give(c));
	env->events->closed(env);
}

/* Watch for these events; -1: the connection was closed. */
static int
conn_watch(struct conn *c, uint32_t events)
{
	int rc;

	if (c->io.fd == -1)
		rc = loop_watch(c->env->loop, &c->io, c->fd, events);
	else
		rc = loop_rewatch(c->env->loop, &c->io, events);
	if (rc == 0)
		return 0;
	log_error("epoll", LOG_INT("errno", errno));
	conn_close(c);
	return -1;
}

void
conn_mute(struct conn *c)
{
	loop_unwatch(c->env->loop, &c->io);
}

void
conn_hear(struct conn *c)
{
	conn_watch(c, EPOLLIN | EPOLLRDHUP);
}

bool
conn_collects(const struct conn *c)
{
	return c->reply == REPLY_NONE && !fcgi_idle(&c->reader);
}

bool
conn_has_part(const struct conn *c)
{
	return conn_collects(c) && c->out.len == 0;
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
		   (c->env->draining && conn_is_idle(c)));
}

/* The socket is full; so much was taken since last time. -1: it is gone. */
static int
conn_stall(struct conn *c, size_t taken)
{
	struct loop *loop = c->env->loop;

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
	struct loop *loop = c->env->loop;

	if (c->reply != REPLY_NONE || c->stalled)
		return 0;
	if (!fcgi_idle(&c->reader)) {
		if (!c->deadline.set)
			loop_timer(loop, &c->deadline,
			    loop_now(loop) + CONN_REQUEST_MS);
		return 0;
	}
	loop_untimer(loop, &c->deadline);
	return conn_backlog(c) == 0 ? c->env->events->idle(c) : 0;
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
		loop_untimer(c->env->loop, &c->deadline);
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
	conn_flush(container_of(task, struct conn, flush));
}

/* The request is complete: hand it to the application. */
static void
conn_request(struct conn *c)
{
	struct conn_env *env = c->env;
	struct cgi *cgi;
	bool bad = false;

	loop_untimer(env->loop, &c->deadline);
	c->id = c->reader.id;
	c->keep = c->reader.keep;
	c->arg = NULL;
	c->written = 0;
	conn_tell_sent(c);
	conn_to(c, REPLY_RUNNING);
	cgi = parser_run(env->parser, &c->reader, &bad);
	buf_free(&c->reader.params);
	buf_free(&c->reader.body);
	if (cgi != NULL) {
		env->app->request(env->state, c, cgi);
		return;
	}
	log_warn("fastcgi", LOG_STR("refused", bad ? "params" : "memory"));
	conn_to(c, REPLY_LAST);
	loop_task(env->loop, &c->flush);
}

/* The web server gives up a request: it wants to hear that it has ended. */
static void
conn_aborted(struct conn *c)
{
	struct conn_env *env = c->env;

	if (c->reply != REPLY_RUNNING)
		return;
	env->app->abort(env->state, c->arg);
	conn_end(c);
}

/* Read records; -1: the connection must be closed. */
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
			conn_to(c, REPLY_LAST);
		else if (event == FCGI_ABORT)
			conn_aborted(c);
		else if (event == FCGI_REQUEST && c->env->passes)
			return -1; /* it did not wait for the reply before */
		else if (event == FCGI_REQUEST)
			conn_request(c);
	} while (n > 0 && c->reply != REPLY_LAST);

	if (c->reader.replies.len > 0) {
		buf_add(&c->out, c->reader.replies.data, c->reader.replies.len);
		buf_clear(&c->reader.replies);
		loop_task(c->env->loop, &c->flush);
	}
	return 0;
}

/* -1: there is no more to come, or the connection is gone. */
static int
conn_input(struct conn *c)
{
	struct conn_env *env = c->env;
	ssize_t n;
	int rc;

	n = recv(c->fd, env->input, sizeof(env->input), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0 && conn_is_over(c))
		return 0;
	if (n > 0) {
		env->events->busy(c);
		rc = conn_read(c, env->input, (size_t)n);
		explicit_bzero(env->input, (size_t)n);
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
	struct conn *c = container_of(io, struct conn, io);

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
conn_new(struct conn_env *env, int fd)
{
	struct conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		log_error("memory", LOG_STR("for", "connection"));
		close(fd);
		env->events->closed(env);
		return NULL;
	}
	c->env = env;
	c->fd = fd;
	list_init(&c->node);
	c->io = (struct loop_io){ conn_ready, -1 };
	c->flush.run = conn_flush_task;
	timer_init(&c->deadline, conn_expired, c);
	fcgi_reader_init(&c->reader, env->body_max, env->max_conns);
	buf_init(&c->out, CONN_MAX_OUTPUT);
	return c;
}

void
conn_open(struct conn_env *env, int fd)
{
	struct conn *c = conn_new(env, fd);

	if (c == NULL || env->events->idle(c) == -1 || env->held)
		return;
	/* most often the request is there already, and the reply ends it */
	if (conn_input(c) == 0 && c->reply != REPLY_LAST)
		conn_watch(c, EPOLLIN | EPOLLRDHUP);
}

void
conn_resume(struct conn_env *env, struct transit *transit)
{
	struct conn *c;

	if (transit->part.len == 0) {
		conn_open(env, transit->fd);
	} else if ((c = conn_new(env, transit->fd)) != NULL) {
		env->events->busy(c);
		if (conn_read(c, transit->part.data, transit->part.len) == -1)
			conn_close(c);
		else if (conn_settle(c) == 0)
			conn_watch(c, EPOLLIN | EPOLLRDHUP);
	}
	buf_wipe(&transit->part);
}
