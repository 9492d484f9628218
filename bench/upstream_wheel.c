/* A hashed timing wheel: what lies more than a turn ahead just stays in. */
#include "upstream_wheel.h"

#include <string.h>

void
wheel_init(struct wheel *w, int64_t now)
{
	memset(w, 0, sizeof(*w));
	w->past = now;
}

void
wheel_set(struct wheel *w, struct due *d, int64_t at)
{
	struct due **slot;

	wheel_clear(w, d);
	d->at = at > w->past ? at : w->past + 1;
	slot = &w->slot[d->at % WHEEL_SLOTS];
	d->next = *slot;
	d->prev = slot;
	if (d->next != NULL)
		d->next->prev = &d->next;
	*slot = d;
	w->n++;
}

void
wheel_clear(struct wheel *w, struct due *d)
{
	if (d->prev == NULL)
		return;
	*d->prev = d->next;
	if (d->next != NULL)
		d->next->prev = d->prev;
	d->next = NULL;
	d->prev = NULL;
	w->n--;
}

struct due *
wheel_take(struct wheel *w, int64_t now)
{
	struct due *d;

	if (w->n == 0)
		w->past = now;
	if (w->past < now - WHEEL_SLOTS)
		w->past = now - WHEEL_SLOTS;
	for (; w->past < now; w->past++) {
		d = w->slot[(w->past + 1) % WHEEL_SLOTS];
		while (d != NULL && d->at > now)
			d = d->next;
		if (d != NULL) {
			wheel_clear(w, d);
			return d;
		}
	}
	return NULL;
}

int
wheel_wait(const struct wheel *w, int64_t now)
{
	int64_t at = w->past + 1;

	if (w->n == 0)
		return -1;
	while (w->slot[at % WHEEL_SLOTS] == NULL)
		at++;
	return at > now ? (int)(at - now) : 0;
}
