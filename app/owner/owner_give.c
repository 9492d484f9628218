/*
 * The old owner's side. It stays the owner until the new one has said that it
 * has everything, was told that all is its own, and has said that it serves:
 * when that one dies before, or stands still, nothing has happened.
 */
#include <unistd.h>

#include "base/bytes.h"
#include "log/log.h"
#include "owner/owner_identity.h"
#include "owner/owner_patience.h"
#include "owner/owner_state.h"

#define GIVE_STEP    (4 * 1024 * 1024)
#define RESULTS_MS   20 /* between two looks at turns that have ended */
#define RESULT_TRIES 50 /* to send one without memory; a turn waits for it */

static void retire(struct owner *);

/*
 * Sending.
 */

/* Whatever fails, the heir hears no more, and this one serves on. */
static void
give_up(struct owner *ow, const char *why)
{
	log_warn("owner", LOG_STR("failed", why));
	owner_link_drop(ow->heir);
}

static void
give(struct owner *ow, enum wire_type type, const void *data, size_t len,
    const int *fds)
{
	if (!peer_send(&ow->heir->peer, type, data, len, fds))
		give_up(ow, "hand over");
}

/* False: there is none that was not given. */
static bool
give_listener(struct owner *ow)
{
	struct owner_link *link = ow->links;
	char id[16];
	int fds[2];

	while (link != NULL && (link->role != LINK_WAITER || link->given ||
				   link->intake == NULL))
		link = link->next;
	if (link == NULL)
		return false;
	link->given = true;
	fds[0] = acceptor_fd(link->intake);
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

	if (!quiesce_take(ow->halt, &transit))
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
		give_up(ow, "hand over a connection");
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
	more = ow->app.next(ow->app.arg, &session);
	if (session.failed)
		give_up(ow, "hand over a session");
	else if (more)
		give(ow, WIRE_SESSION, session.data, session.len, NULL);
	buf_wipe(&session);
	return more;
}

