/*
 * A hash table of buckets, which grows with what stands in it. Its items lie in
 * the structs that are looked for, which container_of finds again; the table
 * owns none of them. It knows no keys: a search goes through a bucket from
 * table_first on and compares.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/container.h"

struct table_item {
	struct table_item	*next;		/* in the bucket */
};

/*
 * The hash of what an item lies in, always the same; the low bits choose the
 * bucket. It is asked for where the table grows.
 */
typedef uint64_t table_hash_f(struct table_item *, const void *arg);

struct table {
	struct table_item	**buckets;
	size_t			  size;		/* buckets, a power of two */
	size_t			  count;	/* items */
	table_hash_f		 *hash;
	const void		 *arg;
};

/*
 * An empty table of at least one bucket, a power of two; false without memory,
 * then it is as if it were all zero.
 */
bool table_open(struct table *, size_t size, table_hash_f *, const void *arg);

/* Free it, or one of zeros; returns the items that were in it, as a chain. */
struct table_item *table_close(struct table *);

/* Add one that stands in none. Without memory the chains grow instead. */
void table_add(struct table *, struct table_item *, uint64_t hash);

/* Take out one that stands in it. */
void table_remove(struct table *, struct table_item *, uint64_t hash);

/* The first in the bucket of a hash; NULL: there is none. */
static inline struct table_item *
table_first(const struct table *t, uint64_t hash)
{
	return t->buckets[hash & (t->size - 1)];
}

#endif
