/*
 * The store in memory, which is the specification of a store: a map in shards,
 * each with its lock, its table and its list by last activity, so that a sweep
 * costs what it removes and loops seldom meet.
 *
 * A held session stands in the table but not in the list. The list of a shard
 * has a mark, `live`: those before it are expired and counted, so that the
 * number of live ones is known without walking over the same session twice.
 */
#include "session/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS        64  /* a power of two */
#define TABLE_MIN     16  /* buckets, a power of two */
#define SETTLE_STEPS  4   /* of the mark, beside another operation */
#define SETTLE_BATCH  256 /* of the mark, under one lock */
#define RECLAIM_BATCH 64  /* expired ones removed to make room */

struct entry {
	struct sid sid;
	struct entry *chain;         /* the next in the bucket */
	struct entry *older, *newer; /* in the list, while not held */
	int64_t created_ms;
	int64_t active_ms;
	uint64_t message_count;
	struct history history;
	unsigned holds;
	bool passed; /* stands before the mark */
};

/* What a session costs beside its history: with malloc's and table's share. */
#define ENTRY_COST (sizeof(struct entry) + 4 * sizeof(void *))

struct shard {
	/* guarded by mtx */
	_Alignas(64) pthread_mutex_t mtx;
	struct entry **table;
	size_t buckets; /* a power of two */
	size_t entries; /* held ones too */
	struct entry *oldest, *newest;
	struct entry *live; /* the mark; NULL: behind the newest */
	size_t passed;      /* entries before the mark */
};

struct memory {
	struct store store;

	/* immutable after opening */
	struct store_limits limits;
	struct window history_limit;

	atomic_uint_fast64_t sessions;
	atomic_uint_fast64_t bytes;
	atomic_uint next_shard; /* the next sweep's first */

	struct shard shards[SHARDS];
};

static struct memory *
memory_of(struct store *store)
{
	return (struct memory *)store;
}

static struct shard *
memory_shard(struct memory *st, const struct sid *sid)
{
	return &st->shards[sid_key(sid) % SHARDS];
}

