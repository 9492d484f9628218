/*
 * How the buckets of one process come to another on the same machine, whose
 * rates may be others. A piece is
 *
 *	kinds: 1 byte; now: 8; of each kind: count, seconds: 4 each;
 *	and of each client: its address: 16; of each kind: what is missing until
 *	its bucket is full, in 1/count of a millisecond: 6
 */
#include <string.h>

#include "base/bytes.h"
#include "limits/limit_state.h"

#define KINDS       (LIMIT_KINDS - 1)
#define PIECE       8192 /* bytes, and what is left of a table's bucket */
#define LACK_BYTES  6
#define HEAD_SIZE   (1 + 8 + KINDS * 8)
#define CLIENT_SIZE (16 + KINDS * LACK_BYTES)
#define MAX_TIME    (INT64_C(1) << 53) /* ms; no machine runs so long */

_Static_assert(LIMIT_MAX_COUNT *INT64_C(1000) * LIMIT_MAX_SECONDS <
		   INT64_C(1) << (8 * LACK_BYTES),
    "the emptiest bucket fits");

static int64_t
period_of(const struct limit_rate *rate)
{
	return (int64_t)rate->seconds * 1000;
}

/* What an empty bucket lacks. */
static int64_t
size_of(const struct limit_rate *rate)
{
	return rate->count * period_of(rate);
}

/*
 * Out.
 */

static void
add_head(struct buf *b, const struct limits *l, int64_t now)
{
	bytes_add(b, KINDS, 1);
	bytes_add(b, (uint64_t)now, 8);
	for (unsigned kind = 1; kind <= KINDS; kind++) {
		bytes_add(b, l->conf.rate[kind].count, 4);
		bytes_add(b, l->conf.rate[kind].seconds, 4);
	}
}

static int64_t
lack_of(int64_t full, const struct limit_rate *rate, int64_t now)
{
	int64_t lack = full - now * rate->count;

	if (lack <= 0)
		return 0;
	return lack < size_of(rate) ? lack : size_of(rate);
}

static void
add_client(struct buf *b, const struct limits *l, const struct limit_client *c,
    int64_t now)
{
	int64_t lack[KINDS];
	bool full = true;

	for (unsigned i = 0; i < KINDS; i++) {
		lack[i] = lack_of(c->full[i], &l->conf.rate[1 + i], now);
		full = full && lack[i] == 0;
	}
	if (full)
		return;
	buf_add(b, c->key.b, sizeof(c->key.b));
	for (unsigned i = 0; i < KINDS; i++)
		bytes_add(b, (uint64_t)lack[i], LACK_BYTES);
}

/* Whole buckets of the table, until there are enough. */
static void
encode_locked(struct buf *b, const struct limits *l,
    const struct limit_shard *sh, size_t *bucket, int64_t now)
{
	const struct limit_client *c;

	for (; *bucket < sh->buckets && b->len < PIECE; ++*bucket)
		for (c = sh->table[*bucket]; c != NULL; c = c->chain)
			add_client(b, l, c, now);
}

/* A place is a shard's number, then a bucket's of its table. */
bool
limits_encode(struct limits *l, uint64_t *place, int64_t now, struct buf *b)
{
	size_t bucket = *place / LIMIT_SHARDS, empty;
	unsigned shard = *place % LIMIT_SHARDS;
	struct limit_shard *sh;

	if (*place == UINT64_MAX)
		return false;
	add_head(b, l, now);
	empty = b->len;
	while (shard < LIMIT_SHARDS && b->len < PIECE && !b->failed) {
		sh = &l->shards[shard];
		pthread_mutex_lock(&sh->mtx);
		encode_locked(b, l, sh, &bucket, now);
		if (bucket >= sh->buckets) {
			bucket = 0;
			shard++;
		}
		pthread_mutex_unlock(&sh->mtx);
	}
	*place = shard == LIMIT_SHARDS
	             ? UINT64_MAX
	             : (uint64_t)bucket * LIMIT_SHARDS + shard;
	return b->len > empty || b->failed;
}

