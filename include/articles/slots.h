/*
 * A table from a hash to the numbers that have it, for whoever keeps the things
 * themselves: open addressing, growing, nothing is ever taken out.
 */
#ifndef ARTICLES_SLOTS_H
#define ARTICLES_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slot {
	uint32_t	hash;
	uint32_t	value;		/* SLOT_NONE: empty */
};

#define SLOT_NONE UINT32_MAX

/* All zero: an empty table, without memory. */
struct slots {
	struct slot	*table;
	size_t		 size;		/* a power of two, or 0 */
	size_t		 count;
};

void slots_free(struct slots *);

/* Put in a value that is not SLOT_NONE; false without memory. */
bool slots_add(struct slots *, uint32_t hash, uint32_t value);

/*
 * The values with this hash, one after the other: *at is 0 before the first
 * call; SLOT_NONE after the last.
 */
uint32_t slots_next(const struct slots *, uint32_t hash, size_t *at);

/* Of bytes, the same in every process. */
uint32_t slots_hash(const char *, size_t);

#endif
