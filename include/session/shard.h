/*
 * A part of the sessions in memory: a hash table and a list by last activity,
 * so that a sweep costs what it removes. For store_memory.c, which locks it and
 * owns the entries: whatever ends in _locked assumes sh->mtx.
 *
 * A held session stands in the table but not in the list. The list has a mark,
 * `live`: those before it are expired and counted, so that the number of live
 * ones is known without walking over the same session twice.
 *
 * `now` is monotonic milliseconds; an entry is expired when it is not held and
 * was idle for ttl_ms.
 */
#ifndef SESSION_SHARD_H
#define SESSION_SHARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/sid.h"
#include "base/table.h"
#include "session/history.h"

#define SHARDS	64	/* of a map, a power of two: the low bits of sid_key
			   choose the shard, those above the bucket */

struct shard_entry {
	struct sid		 sid;		/* immutable */
	struct addr		 creator;		/* likewise */

	/* the shard's own */
	struct table_item	 item;
	struct list		 node;		/* while it is not held */

	/* set by who makes it; active_ms then by hold and release */
	int64_t			 created_ms;
	int64_t			 active_ms;

	/* what it is kept for */
	uint64_t		 message_count;
	struct history		 history;

	/* the shard's own */
	unsigned		 holds;
	bool			 passed;	/* stands before the mark */
};

struct shard {
	/* guarded by mtx */
	_Alignas(64) pthread_mutex_t	 mtx;
	struct table			 table;		/* held ones too */
	struct list			 active;	/* the oldest first */
	struct list			*live;		/* the mark; &active:
							   behind the newest */
	size_t				 passed;	/* before the mark */

	/* immutable after shard_init */
	int64_t				 ttl_ms;
};

/* Of zeroed memory, to stay in its place; false without memory. */
bool shard_init(struct shard *, int64_t ttl_ms);

/* The end of it, or of zeroed memory; what was in it is added to a list. */
void shard_close(struct shard *, struct list *all);

/* A session that is held or not expired; NULL: there is none. */
struct shard_entry *shard_find_locked(struct shard *, const struct sid *,
    int64_t now);

/*
 * What stands in a session's place, expired ones too: it must be removed before
 * another one is added there. NULL: nothing.
 */
struct shard_entry *shard_at_locked(struct shard *, const struct sid *);

/* Take in a session whose own part is zero and whose place is free; it is not
 * held. */
void shard_add_locked(struct shard *, struct shard_entry *);

/* Take out, held or not; it belongs to the caller then. */
void shard_remove_locked(struct shard *, struct shard_entry *);

/* One hold more, or one fewer if it has any; either is activity. */
void shard_hold_locked(struct shard *, struct shard_entry *, int64_t now);
void shard_release_locked(struct shard *, struct shard_entry *, int64_t now);

/* Take out up to max expired ones and add them to a list; how many. */
unsigned shard_reap_locked(struct shard *, int64_t now, unsigned max,
    struct list *dead);

/* Move the mark to where it belongs; false: more than these steps to go. */
bool shard_settle_locked(struct shard *, int64_t now, unsigned steps);

/* How many are held or not expired, as of the mark's place. */
size_t shard_live_locked(const struct shard *);

#endif
