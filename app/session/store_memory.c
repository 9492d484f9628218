/*
 * The store in memory, which is the specification of a store: a map in shards,
 * each with its own lock, so that loops seldom meet.
 */
#include "session/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "session/shard.h"
#include "session/store_memory.h"

#define SETTLE_STEPS  4   /* of the mark, beside another operation */
#define SETTLE_BATCH  256 /* of the mark, under one lock */
#define CROWDED_REST  4   /* one of so many parts is left */
#define RECLAIM_BATCH 64  /* expired ones removed to make room */

struct memory *
memory_of(struct store *store)
{
	return (struct memory *)store;
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

uint64_t
memory_cost(const struct history *h)
{
	return h->block == NULL ? 0
	                        : (HISTORY_HEAD + h->size + 8 + 15) / 16 * 16;
}

/*
 * A session.
 */

static void
memory_ended(const struct memory *st, const struct addr *creator)
{
	if (st->limits.ended != NULL)
		st->limits.ended(st->limits.ended_arg, creator);
}

void
memory_free(struct memory *st, struct shard_entry *e)
{
	struct shard_entry *next;

	for (; e != NULL; e = next) {
		next = e->chain;
		atomic_fetch_sub(
		    &st->bytes, ENTRY_COST + memory_cost(&e->history));
		atomic_fetch_sub(&st->sessions, 1);
		history_revoke(&e->history);
		history_free(&e->history);
		memory_ended(st, &e->creator);
		explicit_bzero(e, sizeof(*e));
		free(e);
	}
}

void
memory_show_locked(const struct memory *st, const struct shard_entry *e,
    int64_t now, struct session *out)
{
	out->id = e->sid;
	out->message_count = e->message_count;
	out->created_ms = e->created_ms;
	out->active_ms = e->active_ms;
	out->creator = e->creator;
	out->held = e->holds > 0;
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
			settled = shard_settle_locked(sh, now, SETTLE_BATCH);
			if (settled)
				n += shard_live_locked(sh);
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
	struct shard_entry *dead;
	unsigned first, n = 0;

	if (max == 0)
		memory_settle(st, now);
	first = atomic_fetch_add(&st->next_shard, 1);
	for (unsigned i = 0; i < SHARDS && n < max; i++) {
		sh = &st->shards[(first + i) % SHARDS];
		dead = NULL;
		pthread_mutex_lock(&sh->mtx);
		n += shard_reap_locked(sh, now, max - n, &dead);
		pthread_mutex_unlock(&sh->mtx);
		memory_free(st, dead);
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
memory_is_crowded(struct store *store)
{
	struct memory *st = memory_of(store);
	const struct store_limits *limits = &st->limits;

	return atomic_load(&st->sessions) >
	           limits->max_sessions - limits->max_sessions / CROWDED_REST ||
	       atomic_load(&st->bytes) >
	           limits->memory - limits->memory / CROWDED_REST;
}

static bool
memory_is_full(struct memory *st)
{
	return atomic_load(&st->bytes) >= st->limits.memory;
}

/* Expired ones that were not swept yet make room. */
static enum rc
entry_new(struct memory *st, const struct addr *creator, int64_t now,
    struct shard_entry **out)
{
	struct shard_entry *e = NULL;
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
	e->creator = *creator;
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
memory_create(struct store *store, const struct addr *creator, bool hold,
    int64_t now, store_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	struct session session = { 0 };
	struct shard *sh;
	struct shard_entry *e;
	enum rc rc;

	if ((rc = entry_new(st, creator, now, &e)) == RC_OK) {
		sh = memory_shard(st, &e->sid);
		pthread_mutex_lock(&sh->mtx);
		shard_add_locked(sh, e);
		if (hold)
			shard_hold_locked(sh, e, now);
		memory_show_locked(st, e, now, &session);
		shard_settle_locked(sh, now, SETTLE_STEPS);
		pthread_mutex_unlock(&sh->mtx);
	} else {
		memory_ended(st, creator);
	}
	entry_answer(rc, &session, done, arg);
}

static struct shard_entry *
find_locked(struct shard *sh, const struct sid *sid, const struct addr *creator,
    int64_t now)
{
	struct shard_entry *e = shard_find_locked(sh, sid, now);

	if (e != NULL && creator != NULL && !addr_equal(&e->creator, creator))
		return NULL;
	return e;
}

static enum rc
load_locked(struct memory *st, struct shard *sh, const struct sid *sid,
    const struct addr *creator, bool hold, const struct window *window,
    int64_t now, struct session *session)
{
	struct shard_entry *e;
	enum rc rc;

	if ((e = find_locked(sh, sid, creator, now)) == NULL)
		return RC_NOSESSION;
	if (hold && memory_is_full(st))
		return RC_CAPACITY;
	rc = history_copy(&session->history, &e->history, window);
	if (rc != RC_OK)
		return rc;
	if (hold)
		shard_hold_locked(sh, e, now);
	memory_show_locked(st, e, now, session);
	return RC_OK;
}

static void
memory_load(struct store *store, const struct sid *sid,
    const struct addr *creator, bool hold, const struct window *window,
    int64_t now, store_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, sid);
	struct session session = { 0 };
	enum rc rc;

	if (hold && memory_is_full(st))
		memory_sweep(store, now, RECLAIM_BATCH);
	pthread_mutex_lock(&sh->mtx);
	rc = load_locked(st, sh, sid, creator, hold, window, now, &session);
	shard_settle_locked(sh, now, SETTLE_STEPS);
	pthread_mutex_unlock(&sh->mtx);
	entry_answer(rc, &session, done, arg);
}

static enum rc
append_locked(struct memory *st, struct shard *sh, const struct sid *sid,
    const struct message *question, const struct message *answer, int64_t now,
    struct session *session)
{
	struct shard_entry *e;
	uint64_t before;
	enum rc rc;

	if ((e = shard_find_locked(sh, sid, now)) == NULL)
		return RC_NOSESSION;
	before = memory_cost(&e->history);
	rc = history_add(&e->history, question, answer, &st->history_limit);
	if (rc == RC_OK) {
		e->message_count += 2;
		atomic_fetch_add(&st->bytes, memory_cost(&e->history) - before);
	}
	shard_release_locked(sh, e, now);
	memory_show_locked(st, e, now, session);
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
	struct shard_entry *e;

	pthread_mutex_lock(&sh->mtx);
	if ((e = shard_find_locked(sh, sid, now)) != NULL) {
		shard_release_locked(sh, e, now);
		memory_show_locked(st, e, now, &session);
	}
	pthread_mutex_unlock(&sh->mtx);
	entry_answer(e != NULL ? RC_OK : RC_NOSESSION, &session, done, arg);
}

static void
memory_remove(struct store *store, const struct sid *sid,
    const struct addr *creator, int64_t now, store_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	struct shard *sh = memory_shard(st, sid);
	struct shard_entry *e;
	enum rc rc = RC_NOSESSION;

	pthread_mutex_lock(&sh->mtx);
	if ((e = find_locked(sh, sid, creator, now)) != NULL) {
		shard_remove_locked(sh, e);
		e->chain = NULL;
		rc = RC_OK;
	}
	pthread_mutex_unlock(&sh->mtx);
	memory_free(st, e);
	done(arg, rc, NULL);
}

static void
memory_count(
    struct store *store, int64_t now, store_count_done_f *done, void *arg)
{
	struct memory *st = memory_of(store);
	const struct store_totals totals = {
		.sessions = memory_settle(st, now),
		.bytes = atomic_load(&st->bytes),
	};

	done(arg, RC_OK, &totals);
}

static void
memory_close(struct store *store)
{
	struct memory *st = memory_of(store);

	st->limits.ended = NULL;
	for (unsigned i = 0; i < SHARDS; i++)
		memory_free(st, shard_close(&st->shards[i]));
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
	.is_crowded = memory_is_crowded,
	.sweep = memory_sweep,
	.export = memory_export,
	.adopt = memory_adopt,
	.put_back = memory_return,
	.close = memory_close,
};

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
		if (!shard_init(&st->shards[i], limits->ttl_ms)) {
			memory_close(&st->store);
			return NULL;
		}
	}
	return &st->store;
}
