/*
 * The inside of the store in memory, which store_memory.c and memory_move.c
 * share; for nobody else.
 */
#ifndef SESSION_STORE_MEMORY_H
#define SESSION_STORE_MEMORY_H

#include <stdatomic.h>

#include "session/shard.h"
#include "session/store.h"

/* What a session costs beside its history: with malloc's and table's share. */
#define ENTRY_COST (sizeof(struct shard_entry) + 4 * sizeof(void *))

struct memory {
	struct store		store;		/* first */

	/* immutable after opening */
	struct store_limits	limits;
	struct window		history_limit;

	atomic_uint_fast64_t	sessions;
	atomic_uint_fast64_t	bytes;
	atomic_uint		next_shard;	/* the next sweep's first */

	struct shard		shards[SHARDS];
};

struct memory *memory_of(struct store *);
struct shard *memory_shard(struct memory *, const struct sid *);

/* What malloc takes for a history's block. */
uint64_t memory_cost(const struct history *);

/* Free what was taken out, also a whole chain. */
void memory_free(struct memory *, struct shard_entry *);

/* All but the history. */
void memory_show_locked(const struct memory *, const struct shard_entry *,
    int64_t now, struct session *);

store_export_f	memory_export;
store_adopt_f	memory_adopt;
store_return_f	memory_return;

#endif
