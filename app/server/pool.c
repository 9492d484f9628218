/*
 * Accepting is a matter of the whole loop: how many connections it may hold,
 * what makes room when there are too many, and how it comes to an end.
 */
#include "server/pool.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>

#include "base/container.h"
#include "base/list.h"
#include "base/must.h"
#include "log/log.h"
#include "server/conn_state.h"

static struct conn *
conn_of(struct list *node)
{
	return container_of(node, struct conn, node);
}

static struct pool *
pool_of(struct conn_env *env)
{
	return container_of(env, struct pool, env);
}

/* The one that has been idle for the longest; NULL: there is none. */
static struct conn *
pool_oldest(struct pool *pool)
{
	return list_is_empty(&pool->idle) ? NULL : conn_of(pool->idle.next);
}

static bool
pool_accepts(const struct pool *pool)
{
	return !pool->env.draining && !pool->env.held && !pool->retry.set;
}

static struct pool_listener *
listener_of(struct list *node)
{
	return container_of(node, struct pool_listener, node);
}

static void
pool_mute(struct pool *pool)
{
	struct list *node, *next;

	LIST_EACH(node, next, &pool->listeners)
		loop_unwatch(pool->env.loop, &listener_of(node)->io);
}

static void
pool_pause(struct pool *pool)
{
	pool_mute(pool);
	loop_timer(pool->env.loop, &pool->retry,
	    loop_now(pool->env.loop) + POOL_PAUSE_MS);
}

