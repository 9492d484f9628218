/*
 * What an attempt may use of the day's tokens: of all of them, and of its
 * client's own. As much as it may need is taken before it is sent, and given
 * back when it is known what it cost.
 */
#ifndef CHAT_MODEL_SPENDING_H
#define CHAT_MODEL_SPENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "limits/budget.h"
#include "limits/limit.h"

struct spending {
	struct budget		*budget;	/* of all; the caller's */
	struct limits		*clients;	/* likewise; NULL: no limit */
	struct addr		 client;	/* addr_key's */
	struct budget_share	 share;
	struct limit_share	 own;
};

/* Take so many, unless something is taken already. False: they are not left. */
bool spending_take(struct spending *, int64_t most, int64_t wall_ms);

/* How many are taken; 0: none. */
int64_t spending_taken(const struct spending *);

/* Give back what is taken but for what was used. */
void spending_settle(struct spending *, int64_t used);

#endif
