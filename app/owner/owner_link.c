/* A link of the owner's: its life, and what happens to it as its role says. */
#include "owner/owner_link.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "base/must.h"
#include "log/log.h"

void
owner_links_bury(struct owner *ow)
{
	struct owner_link *link;
	struct list *node;

	while ((node = list_take_first(&ow->dead)) != NULL) {
		link = container_of(node, struct owner_link, node);
		if (link->pidfd != -1)
			close(link->pidfd);
		free(link);
	}
}

/* It is freed when nobody works with it any more. */
void
owner_link_drop(struct owner_link *link)
{
	struct owner *ow = link->owner;

	peer_close(&link->peer);
	loop_untimer(ow->loop, &link->patience);
	list_remove(&link->node);
	list_add_last(&ow->dead, &link->node);
	ow->links_count--;
	loop_task(ow->loop, &ow->bury);
	if (link->role->gone != NULL)
		link->role->gone(link);
}

void
owner_links_drop(struct owner *ow, const struct link_role *role)
{
	struct list *node, *next;
	struct owner_link *link;

	LIST_EACH(node, next, &ow->links) {
		link = container_of(node, struct owner_link, node);
		if (link->role == role)
			owner_link_drop(link);
	}
}

static bool
link_frame(struct peer *peer, const struct wire_frame *frame, const int *fds)
{
	struct owner_link *link = container_of(peer, struct owner_link, peer);

	return link->role->frame != NULL && link->role->frame(link, frame, fds);
}

static void
link_room(struct peer *peer)
{
	struct owner_link *link = container_of(peer, struct owner_link, peer);

	if (link->role->room != NULL)
		link->role->room(link);
}

static void
link_gone(struct peer *peer)
{
	owner_link_drop(container_of(peer, struct owner_link, peer));
}

static void
link_late(struct timer *timer, void *arg)
{
	struct owner_link *link = arg;

	(void)timer;
	must(link->role->late != NULL);
	link->role->late(link);
}

static const struct peer_events link_events = {
	.frame = link_frame,
	.room = link_room,
	.gone = link_gone,
};

struct owner_link *
owner_link_add(struct owner *ow, int fd, const struct link_role *role)
{
	struct owner_link *link;

	if ((link = calloc(1, sizeof(*link))) == NULL ||
	    !owner_cred(fd, &link->cred) ||
	    peer_open(&link->peer, ow->loop, fd, &link_events) == -1) {
		log_error("owner", LOG_STR("failed", "link"),
		    LOG_INT("errno", errno));
		free(link);
		close(fd);
		return NULL;
	}
	link->owner = ow;
	link->role = role;
	link->fd = link->pidfd = -1;
	timer_init(&link->patience, link_late, link);
	list_add_first(&ow->links, &link->node);
	ow->links_count++;
	return link;
}

/*
 * Who asked is answered.
 */

static void
link_answered(struct owner_link *link)
{
	if (peer_is_flushed(&link->peer))
		owner_link_drop(link);
}

static const struct link_role link_asks = { .room = link_answered };

void
owner_link_answer(
    struct owner_link *link, enum wire_type type, const void *data, size_t len)
{
	link->role = &link_asks;
	if (!peer_send(&link->peer, type, data, len, NULL))
		owner_link_drop(link);
}

bool
owner_tell(struct owner_link *link, const void *data, size_t len)
{
	return peer_send(&link->peer, WIRE_TELL, data, len, NULL);
}

struct loop *
owner_link_loop(const struct owner_link *link)
{
	return link->owner->loop;
}
