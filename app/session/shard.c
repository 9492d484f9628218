/* The table and the list of a shard of the sessions. */
#include "session/shard.h"

#include "base/must.h"

#define TABLE_MIN 16 /* buckets, a power of two */

static bool
expired(const struct shard *sh, const struct shard_entry *e, int64_t now)
{
	return now - e->active_ms >= sh->ttl_ms;
}

static struct shard_entry *
entry_of(struct list *node)
{
	return container_of(node, struct shard_entry, node);
}

static uint64_t
bucket_hash(const struct sid *sid)
{
	return sid_key(sid) / SHARDS;
}

static uint64_t
entry_hash(struct table_item *item, const void *arg)
{
	(void)arg;
	return bucket_hash(&container_of(item, struct shard_entry, item)->sid);
}

/*
 * The list by last activity, and its mark.
 */

/* Loops read the clock apart, so the place may be just before the end. */
static void
list_add_locked(struct shard *sh, struct shard_entry *e)
{
	struct list *newer = &sh->active;

	while (newer->prev != &sh->active &&
	       entry_of(newer->prev)->active_ms > e->active_ms)
		newer = newer->prev;
	list_insert(newer, &e->node);

	e->passed = newer != &sh->active && entry_of(newer)->passed;
	if (e->passed)
		sh->passed++;
	else if (newer == sh->live)
		sh->live = &e->node;
}

static void
list_remove_locked(struct shard *sh, struct shard_entry *e)
{
	if (e->passed)
		sh->passed--;
	else if (sh->live == &e->node)
		sh->live = e->node.next;
	list_remove(&e->node);
}

/*
 * The shard.
 */

struct shard_entry *
shard_at_locked(struct shard *sh, const struct sid *sid)
{
	struct table_item *item = table_first(&sh->table, bucket_hash(sid));
	struct shard_entry *e;

	for (; item != NULL; item = item->next) {
		e = container_of(item, struct shard_entry, item);
		if (sid_equal(&e->sid, sid))
			return e;
	}
	return NULL;
}

struct shard_entry *
shard_find_locked(struct shard *sh, const struct sid *sid, int64_t now)
{
	struct shard_entry *e = shard_at_locked(sh, sid);

	if (e != NULL && e->holds == 0 && expired(sh, e, now))
		return NULL;
	return e;
}

void
shard_add_locked(struct shard *sh, struct shard_entry *e)
{
	must(e->holds == 0 && shard_at_locked(sh, &e->sid) == NULL);
	table_add(&sh->table, &e->item, bucket_hash(&e->sid));
	list_add_locked(sh, e);
}

void
shard_remove_locked(struct shard *sh, struct shard_entry *e)
{
	if (e->holds == 0)
		list_remove_locked(sh, e);
	table_remove(&sh->table, &e->item, bucket_hash(&e->sid));
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
    struct shard *sh, int64_t now, unsigned max, struct list *dead)
{
	struct shard_entry *e;
	unsigned n;

	for (n = 0; n < max && !list_is_empty(&sh->active); n++) {
		e = entry_of(sh->active.next);
		if (!expired(sh, e, now))
			break;
		shard_remove_locked(sh, e);
		list_add_last(dead, &e->node);
	}
	return n;
}

static bool
is_expired_at(const struct shard *sh, struct list *node, int64_t now)
{
	return node != &sh->active && expired(sh, entry_of(node), now);
}

bool
shard_settle_locked(struct shard *sh, int64_t now, unsigned steps)
{
	struct list *older;

	for (; steps > 0; steps--) {
		if (is_expired_at(sh, sh->live, now)) {
			entry_of(sh->live)->passed = true;
			sh->passed++;
			sh->live = sh->live->next;
			continue;
		}
		older = sh->live->prev;
		if (older == &sh->active || is_expired_at(sh, older, now))
			return true;
		entry_of(older)->passed = false;
		sh->passed--;
		sh->live = older;
	}
	return false;
}

size_t
shard_live_locked(const struct shard *sh)
{
	return sh->table.count - sh->passed;
}

bool
shard_init(struct shard *sh, int64_t ttl_ms)
{
	if (!table_open(&sh->table, TABLE_MIN, entry_hash, NULL))
		return false;
	list_init(&sh->active);
	sh->live = &sh->active;
	sh->ttl_ms = ttl_ms;
	pthread_mutex_init(&sh->mtx, NULL);
	return true;
}

void
shard_close(struct shard *sh, struct list *all)
{
	struct table_item *item;

	if (sh->table.size == 0)
		return;
	for (item = table_close(&sh->table); item != NULL; item = item->next)
		list_add_last(
		    all, &container_of(item, struct shard_entry, item)->node);
	pthread_mutex_destroy(&sh->mtx);
}
