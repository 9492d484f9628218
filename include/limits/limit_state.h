/*
 * The inside of the limiter, which limit.c and limit_move.c share; for nobody
 * else.
 */
#ifndef LIMITS_LIMIT_STATE_H
#define LIMITS_LIMIT_STATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/siphash.h"
#include "limits/limit.h"

#define LIMIT_SHARDS 64			/* a power of two */

struct limit_client {
	struct addr		 key;
	struct limit_client	*chain;		/* the next in the bucket */
	struct limit_client	*older, *newer;	/* in the list, while idle */
	int64_t			 full[LIMIT_KINDS - 1];
	uint64_t		 live[LIMIT_LIVE];
};

struct limit_shard {
	/* guarded by mtx */
	_Alignas(64) pthread_mutex_t mtx;
	struct limit_client	**table;
	size_t			  buckets;	/* a power of two */
	size_t			  clients;	/* busy ones too */
	struct limit_client	 *oldest, *newest;
	size_t			  idle;		/* in the list */
};

struct limits {
	/* immutable after opening */
	struct limit_conf	conf;
	struct siphash_key	key;

	struct limit_shard	shards[LIMIT_SHARDS];
};

uint64_t limit_hash(const struct limits *, const struct addr *key);
struct limit_shard *limit_shard(struct limits *, uint64_t hash);

/* Get a client for a use, out of the list; NULL without memory. */
struct limit_client *limit_client_take_locked(const struct limits *,
    struct limit_shard *, const struct addr *key, uint64_t hash);

/* After a use; it may be gone then. */
void limit_client_put_locked(const struct limits *, struct limit_shard *,
    struct limit_client *);

#endif
