/*
 * What was used on a day, by a clock that may be wrong: it may run ahead for a
 * moment, which must not use up a day to come, or be set back, which must not
 * give a day twice. So the day that the clock came from is known in addition to
 * the present one; what was used later than that counts until midnight. Values
 * only; all zeros: nothing was used.
 */
#ifndef LIMITS_DAY_USE_H
#define LIMITS_DAY_USE_H

#include <stdint.h>

struct day_use {
	int64_t		tokens;
	int64_t		other_tokens;
	uint32_t	day;		/* since 1970 */
	uint32_t	other_day;	/* that the clock came from: earlier,
					   or later when it was set back */
};

/* The day of a time, in wall milliseconds. */
uint32_t day_use_day(int64_t wall_ms);

/* It is this day now; the one that it was becomes the other. */
void day_use_begin(struct day_use *, uint32_t day);

/* What counts on the day that it is: also what was used later. */
int64_t day_use_spent(const struct day_use *);

/* The same when it is another day, without beginning it. */
int64_t day_use_spent_on(const struct day_use *, uint32_t day);

/* What was used on a day, if that is known; else 0. */
int64_t day_use_of(const struct day_use *, uint32_t day);

/* So many more on a day, or fewer; nothing when that is not known any more. */
void day_use_add(struct day_use *, uint32_t day, int64_t tokens);

#endif
