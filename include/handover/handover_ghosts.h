/*
 * A new owner keeps the place in the line of each turn that runs on in the one
 * before: a ghost. What is told to it there is told to the turn. For handover/
 * only.
 */
#ifndef HANDOVER_HANDOVER_GHOSTS_H
#define HANDOVER_HANDOVER_GHOSTS_H

#include <stdbool.h>

#include "base/sid.h"
#include "handover/handover_state.h"
#include "owner/owner.h"
#include "session/store.h"

/* One for a session that came held. False without memory. */
bool ghost_enter(struct handover *, struct owner_link *, const struct sid *);

/*
 * What the turn that it stands for has ended with; whether that may be told to
 * the turn now, which waits for it. Where a third owner follows, the ghost is
 * kept, too.
 */
bool ghost_take(struct handover *, struct session *, bool waits);

/* Those of this link: what they stand for is lost. */
void ghosts_lost(struct handover *, struct owner_link *);

/* Tell the old owner a signal, of enum turn_queue_signal, or TELL_AGAIN. */
bool handover_tell(struct owner_link *, const struct sid *, int signal);

#endif
