/*
 * Accepting is a matter of the whole loop: how many connections it may hold,
 * what makes room when there are too many, and how it comes to an end.
 */
#include "server/pool.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>

#include "log/log.h"

static bool
pool_accepts(const struct pool *pool)
{
	return !pool->draining && !pool->held && !pool->retry.set;
}

static void
pool_mute(struct pool *pool)
{
	struct pool_listener *pl;

	for (pl = pool->listeners; pl != NULL; pl = pl->next)
		loop_unwatch(pool->loop, &pl->io);
}

static void
pool_pause(struct pool *pool)
{
	pool_mute(pool);
	loop_timer(
	    pool->loop, &pool->retry, loop_now(pool->loop) + POOL_PAUSE_MS);
}

static void
pool_resume(struct pool *pool)
{
	struct pool_listener *pl;

	loop_untimer(pool->loop, &pool->retry);
	if (!pool_accepts(pool))
		return;
	for (pl = pool->listeners; pl != NULL; pl = pl->next) {
		if (pl->io.fd != -1 || loop_watch(pool->loop, &pl->io, pl->fd,
					   EPOLLIN | EPOLLEXCLUSIVE) == 0)
			continue;
		log_error("listen", LOG_INT("errno", errno));
		pool_pause(pool);
		return;
	}
}

static void
pool_retry(struct timer *timer, void *arg)
{
	(void)timer;
	pool_resume(arg);
}

/* Who is idle gives up his descriptor, as where there are too many. */
static void
pool_exhausted(struct pool *pool, int error)
{
	if ((error == EMFILE || error == ENFILE) && pool->idle.first != NULL) {
		conn_close(pool->idle.first);
		return;
	}
	log_warn("accept", LOG_INT("errno", error),
	    LOG_INT("connections", pool->count));
	pool_pause(pool);
}

/* Out of descriptors or memory is temporary; the rest is the peer's affair. */
static void
pool_accept_failed(struct pool *pool, struct pool_listener *pl)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		pool_exhausted(pool, errno);
		break;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
		log_error("accept", LOG_INT("errno", errno));
		loop_unwatch(pool->loop, &pl->io);
		break;
	default:
		break;
	}
}

/* One per turn: the other loops get theirs, and it is called again. */
static void
pool_accept(struct loop_io *io, uint32_t events)
{
	struct pool_listener *pl =
	    (struct pool_listener *)((char *)io -
				     offsetof(struct pool_listener, io));
	struct pool *pool = pl->pool;
	int fd;

	(void)events;
	if (pool->count >= pool->max_conns) {
		if (pool->idle.first == NULL) {
			pool_pause(pool);
			return;
		}
		conn_close(pool->idle.first);
	}
	fd = accept4(pl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		pool_accept_failed(pool, pl);
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

void
pool_open(struct pool *pool)
{
	timer_init(&pool->retry, pool_retry, pool);
	timer_init(&pool->give_up, pool_give_up, pool);
}

void
pool_listen(struct pool *pool, struct pool_listener *pl, int fd)
{
	pl->io = (struct loop_io){ pool_accept, -1 };
	pl->pool = pool;
	pl->fd = fd;
	pl->prev = NULL;
	if ((pl->next = pool->listeners) != NULL)
		pl->next->prev = pl;
	pool->listeners = pl;
	if (!pool->retry.set)
		pool_resume(pool);
}

void
pool_unlisten(struct pool *pool, struct pool_listener *pl, bool last_calls)
{
	int fd;

	if (pl->pool == NULL)
		return;
	while (last_calls && !pool->draining && !pool->retry.set &&
	       pool->count < pool->max_conns &&
	       (fd = accept4(
		    pl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1)
		conn_open(pool, fd);
	loop_unwatch(pool->loop, &pl->io);
	*(pl->prev != NULL ? &pl->prev->next : &pool->listeners) = pl->next;
	if (pl->next != NULL)
		pl->next->prev = pl->prev;
	pl->pool = NULL;
}

void
pool_hold(struct pool *pool)
{
	pool->held = true;
	loop_untimer(pool->loop, &pool->retry);
	pool_mute(pool);
	conn_list_mute(&pool->idle);
}

void
pool_release(struct pool *pool)
{
	pool->held = false;
	pool->pass = NULL;
	conn_list_hear(&pool->idle);
	pool_resume(pool);
}

void
pool_pass(struct pool *pool, void (*fn)(void *, int), void *arg)
{
	pool->pass = fn;
	pool->pass_arg = arg;
}

bool
pool_collects(const struct pool *pool)
{
	return conn_list_collects(&pool->busy);
}

bool
pool_give_part(struct pool *pool, struct transit *transit)
{
	struct conn *c = conn_list_part(&pool->busy);

	if (c != NULL)
		conn_give_part(c, transit);
	return c != NULL;
}

int
pool_give(struct pool *pool)
{
	return pool->idle.first == NULL ? -1 : conn_give(pool->idle.first);
}

static void
pool_emptied(struct pool *pool)
{
	void (*fn)(void *) = pool->emptied;

	pool->emptied = NULL;
	if (fn != NULL)
		fn(pool->emptied_arg);
}

void
pool_await_empty(struct pool *pool, void (*fn)(void *), void *arg)
{
	pool->emptied = fn;
	pool->emptied_arg = arg;
	if (pool->count == 0)
		pool_emptied(pool);
}

void
pool_drain(struct pool *pool)
{
	if (pool->draining)
		return;
	pool->draining = true;
	pool_mute(pool);
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
	if (pool->count == 0)
		pool_emptied(pool);
	if (pool->draining) {
		if (pool->count == 0) {
			loop_untimer(pool->loop, &pool->give_up);
			loop_stop(pool->loop);
		}
	} else if (pool->retry.set) {
		pool_resume(pool);
	}
}
