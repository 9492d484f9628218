/*
 * The loop sets a timer with nearly every event and seldom lets one fire: in a
 * pairing heap setting costs a comparison, and taking out a few.
 */
#include "loop/timer.h"

#include <stddef.h>

/* Put the later of two heaps under the earlier; either may be NULL. */
static struct timer *
timer_meld(struct timer *a, struct timer *b)
{
	struct timer *late;

	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (b->at < a->at) {
		late = a;
		a = b;
	} else
		late = b;
	late->prev = a;
	late->next = a->child;
	if (late->next != NULL)
		late->next->prev = late;
	a->child = late;
	return a;
}

/* Make one heap of siblings: meld them in pairs, then the pairs backwards. */
static struct timer *
timer_merge(struct timer *t)
{
	struct timer *pairs = NULL, *heap = NULL, *a, *b;

	while ((a = t) != NULL) {
		b = a->next;
		t = b != NULL ? b->next : NULL;
		a->next = NULL;
		if (b != NULL)
			b->next = NULL;
		a = timer_meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while ((a = pairs) != NULL) {
		pairs = a->next;
		a->next = NULL;
		heap = timer_meld(heap, a);
	}
	if (heap != NULL)
		heap->prev = NULL;
	return heap;
}

void
timer_init(struct timer *t, timer_fire_f *fire, void *arg)
{
	*t = (struct timer){ .fire = fire, .arg = arg };
}

void
timers_set(struct timers *ts, struct timer *t, int64_t at)
{
	timers_clear(ts, t);
	t->at = at;
	t->set = true;
	ts->first = timer_meld(ts->first, t);
}

void
timers_clear(struct timers *ts, struct timer *t)
{
	struct timer *orphans;

	if (!t->set)
		return;
	orphans = timer_merge(t->child);
	if (t == ts->first)
		ts->first = orphans;
	else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next != NULL)
			t->next->prev = t->prev;
		ts->first = timer_meld(ts->first, orphans);
	}
	t->child = t->next = t->prev = NULL;
	t->set = false;
}

void
timers_run(struct timers *ts, int64_t now, unsigned max)
{
	struct timer *t;

	while (max-- > 0 && (t = ts->first) != NULL && t->at <= now) {
		timers_clear(ts, t);
		t->fire(t, t->arg);
	}
}

int64_t
timers_next(const struct timers *ts)
{
	return ts->first != NULL ? ts->first->at : INT64_MAX;
}
