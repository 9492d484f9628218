/*
 * The store in memory, which is the specification of a store: a map in shards,
 * each with its own lock, so that loops seldom meet.
 */
#include "session/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "session/memory.h"
#include "session/memory_wire.h"
#include "session/shard.h"

#define SETTLE_STEPS  4  /* of the mark, beside another operation */
#define CROWDED_REST  4  /* one of so many parts is left */
#define RECLAIM_BATCH 64 /* expired ones removed to make room */

static struct memory *
memory_at(const struct store_port *port)
{
	return memory_of(port->store);
}

static void
entry_answer(enum rc rc, struct session *session, store_done_f *done, void *arg)
{
	done(arg, rc, rc == RC_OK ? session : NULL);
	history_free(&session->history);
	history_free(&session->replay);
}

static struct store_port *
memory_join(
    struct store *store, struct loop *loop, store_signal_f *signal, void *arg)
{
	struct store_port *port;

	(void)loop;
	(void)signal;
	(void)arg;
	if ((port = calloc(1, sizeof(*port))) != NULL)
		port->store = store;
	return port;
}

static void
memory_part(struct store_port *port)
{
	free(port);
}

static unsigned
memory_sweep(struct store *store, const struct store_now *now, unsigned max)
{
	struct memory *st = memory_of(store);
	struct shard *sh;
	struct list dead;
	unsigned first, n = 0;

	if (max == 0)
		memory_settle(st, now->mono_ms);
	first = atomic_fetch_add(&st->next_shard, 1);
	for (unsigned i = 0; i < SHARDS && n < max; i++) {
		sh = &st->shards[(first + i) % SHARDS];
		list_init(&dead);
		pthread_mutex_lock(&sh->mtx);
		n += shard_reap_locked(sh, now->mono_ms, max - n, &dead);
		pthread_mutex_unlock(&sh->mtx);
		memory_free_all(st, &dead);
	}
	return n;
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

/*
 * A session is made.
 */

/* Expired ones that were not swept yet make room. */
static enum rc
entry_new(struct memory *st, const struct addr *creator,
    const struct store_now *now, struct shard_entry **out)
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
	e->created_ms = now->wall_ms;
	e->active_ms = now->mono_ms;
	*out = e;
	rc = RC_OK;
out:
	if (rc != RC_OK) {
		free(e);
		memory_count_out(st);
	}
	return rc;
}

static void
memory_create(struct store_port *port, const struct addr *creator,
    struct hold *hold, const struct store_now *now, store_done_f *done,
    void *arg)
{
	struct memory *st = memory_at(port);
	struct session session = { 0 };
	struct shard *sh;
	struct shard_entry *e;
	enum rc rc;

	if ((rc = entry_new(st, creator, now, &e)) == RC_OK) {
		sh = memory_shard(st, &e->sid);
		pthread_mutex_lock(&sh->mtx);
		shard_add_locked(sh, e);
		if (hold != NULL) {
			shard_hold_locked(sh, e, now->mono_ms);
			hold->count = 0;
		}
		memory_show_locked(st, e, now, &session);
		shard_settle_locked(sh, now->mono_ms, SETTLE_STEPS);
		pthread_mutex_unlock(&sh->mtx);
	} else {
		memory_ended(st, creator);
	}
	entry_answer(rc, &session, done, arg);
}

/*
 * A session is read.
 */

static struct shard_entry *
find_locked(struct shard *sh, const struct sid *sid, const struct addr *creator,
    const struct store_now *now)
{
	struct shard_entry *e = shard_find_locked(sh, sid, now->mono_ms);

	if (e != NULL && creator != NULL && !addr_equal(&e->creator, creator))
		return NULL;
	return e;
}

/* The pair of the key that is asked for, or else what the window lets in. */
static enum rc
copy_locked(const struct shard_entry *e, const struct store_ask *ask,
    struct session *session)
{
	uint64_t dropped = e->message_count - e->history.count, at;
	enum rc rc = RC_NOSESSION;

	if (ask->key != NULL)
		rc = history_copy_keyed(&session->replay, &e->history, ask->key,
		    STORE_MAX_KEYS, &at);
	if (rc == RC_OK)
		session->replay_count = dropped + at;
	else if (rc == RC_NOSESSION)
		rc = history_copy(&session->history, &e->history, ask->window);
	return rc;
}

static enum rc
load_locked(struct memory *st, struct shard *sh, const struct store_ask *ask,
    struct session *session)
{
	struct shard_entry *e;
	enum rc rc;

	if ((e = find_locked(sh, ask->sid, ask->creator, &ask->now)) == NULL)
		return RC_NOSESSION;
	if (ask->hold != NULL && memory_is_full(st))
		return RC_CAPACITY;
	if ((rc = copy_locked(e, ask, session)) != RC_OK)
		return rc;
	if (ask->hold != NULL) {
		shard_hold_locked(sh, e, ask->now.mono_ms);
		ask->hold->count = e->message_count;
	}
	memory_show_locked(st, e, &ask->now, session);
	return RC_OK;
}

