/* The owner that follows another one. For owner/ only. */
#ifndef OWNER_OWNER_TAKE_H
#define OWNER_OWNER_TAKE_H

#include "owner/owner_state.h"

/* Follow the one that has the lock, until this one serves; false: it does not,
 * and ow->err says why. */
bool owner_take(struct owner *);

/* Tell it to end, when its turns still run there. */
void owner_take_end(struct owner *);

#endif
