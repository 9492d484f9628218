/*
 * The inside of the limiter, which limit.c, limit_table.c, limit_tokens.c and
 * limit_wire.c share; for nobody else.
 */
#ifndef LIMITS_LIMIT_STATE_H
#define LIMITS_LIMIT_STATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/siphash.h"
#include "base/table.h"
#include "limits/day_use.h"
#include "limits/limit.h"

#define LIMIT_SHARDS 64			/* a power of two */
#define LIMIT_CELLS (LIMIT_NETWORKS / LIMIT_SHARDS)	/* of a shard */

/* What a client, or a network, has used. */
struct limit_use {
	int64_t		full[LIMIT_KINDS - 1];	/* when each bucket is */
	struct day_use	day;			/* used or taken */
	uint32_t	live[LIMIT_LIVE];
};

struct limit_client {
	struct addr		 key;
	struct table_item	 item;
	struct list		 node;		/* while idle */
	struct limit_use	 use;
};

/* A network and its clients are all in one shard. */
struct limit_shard {
	/* guarded by mtx */
	_Alignas(64) pthread_mutex_t mtx;
	struct table		 clients;	/* busy ones too */
	struct limit_use	*nets;		/* LIMIT_CELLS */
	struct list		 idle;		/* longest first */
	size_t			 idle_count;
};

struct limits {
	/* immutable after opening */
	struct limit_conf	conf;
	struct siphash_key	key;

	struct limit_shard	shards[LIMIT_SHARDS];
};

/* Where a client belongs. */
struct limit_place {
	struct addr		 key;
	uint64_t		 hash;
	struct limit_shard	*shard;
	struct limit_use	*net;	/* guarded by the shard's lock */
};
struct limit_place limit_place(struct limits *, const struct addr *);

bool limit_shard_open(struct limit_shard *, const struct limits *);
void limit_shard_close(struct limit_shard *);

/* A client that is known, or NULL. */
struct limit_client *limit_find_locked(const struct limit_place *);

/* Get a client for a use, out of the list; NULL without memory. */
struct limit_client *limit_client_take_locked(const struct limits *,
    const struct limit_place *);

/* After a use; it may be gone then. */
void limit_client_put_locked(const struct limits *, struct limit_shard *,
    struct limit_client *);

/* What an empty bucket lacks, in 1/count of a millisecond. */
static inline int64_t
limit_bucket_size(const struct limit_rate *rate)
{
	return (int64_t)rate->count * rate->seconds * 1000;
}

#endif
