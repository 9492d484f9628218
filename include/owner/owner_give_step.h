/* What an owner that is followed sends, in its order. For owner/ only. */
#ifndef OWNER_OWNER_GIVE_STEP_H
#define OWNER_OWNER_GIVE_STEP_H

#include "owner/owner_state.h"

/*
 * Send what there is, from ow->step on, as long as there is room. Connections
 * still come when all else has gone.
 */
void owner_give_room(struct owner *);

/*
 * Send a piece of what was spent. False: there is nothing new, or no memory;
 * once this is the owner no more it is tried again.
 */
bool owner_give_spent(struct owner *);

/* Whatever fails, the heir hears no more: it is gone when this returns. */
void owner_give_up(struct owner *, const char *why);

#endif
