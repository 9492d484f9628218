/* The owner as long as it serves, and its end. */
#include "owner/owner_serve.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"
#include "log/log.h"
#include "owner/owner_link.h"
#include "owner/owner_patience.h"

#define SECOND_MS 1000

/*
 * The end.
 */

void
owner_lingered(struct timer *timer, void *arg)
{
	struct owner *ow = arg;

	if (ow->listeners > 0 || ow->state != OWNER_SERVES)
		return;
	if (ow->app.live(ow->app.arg) == 0)
		owner_end(ow, "nobody");
	else
		loop_timer(ow->loop, timer, loop_now(ow->loop) + SECOND_MS);
}

void
owner_linger(struct owner *ow)
{
	if (ow->listeners == 0 && ow->state == OWNER_SERVES)
		loop_timer(ow->loop, &ow->linger,
		    loop_now(ow->loop) + ow->conf.linger_ms);
}

void
owner_end(struct owner *ow, const char *why)
{
	if (ow->state != OWNER_ENDS)
		log_notice("drain", LOG_STR("why", why));
	owner_to(ow, OWNER_ENDS);
	loop_stop(ow->loop);
}

/*
 * Who waits.
 */

static void
waiter_gone(struct owner_link *link)
{
	struct owner *ow = link->owner;

	if (link->acceptor != NULL)
		acceptor_close(link->acceptor, ow->state != OWNER_RETIRES);
	else if (link->fd != -1)
		close(link->fd);
	link->acceptor = NULL;
	link->fd = -1;
	ow->listeners--;
	owner_linger(ow);
}

const struct link_role owner_waiter = {
	.reported = "listener",
	.gone = waiter_gone,
};

void
owner_waiter_add(struct owner_link *link)
{
	link->role = &owner_waiter;
	link->owner->listeners++;
	loop_untimer(link->owner->loop, &link->owner->linger);
}

/*
 * The door.
 */

/* The directory lets nobody else in; this is for the day when it does. */
static bool
is_allowed(const struct owner *ow, uid_t uid)
{
	return uid == ow->conf.dir->uid || uid == 0;
}

static bool
has_room(const struct owner *ow)
{
	return ow->links_count < ow->listeners + ow->max_others;
}

/* Whoever comes then waits outside, and is not looked at again and again. */
void
owner_door_close(struct owner *ow)
{
	loop_unwatch(ow->loop, &ow->door);
}

/* Without descriptors or memory the door is left alone for a while. */
static void
door_failed(struct owner *ow)
{
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	log_warn("owner", LOG_STR("failed", "accept"), LOG_INT("errno", errno));
	owner_door_close(ow);
}

static void
door_knock(struct loop_io *io, uint32_t events)
{
	struct owner *ow = container_of(io, struct owner, door);
	struct owner_link *link;
	int fd;

	(void)events;
	if (!has_room(ow)) {
		owner_door_close(ow);
		return;
	}
	fd = accept4(ow->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		door_failed(ow);
		return;
	}
	if ((link = owner_link_add(ow, fd, ow->newcomer)) == NULL)
		return;
	if (!is_allowed(ow, link->cred.uid)) {
		log_warn("owner", LOG_STR("refused", "stranger"),
		    LOG_INT("uid", link->cred.uid));
		owner_link_drop(link);
		return;
	}
	loop_timer(ow->loop, &link->patience,
	    loop_now(ow->loop) + owner_patience(PATIENCE_HELLO));
}

void
owner_door_open(struct owner *ow)
{
	if (ow->state != OWNER_SERVES || ow->door.fd != -1 || !has_room(ow))
		return;
	ow->door.ready = door_knock;
	if (loop_watch(ow->loop, &ow->door, ow->socket, EPOLLIN) == -1)
		log_warn("owner", LOG_STR("failed", "door"),
		    LOG_INT("errno", errno));
}

/*
 * To serve.
 */

/* One that came with a hand-over. */
static void
waiter_serve(struct owner_link *link)
{
	link->acceptor = acceptor_open(link->owner->conf.server, link->fd);
	if (link->acceptor != NULL)
		link->fd = -1;
	else
		owner_link_drop(link);
}

void
owner_serve(struct owner *ow)
{
	struct list *node, *next;
	struct owner_link *link;

	LIST_EACH(node, next, &ow->links) {
		link = container_of(node, struct owner_link, node);
		if (link->fd != -1)
			waiter_serve(link);
	}
	owner_to(ow, OWNER_SERVES);
	owner_door_open(ow);
	owner_linger(ow);
}

void
owner_serve_connections(struct owner *ow)
{
	struct transit transit;

	while (transits_take(&ow->conns, &transit))
		acceptor_connection(ow->conf.server, &transit);
}
