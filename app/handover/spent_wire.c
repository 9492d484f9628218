/*
 * A piece begins with the version and what it is of, 1 byte each; of the day's
 * tokens follow the day, the tokens (as two's complement) and the largest
 * share: 8 bytes each; of the clients what limits_encode writes.
 */
#include "handover/spent_wire.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "limits/budget.h"
#include "limits/limit.h"
#include "log/metrics.h"

#define FORMAT       1
#define HEAD_SIZE    2
#define ACCOUNT_SIZE 24

enum part {
	PART_TOKENS = 1,
	PART_CLIENTS,
};

static void
add_head(struct buf *b, enum part part)
{
	buf_addc(b, FORMAT);
	buf_addc(b, (char)part);
}

static void
add_account(struct buf *b, const struct budget_account *account)
{
	bytes_add(b, account->day, 8);
	bytes_add(b, (uint64_t)account->tokens, 8);
	bytes_add(b, (uint64_t)account->largest, 8);
}

bool
spent_encode(const struct handover_env *env, uint64_t *place, struct buf *b)
{
	struct budget_account account;
	struct metrics_sum sum;

	if (buf_reserve(b, HEAD_SIZE + ACCOUNT_SIZE) == NULL)
		return true;
	metrics_sum(env->metrics, &sum);
	if (budget_give(env->budget, sum.cell[METRIC_TURNS], env->prompt_growth,
		clock_wall_ms(), &account)) {
		add_head(b, PART_TOKENS);
		add_account(b, &account);
		return true;
	}
	add_head(b, PART_CLIENTS);
	return limits_encode(env->limits, place, clock_mono_ms(), b);
}

void
spent_keep(const struct handover_env *env)
{
	budget_keep(env->budget);
}

static bool
adopt_account(struct budget *budget, const char *p, size_t n)
{
	struct budget_account account;

	if (n != ACCOUNT_SIZE)
		return false;
	if (bytes_get(p, 8) > UINT32_MAX)
		return false;
	account = (struct budget_account){
		.day = (uint32_t)bytes_get(p, 8),
		.tokens = (int64_t)bytes_get(p + 8, 8),
		.largest = (int64_t)bytes_get(p + 16, 8),
	};
	if (account.tokens < -BUDGET_MAX || account.tokens > BUDGET_MAX ||
	    account.largest < 0 || account.largest > BUDGET_MAX)
		return false;
	budget_adopt(budget, &account);
	return true;
}

bool
spent_adopt(
    const struct handover_env *env, const char *p, size_t n, int64_t now)
{
	if (n < HEAD_SIZE || p[0] != FORMAT)
		return false;
	if (p[1] == PART_TOKENS)
		return adopt_account(env->budget, p + HEAD_SIZE, n - HEAD_SIZE);
	if (p[1] == PART_CLIENTS)
		return limits_decode(
		    env->limits, p + HEAD_SIZE, n - HEAD_SIZE, now);
	return false;
}
