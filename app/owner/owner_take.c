/*
 * The new owner's side. It serves only when the old one has let go: both never
 * do at once.
 */
#include "owner/owner_take.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "log/log.h"
#include "owner/owner_identity.h"
#include "owner/owner_link.h"
#include "owner/owner_patience.h"
#include "owner/owner_serve.h"

#define TURN_MS 100

static void
owner_take_keep(int *where, int fd)
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
	if ((link = owner_link_add(ow, fds[1], &owner_waiter)) == NULL) {
		close(fds[0]);
		return true;
	}
	link->cred.pid = (pid_t)bytes_get(frame->data, 8);
	link->cred.uid = (uid_t)bytes_get(frame->data + 8, 8);
	link->fd = fds[0];
	owner_waiter_add(link);
	return true;
}

/* Idle, or with part of a request. */
static bool
take_connection(
    struct owner *ow, const struct wire_frame *frame, const int *fds)
{
	struct transit transit;

	transit_init(&transit, fds[0]);
	buf_add(&transit.part, frame->data, frame->len);
	if (!transit.part.failed && transits_add(&ow->conns, &transit))
		return true;
	buf_wipe(&transit.part);
	return false;
}

static void
take_over(struct owner *ow)
{
	owner_serve(ow);
	owner_serve_connections(ow);
	log_notice("taken_over", LOG_INT("listeners", ow->listeners),
	    LOG_INT("sessions", ow->app.live(ow->app.arg)));
}

/* The one before must have heard of it: else it takes everything back. */
static bool
begin_to_serve(struct owner_link *link)
{
	if (link->owner->proven) {
		if (!peer_send(&link->peer, WIRE_MINE, NULL, 0, NULL))
			return false;
		peer_push(&link->peer);
	}
	take_over(link->owner);
	return true;
}

static bool
prove(struct owner_link *link, const struct wire_frame *frame)
{
	link->owner->proven = true;
	return peer_send(
	    &link->peer, WIRE_PROOF, frame->data, frame->len, NULL);
}

static bool
refused(struct owner *ow, const struct wire_frame *frame)
{
	err_put(ow->err, (struct err_place){ "owner", NULL, 0 },
	    "the previous owner refuses this one: %.*s", (int)frame->len,
	    frame->data);
	*ow->conf.refused = true;
	return false;
}

static bool
take_part(struct owner_link *link, const struct wire_frame *frame)
{
	const struct owner_app *app = &link->owner->app;

	return app->adopt(app->arg, frame->type, link, frame->data, frame->len);
}

/* What the old one has, until it lets go of it. */
static bool
take_piece(
    struct owner_link *link, const struct wire_frame *frame, const int *fds)
{
	struct owner *ow = link->owner;

	switch (frame->type) {
	case WIRE_PROVE:
		return prove(link, frame);
	case WIRE_REFUSED:
		return refused(ow, frame);
	case WIRE_LOCK:
		owner_take_keep(&ow->lock, fds[0]);
		return true;
	case WIRE_SOCKET:
		owner_take_keep(&ow->socket, fds[0]);
		return true;
	case WIRE_LISTENER:
		return take_listener(ow, frame, fds);
	case WIRE_CONNECTION:
	case WIRE_PART:
		return take_connection(ow, frame, fds);
	case WIRE_SESSION:
	case WIRE_SPENT:
		return take_part(link, frame);
	case WIRE_ALL:
		return ow->lock != -1 && ow->socket != -1 &&
		       peer_send(&link->peer, WIRE_TAKEN, NULL, 0, NULL);
	case WIRE_YOURS:
		return begin_to_serve(link);
	default:
		return false;
	}
}

static bool
take_frame(
    struct owner_link *link, const struct wire_frame *frame, const int *fds)
{
	struct owner *ow = link->owner;

	if (ow->state == OWNER_TAKES)
		return take_piece(link, frame, fds);
	switch (frame->type) {
	case WIRE_CONNECTION:
	case WIRE_PART:
		if (!take_connection(ow, frame, fds))
			close(fds[0]);
		else if (ow->state != OWNER_ENDS)
			owner_serve_connections(ow);
		return true;
	case WIRE_RESULT:
	case WIRE_SPENT:
		return take_part(link, frame);
	case WIRE_LAST:
		owner_link_drop(link);
		return true;
	default:
		return false;
	}
}

static void
take_broken(struct owner_link *link)
{
	struct owner *ow = link->owner;

	ow->before = NULL;
	ow->app.on_owner_lost(ow->app.arg, link);
	if (ow->state == OWNER_TAKES)
		ow->failed = true;
}

static const struct link_role take_before = {
	.reported = "before",
	.frame = take_frame,
	.gone = take_broken,
};

/* Until it serves, or cannot; shown until it was looked at. */
static void
take_all(struct owner *ow)
{
	int64_t end = clock_mono_ms() + owner_patience(PATIENCE_TAKE);
	int shown = owner_identity_show();

	while (
	    ow->state == OWNER_TAKES && !ow->failed && clock_mono_ms() < end) {
		loop_turn(ow->loop, TURN_MS);
		if (ow->proven || ow->lock != -1)
			owner_identity_hide(shown);
	}
	owner_identity_hide(shown);
}

bool
owner_take(struct owner *ow)
{
	char hello[WIRE_HELLO_SIZE];
	int fd;

	fd = owner_dir_connect(ow->conf.dir, ow->err);
	if (fd == -1 ||
	    (ow->before = owner_link_add(ow, fd, &take_before)) == NULL) {
		err_put(ow->err, (struct err_place){ "owner", NULL, 0 },
		    "the previous owner is gone");
		return false;
	}
	wire_hello_put(hello, &ow->conf.self);
	ow->failed = !peer_send(
	    &ow->before->peer, WIRE_FOLLOW, hello, sizeof(hello), NULL);
	take_all(ow);
	if (ow->state == OWNER_SERVES)
		return true;
	if (!*ow->conf.refused)
		err_put(ow->err, (struct err_place){ "owner", NULL, 0 },
		    "the previous owner did not hand over");
	return false;
}

void
owner_take_end(struct owner *ow)
{
	if (ow->before != NULL)
		peer_send(&ow->before->peer, WIRE_DRAIN, NULL, 0, NULL);
}
