/* A counter that every call passes, and that begins anew at midnight. */
#include "chat/budget.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

void
budget_init(struct budget *b, int64_t per_day)
{
	memset(b, 0, sizeof(*b));
	b->per_day = per_day;
	pthread_mutex_init(&b->mtx, NULL);
}

void
budget_destroy(struct budget *b)
{
	pthread_mutex_destroy(&b->mtx);
}

/* A clock that was set back does not give a day again. */
static bool
has_locked(struct budget *b, int64_t tokens, int64_t day)
{
	if (day > b->day) {
		b->day = day;
		b->spent = 0;
	}
	return b->spent <= b->per_day && tokens <= b->per_day - b->spent;
}

bool
budget_has(struct budget *b, int64_t tokens, int64_t wall_ms)
{
	bool has;

	if (b->per_day == 0)
		return true;
	pthread_mutex_lock(&b->mtx);
	has = has_locked(b, tokens, wall_ms / DAY_MS);
	pthread_mutex_unlock(&b->mtx);
	return has;
}

bool
budget_take(struct budget *b, struct budget_share *share, int64_t tokens,
    int64_t wall_ms)
{
	bool has;

	if (b->per_day == 0)
		return true;
	pthread_mutex_lock(&b->mtx);
	if ((has = has_locked(b, tokens, wall_ms / DAY_MS))) {
		b->spent += tokens;
		*share = (struct budget_share){ b->day, tokens };
	}
	pthread_mutex_unlock(&b->mtx);
	return has;
}

void
budget_settle(struct budget *b, struct budget_share *share, int64_t used)
{
	if (share->tokens == 0)
		return;
	pthread_mutex_lock(&b->mtx);
	if (share->day == b->day)
		b->spent += used - share->tokens;
	pthread_mutex_unlock(&b->mtx);
	*share = (struct budget_share){ 0 };
}
