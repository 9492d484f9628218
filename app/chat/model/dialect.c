/* A few numbers, each with the time at which it is forgotten. */
#include "chat/model/dialect.h"

#include <string.h>

void
dialect_init(struct dialect *d, unsigned usual)
{
	memset(d, 0, sizeof(*d));
	d->usual = usual;
	pthread_mutex_init(&d->mtx, NULL);
}

void
dialect_destroy(struct dialect *d)
{
	pthread_mutex_destroy(&d->mtx);
}

static void
forget_locked(struct dialect *d, int64_t now)
{
	for (unsigned i = 0; i < QUIRKS; i++)
		if (now >= d->until[i])
			d->quirks &= ~(1u << i);
	if (now >= d->size_until)
		d->size_until = 0;
}

unsigned
dialect_ask(struct dialect *d, int64_t now, size_t *most)
{
	unsigned quirks;

	pthread_mutex_lock(&d->mtx);
	forget_locked(d, now);
	quirks = d->usual ^ d->quirks;
	*most = d->size_until != 0 ? d->size : SIZE_MAX;
	pthread_mutex_unlock(&d->mtx);
	return quirks;
}

void
dialect_learn(struct dialect *d, unsigned refused, unsigned quirks, int64_t now)
{
	unsigned changed = refused ^ quirks;

	pthread_mutex_lock(&d->mtx);
	d->quirks = (d->quirks & ~changed) | ((quirks ^ d->usual) & changed);
	for (unsigned i = 0; i < QUIRKS; i++)
		if (changed & (1u << i))
			d->until[i] = now + DIALECT_MS;
	pthread_mutex_unlock(&d->mtx);
}

void
dialect_learn_size(struct dialect *d, size_t size, int64_t now)
{
	pthread_mutex_lock(&d->mtx);
	d->size = size;
	d->size_until = now + DIALECT_MS;
	pthread_mutex_unlock(&d->mtx);
}
