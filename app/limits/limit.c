/*
 * The table of clients: shards, each with its lock, its hash table and its list
 * of those that may be forgotten, longest idle first. A client that has a
 * session or a chat stands in the table but not in the list.
 *
 * A bucket is one number, the time at which it is full again (the generic cell
 * rate algorithm, ITU-T I.371). So that it stays whole for every rate, it is
 * counted in 1/count of a millisecond: a token is then worth as many of these
 * as its period has milliseconds.
 */
#include <stdlib.h>
#include <string.h>

#include "limits/limit_state.h"

#define TABLE_MIN  256 /* buckets, a power of two */
#define SHARD_IDLE (LIMIT_MAX_IDLE / LIMIT_SHARDS)

uint64_t
limit_hash(const struct limits *l, const struct addr *key)
{
	return siphash(&l->key, key->b, sizeof(key->b));
}

struct limit_shard *
limit_shard(struct limits *l, uint64_t hash)
{
	return &l->shards[hash % LIMIT_SHARDS];
}

/*
 * The table.
 */

static struct limit_client **
table_slot_locked(struct limit_shard *sh, const struct addr *key, uint64_t hash)
{
	struct limit_client **p =
	    &sh->table[hash / LIMIT_SHARDS & (sh->buckets - 1)];

	while (*p != NULL && !addr_equal(&(*p)->key, key))
		p = &(*p)->chain;
	return p;
}

/* Twice as many buckets; without memory the chains grow instead. */
static void
table_grow_locked(const struct limits *l, struct limit_shard *sh)
{
	struct limit_client **old = sh->table, **fresh, **slot, *c;
	size_t n = sh->buckets;

	if ((fresh = calloc(2 * n, sizeof(*fresh))) == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		while ((c = old[i]) != NULL) {
			old[i] = c->chain;
			slot = &fresh[limit_hash(l, &c->key) / LIMIT_SHARDS &
				      (2 * n - 1)];
			c->chain = *slot;
			*slot = c;
		}
	}
	sh->table = fresh;
	sh->buckets = 2 * n;
	free(old);
}

/*
 * The list.
 */

static bool
is_idle(const struct limit_client *c)
{
	return c->live[LIMIT_SESSIONS] == 0 && c->live[LIMIT_TURNS] == 0;
}

static void
list_add_locked(struct limit_shard *sh, struct limit_client *c)
{
	c->older = sh->newest;
	c->newer = NULL;
	*(sh->newest != NULL ? &sh->newest->newer : &sh->oldest) = c;
	sh->newest = c;
	sh->idle++;
}

static void
list_remove_locked(struct limit_shard *sh, struct limit_client *c)
{
	*(c->older != NULL ? &c->older->newer : &sh->oldest) = c->newer;
	*(c->newer != NULL ? &c->newer->older : &sh->newest) = c->older;
	sh->idle--;
}

/*
 * A client.
 */

/* Take the longest idle one out. */
static struct limit_client *
client_forget_locked(const struct limits *l, struct limit_shard *sh)
{
	struct limit_client *c = sh->oldest;

	list_remove_locked(sh, c);
	*table_slot_locked(sh, &c->key, limit_hash(l, &c->key)) = c->chain;
	sh->clients--;
	return c;
}

