/* The table and the list of a shard of the sessions. */
#include "session/shard.h"

#include <stdlib.h>

#define TABLE_MIN 16 /* buckets, a power of two */

static bool
expired(const struct shard *sh, const struct shard_entry *e, int64_t now)
{
	return now - e->active_ms >= sh->ttl_ms;
}

/*
 * The table.
 */

static struct shard_entry **
table_bucket_locked(struct shard *sh, const struct sid *sid)
{
	return &sh->table[sid_key(sid) / SHARDS & (sh->buckets - 1)];
}

/* Where the pointer to a session is, or would be. */
static struct shard_entry **
table_slot_locked(struct shard *sh, const struct sid *sid)
{
	struct shard_entry **p = table_bucket_locked(sh, sid);

	while (*p != NULL && !sid_equal(&(*p)->sid, sid))
		p = &(*p)->chain;
	return p;
}

/* Twice as many buckets; without memory the chains grow instead. */
static void
table_grow_locked(struct shard *sh)
{
	struct shard_entry **old = sh->table, **fresh, **slot, *e;
	size_t n = sh->buckets;

	if ((fresh = calloc(2 * n, sizeof(*fresh))) == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		while ((e = old[i]) != NULL) {
			old[i] = e->chain;
			slot = &fresh[sid_key(&e->sid) / SHARDS & (2 * n - 1)];
			e->chain = *slot;
			*slot = e;
		}
	}
	sh->table = fresh;
	sh->buckets = 2 * n;
	free(old);
}

static void
table_add_locked(struct shard *sh, struct shard_entry *e)
{
	struct shard_entry **bucket;

	if (sh->entries >= sh->buckets)
		table_grow_locked(sh);
	bucket = table_bucket_locked(sh, &e->sid);
	e->chain = *bucket;
	*bucket = e;
	sh->entries++;
}

static void
table_remove_locked(struct shard *sh, const struct shard_entry *e)
{
	struct shard_entry **p = table_bucket_locked(sh, &e->sid);

	while (*p != e)
		p = &(*p)->chain;
	*p = e->chain;
	sh->entries--;
}

/*
 * The list by last activity, and its mark.
 */

/* Loops read the clock apart, so the place may be just before the end. */
static void
list_add_locked(struct shard *sh, struct shard_entry *e)
{
	struct shard_entry *older = sh->newest, *newer = NULL;

	while (older != NULL && older->active_ms > e->active_ms) {
		newer = older;
		older = older->older;
	}
	e->older = older;
	e->newer = newer;
	*(older != NULL ? &older->newer : &sh->oldest) = e;
	*(newer != NULL ? &newer->older : &sh->newest) = e;

	e->passed = newer != NULL && newer->passed;
	if (e->passed)
		sh->passed++;
	else if (newer == sh->live)
		sh->live = e;
}

static void
list_remove_locked(struct shard *sh, struct shard_entry *e)
{
	*(e->older != NULL ? &e->older->newer : &sh->oldest) = e->newer;
	*(e->newer != NULL ? &e->newer->older : &sh->newest) = e->older;
	if (e->passed)
		sh->passed--;
	else if (sh->live == e)
		sh->live = e->newer;
}

/*
 * The shard.
 */

struct shard_entry *
shard_at_locked(struct shard *sh, const struct sid *sid)
{
	return *table_slot_locked(sh, sid);
}

struct shard_entry *
shard_find_locked(struct shard *sh, const struct sid *sid, int64_t now)
{
	struct shard_entry *e = *table_slot_locked(sh, sid);

	if (e != NULL && e->holds == 0 && expired(sh, e, now))
		return NULL;
	return e;
}

void
shard_add_locked(struct shard *sh, struct shard_entry *e)
{
	table_add_locked(sh, e);
	list_add_locked(sh, e);
}

void
shard_remove_locked(struct shard *sh, struct shard_entry *e)
{
	if (e->holds == 0)
		list_remove_locked(sh, e);
	table_remove_locked(sh, e);
}

void
shard_hold_locked(struct shard *sh, struct shard_entry *e, int64_t now)
{
	if (e->holds++ == 0)
		list_remove_locked(sh, e);
	e->active_ms = now;
}

void
shard_release_locked(struct shard *sh, struct shard_entry *e, int64_t now)
{
	if (e->holds == 0)
		list_remove_locked(sh, e);
	else
		e->holds--;
	e->active_ms = now;
	if (e->holds == 0)
		list_add_locked(sh, e);
}

unsigned
shard_reap_locked(
    struct shard *sh, int64_t now, unsigned max, struct shard_entry **dead)
{
	struct shard_entry *e;
	unsigned n;

	for (n = 0; n < max; n++) {
		e = sh->oldest;
		if (e == NULL || !expired(sh, e, now))
			break;
		shard_remove_locked(sh, e);
		e->chain = *dead;
		*dead = e;
	}
	return n;
}

bool
shard_settle_locked(struct shard *sh, int64_t now, unsigned steps)
{
	struct shard_entry *e;

	for (; steps > 0; steps--) {
		if ((e = sh->live) != NULL && expired(sh, e, now)) {
			e->passed = true;
			sh->passed++;
			sh->live = e->newer;
			continue;
		}
		e = e != NULL ? e->older : sh->newest;
		if (e == NULL || expired(sh, e, now))
			return true;
		e->passed = false;
		sh->passed--;
		sh->live = e;
	}
	return false;
}

size_t
shard_live_locked(const struct shard *sh)
{
	return sh->entries - sh->passed;
}

bool
shard_init(struct shard *sh, int64_t ttl_ms)
{
	sh->table = calloc(TABLE_MIN, sizeof(*sh->table));
	if (sh->table == NULL)
		return false;
	sh->buckets = TABLE_MIN;
	sh->ttl_ms = ttl_ms;
	pthread_mutex_init(&sh->mtx, NULL);
	return true;
}

struct shard_entry *
shard_close(struct shard *sh)
{
	struct shard_entry *all = NULL, *e;

	if (sh->table == NULL)
		return NULL;
	for (size_t i = 0; i < sh->buckets; i++) {
		while ((e = sh->table[i]) != NULL) {
			sh->table[i] = e->chain;
			e->chain = all;
			all = e;
		}
	}
	free(sh->table);
	pthread_mutex_destroy(&sh->mtx);
	return all;
}
