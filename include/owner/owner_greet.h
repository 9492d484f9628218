/* Who comes to the owner, and what for. For owner/ only. */
#ifndef OWNER_OWNER_GREET_H
#define OWNER_OWNER_GREET_H

#include "owner/owner_state.h"

/* A link of somebody who has not said yet what he wants. */
extern const struct link_role owner_newcomer;

#endif