static void
pool_resume(struct pool *pool)
{
	struct pool_listener *pl;
	struct list *node, *next;

	loop_untimer(pool->env.loop, &pool->retry);
	if (!pool_accepts(pool))
		return;
	LIST_EACH(node, next, &pool->listeners) {
		pl = listener_of(node);
		if (pl->io.fd != -1 ||
		    loop_watch(pool->env.loop, &pl->io, pl->fd,
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

/* An idle connection gives up its descriptor, as when there are too many. */
static void
pool_exhausted(struct pool *pool, int error)
{
	struct conn *oldest = pool_oldest(pool);

	if ((error == EMFILE || error == ENFILE) && oldest != NULL) {
		conn_close(oldest);
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
		loop_unwatch(pool->env.loop, &pl->io);
		break;
	default:
		break;
	}
}

/* On an accepted descriptor; without memory it is closed. */
static void
pool_add(struct pool *pool, int fd)
{
	pool->count++;
	conn_open(&pool->env, fd);
}

/* One per turn: the other loops get theirs, and it is called again. */
static void
pool_accept(struct loop_io *io, uint32_t events)
{
	struct pool_listener *pl = container_of(io, struct pool_listener, io);
	struct pool *pool = pl->pool;
	struct conn *oldest;
	int fd;

	(void)events;
	if (pool->count >= pool->env.max_conns) {
		if ((oldest = pool_oldest(pool)) == NULL) {
			pool_pause(pool);
			return;
		}
		conn_close(oldest);
	}
	fd = accept4(pl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		pool_accept_failed(pool, pl);
	else
		pool_add(pool, fd);
}

/* The time is over: what still runs is cut off. */
static void
pool_give_up(struct timer *timer, void *arg)
{
	struct pool *pool = arg;

	(void)timer;
	log_warn("drain", LOG_INT("cut_off", pool->count));
	pool_cut(pool);
}

static void
pool_close_all(struct list *list)
{
	while (!list_is_empty(list))
		conn_close(conn_of(list->next));
}

void
pool_cut(struct pool *pool)
{
	pool_close_all(&pool->busy);
	pool_close_all(&pool->idle);
}

/*
 * What connections tell.
 */

static void
pool_emptied(struct pool *pool)
{
	void (*fn)(void *) = pool->emptied;

	pool->emptied = NULL;
	if (fn != NULL)
		fn(pool->emptied_arg);
}

/* There may be room again. */
static void
pool_closed(struct conn_env *env)
{
	struct pool *pool = pool_of(env);

	pool->count--;
	if (pool->count == 0)
		pool_emptied(pool);
	if (pool->env.draining) {
		if (pool->count == 0) {
			loop_untimer(pool->env.loop, &pool->give_up);
			loop_stop(pool->env.loop);
		}
	} else if (pool->retry.set) {
		pool_resume(pool);
	}
}

static int
pool_idle(struct conn *c)
{
	struct pool *pool = pool_of(c->env);

	if (c->is_busy || list_is_empty(&c->node)) {
		list_remove(&c->node);
		list_add_last(&pool->idle, &c->node);
		c->is_busy = false;
	}
	if (!pool->env.held)
		return 0;
	if (pool->pass == NULL) {
		conn_mute(c);
		return 0;
	}
	pool->pass(pool->pass_arg, conn_give(c));
	pool_closed(&pool->env);
	return -1;
}

static void
pool_busy(struct conn *c)
{
	if (c->is_busy)
		return;
	list_remove(&c->node);
	list_add_last(&pool_of(c->env)->busy, &c->node);
	c->is_busy = true;
}

static void
pool_leaves(struct conn *c)
{
	list_remove(&c->node);
}

static const struct conn_events pool_events = {
	.idle = pool_idle,
	.busy = pool_busy,
	.leaves = pool_leaves,
	.closed = pool_closed,
};

void
pool_open(struct pool *pool)
{
	pool->env.events = &pool_events;
	list_init(&pool->listeners);
	list_init(&pool->idle);
	list_init(&pool->busy);
	timer_init(&pool->retry, pool_retry, pool);
	timer_init(&pool->give_up, pool_give_up, pool);
}

void
pool_listen(struct pool *pool, struct pool_listener *pl, int fd)
{
	pl->io = (struct loop_io){ pool_accept, -1 };
	pl->pool = pool;
	pl->fd = fd;
	list_add_first(&pool->listeners, &pl->node);
	if (!pool->retry.set)
		pool_resume(pool);
}

void
pool_unlisten(struct pool *pool, struct pool_listener *pl, bool last_calls)
{
	int fd;

	if (pl->pool == NULL)
		return;
	while (last_calls && !pool->env.draining && !pool->retry.set &&
	       pool->count < pool->env.max_conns &&
	       (fd = accept4(
		    pl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1)
		pool_add(pool, fd);
	loop_unwatch(pool->env.loop, &pl->io);
	list_remove(&pl->node);
	pl->pool = NULL;
}

void
pool_hold(struct pool *pool)
{
	struct list *node, *next;

	pool->env.held = true;
	loop_untimer(pool->env.loop, &pool->retry);
	pool_mute(pool);
	LIST_EACH(node, next, &pool->idle)
		conn_mute(conn_of(node));
}

void
pool_release(struct pool *pool)
{
	struct list *node, *next;

	pool->env.held = false;
	pool->env.passes = false;
	pool->pass = NULL;
	LIST_EACH(node, next, &pool->idle)
		conn_hear(conn_of(node));
	pool_resume(pool);
}

void
pool_pass(struct pool *pool, void (*fn)(void *, int), void *arg)
{
	must(pool->env.held);
	pool->env.passes = true;
	pool->pass = fn;
	pool->pass_arg = arg;
}

/* The first busy one that does; NULL: there is none. */
static struct conn *
pool_find(const struct pool *pool, bool (*does)(const struct conn *))
{
	struct list *node, *next;

	LIST_EACH(node, next, &pool->busy) {
		if (does(conn_of(node)))
			return conn_of(node);
	}
	return NULL;
}

bool
pool_collects(const struct pool *pool)
{
	return pool_find(pool, conn_collects) != NULL;
}

bool
pool_give_part(struct pool *pool, struct transit *transit)
{
	struct conn *c = pool_find(pool, conn_has_part);

	must(pool->env.held);
	if (c == NULL)
		return false;
	conn_give_part(c, transit);
	pool_closed(&pool->env);
	return true;
}

void
pool_take(struct pool *pool, struct transit *transit)
{
	pool->count++;
	conn_resume(&pool->env, transit);
}

int
pool_give(struct pool *pool)
{
	struct conn *oldest = pool_oldest(pool);
	int fd = -1;

	must(pool->env.held);
	if (oldest != NULL) {
		fd = conn_give(oldest);
		pool_closed(&pool->env);
	}
	return fd;
}

void
pool_await_empty(struct pool *pool, void (*fn)(void *), void *arg)
{
	must(pool->env.held);
	pool->emptied = fn;
	pool->emptied_arg = arg;
	if (pool->count == 0)
		pool_emptied(pool);
}

void
pool_drain(struct pool *pool)
{
	if (pool->env.draining)
		return;
	pool->env.draining = true;
	pool_mute(pool);
	loop_untimer(pool->env.loop, &pool->retry);
	pool_close_all(&pool->idle);
	pool->env.app->loop_drain(pool->env.state);
	if (pool->count == 0)
		loop_stop(pool->env.loop);
	else
		loop_timer(pool->env.loop, &pool->give_up,
		    loop_now(pool->env.loop) + POOL_DRAIN_MS);
}
