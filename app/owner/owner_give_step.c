/* What the heir is sent, one frame after the other. */
#include "owner/owner_give_step.h"

#include "base/bytes.h"
#include "base/container.h"
#include "log/log.h"
#include "owner/owner_link.h"
#include "owner/owner_serve.h"

void
owner_give_up(struct owner *ow, const char *why)
{
	log_warn("owner", LOG_STR("failed", why));
	owner_link_drop(ow->heir);
}

static void
give(struct owner *ow, enum wire_type type, const void *data, size_t len,
    const int *fds)
{
	if (!peer_send(&ow->heir->peer, type, data, len, fds))
		owner_give_up(ow, "hand over");
}

/* A waiter that was not given; NULL: there is none. */
static struct owner_link *
next_waiter(struct owner *ow)
{
	struct list *node, *next;
	struct owner_link *link;

	LIST_EACH(node, next, &ow->links) {
		link = container_of(node, struct owner_link, node);
		if (link->role == &owner_waiter && !link->given &&
		    link->acceptor != NULL)
			return link;
	}
	return NULL;
}

/* False: there is none that was not given. */
static bool
give_listener(struct owner *ow)
{
	struct owner_link *link = next_waiter(ow);
	char id[16];
	int fds[2];

	if (link == NULL)
		return false;
	link->given = true;
	fds[0] = acceptor_fd(link->acceptor);
	fds[1] = link->peer.fd;
	bytes_put(id, (uint64_t)link->cred.pid, 8);
	bytes_put(id + 8, (uint64_t)link->cred.uid, 8);
	give(ow, WIRE_LISTENER, id, sizeof(id), fds);
	return true;
}

/* Until the sessions are the heir's, it may come back. */
static bool
give_connection(struct owner *ow)
{
	struct transit transit;
	enum wire_type type;

	if (!quiesce_take(ow->quiesce, &transit))
		return false;
	type = transit.part.len > 0 ? WIRE_PART : WIRE_CONNECTION;
	if (ow->state == OWNER_RETIRES) {
		peer_send(&ow->heir->peer, type, transit.part.data,
		    transit.part.len, &transit.fd);
		transit_close(&transit);
	} else if (transits_add(&ow->conns, &transit)) {
		give(
		    ow, type, transit.part.data, transit.part.len, &transit.fd);
	} else {
		transit_close(&transit);
		owner_give_up(ow, "hand over a connection");
	}
	return true;
}

static bool
give_session(struct owner *ow)
{
	struct buf session;
	bool more;

	buf_init(&session, WIRE_MAX_SESSION);
	buf_guard(&session);
	more = ow->app.next(ow->app.arg, WIRE_SESSION, &session);
	if (session.failed)
		owner_give_up(ow, "hand over a session");
	else if (more)
		give(ow, WIRE_SESSION, session.data, session.len, NULL);
	buf_wipe(&session);
	return more;
}

bool
owner_give_spent(struct owner *ow)
{
	struct buf *piece = &ow->spent;
	bool more, ok;

	if (piece->failed)
		buf_wipe(piece);
	more = piece->len > 0 || ow->app.next(ow->app.arg, WIRE_SPENT, piece);
	ok = !piece->failed && (!more || peer_send(&ow->heir->peer, WIRE_SPENT,
					     piece->data, piece->len, NULL));
	if (ok || ow->state == OWNER_GIVES)
		buf_wipe(piece);
	if (!ok && ow->state == OWNER_GIVES)
		owner_give_up(ow, "hand over what was spent");
	return more && ok;
}

/* The next frame; what is to come after it stands in ow->step. */
static void
give_step(struct owner *ow)
{
	switch (ow->step) {
	case WIRE_LOCK:
		ow->step = WIRE_SOCKET;
		give(ow, WIRE_LOCK, NULL, 0, &ow->lock);
		break;
	case WIRE_SOCKET:
		ow->step = WIRE_LISTENER;
		give(ow, WIRE_SOCKET, NULL, 0, &ow->socket);
		break;
	case WIRE_LISTENER:
		if (!give_listener(ow))
			ow->step = WIRE_CONNECTION;
		break;
	case WIRE_CONNECTION:
		if (!give_connection(ow))
			ow->step = WIRE_SESSION;
		break;
	case WIRE_SESSION:
		if (!give_session(ow))
			ow->step = WIRE_SPENT;
		break;
	case WIRE_SPENT:
		if (!owner_give_spent(ow))
			ow->step = WIRE_ALL;
		break;
	default:
		ow->step = WIRE_NONE;
		give(ow, WIRE_ALL, NULL, 0, NULL);
	}
}

static bool
may_give(const struct owner *ow)
{
	return ow->heir != NULL && peer_has_room(&ow->heir->peer) &&
	       (ow->state == OWNER_GIVES || ow->state == OWNER_RETIRES);
}

void
owner_give_room(struct owner *ow)
{
	while (may_give(ow) && ow->step != WIRE_NONE && ow->step != WIRE_YOURS)
		give_step(ow);
	while (may_give(ow) && ow->step == WIRE_NONE && give_connection(ow))
		;
}
