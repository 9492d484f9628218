/*
 * The new owner's side. It serves only when the old one has let go: both never
 * do at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "log/log.h"
#include "owner/owner_state.h"

#define TAKE_MS (60 * 1000) /* for all of it, most of the time reading */
#define TURN_MS 100

static void
keep(int *where, int fd)
{
	if (*where != -1)
		close(*where);
	*where = fd;
}

/* A waiter's own connection, and what it listens on. */
static bool
take_listener(struct owner *ow, const struct wire_frame *frame, const int *fds)
{
	struct owner_link *link;

	if (frame->len != 16)
		return false;
	if ((link = owner_link_add(ow, fds[1], LINK_WAITER)) == NULL) {
		close(fds[0]);
		return true;
	}
	link->cred.pid = (pid_t)bytes_get(frame->data, 8);
	link->cred.uid = (uid_t)bytes_get(frame->data + 8, 8);
	link->fd = fds[0];
	ow->listeners++;
	return true;
}

bool
owner_keep_connection(struct owner *ow, int fd)
{
	size_t room = ow->conns_room == 0 ? 16 : ow->conns_room * 2;
	int *conns;

	if (ow->conns_count == ow->conns_room) {
		conns = realloc(ow->conns, room * sizeof(*conns));
		if (conns == NULL)
			return false;
		ow->conns = conns;
		ow->conns_room = room;
	}
	ow->conns[ow->conns_count++] = fd;
	return true;
}

void
owner_serve_connections(struct owner *ow)
{
	while (ow->conns_count > 0)
		acceptor_connection(
		    ow->conf.server, ow->conns[--ow->conns_count]);
}

static void
take_over(struct owner *ow)
{
	owner_serve(ow);
	owner_serve_connections(ow);
	log_notice("taken_over", LOG_INT("listeners", ow->listeners),
	    LOG_INT("sessions", ow->app.live(ow->app.arg)));
}

/* What the old one has, until it lets go of it. */
static bool
take_piece(
    struct owner_link *link, const struct wire_frame *frame, const int *fds)
{
	struct owner *ow = link->owner;

	switch (frame->type) {
	case WIRE_LOCK:
		keep(&ow->lock, fds[0]);
		return true;
	case WIRE_SOCKET:
		keep(&ow->socket, fds[0]);
		return true;
	case WIRE_LISTENER:
		return take_listener(ow, frame, fds);
	case WIRE_CONNECTION:
		return owner_keep_connection(ow, fds[0]);
	case WIRE_SESSION:
		return ow->app.adopt(
		    ow->app.arg, link, frame->data, frame->len);
	case WIRE_SPENT:
		return ow->app.adopt_spent(
		    ow->app.arg, frame->data, frame->len);
	case WIRE_ALL:
		return ow->lock != -1 && ow->socket != -1 &&
		       peer_send(&link->peer, WIRE_TAKEN, NULL, 0, NULL);
	case WIRE_YOURS:
		take_over(ow);
		return true;
	default:
		return false;
	}
}

bool
owner_take_frame(
    struct owner_link *link, const struct wire_frame *frame, const int *fds)
{
	struct owner *ow = link->owner;

	if (ow->state == OWNER_TAKES)
		return take_piece(link, frame, fds);
	switch (frame->type) {
	case WIRE_CONNECTION:
		if (ow->state == OWNER_ENDS)
			close(fds[0]);
		else
			acceptor_connection(ow->conf.server, fds[0]);
		return true;
	case WIRE_RESULT:
		return ow->app.adopt_result(
		    ow->app.arg, link, frame->data, frame->len);
	case WIRE_SPENT:
		return ow->app.adopt_spent(
		    ow->app.arg, frame->data, frame->len);
	case WIRE_LAST:
		owner_link_drop(link);
		return true;
	default:
		return false;
	}
}

void
owner_take_broken(struct owner_link *link)
{
	struct owner *ow = link->owner;

	ow->app.orphaned(ow->app.arg, link);
	if (ow->state == OWNER_TAKES)
		ow->failed = true;
}

bool
owner_take(struct owner *ow, char *err, size_t errsize)
{
	int64_t end = clock_mono_ms() + TAKE_MS;
	char hello[WIRE_HELLO_SIZE];
	struct owner_link *old;
	int fd;

	fd = owner_dir_connect(ow->conf.dir, err, errsize);
	if (fd == -1 || (old = owner_link_add(ow, fd, LINK_OLD)) == NULL) {
		snprintf(err, errsize, "owner: the one before is gone");
		return false;
	}
	wire_hello_put(hello, &ow->conf.self);
	ow->failed = !peer_send(
	    &old->peer, WIRE_FOLLOW, hello, sizeof(hello), NULL);
	while (ow->state == OWNER_TAKES && !ow->failed && clock_mono_ms() < end)
		loop_turn(ow->loop, TURN_MS);
	if (ow->state == OWNER_SERVES)
		return true;
	snprintf(err, errsize, "owner: the one before did not hand over");
	return false;
}
