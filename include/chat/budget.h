/*
 * How many tokens the service may use in a day (UTC), over all its clients.
 * What a call may use at most is taken before it is made, and settled with what
 * it did use, so that calls side by side cannot exceed the day's. Counted since
 * the start of the process. Times are wall milliseconds.
 */
#ifndef CHAT_BUDGET_H
#define CHAT_BUDGET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
	/* immutable */
	int64_t		per_day;	/* tokens; 0: no limit */

	/* guarded by mtx */
	pthread_mutex_t	mtx;
	int64_t		day;		/* since 1970 */
	int64_t		spent;		/* of it, or taken */
};

/* What a call has taken; { 0 }: nothing. */
struct budget_share {
	int64_t		day;
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

/* Whether so many are left, to be asked before anything is prepared. */
bool budget_has(struct budget *, int64_t tokens, int64_t wall_ms);

#endif