static bool
memory_expired(const struct memory *st, const struct entry *e, int64_t now)
{
	return now - e->active_ms >= st->limits.ttl_ms;
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

/* What malloc takes for a history's block. */
static uint64_t
history_cost(const struct history *h)
{
	return h->block == NULL ? 0 : (h->size + 8 + 15) / 16 * 16;
}

/*
 * The table.
 */

/* Where the pointer to a session is, or would be. */
static struct entry **
table_slot_locked(struct shard *sh, const struct sid *sid)
{
	struct entry **p;

	p = &sh->table[sid_key(sid) / SHARDS & (sh->buckets - 1)];
	while (*p != NULL && !sid_equal(&(*p)->sid, sid))
		p = &(*p)->chain;
	return p;
}

/* Twice as many buckets; without memory the chains grow instead. */
static void
table_grow_locked(struct shard *sh)
{
	struct entry **old = sh->table, **fresh, **slot, *e;
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
table_add_locked(struct shard *sh, struct entry *e)
{
	struct entry **slot;

	if (sh->entries >= sh->buckets)
		table_grow_locked(sh);
	slot = table_slot_locked(sh, &e->sid);
	e->chain = *slot;
	*slot = e;
	sh->entries++;
}

static void
table_remove_locked(struct shard *sh, struct entry *e)
{
	*table_slot_locked(sh, &e->sid) = e->chain;
	sh->entries--;
}

/*
 * The list by last activity, and its mark.
 */

/* Loops read the clock apart, so the place may be just before the end. */
static void
list_add_locked(struct shard *sh, struct entry *e)
{
	struct entry *older = sh->newest, *newer = NULL;

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
list_remove_locked(struct shard *sh, struct entry *e)
{
	*(e->older != NULL ? &e->older->newer : &sh->oldest) = e->newer;
	*(e->newer != NULL ? &e->newer->older : &sh->newest) = e->older;
	if (e->passed)
		sh->passed--;
	else if (sh->live == e)
		sh->live = e->newer;
}

/* Move the mark to where it belongs at this time; false: more steps to go. */
static bool
list_settle_locked(
    const struct memory *st, struct shard *sh, int64_t now, unsigned steps)
{
	struct entry *e;

	for (; steps > 0; steps--) {
		if ((e = sh->live) != NULL && memory_expired(st, e, now)) {
			e->passed = true;
			sh->passed++;
			sh->live = e->newer;
			continue;
		}
		e = e != NULL ? e->older : sh->newest;
		if (e == NULL || memory_expired(st, e, now))
			return true;
		e->passed = false;
		sh->passed--;
		sh->live = e;
	}
	return false;
}

/*
 * A session.
 */

static struct entry *
entry_find_locked(
    struct memory *st, struct shard *sh, const struct sid *sid, int64_t now)
{
	struct entry *e = *table_slot_locked(sh, sid);

	if (e != NULL && e->holds == 0 && memory_expired(st, e, now))
		return NULL;
	return e;
}

static void
entry_hold_locked(struct shard *sh, struct entry *e, int64_t now)
{
	if (e->holds++ == 0)
		list_remove_locked(sh, e);
	e->active_ms = now;
}

static void
entry_release_locked(struct shard *sh, struct entry *e, int64_t now)
{
	if (e->holds == 0)
		list_remove_locked(sh, e);
	else
		e->holds--;
	e->active_ms = now;
	if (e->holds == 0)
		list_add_locked(sh, e);
}

static void
entry_unlink_locked(struct shard *sh, struct entry *e)
{
	if (e->holds == 0)
		list_remove_locked(sh, e);
	table_remove_locked(sh, e);
}

/* Also of a whole chain. */
static void
entry_free(struct memory *st, struct entry *e)
{
	struct entry *next;

	for (; e != NULL; e = next) {
		next = e->chain;
		atomic_fetch_sub(
		    &st->bytes, ENTRY_COST + history_cost(&e->history));
		atomic_fetch_sub(&st->sessions, 1);
		history_free(&e->history);
		explicit_bzero(e, sizeof(*e));
		free(e);
	}
}

/* All but the history. */
static void
entry_show_locked(const struct memory *st, const struct entry *e, int64_t now,
    struct session *out)
{
	out->id = e->sid;
	out->message_count = e->message_count;
	out->created_ms = e->created_ms;
	out->active_ms = e->active_ms;
	out->expires_ms = (e->holds > 0 ? now : e->active_ms) +
	                  st->limits.ttl_ms;
}

static void
entry_answer(enum rc rc, struct session *session, store_done_f *done, void *arg)
{
	done(arg, rc, rc == RC_OK ? session : NULL);
	history_free(&session->history);
}

/*
 * The backend.
 */

static unsigned
reap_locked(const struct memory *st, struct shard *sh, int64_t now,
    unsigned max, struct entry **dead)
{
	struct entry *e;
	unsigned n;

	for (n = 0; n < max; n++) {
		e = sh->oldest;
		if (e == NULL || !memory_expired(st, e, now))
			break;
		entry_unlink_locked(sh, e);
		e->chain = *dead;
		*dead = e;
	}
	return n;
}

/* Bring the marks to where they belong; how many sessions are live. */
static uint64_t
memory_settle(struct memory *st, int64_t now)
{
	struct shard *sh;
	uint64_t n = 0;
	bool settled;

	for (unsigned i = 0; i < SHARDS; i++) {
		sh = &st->shards[i];
		do {
			pthread_mutex_lock(&sh->mtx);
			settled = list_settle_locked(st, sh, now, SETTLE_BATCH);
			if (settled)
				n += sh->entries - sh->passed;
			pthread_mutex_unlock(&sh->mtx);
		} while (!settled);
	}
	return n;
}

static unsigned
memory_sweep(struct store *store, int64_t now, unsigned max)
{
	struct memory *st = memory_of(store);
	struct shard *sh;
	struct entry *dead;
	unsigned first, n = 0;

	if (max == 0)
		memory_settle(st, now);
	first = atomic_fetch_add(&st->next_shard, 1);
	for (unsigned i = 0; i < SHARDS && n < max; i++) {
		sh = &st->shards[(first + i) % SHARDS];
		dead = NULL;
		pthread_mutex_lock(&sh->mtx);
		n += reap_locked(st, sh, now, max - n, &dead);
		pthread_mutex_unlock(&sh->mtx);
		entry_free(st, dead);
	}
	return n;
}

static bool
memory_reserve(struct memory *st)
{
	if (!reserve(&st->sessions, 1, st->limits.max_sessions))
		return false;
	if (reserve(&st->bytes, ENTRY_COST, st->limits.memory))
		return true;
	atomic_fetch_sub(&st->sessions, 1);
	return false;
}

static bool
memory_is_full(struct memory *st)
{
	return atomic_load(&st->bytes) >= st->limits.memory;
}

/* Expired ones that were not swept yet make room. */
static enum rc
entry_new(struct memory *st, int64_t now, struct entry **out)
{
	struct entry *e = NULL;
	enum rc rc = RC_NOMEM;

	if (!memory_reserve(st) &&
	    (memory_sweep(&st->store, now, RECLAIM_BATCH) == 0 ||
		!memory_reserve(st)))
		return RC_CAPACITY;
	if ((e = calloc(1, sizeof(*e))) == NULL)
		goto out;
	rc = RC_ENTROPY;
	if (!sid_make(&e->sid))
		goto out;
	e->created_ms = e->active_ms = now;
	*out = e;
	rc = RC_OK;
out:
	if (rc != RC_OK) {
		free(e);
		atomic_fetch_sub(&st->bytes, ENTRY_COST);
		atomic_fetch_sub(&st->sessions, 1);
	}
	return rc;
}

static void
memory_create(
    struct store *store, bool hold, int64_t now, store_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	struct session session = { 0 };
	struct shard *sh;
	struct entry *e;
	enum rc rc;

	if ((rc = entry_new(st, now, &e)) == RC_OK) {
		sh = memory_shard(st, &e->sid);
		pthread_mutex_lock(&sh->mtx);
		table_add_locked(sh, e);
		list_add_locked(sh, e);
		if (hold)
			entry_hold_locked(sh, e, now);
		entry_show_locked(st, e, now, &session);
		list_settle_locked(st, sh, now, SETTLE_STEPS);
		pthread_mutex_unlock(&sh->mtx);
	}
	entry_answer(rc, &session, done, arg);
}

static enum rc
load_locked(struct memory *st, struct shard *sh, const struct sid *sid,
    bool hold, const struct window *window, int64_t now,
    struct session *session)
{
	struct entry *e;
	enum rc rc;

	if ((e = entry_find_locked(st, sh, sid, now)) == NULL)
		return RC_NOSESSION;
	if (hold && memory_is_full(st))
		return RC_CAPACITY;
	rc = history_copy(&session->history, &e->history, window);
	if (rc != RC_OK)
		return rc;
	if (hold)
		entry_hold_locked(sh, e, now);
	entry_show_locked(st, e, now, session);
	return RC_OK;
}

static void
memory_load(struct store *store, const struct sid *sid, bool hold,
    const struct window *window, int64_t now, store_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, sid);
	struct session session = { 0 };
	enum rc rc;

	if (hold && memory_is_full(st))
		memory_sweep(store, now, RECLAIM_BATCH);
	pthread_mutex_lock(&sh->mtx);
	rc = load_locked(st, sh, sid, hold, window, now, &session);
	list_settle_locked(st, sh, now, SETTLE_STEPS);
	pthread_mutex_unlock(&sh->mtx);
	entry_answer(rc, &session, done, arg);
}

static enum rc
append_locked(struct memory *st, struct shard *sh, const struct sid *sid,
    const struct message *question, const struct message *answer, int64_t now,
    struct session *session)
{
	struct entry *e;
	uint64_t before;
	enum rc rc;

	if ((e = entry_find_locked(st, sh, sid, now)) == NULL)
		return RC_NOSESSION;
	before = history_cost(&e->history);
	rc = history_add(&e->history, question, answer, &st->history_limit);
	if (rc == RC_OK) {
		e->message_count += 2;
		atomic_fetch_add(
		    &st->bytes, history_cost(&e->history) - before);
	}
	entry_release_locked(sh, e, now);
	entry_show_locked(st, e, now, session);
	return rc;
}

static void
memory_append(struct store *store, const struct sid *sid,
    const struct message *question, const struct message *answer, int64_t now,
    store_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, sid);
	struct session session = { 0 };
	enum rc rc;

	pthread_mutex_lock(&sh->mtx);
	rc = append_locked(st, sh, sid, question, answer, now, &session);
	pthread_mutex_unlock(&sh->mtx);
	entry_answer(rc, &session, done, arg);
}

static void
memory_release(struct store *store, const struct sid *sid, int64_t now,
    store_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, sid);
	struct session session = { 0 };
	struct entry *e;

	pthread_mutex_lock(&sh->mtx);
	if ((e = entry_find_locked(st, sh, sid, now)) != NULL) {
		entry_release_locked(sh, e, now);
		entry_show_locked(st, e, now, &session);
	}
	pthread_mutex_unlock(&sh->mtx);
	entry_answer(e != NULL ? RC_OK : RC_NOSESSION, &session, done, arg);
}

