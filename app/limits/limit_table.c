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
client_hash_of(struct table_item *item, const void *arg)
{
	const struct limit_client *c = container_of(
	    item, struct limit_client, item);
	const struct limits *l = arg;
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

struct limit_client *
limit_find_locked(const struct limit_place *at)
{
	struct table_item *item = table_first(&at->shard->clients, at->hash);
	struct limit_client *c;

	for (; item != NULL; item = item->next) {
		c = container_of(item, struct limit_client, item);
		if (addr_equal(&c->key, &at->key))
			return c;
	}
	return NULL;
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
	list_add_last(&sh->idle, &c->node);
	sh->idle_count++;
}

static void
list_remove_locked(struct limit_shard *sh, struct limit_client *c)
{
	list_remove(&c->node);
	sh->idle_count--;
}

/*
 * A client.
 */

/* Take the longest idle one out. */
static struct limit_client *
client_forget_locked(const struct limits *l, struct limit_shard *sh)
{
	struct limit_client *c = container_of(
	    sh->idle.next, struct limit_client, node);

	list_remove_locked(sh, c);
	table_remove(&sh->clients, &c->item, client_hash_of(&c->item, l));
	return c;
}

/* A client that was not known, in nobody's list. NULL without memory. */
static struct limit_client *
client_new_locked(const struct limits *l, const struct limit_place *at)
{
	struct limit_shard *sh = at->shard;
	struct limit_client *c;

	if (sh->idle_count >= SHARD_IDLE)
		c = client_forget_locked(l, sh);
	else if ((c = malloc(sizeof(*c))) == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->key = at->key;
	table_add(&sh->clients, &c->item, at->hash);
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
	if (sh->idle_count > SHARD_IDLE)
		free(client_forget_locked(l, sh));
}

bool
limit_shard_open(struct limit_shard *sh, const struct limits *l)
{
	bool ok = table_open(&sh->clients, TABLE_MIN, client_hash_of, l);

	list_init(&sh->idle);
	pthread_mutex_init(&sh->mtx, NULL);
	sh->nets = calloc(LIMIT_CELLS, sizeof(*sh->nets));
	return ok && sh->nets != NULL;
}

void
limit_shard_close(struct limit_shard *sh)
{
	struct table_item *item, *next;

	for (item = table_close(&sh->clients); item != NULL; item = next) {
		next = item->next;
		free(container_of(item, struct limit_client, item));
	}
	free(sh->nets);
	pthread_mutex_destroy(&sh->mtx);
}
