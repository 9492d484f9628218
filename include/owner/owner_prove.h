/* Whether who would follow is the program. For owner/ only. */
#ifndef OWNER_OWNER_PROVE_H
#define OWNER_OWNER_PROVE_H

#include "owner/owner_state.h"

/* It is to prove that, and then follows. */
void owner_prove_begin(struct owner_link *);

#endif