/* False: there is nothing new, or no memory; afterwards it is tried again. */
static bool
give_spent(struct owner *ow)
{
	struct buf *piece = &ow->spent;
	bool more, ok;

	if (piece->failed)
		buf_wipe(piece);
	more = piece->len > 0 || ow->app.spent(ow->app.arg, piece);
	ok = !piece->failed && (!more || peer_send(&ow->heir->peer, WIRE_SPENT,
					     piece->data, piece->len, NULL));
	if (ok || ow->state == OWNER_GIVES)
		buf_wipe(piece);
	if (!ok && ow->state == OWNER_GIVES)
		give_up(ow, "hand over what was spent");
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
		if (!give_spent(ow))
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

/* Connections still come when the others have gone. */
void
owner_give_room(struct owner *ow)
{
	while (may_give(ow) && ow->step != WIRE_NONE && ow->step != WIRE_YOURS)
		give_step(ow);
	while (may_give(ow) && ow->step == WIRE_NONE && give_connection(ow))
		;
}

/* Those that nobody will serve are closed. */
static void
give_more(void *arg)
{
	struct owner *ow = arg;
	struct transit transit;

	owner_give_room(ow);
	while (ow->state == OWNER_RETIRES && ow->heir == NULL &&
	       quiesce_take(ow->halt, &transit))
		transit_close(&transit);
}

/*
 * The heir is awaited: for its next step, and for the end of it all. Who has
 * much to take makes a step with each GIVE_STEP bytes.
 */

static void
await_step(struct owner *ow)
{
	int64_t end = loop_now(ow->loop) + owner_patience(PATIENCE_HEIR);

	ow->given = ow->heir->peer.sent;
	loop_timer(ow->loop, &ow->heir->patience,
	    end < ow->give_end ? end : ow->give_end);
}

void
owner_give_late(struct owner *ow)
{
	if (ow->heir->peer.sent - ow->given >= GIVE_STEP &&
	    loop_now(ow->loop) < ow->give_end) {
		await_step(ow);
		return;
	}
	owner_identity_end(ow->heir->pidfd);
	give_up(ow, "the new owner does not respond");
}

/*
 * The beginning.
 */

static void
give_halted(void *arg)
{
	struct owner *ow = arg;

	if (ow->state != OWNER_HALTS)
		return;
	if (ow->heir == NULL) {
		ow->state = OWNER_GIVES;
		owner_give_broken(ow);
		return;
	}
	ow->state = OWNER_GIVES;
	ow->step = WIRE_LOCK;
	ow->give_end = loop_now(ow->loop) + owner_patience(PATIENCE_TAKE);
	await_step(ow);
	if (ow->app.copy(ow->app.arg))
		owner_give_room(ow);
	else
		give_up(ow, "copy");
}

void
owner_give_begin(struct owner *ow, struct owner_link *heir)
{
	struct owner_link *link, *next;

	if (ow->state != OWNER_SERVES ||
	    (ow->halt = quiesce_begin(ow->conf.server, ow->loop,
		 owner_patience(PATIENCE_REQUEST), give_halted, give_more,
		 ow)) == NULL) {
		owner_link_drop(heir);
		return;
	}
	log_notice("hand_over", LOG_INT("pid", heir->cred.pid));
	ow->state = OWNER_HALTS;
	ow->heir = heir;
	heir->role = LINK_HEIR;
	loop_unwatch(ow->loop, &ow->door);
	loop_untimer(ow->loop, &ow->linger);
	for (link = ow->links; link != NULL; link = next) {
		next = link->next;
		link->given = false;
		if (link->role == LINK_NEW)
			owner_link_drop(link);
	}
}

/*
 * The end.
 */

static void
serve_on(struct owner *ow)
{
	struct quiesce *halt = ow->halt;

	ow->halt = NULL;
	ow->app.kept(ow->app.arg);
	log_warn("hand_over", LOG_STR("result", "failed, serving on"));
	quiesce_undo(halt);
	owner_serve_connections(ow);
	owner_serve(ow);
}

static bool
has_before(const struct owner *ow)
{
	const struct owner_link *link = ow->links;

	while (link != NULL && link->role != LINK_OLD)
		link = link->next;
	return link != NULL;
}

static bool
has_untold(const struct owner *ow)
{
	return ow->heir != NULL && (ow->spent.len > 0 || ow->spent.failed);
}

/* Whether the heir is sent something yet. */
static bool
gives_more(const struct owner *ow)
{
	return has_untold(ow) ||
	       (ow->heir != NULL && !peer_is_flushed(&ow->heir->peer));
}

static bool
has_room(const struct owner *ow)
{
	return ow->heir == NULL || peer_has_room(&ow->heir->peer);
}

/* False: there is no memory; it is tried again. */
static bool
give_result(struct owner *ow)
{
	struct buf *result = &ow->result;
	bool failed = result->failed;

	if (!failed && ow->heir != NULL &&
	    !peer_send(
		&ow->heir->peer, WIRE_RESULT, result->data, result->len, NULL))
		return false;
	buf_wipe(result);
	return !failed;
}

/*
 * Send what there is; *last: of the results, that was all for now. False: there
 * is no memory.
 */
static bool
send_results(struct owner *ow, bool *last)
{
	bool ok = true;

	*last = false;
	while (!*last && ok && has_room(ow)) {
		*last = ow->result.len == 0 &&
		        (ow->heir == NULL ||
			    !ow->app.result(ow->app.arg, &ow->result));
		ok = *last || give_result(ow);
	}
	while (ow->heir != NULL && peer_has_room(&ow->heir->peer) &&
	       give_spent(ow))
		;
	return ok && !has_untold(ow);
}

static void
give_results(struct timer *timer, void *arg)
{
	struct owner *ow = arg;
	bool last;

	ow->tries = send_results(ow, &last) ? 0 : ow->tries + 1;
	if (ow->tries > RESULT_TRIES)
		give_up(ow, "hand over a result");
	last = last && ow->emptied && !has_before(ow) && !gives_more(ow);
	if (last && ow->heir == NULL)
		owner_end(ow, "handed over");
	else if (!last || !peer_send(&ow->heir->peer, WIRE_LAST, NULL, 0, NULL))
		loop_timer(ow->loop, timer, loop_now(ow->loop) + RESULTS_MS);
}

static void
give_emptied(void *arg)
{
	struct owner *ow = arg;

	ow->emptied = true;
}

/* What was copied is the heir's; here it is let go of. */
static void
retire(struct owner *ow)
{
	struct owner_link *link, *next;

	ow->state = OWNER_RETIRES;
	ow->step = WIRE_NONE;
	for (link = ow->links; link != NULL; link = next) {
		next = link->next;
		if (link->role == LINK_WAITER)
			owner_link_drop(link);
	}
	transits_close(&ow->conns);
	close(ow->socket);
	close(ow->lock);
	ow->socket = ow->lock = -1;
	ow->app.given(ow->app.arg);
	timer_init(&ow->results, give_results, ow);
	loop_timer(ow->loop, &ow->results, loop_now(ow->loop));
	quiesce_await_empty(ow->halt, give_emptied, ow);
}

/*
 * Whether the heir, which was told to serve and is gone, does not: it says so
 * before it does. One that is still there is not to begin now.
 */
static bool
has_not_begun(const struct owner *ow, const struct owner_link *heir)
{
	return ow->step != WIRE_YOURS || owner_identity_end(heir->pidfd);
}

bool
owner_give_frame(struct owner *ow, const struct wire_frame *frame)
{
	if (frame->type == WIRE_TAKEN && ow->state == OWNER_GIVES &&
	    ow->step == WIRE_NONE) {
		ow->step = WIRE_YOURS;
		await_step(ow);
		return peer_send(&ow->heir->peer, WIRE_YOURS, NULL, 0, NULL);
	}
	if (frame->type == WIRE_MINE && ow->state == OWNER_GIVES &&
	    ow->step == WIRE_YOURS) {
		loop_untimer(ow->loop, &ow->heir->patience);
		retire(ow);
		return true;
	}
	if (frame->type == WIRE_TELL && ow->state == OWNER_RETIRES)
		ow->app.told(ow->app.arg, frame->data, frame->len);
	else if (frame->type == WIRE_DRAIN && ow->state == OWNER_RETIRES)
		owner_end(ow, "stop");
	else
		return false;
	return true;
}

void
owner_give_broken(struct owner *ow)
{
	const struct owner_link *heir = ow->heir;

	ow->heir = NULL;
	ow->app.alone(ow->app.arg);
	if (ow->state == OWNER_GIVES && heir != NULL &&
	    !has_not_begun(ow, heir))
		retire(ow);
	else if (ow->state == OWNER_GIVES)
		serve_on(ow);
	else if (ow->state == OWNER_RETIRES && ow->emptied)
		owner_end(ow, "handed over");
	else
		give_more(ow);
}