/*
 * In.
 */

/* What a piece says of the process that it comes from. */
struct source {
	struct limit_rate rate[KINDS];
	int64_t now;
};

static bool
read_head(struct source *from, const char *p, size_t n)
{
	if (n < HEAD_SIZE || p[0] != KINDS ||
	    (n - HEAD_SIZE) % CLIENT_SIZE != 0)
		return false;
	from->now = (int64_t)bytes_get(p + 1, 8);
	p += 9;
	for (unsigned i = 0; i < KINDS; i++, p += 8) {
		from->rate[i].count = (uint32_t)bytes_get(p, 4);
		from->rate[i].seconds = (uint32_t)bytes_get(p + 4, 4);
		if (from->rate[i].count > LIMIT_MAX_COUNT ||
		    from->rate[i].seconds > LIMIT_MAX_SECONDS ||
		    (from->rate[i].count > 0 && from->rate[i].seconds == 0))
			return false;
	}
	return from->now >= 0 && from->now <= MAX_TIME;
}

static int64_t
read_lack(const char *client, unsigned i)
{
	return (int64_t)bytes_get(client + 16 + i * LACK_BYTES, LACK_BYTES);
}

static bool
is_sound(const struct source *from, const char *client)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (read_lack(client, i) > size_of(&from->rate[i]))
			return false;
	return true;
}

/* The tokens that are in a bucket of that size, in one of this. */
static int64_t
convert(int64_t lack, const struct limit_rate *was, const struct limit_rate *is)
{
	int64_t held = size_of(was) - lack;
	int64_t tokens, rest;

	if (lack == 0 || is->count == 0)
		return 0;
	tokens = held / period_of(was);
	rest = held % period_of(was);
	lack = size_of(is) - tokens * period_of(is) -
	       rest * period_of(is) / period_of(was);
	return lack > 0 ? lack : 0;
}

static bool
fill_locked(const struct limits *l, struct limit_shard *sh,
    const struct addr *key, uint64_t hash, const int64_t full[KINDS])
{
	struct limit_client *c = limit_client_take_locked(l, sh, key, hash);

	if (c == NULL)
		return false;
	for (unsigned i = 0; i < KINDS; i++)
		if (full[i] > c->full[i])
			c->full[i] = full[i];
	limit_client_put_locked(l, sh, c);
	return true;
}

/* False without memory. */
static bool
adopt_client(struct limits *l, const struct source *from, const char *client)
{
	const struct limit_rate *rate;
	int64_t lack, full[KINDS] = { 0 };
	bool any = false, ok;
	struct addr key;
	struct limit_shard *sh;
	uint64_t hash;

	for (unsigned i = 0; i < KINDS; i++) {
		rate = &l->conf.rate[1 + i];
		lack = convert(read_lack(client, i), &from->rate[i], rate);
		if (lack > 0)
			full[i] = from->now * rate->count + lack;
		any = any || lack > 0;
	}
	if (!any)
		return true;
	memcpy(key.b, client, sizeof(key.b));
	key = addr_key(&key);
	hash = limit_hash(l, &key);
	sh = limit_shard(l, hash);
	pthread_mutex_lock(&sh->mtx);
	ok = fill_locked(l, sh, &key, hash, full);
	pthread_mutex_unlock(&sh->mtx);
	return ok;
}

bool
limits_decode(struct limits *l, const char *p, size_t n, int64_t now)
{
	const char *client, *end = p + n;
	struct source from;

	if (!read_head(&from, p, n))
		return false;
	for (client = p + HEAD_SIZE; client < end; client += CLIENT_SIZE)
		if (!is_sound(&from, client))
			return false;
	if (from.now > now)
		from.now = now;
	for (client = p + HEAD_SIZE; client < end; client += CLIENT_SIZE)
		if (!adopt_client(l, &from, client))
			return false;
	return true;
}
