/*
 * A loop's listeners are touched on its thread only, so each change is a mail
 * to every loop; the last one that a listener has left closes it.
 */
#include "server/acceptor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "log/log.h"
#include "server/pool.h"

/* One loop's part. */
struct share {
	struct pool_listener listener;
	struct acceptor *intake;
	struct pool *pool;
	struct loop_task enter;
	struct loop_task leave;
};

struct acceptor {
	/* immutable while the loops have it */
	int fd;
	bool last_calls;
	unsigned count;

	atomic_uint left; /* loops that have it */
	struct share shares[];
};

/* An accepted connection on its way to a loop. */
struct arrival {
	struct loop_task mail;
	struct pool *pool;
	struct transit transit;
};

static void
share_enter(struct loop_task *task)
{
	struct share *share = container_of(task, struct share, enter);

	pool_listen(share->pool, &share->listener, share->intake->fd);
}

static void
share_leave(struct loop_task *task)
{
	struct share *share = container_of(task, struct share, leave);
	struct acceptor *intake = share->intake;

	pool_unlisten(share->pool, &share->listener, intake->last_calls);
	if (atomic_fetch_sub(&intake->left, 1) == 1)
		acceptor_free(intake);
}

struct acceptor *
acceptor_open(struct server *server, int fd)
{
	unsigned count = server_loops(server), i;
	struct acceptor *intake;
	struct share *share;

	intake = calloc(1, sizeof(*intake) + count * sizeof(*share));
	if (intake == NULL)
		return NULL;
	intake->fd = fd;
	intake->count = count;
	atomic_init(&intake->left, count);
	for (i = 0; i < count; i++) {
		share = &intake->shares[i];
		share->intake = intake;
		share->pool = server_pool(server, i);
		share->enter.run = share_enter;
		share->leave.run = share_leave;
		loop_mail(share->pool->env.loop, &share->enter);
	}
	return intake;
}

int
acceptor_fd(const struct acceptor *intake)
{
	return intake->fd;
}

void
acceptor_close(struct acceptor *intake, bool last_calls)
{
	unsigned count = intake->count, i;

	intake->last_calls = last_calls;
	for (i = 0; i < count; i++)
		loop_mail(
		    intake->shares[i].pool->env.loop, &intake->shares[i].leave);
}

void
acceptor_free(struct acceptor *intake)
{
	if (intake == NULL)
		return;
	close(intake->fd);
	free(intake);
}

static void
arrival_enter(struct loop_task *task)
{
	struct arrival *arrival = container_of(task, struct arrival, mail);

	pool_take(arrival->pool, &arrival->transit);
	free(arrival);
}

void
acceptor_connection(struct server *server, struct transit *transit)
{
	struct arrival *arrival;

	if ((arrival = calloc(1, sizeof(*arrival))) == NULL) {
		log_error("memory", LOG_STR("for", "connection"));
		transit_close(transit);
		return;
	}
	arrival->transit = *transit;
	arrival->pool = server_pool(
	    server, (unsigned)transit->fd % server_loops(server));
	arrival->mail.run = arrival_enter;
	loop_mail(arrival->pool->env.loop, &arrival->mail);
}