/* A client that was not known, in nobody's list. NULL without memory. */
static struct limit_client *
client_new_locked(const struct limits *l, struct limit_shard *sh,
    const struct addr *key, uint64_t hash)
{
	struct limit_client **slot, *c;

	if (sh->idle >= SHARD_IDLE)
		c = client_forget_locked(l, sh);
	else if ((c = malloc(sizeof(*c))) == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->key = *key;
	if (sh->clients >= sh->buckets)
		table_grow_locked(l, sh);
	slot = table_slot_locked(sh, key, hash);
	*slot = c;
	sh->clients++;
	return c;
}

struct limit_client *
limit_client_take_locked(const struct limits *l, struct limit_shard *sh,
    const struct addr *key, uint64_t hash)
{
	struct limit_client *c = *table_slot_locked(sh, key, hash);

	if (c == NULL)
		return client_new_locked(l, sh, key, hash);
	if (is_idle(c))
		list_remove_locked(sh, c);
	return c;
}

void
limit_client_put_locked(
    const struct limits *l, struct limit_shard *sh, struct limit_client *c)
{
	if (!is_idle(c))
		return;
	list_add_locked(sh, c);
	if (sh->idle > SHARD_IDLE)
		free(client_forget_locked(l, sh));
}

/*
 * Buckets.
 */

/* What is missing until a bucket has a token, in its unit; 0: it has one. */
static int64_t
bucket_lack(int64_t full, const struct limit_rate *rate, int64_t now)
{
	int64_t period = (int64_t)rate->seconds * 1000;
	int64_t lack = full - now * rate->count - (rate->count - 1) * period;

	return lack > 0 ? lack : 0;
}

static void
bucket_take(int64_t *full, const struct limit_rate *rate, int64_t now)
{
	int64_t from = now * rate->count;

	*full = (*full > from ? *full : from) + (int64_t)rate->seconds * 1000;
}

static enum rc
take_locked(const struct limits *l, struct limit_shard *sh,
    const struct addr *key, uint64_t hash, enum limit_kind kind, int64_t now,
    int64_t *lack)
{
	const struct limit_rate *rate = &l->conf.rate[kind];
	struct limit_client *c;

	if ((c = limit_client_take_locked(l, sh, key, hash)) == NULL)
		return RC_NOMEM;
	*lack = bucket_lack(c->full[kind - 1], rate, now);
	if (*lack == 0)
		bucket_take(&c->full[kind - 1], rate, now);
	limit_client_put_locked(l, sh, c);
	return *lack == 0 ? RC_OK : RC_RATE;
}

enum rc
limit_take(struct limits *l, const struct addr *addr, enum limit_kind kind,
    int64_t now, int *retry_s)
{
	const struct limit_rate *rate = &l->conf.rate[kind];
	struct addr key = addr_key(addr);
	uint64_t hash;
	struct limit_shard *sh;
	int64_t lack = 0, second = (int64_t)rate->count * 1000;
	enum rc rc;

	if (rate->count == 0)
		return RC_OK;
	hash = limit_hash(l, &key);
	sh = limit_shard(l, hash);
	pthread_mutex_lock(&sh->mtx);
	rc = take_locked(l, sh, &key, hash, kind, now, &lack);
	pthread_mutex_unlock(&sh->mtx);
	if (rc == RC_RATE)
		*retry_s = (int)((lack + second - 1) / second);
	return rc;
}

bool
limit_is_spent(struct limits *l, const struct addr *addr, enum limit_kind kind,
    int64_t now)
{
	const struct limit_rate *rate = &l->conf.rate[kind];
	struct addr key = addr_key(addr);
	uint64_t hash;
	const struct limit_client *c;
	struct limit_shard *sh;
	bool spent;

	if (rate->count == 0)
		return false;
	hash = limit_hash(l, &key);
	sh = limit_shard(l, hash);
	pthread_mutex_lock(&sh->mtx);
	c = *table_slot_locked(sh, &key, hash);
	spent = c != NULL && bucket_lack(c->full[kind - 1], rate, now) > 0;
	pthread_mutex_unlock(&sh->mtx);
	return spent;
}

/*
 * Sessions and chats.
 */

static enum rc
begin_locked(const struct limits *l, struct limit_shard *sh,
    const struct addr *key, uint64_t hash, enum limit_live what, uint64_t limit)
{
	static const enum rc over[LIMIT_LIVE] = {
		[LIMIT_SESSIONS] = RC_TOO_MANY_SESSIONS,
		[LIMIT_TURNS] = RC_TOO_MANY_TURNS,
	};
	struct limit_client *c;
	bool ok;

	if ((c = limit_client_take_locked(l, sh, key, hash)) == NULL)
		return RC_NOMEM;
	ok = c->live[what] < limit;
	c->live[what] += ok;
	limit_client_put_locked(l, sh, c);
	return ok ? RC_OK : over[what];
}

static enum rc
begin(struct limits *l, const struct addr *addr, enum limit_live what,
    uint64_t limit)
{
	struct addr key = addr_key(addr);
	uint64_t hash;
	struct limit_shard *sh;
	enum rc rc;

	if (l->conf.live[what] == 0)
		return RC_OK;
	hash = limit_hash(l, &key);
	sh = limit_shard(l, hash);
	pthread_mutex_lock(&sh->mtx);
	rc = begin_locked(l, sh, &key, hash, what, limit);
	pthread_mutex_unlock(&sh->mtx);
	return rc;
}

enum rc
limit_begin(struct limits *l, const struct addr *addr, enum limit_live what)
{
	return begin(l, addr, what, l->conf.live[what]);
}

enum rc
limit_adopt(struct limits *l, const struct addr *addr, enum limit_live what)
{
	return begin(l, addr, what, UINT64_MAX);
}

void
limit_end(struct limits *l, const struct addr *addr, enum limit_live what)
{
	struct addr key = addr_key(addr);
	uint64_t hash;
	struct limit_client *c;
	struct limit_shard *sh;

	if (l->conf.live[what] == 0)
		return;
	hash = limit_hash(l, &key);
	sh = limit_shard(l, hash);
	pthread_mutex_lock(&sh->mtx);
	c = *table_slot_locked(sh, &key, hash);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is known */
	c->live[what]--;
	limit_client_put_locked(l, sh, c);
	pthread_mutex_unlock(&sh->mtx);
}

/*
 * All of it.
 */

size_t
limit_clients(struct limits *l)
{
	size_t n = 0;

	for (unsigned i = 0; i < LIMIT_SHARDS; i++) {
		pthread_mutex_lock(&l->shards[i].mtx);
		n += l->shards[i].clients;
		pthread_mutex_unlock(&l->shards[i].mtx);
	}
	return n;
}

static void
shard_free(struct limit_shard *sh)
{
	struct limit_client *c, *next;

	for (size_t i = 0; i < sh->buckets; i++) {
		for (c = sh->table[i]; c != NULL; c = next) {
			next = c->chain;
			free(c);
		}
	}
	free(sh->table);
	pthread_mutex_destroy(&sh->mtx);
}

void
limits_close(struct limits *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < LIMIT_SHARDS; i++)
		shard_free(&l->shards[i]);
	free(l);
}

struct limits *
limits_open(const struct limit_conf *conf)
{
	struct limits *l;
	struct limit_shard *sh;
	bool ok;

	if ((l = aligned_alloc(_Alignof(struct limits), sizeof(*l))) == NULL)
		return NULL;
	memset(l, 0, sizeof(*l));
	l->conf = *conf;
	ok = siphash_key_make(&l->key);
	for (unsigned i = 0; i < LIMIT_SHARDS; i++) {
		sh = &l->shards[i];
		pthread_mutex_init(&sh->mtx, NULL);
		sh->table = calloc(TABLE_MIN, sizeof(*sh->table));
		sh->buckets = sh->table == NULL ? 0 : TABLE_MIN;
		ok = ok && sh->table != NULL;
	}
	if (!ok) {
		limits_close(l);
		return NULL;
	}
	return l;
}
