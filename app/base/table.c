/* The buckets of a hash table, and their number. */
#include "base/table.h"

#include <stdlib.h>

#include "base/must.h"

bool
table_open(struct table *t, size_t size, table_hash_f *hash, const void *arg)
{
	must(size > 0 && (size & (size - 1)) == 0);
	*t = (struct table){ .hash = hash, .arg = arg };
	if ((t->buckets = calloc(size, sizeof(struct table_item *))) == NULL)
		return false;
	t->size = size;
	return true;
}

struct table_item *
table_close(struct table *t)
{
	struct table_item *all = NULL, *item;

	for (size_t i = 0; i < t->size; i++) {
		while ((item = t->buckets[i]) != NULL) {
			t->buckets[i] = item->next;
			item->next = all;
			all = item;
		}
	}
	free(t->buckets);
	*t = (struct table){ 0 };
	return all;
}

static void
table_put(struct table *t, struct table_item *item, uint64_t hash)
{
	struct table_item **bucket = &t->buckets[hash & (t->size - 1)];

	item->next = *bucket;
	*bucket = item;
}

/* Twice as many buckets. */
static void
table_grow(struct table *t)
{
	struct table_item **old = t->buckets, **fresh, *item;
	size_t size = t->size;

	if ((fresh = calloc(2 * size, sizeof(struct table_item *))) == NULL)
		return;
	t->buckets = fresh;
	t->size = 2 * size;
	for (size_t i = 0; i < size; i++) {
		while ((item = old[i]) != NULL) {
			old[i] = item->next;
			table_put(t, item, t->hash(item, t->arg));
		}
	}
	free(old);
}

void
table_add(struct table *t, struct table_item *item, uint64_t hash)
{
	if (t->count >= t->size)
		table_grow(t);
	table_put(t, item, hash);
	t->count++;
}

void
table_remove(struct table *t, struct table_item *item, uint64_t hash)
{
	struct table_item **p = &t->buckets[hash & (t->size - 1)];

	while (*p != item) {
		must(*p != NULL);
		p = &(*p)->next;
	}
	*p = item->next;
	t->count--;
}
