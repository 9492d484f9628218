#include "limits/day_use.h"

#define DAY_MS INT64_C(86400000)

uint32_t
day_use_day(int64_t wall_ms)
{
	return (uint32_t)(wall_ms / DAY_MS);
}

/* The day that was left is known until the next one is. */
void
day_use_begin(struct day_use *u, uint32_t day)
{
	int64_t tokens = day == u->other_day ? u->other_tokens : 0;

	if (day == u->day)
		return;
	u->other_day = u->day;
	u->other_tokens = u->tokens;
	u->day = day;
	u->tokens = tokens;
}

int64_t
day_use_spent(const struct day_use *u)
{
	return u->tokens + (u->other_day > u->day ? u->other_tokens : 0);
}

int64_t
day_use_spent_on(const struct day_use *u, uint32_t day)
{
	struct day_use then = *u;

	day_use_begin(&then, day);
	return day_use_spent(&then);
}

int64_t
day_use_of(const struct day_use *u, uint32_t day)
{
	if (day == u->day)
		return u->tokens;
	return day == u->other_day ? u->other_tokens : 0;
}

void
day_use_add(struct day_use *u, uint32_t day, int64_t tokens)
{
	if (day == u->day)
		u->tokens += tokens;
	else if (day == u->other_day)
		u->other_tokens += tokens;
}
