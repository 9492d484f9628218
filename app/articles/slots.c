/* At most half of the table is full, so that each look ends soon. */
#include "articles/slots.h"

#include "articles/pile.h"
#include "base/siphash.h"

#define FIRST_SIZE 512

static const struct slot empty = { 0, SLOT_NONE };

void
slots_free(struct slots *s)
{
	block_free((void *)s->table, s->size * sizeof(*s->table));
	*s = (struct slots){ .table = NULL };
}

static void
slots_put(struct slots *s, uint32_t hash, uint32_t value)
{
	size_t i = hash & (s->size - 1);

	while (s->table[i].value != SLOT_NONE)
		i = (i + 1) & (s->size - 1);
	s->table[i] = (struct slot){ hash, value };
	s->count++;
}

static bool
slots_grow(struct slots *s)
{
	struct slots old = *s;
	size_t i;

	s->size = old.size > 0 ? 2 * old.size : FIRST_SIZE;
	s->table = (void *)block_new(s->size * sizeof(*s->table));
	if (s->table == NULL) {
		*s = old;
		return false;
	}
	s->count = 0;
	for (i = 0; i < s->size; i++)
		s->table[i] = empty;
	for (i = 0; i < old.size; i++) {
		if (old.table[i].value != SLOT_NONE)
			slots_put(s, old.table[i].hash, old.table[i].value);
	}
	block_free((void *)old.table, old.size * sizeof(*old.table));
	return true;
}

bool
slots_add(struct slots *s, uint32_t hash, uint32_t value)
{
	if (2 * (s->count + 1) > s->size && !slots_grow(s))
		return false;
	slots_put(s, hash, value);
	return true;
}

uint32_t
slots_next(const struct slots *s, uint32_t hash, size_t *at)
{
	const struct slot *slot;

	while (s->size > 0) {
		slot = &s->table[(hash + *at) & (s->size - 1)];
		if (slot->value == SLOT_NONE)
			break;
		++*at;
		if (slot->hash == hash)
			return slot->value;
	}
	return SLOT_NONE;
}

uint32_t
slots_hash(const char *bytes, size_t len)
{
	static const struct siphash_key key = { { 0, 0 } };

	return (uint32_t)siphash(&key, bytes, len);
}
