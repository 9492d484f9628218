/*
 * Whoever follows gets everything, so the process that asks must be the
 * program. What it executes is looked at through its number, which says little:
 * the number may be another process' by now, or the socket another one's than
 * who made it. So it is told a number that nobody else knows, and must say it
 * back: the kernel notes who says it, and the descriptor of the process that
 * was looked at, that this one has been there all the time.
 */
#include "owner/owner_prove.h"

#include <string.h>
#include <sys/random.h>

#include "log/log.h"
#include "owner/owner_give.h"
#include "owner/owner_identity.h"
#include "owner/owner_link.h"
#include "owner/owner_patience.h"

static void
refuse(struct owner_link *link, const char *why)
{
	log_warn("owner", LOG_STR("refused", "follower"), LOG_STR("why", why),
	    LOG_INT("pid", link->cred.pid), LOG_INT("uid", link->cred.uid));
	owner_link_answer(link, WIRE_REFUSED, why, strlen(why));
}

/* It is known to be ours, and what it stands in the way of is the next one. */
static void
prove_late(struct owner_link *link)
{
	log_warn("owner", LOG_STR("failed", "the new owner does not respond"),
	    LOG_INT("pid", link->cred.pid));
	owner_identity_end(link->pidfd);
	owner_link_drop(link);
}

static bool
prove_frame(
    struct owner_link *link, const struct wire_frame *frame, const int *fds)
{
	(void)fds;
	if (frame->type != WIRE_PROOF || frame->len != OWNER_NONCE ||
	    memcmp(frame->data, link->nonce, OWNER_NONCE) != 0)
		return false;
	loop_untimer(link->owner->loop, &link->patience);
	if (link->peer.sender != link->cred.pid ||
	    !owner_identity_lives(link->pidfd))
		refuse(link, "another process speaks for it");
	else
		owner_give_begin(link->owner, link);
	return true;
}

static const struct link_role link_proves = {
	.frame = prove_frame,
	.late = prove_late,
};

void
owner_prove_begin(struct owner_link *link)
{
	struct owner *ow = link->owner;
	const char *why = owner_identity_check(link->cred.pid, &link->pidfd);

	if (why != NULL) {
		refuse(link, why);
		return;
	}
	link->role = &link_proves;
	if (getrandom(link->nonce, OWNER_NONCE, 0) != OWNER_NONCE ||
	    !peer_name(&link->peer) ||
	    !peer_send(
		&link->peer, WIRE_PROVE, link->nonce, OWNER_NONCE, NULL)) {
		owner_link_drop(link);
		return;
	}
	loop_timer(ow->loop, &link->patience,
	    loop_now(ow->loop) + owner_patience(PATIENCE_HEIR));
}