static void
memory_remove(struct store *store, const struct sid *sid, int64_t now,
    store_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, sid);
	struct entry *e;
	enum rc rc = RC_NOSESSION;

	pthread_mutex_lock(&sh->mtx);
	if ((e = entry_find_locked(st, sh, sid, now)) != NULL) {
		entry_unlink_locked(sh, e);
		e->chain = NULL;
		rc = RC_OK;
	}
	pthread_mutex_unlock(&sh->mtx);
	entry_free(st, e);
	done(arg, rc, NULL);
}

static void
memory_count(
    struct store *store, int64_t now, store_count_done_f *done, void *arg)
{
	done(arg, RC_OK, memory_settle(memory_of(store), now));
}

static void
memory_close(struct store *store)
{
	struct memory *st = memory_of(store);
	struct shard *sh;

	for (unsigned i = 0; i < SHARDS; i++) {
		sh = &st->shards[i];
		for (size_t b = 0; b < sh->buckets; b++)
			entry_free(st, sh->table[b]);
		free(sh->table);
		pthread_mutex_destroy(&sh->mtx);
	}
	free(st);
}

static const struct store_backend store_memory = {
	.name = "memory",
	.create = memory_create,
	.load = memory_load,
	.append = memory_append,
	.release = memory_release,
	.remove = memory_remove,
	.count = memory_count,
	.sweep = memory_sweep,
	.close = memory_close,
};

static bool
shard_init(struct shard *sh)
{
	sh->table = calloc(TABLE_MIN, sizeof(*sh->table));
	if (sh->table == NULL)
		return false;
	sh->buckets = TABLE_MIN;
	return true;
}

struct store *
store_memory_open(const struct store_limits *limits)
{
	struct memory *st;

	if ((st = aligned_alloc(_Alignof(struct memory), sizeof(*st))) == NULL)
		return NULL;
	memset(st, 0, sizeof(*st));
	st->store.backend = &store_memory;
	st->limits = *limits;
	st->history_limit.messages = limits->session_messages;
	st->history_limit.bytes = limits->session_bytes;
	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&st->shards[i].mtx, NULL);
		if (!shard_init(&st->shards[i])) {
			memory_close(&st->store);
			return NULL;
		}
	}
	return &st->store;
}
