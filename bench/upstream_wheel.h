/*
 * Timers for thousands of streams with a pace: a slot per millisecond, so that
 * setting one costs the same with any number of them. No clock inside.
 */
#ifndef BENCH_UPSTREAM_WHEEL_H
#define BENCH_UPSTREAM_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#define WHEEL_SLOTS 4096

/* All zero: not set. */
struct due {
	int64_t		 at;		/* ms */
	struct due	*next, **prev;
};

struct wheel {
	struct due	*slot[WHEEL_SLOTS];
	size_t		 n;
	int64_t		 past;		/* ms, all up to it were taken */
};

void wheel_init(struct wheel *, int64_t now);

/* Also when it is set already; what is past comes in the next ms. */
void wheel_set(struct wheel *, struct due *, int64_t at);
void wheel_clear(struct wheel *, struct due *);

/* One whose time has come, taken out; NULL when there is none. */
struct due *wheel_take(struct wheel *, int64_t now);

/* At most so many ms until the next one's time; -1 without any. */
int wheel_wait(const struct wheel *, int64_t now);

#endif
