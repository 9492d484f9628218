/* How sessions leave the memory of one process, and enter another's. */
#include <stdlib.h>

#include "session/store_memory.h"

#define EXPORT_BATCH 512 /* sessions under one lock, and the rest of a bucket */
#define LIST_STEP    64

static bool
entry_is_over(const struct memory *st, const struct shard_entry *e, int64_t now)
{
	return e->holds == 0 && now - e->active_ms >= st->limits.ttl_ms;
}

/*
 * Out.
 */

static bool
list_add(struct store_list *list, const struct memory *st,
    const struct shard_entry *e, int64_t now)
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
    int64_t now, struct store_list *list)
{
	const struct shard_entry *e;

	for (; *bucket < sh->buckets && list->count < EXPORT_BATCH; ++*bucket) {
		for (e = sh->table[*bucket]; e != NULL; e = e->chain) {
			if (!entry_is_over(st, e, now) &&
			    !list_add(list, st, e, now))
				return false;
		}
	}
	return true;
}

/* A place is a shard's number, then a bucket's. */
enum rc
memory_export(
    struct store *store, uint64_t *place, int64_t now, struct store_list *list)
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
	if (bucket >= sh->buckets) {
		bucket = 0;
		shard++;
	}
	pthread_mutex_unlock(&sh->mtx);
	*place = shard == SHARDS ? UINT64_MAX
	                         : (uint64_t)bucket * SHARDS + shard;
	return ok ? RC_OK : RC_NOMEM;
}

/*
 * In.
 */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
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

enum rc
memory_adopt(struct store *store, struct session *s, int64_t now)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, &s->id);
	struct shard_entry *e, *before;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		return RC_NOMEM;
	e->sid = s->id;
	e->active_ms = earlier(s->active_ms, now);
	entry_fill(st, e, s);
	atomic_fetch_add(&st->bytes, ENTRY_COST);
	atomic_fetch_add(&st->sessions, 1);

	pthread_mutex_lock(&sh->mtx);
	if ((before = shard_at_locked(sh, &e->sid)) != NULL) {
		shard_remove_locked(sh, before);
		before->chain = NULL;
	}
	shard_add_locked(sh, e);
	if (s->held)
		shard_hold_locked(sh, e, e->active_ms);
	pthread_mutex_unlock(&sh->mtx);
	memory_free(st, before);
	return RC_OK;
}

enum rc
memory_return(struct store *store, struct session *s, int64_t now)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, &s->id);
	struct history before = { 0 };
	struct shard_entry *e;

	pthread_mutex_lock(&sh->mtx);
	if ((e = shard_find_locked(sh, &s->id, now)) != NULL) {
		before = e->history;
		atomic_fetch_sub(&st->bytes, memory_cost(&before));
		entry_fill(st, e, s);
		if (!s->held)
			shard_release_locked(sh, e, earlier(s->active_ms, now));
	}
	pthread_mutex_unlock(&sh->mtx);
	history_free(&before);
	return e != NULL ? RC_OK : RC_NOSESSION;
}
