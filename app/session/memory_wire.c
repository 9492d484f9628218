/* At once, under one shard's lock at a time. */
#include "session/memory_wire.h"

#include <stdlib.h>

#include "session/memory.h"

#define EXPORT_BATCH 512 /* sessions under one lock, and the rest of a bucket */
#define LIST_STEP    64

static bool
entry_is_over(const struct memory *st, const struct shard_entry *e,
    const struct store_now *now)
{
	return e->holds == 0 &&
	       now->mono_ms - e->active_ms >= st->limits.ttl_ms;
}

/*
 * Out.
 */

static bool
list_add(struct store_list *list, const struct memory *st,
    const struct shard_entry *e, const struct store_now *now)
{
	size_t room = list->count + LIST_STEP;
	struct session *s;

	if (list->count % LIST_STEP == 0) {
		s = realloc(list->sessions, room * sizeof(*s));
		if (s == NULL)
			return false;
		list->sessions = s;
	}
	s = &list->sessions[list->count++];
	*s = (struct session){ 0 };
	memory_show_locked(st, e, now, s);
	return true;
}

/* Whole buckets, until there are enough. False without memory. */
static bool
export_locked(const struct memory *st, const struct shard *sh, size_t *bucket,
    const struct store_now *now, struct store_list *list)
{
	const struct shard_entry *e;
	struct table_item *item;

	for (; *bucket < sh->table.size && list->count < EXPORT_BATCH;
	     ++*bucket) {
		item = table_first(&sh->table, *bucket);
		for (; item != NULL; item = item->next) {
			e = container_of(item, struct shard_entry, item);
			if (!entry_is_over(st, e, now) &&
			    !list_add(list, st, e, now))
				return false;
		}
	}
	return true;
}

/* A place is a shard's number, then a bucket's. */
static enum rc
memory_export(struct store *store, uint64_t *place, const struct store_now *now,
    struct store_list *list)
{
	struct memory *st = memory_of(store);
	size_t bucket = *place / SHARDS;
	unsigned shard = *place % SHARDS;
	struct shard *sh = &st->shards[shard];
	bool ok;

	if (*place == UINT64_MAX)
		return RC_NOSESSION;
	pthread_mutex_lock(&sh->mtx);
	ok = export_locked(st, sh, &bucket, now, list);
	if (bucket >= sh->table.size) {
		bucket = 0;
		shard++;
	}
	pthread_mutex_unlock(&sh->mtx);
	*place = shard == SHARDS ? UINT64_MAX
	                         : (uint64_t)bucket * SHARDS + shard;
	return ok ? RC_OK : RC_NOMEM;
}

static enum rc
memory_peek(struct store *store, const struct sid *sid,
    const struct window *window, const struct store_now *now,
    struct session *out)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, sid);
	struct shard_entry *e;
	enum rc rc = RC_NOSESSION;

	pthread_mutex_lock(&sh->mtx);
	if ((e = shard_find_locked(sh, sid, now->mono_ms)) != NULL) {
		memory_show_locked(st, e, now, out);
		rc = history_copy(&out->history, &e->history, window);
	}
	pthread_mutex_unlock(&sh->mtx);
	return rc;
}

static void
memory_forget(
    struct store *store, const struct sid *sid, const struct store_now *now)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, sid);
	struct shard_entry *e;

	pthread_mutex_lock(&sh->mtx);
	if ((e = shard_find_locked(sh, sid, now->mono_ms)) != NULL)
		shard_remove_locked(sh, e);
	pthread_mutex_unlock(&sh->mtx);
	memory_free(st, e);
}

static void
memory_let_go(
    struct store *store, const struct sid *sid, const struct store_now *now)
{
	struct shard *sh = memory_shard(memory_of(store), sid);
	struct shard_entry *e;

	pthread_mutex_lock(&sh->mtx);
	if ((e = shard_find_locked(sh, sid, now->mono_ms)) != NULL)
		shard_release_locked(sh, e, now->mono_ms);
	pthread_mutex_unlock(&sh->mtx);
}

static uint64_t
memory_live(struct store *store, const struct store_now *now)
{
	return memory_settle(memory_of(store), now->mono_ms);
}

/*
 * In.
 */

/* When it was last active, by the monotonic clock; not ahead of now. */
static int64_t
active_here(const struct session *s, const struct store_now *now)
{
	int64_t idle = now->wall_ms - s->active_ms;

	return now->mono_ms - (idle > 0 ? idle : 0);
}

static void
entry_fill(struct memory *st, struct shard_entry *e, struct session *s)
{
	atomic_fetch_add(&st->bytes, memory_cost(&s->history));
	e->creator = s->creator;
	e->created_ms = s->created_ms;
	e->message_count = s->message_count;
	e->history = s->history;
	s->history = (struct history){ 0 };
}

static enum rc
memory_adopt(
    struct store *store, struct session *s, const struct store_now *now)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, &s->id);
	struct shard_entry *e, *before;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		return RC_NOMEM;
	e->sid = s->id;
	e->active_ms = active_here(s, now);
	entry_fill(st, e, s);
	memory_count_in(st);

	pthread_mutex_lock(&sh->mtx);
	if ((before = shard_at_locked(sh, &e->sid)) != NULL)
		shard_remove_locked(sh, before);
	shard_add_locked(sh, e);
	if (s->held)
		shard_hold_locked(sh, e, e->active_ms);
	pthread_mutex_unlock(&sh->mtx);
	memory_free(st, before);
	return RC_OK;
}

static enum rc
memory_return(
    struct store *store, struct session *s, const struct store_now *now)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, &s->id);
	struct history before = { 0 };
	struct shard_entry *e;

	pthread_mutex_lock(&sh->mtx);
	if ((e = shard_find_locked(sh, &s->id, now->mono_ms)) != NULL) {
		before = e->history;
		atomic_fetch_sub(&st->bytes, memory_cost(&before));
		entry_fill(st, e, s);
		if (!s->held)
			shard_release_locked(sh, e, active_here(s, now));
	}
	pthread_mutex_unlock(&sh->mtx);
	history_free(&before);
	return e != NULL ? RC_OK : RC_NOSESSION;
}

const struct store_local memory_local = {
	.export = memory_export,
	.peek = memory_peek,
	.adopt = memory_adopt,
	.put_back = memory_return,
	.forget = memory_forget,
	.let_go = memory_let_go,
	.live = memory_live,
};
