/*
 * The inside of the store in memory: the map, as store_memory.c (the backend)
 * and memory_wire.c (how sessions leave and enter) see it; for nobody else.
 */
#ifndef SESSION_MEMORY_H
#define SESSION_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "session/shard.h"
#include "session/store.h"

/*
 * What a session costs in addition to its history: with malloc's and table's
 * share.
 */
#define ENTRY_COST (sizeof(struct shard_entry) + 4 * sizeof(void *))

struct memory {
	struct store		store;

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

/* One more session of no history, whatever the limits say, or one fewer. */
void memory_count_in(struct memory *);
void memory_count_out(struct memory *);

/* The same within the limits; false: nothing was counted. */
bool memory_reserve(struct memory *);

/* What malloc takes for a history's block. */
uint64_t memory_cost(const struct history *);

/* Free what was taken out: one, NULL is allowed; or all of a list. */
void memory_free(struct memory *, struct shard_entry *);
void memory_free_all(struct memory *, struct list *);

/* Tell the creator of a session that it has ended, or was not made. */
void memory_ended(const struct memory *, const struct addr *creator);

/* All but the histories. */
void memory_show_locked(const struct memory *, const struct shard_entry *,
    const struct store_now *, struct session *);

/* Bring the marks to where they belong; how many sessions are live. */
uint64_t memory_settle(struct memory *, int64_t mono_ms);

#endif
