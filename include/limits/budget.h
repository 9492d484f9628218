/*
 * How many tokens the service may use in a day (UTC), over all its clients.
 * What a call may use at most is taken before it is made, and settled with what
 * it did use, so that calls side by side cannot exceed the day's. Counted since
 * the start of the process, or of the first one of those that handed it on to
 * each other. Times are wall milliseconds, of a clock that may be wrong.
 */
#ifndef LIMITS_BUDGET_H
#define LIMITS_BUDGET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "limits/day_use.h"

struct budget {
	/* immutable */
	int64_t		per_day;	/* tokens; 0: no limit */

	/* guarded by mtx */
	pthread_mutex_t	mtx;
	struct day_use	use;		/* used or taken */
	int64_t		largest;	/* share that a call has taken */

	/* guarded by mtx; handed over to another process */
	bool		given;		/* the day stays what it was */
	int64_t		most;		/* that may be spent here */
	int64_t		told;		/* that the other one counts */
};

/* What a call has taken; { 0 }: nothing. */
struct budget_share {
	uint32_t	day;
	int64_t		tokens;
};

void budget_init(struct budget *, int64_t per_day);
void budget_destroy(struct budget *);

/* Take so many tokens. False: they are not left. */
bool budget_take(struct budget *, struct budget_share *, int64_t tokens,
    int64_t wall_ms);

/*
 * The call used so many, of the day in which it began. The share is { 0 } then,
 * and settling that does nothing.
 */
void budget_settle(struct budget *, struct budget_share *, int64_t used);

/* What one process has another one count: tokens more, or fewer, of a day. */
struct budget_account {
	uint32_t	day;
	int64_t		tokens;
	int64_t		largest;	/* share, of any day; from 0 */
};

#define BUDGET_MAX (INT64_C(1) << 53)	/* of each number of an account */

/*
 * Hand the day over to another process, which has to count what was spent here,
 * and what is set aside for the turns that run on here: for each one call, of
 * so many tokens more than the largest that was made, at most half of what is
 * left. No more is spent here, all of it on this day. Call it again while the
 * turns come to their ends; the account is what has changed since the last
 * call. False: nothing has.
 */
bool budget_give(struct budget *, uint64_t turns, int64_t more,
    int64_t wall_ms, struct budget_account *);

/* The other process did not take it: go on as before. */
void budget_keep(struct budget *);

/* Count what another process has told; nothing of a day that is over. */
void budget_adopt(struct budget *, const struct budget_account *);

/* Whether so many are left, to be asked before anything is prepared. */
bool budget_has(struct budget *, int64_t tokens, int64_t wall_ms);

#endif
