/*
 * What a client and its network may do. A bucket is one number, the time at
 * which it is full again (the generic cell rate algorithm, ITU-T I.371). So
 * that it stays whole for every rate, it is counted in 1/count of a
 * millisecond: a token is then worth as many of these as its period has
 * milliseconds, and a network's token the LIMIT_NETWORKth part.
 */
#include "limits/limit.h"

#include <stdlib.h>
#include <string.h>

#include "limits/limit_state.h"

#define EMPTY_SHARE   2  /* one of so many, of a network's sessions */
#define CROWDED_SHARE 10 /* likewise, and of a client's */
#define UNITS_MAX     (UINT32_MAX / 2)

_Static_assert(1000 % LIMIT_NETWORK == 0, "a network's token is whole");

/*
 * Buckets.
 */

/* What so many tokens are worth of one, at most all that it holds. */
static int64_t
tokens_worth(const struct limit_rate *rate, uint32_t n, unsigned clients)
{
	int64_t worth = (int64_t)n * rate->seconds * (1000 / clients);
	int64_t size = limit_bucket_size(rate);

	return worth < size ? worth : size;
}

/* What is missing until a bucket has so much; 0: it has. */
static int64_t
bucket_lack(
    int64_t full, const struct limit_rate *rate, int64_t worth, int64_t now)
{
	int64_t spare = limit_bucket_size(rate) - worth;
	int64_t lack = full - now * rate->count - spare;

	return lack > 0 ? lack : 0;
}

static void
bucket_take(
    int64_t *full, const struct limit_rate *rate, int64_t worth, int64_t now)
{
	int64_t from = now * rate->count;

	*full = (*full > from ? *full : from) + worth;
}

/* What a client and its network lack for n tokens, whichever lacks more. */
static int64_t
lack_locked(const struct limit_use *use, const struct limit_use *net,
    enum limit_kind kind, const struct limit_rate *rate, uint32_t n,
    int64_t now)
{
	int64_t one = bucket_lack(
	    use->full[kind - 1], rate, tokens_worth(rate, n, 1), now);
	int64_t all = bucket_lack(net->full[kind - 1], rate,
	    tokens_worth(rate, n, LIMIT_NETWORK), now);

	return one > all ? one : all;
}

static enum rc
take_locked(const struct limits *l, const struct limit_place *at,
    enum limit_kind kind, uint32_t n, int64_t now, int64_t *lack)
{
	const struct limit_rate *rate = &l->conf.rate[kind];
	struct limit_client *c;

	if ((c = limit_client_take_locked(l, at)) == NULL)
		return RC_NOMEM;
	*lack = lack_locked(&c->use, at->net, kind, rate, n, now);
	if (*lack == 0) {
		bucket_take(&c->use.full[kind - 1], rate,
		    tokens_worth(rate, n, 1), now);
		bucket_take(&at->net->full[kind - 1], rate,
		    tokens_worth(rate, n, LIMIT_NETWORK), now);
	}
	limit_client_put_locked(l, at->shard, c);
	return *lack == 0 ? RC_OK : RC_RATE;
}

enum rc
limit_take(struct limits *l, const struct addr *addr, enum limit_kind kind,
    int64_t now, int *retry_s)
{
	return limit_take_many(l, addr, kind, 1, now, retry_s);
}

enum rc
limit_take_many(struct limits *l, const struct addr *addr, enum limit_kind kind,
    uint32_t tokens, int64_t now, int *retry_s)
{
	const struct limit_rate *rate = &l->conf.rate[kind];
	int64_t lack = 0, second = (int64_t)rate->count * 1000;
	struct limit_place at;
	enum rc rc;

	if (rate->count == 0)
		return RC_OK;
	at = limit_place(l, addr);
	pthread_mutex_lock(&at.shard->mtx);
	rc = take_locked(l, &at, kind, tokens, now, &lack);
	pthread_mutex_unlock(&at.shard->mtx);
	if (rc == RC_RATE)
		*retry_s = (int)((lack + second - 1) / second);
	return rc;
}

bool
limit_is_spent(struct limits *l, const struct addr *addr, enum limit_kind kind,
    int64_t now)
{
	static const struct limit_use unused;
	const struct limit_rate *rate = &l->conf.rate[kind];
	const struct limit_client *c;
	struct limit_place at;
	bool spent;

	if (rate->count == 0)
		return false;
	at = limit_place(l, addr);
	pthread_mutex_lock(&at.shard->mtx);
	c = limit_find_locked(&at);
	spent = lack_locked(c == NULL ? &unused : &c->use, at.net, kind, rate,
		    1, now) > 0;
	pthread_mutex_unlock(&at.shard->mtx);
	return spent;
}

/*
 * Sessions, chats and bytes.
 */

/* What a client and its network may have alive. */
struct room {
	uint64_t client, net;
};
#define ROOM_ANY ((struct room){ UINT64_MAX, UINT64_MAX })

static bool
has_room(uint64_t have, uint64_t n, uint64_t limit)
{
	if (have == 0)
		return true;
	return n <= limit && have <= limit - n && have + n <= UINT32_MAX;
}

