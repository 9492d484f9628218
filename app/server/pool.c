/*
 * Accepting is a matter of the whole loop: how many connections it may hold,
 * what makes room when there are too many, and how it comes to an end.
 */
#include "server/pool.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>

#include "base/log.h"

static void
pool_pause(struct pool *pool)
{
	loop_unwatch(pool->loop, &pool->listener);
	loop_timer(
	    pool->loop, &pool->retry, loop_now(pool->loop) + POOL_PAUSE_MS);
}

static void
pool_resume(struct pool *pool)
{
	if (pool->draining || pool->listener.fd != -1)
		return;
	loop_untimer(pool->loop, &pool->retry);
	if (loop_watch(pool->loop, &pool->listener, pool->fd,
		EPOLLIN | EPOLLEXCLUSIVE) == -1) {
		log_error("listen", LOG_INT("errno", errno));
		pool_pause(pool);
	}
}

static void
pool_retry(struct timer *timer, void *arg)
{
	(void)timer;
	pool_resume(arg);
}

/* Out of descriptors or memory is temporary; the rest is the peer's affair. */
static void
pool_accept_failed(struct pool *pool)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		log_warn("accept", LOG_INT("errno", errno),
		    LOG_INT("connections", pool->count));
		pool_pause(pool);
		break;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
		log_error("accept", LOG_INT("errno", errno));
		loop_unwatch(pool->loop, &pool->listener);
		break;
	default:
		break;
	}
}

/* One per turn: the other loops get theirs, and it is called again. */
static void
pool_accept(struct loop_io *io, uint32_t events)
{
	struct pool *pool = (struct pool *)((char *)io -
					    offsetof(struct pool, listener));
	int fd;

	(void)events;
	if (pool->count >= pool->max_conns) {
		if (pool->idle.first == NULL) {
			pool_pause(pool);
			return;
		}
		conn_close(pool->idle.first);
	}
	fd = accept4(pool->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		pool_accept_failed(pool);
	else
		conn_open(pool, fd);
}

/* The time is over: what still runs is cut off. */
static void
pool_give_up(struct timer *timer, void *arg)
{
	struct pool *pool = arg;

	(void)timer;
	log_warn("drain", LOG_INT("cut_off", pool->count));
	while (pool->busy.first != NULL)
		conn_close(pool->busy.first);
	while (pool->idle.first != NULL)
		conn_close(pool->idle.first);
}

int
pool_open(struct pool *pool, int fd)
{
	pool->fd = fd;
	pool->listener.ready = pool_accept;
	pool->listener.fd = -1;
	timer_init(&pool->retry, pool_retry, pool);
	timer_init(&pool->give_up, pool_give_up, pool);
	return loop_watch(
	    pool->loop, &pool->listener, fd, EPOLLIN | EPOLLEXCLUSIVE);
}

void
pool_drain(struct pool *pool)
{
	if (pool->draining)
		return;
	pool->draining = true;
	loop_unwatch(pool->loop, &pool->listener);
	loop_untimer(pool->loop, &pool->retry);
	while (pool->idle.first != NULL)
		conn_close(pool->idle.first);
	pool->app->loop_drain(pool->state);
	if (pool->count == 0)
		loop_stop(pool->loop);
	else
		loop_timer(pool->loop, &pool->give_up,
		    loop_now(pool->loop) + POOL_DRAIN_MS);
}

void
pool_closed(struct pool *pool)
{
	pool->count--;
	if (pool->draining) {
		if (pool->count == 0) {
			loop_untimer(pool->loop, &pool->give_up);
			loop_stop(pool->loop);
		}
	} else if (pool->listener.fd == -1) {
		pool_resume(pool);
	}
}