static void
memory_load(struct store_port *port, const struct store_ask *ask,
    store_done_f *done, void *arg)
{
	struct memory *st = memory_at(port);
	struct shard *sh = memory_shard(st, ask->sid);
	struct session session = { 0 };
	enum rc rc;

	if (ask->hold != NULL && memory_is_full(st))
		memory_sweep(&st->store, &ask->now, RECLAIM_BATCH);
	pthread_mutex_lock(&sh->mtx);
	rc = load_locked(st, sh, ask, &session);
	shard_settle_locked(sh, ask->now.mono_ms, SETTLE_STEPS);
	pthread_mutex_unlock(&sh->mtx);
	entry_answer(rc, &session, done, arg);
}

/*
 * A session is given what came of a turn, or deleted.
 */

static enum rc
add_locked(
    struct memory *st, struct shard_entry *e, const struct store_pair *pair)
{
	uint64_t before = memory_cost(&e->history);
	enum rc rc;

	if (e->message_count != pair->hold->count)
		return RC_LOST;
	rc = history_add(
	    &e->history, pair->question, pair->answer, &st->history_limit);
	if (rc == RC_OK) {
		e->message_count += 2;
		atomic_fetch_add(&st->bytes, memory_cost(&e->history) - before);
	}
	return rc;
}

static void
memory_append(struct store_port *port, const struct store_pair *pair,
    store_done_f *done, void *arg)
{
	struct memory *st = memory_at(port);
	struct shard *sh = memory_shard(st, pair->sid);
	struct session session = { 0 };
	struct shard_entry *e;
	enum rc rc = RC_NOSESSION;

	pthread_mutex_lock(&sh->mtx);
	e = shard_find_locked(sh, pair->sid, pair->now.mono_ms);
	if (e != NULL) {
		rc = add_locked(st, e, pair);
		shard_release_locked(sh, e, pair->now.mono_ms);
		memory_show_locked(st, e, &pair->now, &session);
	}
	pthread_mutex_unlock(&sh->mtx);
	entry_answer(rc, &session, done, arg);
}

static void
memory_release(struct store_port *port, const struct sid *sid,
    const struct hold *hold, const struct store_now *now, store_done_f *done,
    void *arg)
{
	struct memory *st = memory_at(port);
	struct shard *sh = memory_shard(st, sid);
	struct session session = { 0 };
	struct shard_entry *e;

	(void)hold;
	pthread_mutex_lock(&sh->mtx);
	if ((e = shard_find_locked(sh, sid, now->mono_ms)) != NULL) {
		shard_release_locked(sh, e, now->mono_ms);
		memory_show_locked(st, e, now, &session);
	}
	pthread_mutex_unlock(&sh->mtx);
	entry_answer(e != NULL ? RC_OK : RC_NOSESSION, &session, done, arg);
}

static void
memory_remove(struct store_port *port, const struct sid *sid,
    const struct addr *creator, const struct store_now *now, store_done_f *done,
    void *arg)
{
	struct memory *st = memory_at(port);
	struct shard *sh = memory_shard(st, sid);
	struct shard_entry *e;
	enum rc rc = RC_NOSESSION;

	pthread_mutex_lock(&sh->mtx);
	if ((e = find_locked(sh, sid, creator, now)) != NULL) {
		shard_remove_locked(sh, e);
		rc = RC_OK;
	}
	pthread_mutex_unlock(&sh->mtx);
	memory_free(st, e);
	done(arg, rc, NULL);
}

static void
memory_count(struct store_port *port, const struct store_now *now,
    store_count_done_f *done, void *arg)
{
	struct memory *st = memory_at(port);
	const struct store_totals totals = {
		.sessions = memory_settle(st, now->mono_ms),
		.bytes = atomic_load(&st->bytes),
	};

	done(arg, RC_OK, &totals);
}

static void
memory_close(struct store *store)
{
	struct memory *st = memory_of(store);
	struct list all;

	st->limits.ended = NULL;
	list_init(&all);
	for (unsigned i = 0; i < SHARDS; i++)
		shard_close(&st->shards[i], &all);
	memory_free_all(st, &all);
	free(st);
}

static const struct store_backend store_memory = {
	.name = "memory",
	.join = memory_join,
	.part = memory_part,
	.create = memory_create,
	.load = memory_load,
	.append = memory_append,
	.release = memory_release,
	.remove = memory_remove,
	.count = memory_count,
	.is_crowded = memory_is_crowded,
	.sweep = memory_sweep,
	.local = &memory_local,
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
