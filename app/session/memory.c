/* What is counted of the map in memory, and how an entry is shown and freed. */
#include "session/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/container.h"

#define SETTLE_BATCH 256 /* of the mark, under one lock */

struct memory *
memory_of(struct store *store)
{
	return container_of(store, struct memory, store);
}

struct shard *
memory_shard(struct memory *st, const struct sid *sid)
{
	return &st->shards[sid_key(sid) % SHARDS];
}

/* Take n of what is limited, or nothing. */
static bool
reserve(atomic_uint_fast64_t *used, uint64_t n, uint64_t limit)
{
	uint_fast64_t have = atomic_load(used);

	do {
		if (n > limit || have > limit - n)
			return false;
	} while (!atomic_compare_exchange_weak(used, &have, have + n));
	return true;
}

bool
memory_reserve(struct memory *st)
{
	if (!reserve(&st->sessions, 1, st->limits.max_sessions))
		return false;
	if (reserve(&st->bytes, ENTRY_COST, st->limits.memory))
		return true;
	atomic_fetch_sub(&st->sessions, 1);
	return false;
}

void
memory_count_in(struct memory *st)
{
	atomic_fetch_add(&st->bytes, ENTRY_COST);
	atomic_fetch_add(&st->sessions, 1);
}

void
memory_count_out(struct memory *st)
{
	atomic_fetch_sub(&st->bytes, ENTRY_COST);
	atomic_fetch_sub(&st->sessions, 1);
}

uint64_t
memory_cost(const struct history *h)
{
	return h->block == NULL ? 0
	                        : (HISTORY_HEAD + h->size + 8 + 15) / 16 * 16;
}

void
memory_ended(const struct memory *st, const struct addr *creator)
{
	if (st->limits.ended != NULL)
		st->limits.ended(st->limits.ended_arg, creator);
}

void
memory_free(struct memory *st, struct shard_entry *e)
{
	if (e == NULL)
		return;
	atomic_fetch_sub(&st->bytes, memory_cost(&e->history));
	memory_count_out(st);
	history_revoke(&e->history);
	history_free(&e->history);
	memory_ended(st, &e->creator);
	explicit_bzero(e, sizeof(*e));
	free(e);
}

void
memory_free_all(struct memory *st, struct list *all)
{
	struct list *node;

	while ((node = list_take_first(all)) != NULL)
		memory_free(st, container_of(node, struct shard_entry, node));
}

void
memory_show_locked(const struct memory *st, const struct shard_entry *e,
    const struct store_now *now, struct session *out)
{
	int64_t idle = now->mono_ms - e->active_ms;

	out->id = e->sid;
	out->message_count = e->message_count;
	out->created_ms = e->created_ms;
	out->active_ms = now->wall_ms - idle;
	out->creator = e->creator;
	out->held = e->holds > 0;
	out->left_ms = st->limits.ttl_ms - (out->held ? 0 : idle);
}

uint64_t
memory_settle(struct memory *st, int64_t mono_ms)
{
	struct shard *sh;
	uint64_t n = 0;
	bool settled;

	for (unsigned i = 0; i < SHARDS; i++) {
		sh = &st->shards[i];
		do {
			pthread_mutex_lock(&sh->mtx);
			settled = shard_settle_locked(
			    sh, mono_ms, SETTLE_BATCH);
			if (settled)
				n += shard_live_locked(sh);
			pthread_mutex_unlock(&sh->mtx);
		} while (!settled);
	}
	return n;
}
