/* A link of the owner's: who talks to it, and what for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "log/log.h"
#include "owner/owner_report.h"
#include "owner/owner_state.h"
#include "server/listener.h"

void
owner_links_bury(struct loop_task *task)
{
	struct owner *ow = container_of(task, struct owner, bury);
	struct owner_link *link;

	while ((link = ow->dead) != NULL) {
		ow->dead = link->next;
		if (link->pidfd != -1)
			close(link->pidfd);
		free(link);
	}
}

static void
owner_waiter_gone(struct owner_link *link)
{
	struct owner *ow = link->owner;

	if (link->intake != NULL)
		acceptor_close(link->intake, ow->state != OWNER_RETIRES);
	else if (link->fd != -1)
		close(link->fd);
	link->intake = NULL;
	link->fd = -1;
	ow->listeners--;
	owner_linger(ow);
}

/* It is freed when nobody works with it any more. */
void
owner_link_drop(struct owner_link *link)
{
	struct owner *ow = link->owner;

	peer_close(&link->peer);
	loop_untimer(ow->loop, &link->patience);
	*(link->prev != NULL ? &link->prev->next : &ow->links) = link->next;
	if (link->next != NULL)
		link->next->prev = link->prev;
	ow->links_count--;
	link->next = ow->dead;
	ow->dead = link;
	loop_task(ow->loop, &ow->bury);
	if (link->role == LINK_WAITER)
		owner_waiter_gone(link);
	else if (link->role == LINK_HEIR)
		owner_give_broken(ow);
	else if (link->role == LINK_OLD)
		owner_take_broken(link);
	owner_door_open(ow);
}

static void
link_gone(struct peer *peer)
{
	owner_link_drop(container_of(peer, struct owner_link, peer));
}

static void
link_impatient(struct timer *timer, void *arg)
{
	struct owner_link *link = arg;

	(void)timer;
	if (link->role == LINK_HEIR)
		owner_give_late(link->owner);
	else
		owner_prove_late(link);
}

/* Who asked is answered; the heir is sent more. */
static void
link_room(struct peer *peer)
{
	struct owner_link *link = container_of(peer, struct owner_link, peer);

	if (link->role == LINK_ASKS && peer_is_flushed(peer))
		owner_link_drop(link);
	else if (link->role == LINK_HEIR)
		owner_give_room(link->owner);
}

static const struct peer_events link_events = {
	.frame = owner_link_frame,
	.room = link_room,
	.gone = link_gone,
};

struct owner_link *
owner_link_add(struct owner *ow, int fd, enum link_role role)
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
	timer_init(&link->patience, link_impatient, link);
	if ((link->next = ow->links) != NULL)
		link->next->prev = link;
	ow->links = link;
	ow->links_count++;
	return link;
}

/*
 * What they want.
 */

void
owner_link_answer(
    struct owner_link *link, enum wire_type type, const char *text)
{
	link->role = LINK_ASKS;
	if (!peer_send(&link->peer, type, text, strlen(text), NULL))
		owner_link_drop(link);
}

static void
refuse(struct owner_link *link, int fd)
{
	const struct owner *ow = link->owner;
	char text[WIRE_MAX_TEXT] = "descriptor 0 is not a listening socket";

	close(fd);
	if (ow->listeners >= ow->max_listeners)
		snprintf(text, sizeof(text),
		    "the owner has %u listeners and not enough descriptors for "
		    "more (LimitNOFILE, ulimit -n)",
		    ow->listeners);
	if (ow->listeners >= OWNER_MAX_LISTENERS)
		snprintf(text, sizeof(text),
		    "the owner has %u listeners, the most that it may have",
		    ow->listeners);
	owner_link_answer(link, WIRE_REFUSED, text);
}

static bool
hello_listen(struct owner_link *link, int fd)
{
	struct owner *ow = link->owner;

	if (ow->listeners >= ow->max_listeners || !listener_adopt(fd) ||
	    (link->intake = acceptor_open(ow->conf.server, fd)) == NULL) {
		refuse(link, fd);
		return true;
	}
	link->role = LINK_WAITER;
	ow->listeners++;
	loop_untimer(ow->loop, &ow->linger);
	log_info("listener", LOG_INT("pid", link->cred.pid),
	    LOG_INT("listeners", ow->listeners));
	if (!peer_send(&link->peer, WIRE_ACCEPTED, NULL, 0, NULL))
		owner_link_drop(link);
	return true;
}

static void
hello_status(struct owner_link *link)
{
	struct buf text;

	buf_init(&text, WIRE_MAX_STATUS);
	owner_report(&text, link->owner);
	link->role = LINK_ASKS;
	if (text.failed ||
	    !peer_send(&link->peer, WIRE_REPORT, text.data, text.len, NULL))
		owner_link_drop(link);
	buf_free(&text);
}

static bool
is_same(const struct owner *ow, const struct wire_hello *hello)
{
	return hello->program == ow->conf.self.program &&
	       hello->conf == ow->conf.self.conf;
}

static bool
hello_take(struct owner_link *link, const struct wire_frame *frame, int fd)
{
	struct owner *ow = link->owner;
	struct wire_hello hello;

	if (!wire_hello_get(&hello, frame->data, frame->len))
		return false;
	switch (frame->type) {
	case WIRE_LISTEN:
		if (is_same(ow, &hello))
			return hello_listen(link, fd);
		close(fd);
		owner_link_answer(link, WIRE_DIFFERS, "");
		return true;
	case WIRE_STATUS:
		hello_status(link);
		return true;
	case WIRE_STOP:
		peer_send(&link->peer, WIRE_ACCEPTED, NULL, 0, NULL);
		owner_end(ow, "stop");
		return true;
	case WIRE_FOLLOW:
		owner_prove_begin(link);
		return true;
	default:
		return false;
	}
}

bool
owner_link_frame(
    struct peer *peer, const struct wire_frame *frame, const int *fds)
{
	struct owner_link *link = container_of(peer, struct owner_link, peer);

	switch (link->role) {
	case LINK_NEW:
		loop_untimer(link->owner->loop, &link->patience);
		return hello_take(link, frame, fds[0]);
	case LINK_PROVES:
		return owner_prove_frame(link, frame);
	case LINK_HEIR:
		return owner_give_frame(link->owner, frame);
	case LINK_OLD:
		return owner_take_frame(link, frame, fds);
	default:
		return false;
	}
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
