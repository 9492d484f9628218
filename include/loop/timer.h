/*
 * Timers of one loop: a pairing heap whose nodes lie in the timers themselves,
 * so that setting one cannot fail and nothing is allocated. No clock inside.
 */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer;
typedef void timer_fire_f(struct timer *, void *arg);

struct timer {
	/* set by timer_init */
	timer_fire_f	*fire;
	void		*arg;

	/* the heap's */
	int64_t		 at;		/* monotonic ms */
	bool		 set;
	struct timer	*child, *next, *prev;
};

struct timers {
	struct timer	*first;		/* the earliest */
};

void timer_init(struct timer *, timer_fire_f *fire, void *arg);

/* Set it to a time, also when it is set already. */
void timers_set(struct timers *, struct timer *, int64_t at);

/* Take it out; nothing happens when it is not set. */
void timers_clear(struct timers *, struct timer *);

/*
 * Take out and fire those whose time has come, at most max, so that timers
 * set to the past while firing cannot keep it busy.
 */
void timers_run(struct timers *, int64_t now, unsigned max);

/* The time of the earliest one, or INT64_MAX. */
int64_t timers_next(const struct timers *);

#endif
