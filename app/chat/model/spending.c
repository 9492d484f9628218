/* Two shares that are taken together or not at all. */
#include "chat/model/spending.h"

#include <stddef.h>

bool
spending_take(struct spending *sp, int64_t most, int64_t wall_ms)
{
	if (spending_taken(sp) > 0)
		return true;
	if (!budget_take(sp->budget, &sp->share, most, wall_ms))
		return false;
	if (sp->clients == NULL || limit_take_tokens(sp->clients, &sp->client,
				       &sp->own, most, wall_ms))
		return true;
	budget_settle(sp->budget, &sp->share, 0);
	return false;
}

int64_t
spending_taken(const struct spending *sp)
{
	return sp->own.tokens > 0 ? sp->own.tokens : sp->share.tokens;
}

void
spending_settle(struct spending *sp, int64_t used)
{
	if (spending_taken(sp) == 0)
		return;
	budget_settle(sp->budget, &sp->share, used);
	if (sp->clients != NULL)
		limit_settle_tokens(sp->clients, &sp->client, &sp->own, used);
}
