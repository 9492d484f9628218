/*
 * The table of clients: shards, each with its lock, its hash table and its list
 * of those that may be forgotten, longest idle first. A client that has
 * something alive stands in the table but not in the list. The shard is chosen
 * by the client's network, so that one lock guards both, and who has many
 * addresses fills one shard only.
 */
#include <stdlib.h>
#include <string.h>

#include "limits/limit_state.h"

#define TABLE_MIN  256 /* buckets, a power of two */
#define SHARD_IDLE (LIMIT_MAX_IDLE / LIMIT_SHARDS)
#define SPREAD     UINT64_C(0x9e3779b1) /* odd */

/*
 * The hash of a client's network; and what tells him from its other clients.
 * The form of IPv4 begins with zeros, so that no network of IPv6 looks like it.
 */
static uint64_t
network_hash(const struct limits *l, const struct addr *key, unsigned *member)
{
	struct addr net = *key;

	if (addr_is_v4(key)) {
		*member = key->b[15];
		net.b[15] = 0;
	} else {
		*member = (unsigned)key->b[6] << 8 | key->b[7];
		net.b[6] = net.b[7] = 0;
	}
	return siphash(&l->key, net.b, sizeof(net.b));
}

/* The clients of a network are spread evenly from a place nobody knows. */
static uint64_t
client_hash(uint64_t network, unsigned member)
{
	return network / LIMIT_NETWORKS + member * SPREAD;
}

static uint64_t
hash_of(const struct limits *l, const struct limit_client *c)
{
	unsigned member;
	uint64_t network = network_hash(l, &c->key, &member);

	return client_hash(network, member);
}

struct limit_place
limit_place(struct limits *l, const struct addr *addr)
{
	struct limit_place at = { .key = addr_key(addr) };
	unsigned member;
	uint64_t network = network_hash(l, &at.key, &member);

	at.hash = client_hash(network, member);
	at.shard = &l->shards[network % LIMIT_SHARDS];
	at.net = &at.shard->nets[network / LIMIT_SHARDS % LIMIT_CELLS];
	return at;
}

/*
 * The table.
 */

static struct limit_client **
table_slot_locked(
    const struct limit_shard *sh, const struct addr *key, uint64_t hash)
{
	struct limit_client **p = &sh->table[hash & (sh->buckets - 1)];

	while (*p != NULL && !addr_equal(&(*p)->key, key))
		p = &(*p)->chain;
	return p;
}

struct limit_client *
limit_find_locked(const struct limit_place *at)
{
	return *table_slot_locked(at->shard, &at->key, at->hash);
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
			slot = &fresh[hash_of(l, c) & (2 * n - 1)];
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
	uint32_t live = 0;

	for (unsigned i = 0; i < LIMIT_LIVE; i++)
		live |= c->use.live[i];
	return live == 0;
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
	*table_slot_locked(sh, &c->key, hash_of(l, c)) = c->chain;
	sh->clients--;
	return c;
}

/* A client that was not known, in nobody's list. NULL without memory. */
static struct limit_client *
client_new_locked(const struct limits *l, const struct limit_place *at)
{
	struct limit_shard *sh = at->shard;
	struct limit_client **slot, *c;

	if (sh->idle >= SHARD_IDLE)
		c = client_forget_locked(l, sh);
	else if ((c = malloc(sizeof(*c))) == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->key = at->key;
	if (sh->clients >= sh->buckets)
		table_grow_locked(l, sh);
	slot = table_slot_locked(sh, &at->key, at->hash);
	*slot = c;
	sh->clients++;
	return c;
}

struct limit_client *
limit_client_take_locked(const struct limits *l, const struct limit_place *at)
{
	struct limit_client *c = limit_find_locked(at);

	if (c == NULL)
		return client_new_locked(l, at);
	if (is_idle(c))
		list_remove_locked(at->shard, c);
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

bool
limit_shard_open(struct limit_shard *sh)
{
	pthread_mutex_init(&sh->mtx, NULL);
	sh->table = calloc(TABLE_MIN, sizeof(*sh->table));
	sh->nets = calloc(LIMIT_CELLS, sizeof(*sh->nets));
	sh->buckets = sh->table == NULL ? 0 : TABLE_MIN;
	return sh->table != NULL && sh->nets != NULL;
}

void
limit_shard_close(struct limit_shard *sh)
{
	struct limit_client *c, *next;

	for (size_t i = 0; i < sh->buckets; i++) {
		for (c = sh->table[i]; c != NULL; c = next) {
			next = c->chain;
			free(c);
		}
	}
	free(sh->table);
	free(sh->nets);
	pthread_mutex_destroy(&sh->mtx);
}
