/* The sessions as a part of the hand-over. For handover/ only. */
#ifndef HANDOVER_HANDOVER_SESSIONS_H
#define HANDOVER_HANDOVER_SESSIONS_H

#include "handover/handover_state.h"
#include "session/store.h"

extern const struct handover_part handover_sessions;

/* Take one into the store of the new owner. False: there is no room. */
bool session_adopt(struct handover *, struct session *);

#endif
