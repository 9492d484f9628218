/* A counter that every call passes, and that begins anew at midnight. */
#include "limits/budget.h"

#include <string.h>

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

static void
begin_day_locked(struct budget *b, uint32_t day)
{
	if (!b->given)
		day_use_begin(&b->use, day);
}

static bool
has_locked(struct budget *b, int64_t tokens, uint32_t day)
{
	int64_t most, spent;

	begin_day_locked(b, day);
	most = b->given ? b->most : b->per_day;
	spent = b->given ? b->use.tokens : day_use_spent(&b->use);
	return spent <= most && tokens <= most - spent;
}

bool
budget_has(struct budget *b, int64_t tokens, int64_t wall_ms)
{
	bool has;

	if (b->per_day == 0)
		return true;
	pthread_mutex_lock(&b->mtx);
	has = has_locked(b, tokens, day_use_day(wall_ms));
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
	if ((has = has_locked(b, tokens, day_use_day(wall_ms)))) {
		day_use_add(&b->use, b->use.day, tokens);
		if (tokens > b->largest)
			b->largest = tokens;
		*share = (struct budget_share){ b->use.day, tokens };
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
	day_use_add(&b->use, share->day, used - share->tokens);
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
	int64_t spent = b->use.tokens;
	int64_t left = b->given ? b->most - spent
	                        : (b->per_day - day_use_spent(&b->use)) / 2;

	if (left <= 0 || each == 0)
		return spent;
	if (turns <= (uint64_t)(left / each))
		left = (int64_t)turns * each;
	return spent + left;
}

bool
budget_give(struct budget *b, uint64_t turns, int64_t more, int64_t wall_ms,
    struct budget_account *account)
{
	int64_t most;

	pthread_mutex_lock(&b->mtx);
	begin_day_locked(b, day_use_day(wall_ms));
	most = most_locked(b, turns, b->largest + more);
	*account = (struct budget_account){ b->use.day, most - b->told,
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
	if (account->day > b->use.day)
		begin_day_locked(b, account->day);
	if (account->day == b->use.day)
		b->use.tokens += account->tokens;
	if (b->use.tokens < 0)
		b->use.tokens = 0;
	if (b->use.tokens > BUDGET_MAX)
		b->use.tokens = BUDGET_MAX;
	if (account->largest > b->largest)
		b->largest = account->largest;
	pthread_mutex_unlock(&b->mtx);
}