static enum rc
begin_locked(const struct limits *l, const struct limit_place *at,
    enum limit_live what, uint32_t n, struct room room)
{
	static const enum rc over[LIMIT_LIVE] = {
		[LIMIT_SESSIONS] = RC_TOO_MANY_SESSIONS,
		[LIMIT_TURNS] = RC_TOO_MANY_TURNS,
		[LIMIT_READING] = RC_RATE,
	};
	struct limit_client *c;
	bool ok;

	if ((c = limit_client_take_locked(l, at)) == NULL)
		return RC_NOMEM;
	ok = has_room(c->use.live[what], n, room.client) &&
	     has_room(at->net->live[what], n, room.net);
	if (ok) {
		c->use.live[what] += n;
		at->net->live[what] += n;
	}
	limit_client_put_locked(l, at->shard, c);
	return ok ? RC_OK : over[what];
}

static enum rc
limit_begin_units(struct limits *l, const struct addr *addr,
    enum limit_live what, uint32_t n, struct room room)
{
	struct limit_place at;
	enum rc rc;

	if (l->conf.live[what] == 0)
		return RC_OK;
	at = limit_place(l, addr);
	pthread_mutex_lock(&at.shard->mtx);
	rc = begin_locked(l, &at, what, n, room);
	pthread_mutex_unlock(&at.shard->mtx);
	return rc;
}

static void
limit_end_units(
    struct limits *l, const struct addr *addr, enum limit_live what, uint32_t n)
{
	struct limit_client *c;
	struct limit_place at;

	if (l->conf.live[what] == 0)
		return;
	at = limit_place(l, addr);
	pthread_mutex_lock(&at.shard->mtx);
	c = limit_find_locked(&at);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is known */
	c->use.live[what] -= n;
	at.net->live[what] -= n;
	limit_client_put_locked(l, at.shard, c);
	pthread_mutex_unlock(&at.shard->mtx);
}

static struct room
whole_room(const struct limits *l, enum limit_live what)
{
	uint64_t limit = l->conf.live[what];

	if (what == LIMIT_READING)
		limit /= 1024;
	return (struct room){ limit, limit * LIMIT_NETWORK };
}

/* Of few sessions a network may not have all, but what one client may. */
static struct room
sessions_room(const struct limits *l)
{
	struct room room = whole_room(l, LIMIT_SESSIONS);
	uint64_t most = l->conf.sessions / LIMIT_NETWORK_SHARE;

	if (l->conf.sessions != 0 && room.net > most)
		room.net = most > room.client ? most : room.client;
	return room;
}

enum rc
limit_begin(struct limits *l, const struct addr *addr, enum limit_live what)
{
	return limit_begin_units(l, addr, what, 1,
	    what == LIMIT_SESSIONS ? sessions_room(l) : whole_room(l, what));
}

enum rc
limit_begin_empty(struct limits *l, const struct addr *addr, bool crowded)
{
	struct room room = sessions_room(l);

	if (crowded) {
		room.client /= CROWDED_SHARE;
		room.net /= CROWDED_SHARE;
	} else {
		room.net /= EMPTY_SHARE;
		if (room.net < room.client)
			room.net = room.client;
	}
	return limit_begin_units(l, addr, LIMIT_SESSIONS, 1, room);
}

enum rc
limit_adopt(struct limits *l, const struct addr *addr, enum limit_live what)
{
	return limit_begin_units(l, addr, what, 1, ROOM_ANY);
}

void
limit_end(struct limits *l, const struct addr *addr, enum limit_live what)
{
	limit_end_units(l, addr, what, 1);
}

/* Bytes are counted in KiB; no history has as many as would not fit. */
static uint32_t
units(uint64_t bytes)
{
	bytes = bytes / 1024 + 1;
	return bytes < UNITS_MAX ? (uint32_t)bytes : UNITS_MAX;
}

enum rc
limit_hold(struct limits *l, const struct addr *addr, uint64_t bytes)
{
	return limit_begin_units(
	    l, addr, LIMIT_READING, units(bytes), whole_room(l, LIMIT_READING));
}

void
limit_let_go(struct limits *l, const struct addr *addr, uint64_t bytes)
{
	limit_end_units(l, addr, LIMIT_READING, units(bytes));
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
		n += l->shards[i].clients.count;
		pthread_mutex_unlock(&l->shards[i].mtx);
	}
	return n;
}

void
limits_close(struct limits *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < LIMIT_SHARDS; i++)
		limit_shard_close(&l->shards[i]);
	free(l);
}

struct limits *
limits_open(const struct limit_conf *conf)
{
	struct limits *l;
	bool ok;

	if ((l = aligned_alloc(_Alignof(struct limits), sizeof(*l))) == NULL)
		return NULL;
	memset(l, 0, sizeof(*l));
	l->conf = *conf;
	ok = siphash_key_make(&l->key);
	for (unsigned i = 0; i < LIMIT_SHARDS; i++)
		ok = limit_shard_open(&l->shards[i], l) && ok;
	if (!ok) {
		limits_close(l);
		return NULL;
	}
	return l;
}
