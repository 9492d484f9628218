/*
 * The old owner's side. It stays the owner until the new one has said that it
 * has everything, was told that all is its own, and has said that it serves:
 * when that one dies before, or stands still, nothing has happened.
 */
#include "owner/owner_give.h"

#include <unistd.h>

#include "base/container.h"
#include "log/log.h"
#include "owner/owner_give_step.h"
#include "owner/owner_identity.h"
#include "owner/owner_link.h"
#include "owner/owner_patience.h"
#include "owner/owner_serve.h"

#define GIVE_STEP    (4 * 1024 * 1024)
#define RESULTS_MS   20 /* between two looks at turns that have ended */
#define RESULT_TRIES 50 /* to send one without memory; a turn waits for it */

/* Those that nobody will serve are closed. */
static void
give_more(void *arg)
{
	struct owner *ow = arg;
	struct transit transit;

	owner_give_room(ow);
	while (ow->state == OWNER_RETIRES && ow->heir == NULL &&
	       quiesce_take(ow->quiesce, &transit))
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

static void
heir_late(struct owner_link *heir)
{
	struct owner *ow = heir->owner;

	if (ow->heir->peer.sent - ow->given >= GIVE_STEP &&
	    loop_now(ow->loop) < ow->give_end) {
		await_step(ow);
		return;
	}
	owner_identity_end(ow->heir->pidfd);
	owner_give_up(ow, "the new owner does not respond");
}

/*
 * The end.
 */

static void
serve_on(struct owner *ow)
{
	struct quiesce *halt = ow->quiesce;

	ow->quiesce = NULL;
	ow->app.aborted(ow->app.arg);
	log_warn("hand_over", LOG_STR("result", "failed, serving on"));
	quiesce_undo(halt);
	owner_serve_connections(ow);
	owner_serve(ow);
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
		        (ow->heir == NULL || !ow->app.next(ow->app.arg,
						 WIRE_RESULT, &ow->result));
		ok = *last || give_result(ow);
	}
	while (ow->heir != NULL && peer_has_room(&ow->heir->peer) &&
	       owner_give_spent(ow))
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
		owner_give_up(ow, "hand over a result");
	last = last && ow->emptied && ow->before == NULL && !gives_more(ow);
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
owner_give_retire(struct owner *ow)
{
	owner_to(ow, OWNER_RETIRES);
	ow->step = WIRE_NONE;
	owner_links_drop(ow, &owner_waiter);
	transits_close(&ow->conns);
	close(ow->socket);
	close(ow->lock);
	ow->socket = ow->lock = -1;
	ow->app.committed(ow->app.arg);
	timer_init(&ow->results, give_results, ow);
	loop_timer(ow->loop, &ow->results, loop_now(ow->loop));
	quiesce_await_empty(ow->quiesce, give_emptied, ow);
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

static bool
heir_frame(
    struct owner_link *heir, const struct wire_frame *frame, const int *fds)
{
	struct owner *ow = heir->owner;

	(void)fds;
	if (frame->type == WIRE_TAKEN && ow->state == OWNER_GIVES &&
	    ow->step == WIRE_NONE) {
		ow->step = WIRE_YOURS;
		await_step(ow);
		return peer_send(&heir->peer, WIRE_YOURS, NULL, 0, NULL);
	}
	if (frame->type == WIRE_MINE && ow->state == OWNER_GIVES &&
	    ow->step == WIRE_YOURS) {
		loop_untimer(ow->loop, &heir->patience);
		owner_give_retire(ow);
		return true;
	}
	if (frame->type == WIRE_TELL && ow->state == OWNER_RETIRES)
		ow->app.on_signal(ow->app.arg, frame->data, frame->len);
	else if (frame->type == WIRE_DRAIN && ow->state == OWNER_RETIRES)
		owner_end(ow, "stop");
	else
		return false;
	return true;
}

static void
heir_gone(struct owner_link *heir)
{
	struct owner *ow = heir->owner;

	ow->heir = NULL;
	ow->app.on_heir_lost(ow->app.arg);
	if (ow->state == OWNER_GIVES && !has_not_begun(ow, heir))
		owner_give_retire(ow);
	else if (ow->state == OWNER_GIVES)
		serve_on(ow);
	else if (ow->state == OWNER_RETIRES && ow->emptied)
		owner_end(ow, "handed over");
	else
		give_more(ow);
}

static void
heir_room(struct owner_link *heir)
{
	owner_give_room(heir->owner);
}

static const struct link_role link_heir = {
	.frame = heir_frame,
	.room = heir_room,
	.late = heir_late,
	.gone = heir_gone,
};

/*
 * The beginning.
 */

static void
give_halted(void *arg)
{
	struct owner *ow = arg;

	if (ow->state != OWNER_HALTS)
		return;
	owner_to(ow, OWNER_GIVES);
	if (ow->heir == NULL) {
		serve_on(ow);
		return;
	}
	ow->step = WIRE_LOCK;
	ow->give_end = loop_now(ow->loop) + owner_patience(PATIENCE_TAKE);
	await_step(ow);
	if (ow->app.begin(ow->app.arg))
		owner_give_room(ow);
	else
		owner_give_up(ow, "copy");
}

static void
waiters_mark(struct owner *ow)
{
	struct list *node, *next;

	LIST_EACH(node, next, &ow->links)
		container_of(node, struct owner_link, node)->given = false;
}

void
owner_give_begin(struct owner *ow, struct owner_link *heir)
{
	if (ow->state != OWNER_SERVES ||
	    (ow->quiesce = quiesce_begin(ow->conf.server, ow->loop,
		 owner_patience(PATIENCE_REQUEST), give_halted, give_more,
		 ow)) == NULL) {
		owner_link_drop(heir);
		return;
	}
	log_notice("hand_over", LOG_INT("pid", heir->cred.pid));
	owner_to(ow, OWNER_HALTS);
	ow->heir = heir;
	heir->role = &link_heir;
	owner_door_close(ow);
	loop_untimer(ow->loop, &ow->linger);
	waiters_mark(ow);
	owner_links_drop(ow, ow->newcomer);
}
