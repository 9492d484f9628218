/* The owner that is followed by another one. For owner/ only. */
#ifndef OWNER_OWNER_GIVE_H
#define OWNER_OWNER_GIVE_H

#include "owner/owner_state.h"

/* The link becomes the heir's, or is dropped. */
void owner_give_begin(struct owner *, struct owner_link *heir);

#endif
