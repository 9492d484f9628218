/* A counter that every call passes, and that begins anew at midnight. */
#include "limits/budget.h"

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

/* The day that was left is known until the next one is. */
static void
begin_day_locked(struct budget *b, int64_t day)
{
	int64_t spent = day == b->other_day ? b->other_spent : 0;

	if (day == b->day || b->given)
		return;
	b->other_day = b->day;
	b->other_spent = b->spent;
	b->day = day;
	b->spent = spent;
}

/* What was spent, also on a day that is yet to come. */
static int64_t
spent_locked(const struct budget *b)
{
	return b->spent + (b->other_day > b->day ? b->other_spent : 0);
}

static bool
has_locked(struct budget *b, int64_t tokens, int64_t day)
{
	int64_t most, spent;

	begin_day_locked(b, day);
	most = b->given ? b->most : b->per_day;
	spent = b->given ? b->spent : spent_locked(b);
	return spent <= most && tokens <= most - spent;
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
		if (tokens > b->largest)
			b->largest = tokens;
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
	else if (share->day == b->other_day)
		b->other_spent += used - share->tokens;
	pthread_mutex_unlock(&b->mtx);
	*share = (struct budget_share){ 0 };
}

/*
 * From one process to another.
 */

/* What turns may take here at most; what is set aside gets less only. */
static int64_t
most_locked(const struct budget *b, uint64_t turns, int64_t each)
{
	int64_t left = b->given ? b->most - b->spent
	                        : (b->per_day - spent_locked(b)) / 2;

	if (left <= 0 || each == 0)
		return b->spent;
	if (turns <= (uint64_t)(left / each))
		left = (int64_t)turns * each;
	return b->spent + left;
}

bool
budget_give(struct budget *b, uint64_t turns, int64_t more, int64_t wall_ms,
    struct budget_account *account)
{
	int64_t most;

	pthread_mutex_lock(&b->mtx);
	begin_day_locked(b, wall_ms / DAY_MS);
	most = most_locked(b, turns, b->largest + more);
	*account = (struct budget_account){ b->day, most - b->told,
		b->largest };
	b->given = true;
	b->most = b->told = most;
	pthread_mutex_unlock(&b->mtx);
	return account->tokens != 0;
}

void
budget_keep(struct budget *b)
{
	pthread_mutex_lock(&b->mtx);
	b->given = false;
	b->most = b->told = 0;
	pthread_mutex_unlock(&b->mtx);
}

void
budget_adopt(struct budget *b, const struct budget_account *account)
{
	pthread_mutex_lock(&b->mtx);
	if (account->day > b->day)
		begin_day_locked(b, account->day);
	if (account->day == b->day)
		b->spent += account->tokens;
	if (b->spent < 0)
		b->spent = 0;
	if (b->spent > BUDGET_MAX)
		b->spent = BUDGET_MAX;
	if (account->largest > b->largest)
		b->largest = account->largest;
	pthread_mutex_unlock(&b->mtx);
}
