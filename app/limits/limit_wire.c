/*
 * How the buckets of one process come to another on the same machine, whose
 * rates may be others. A piece is
 *
 *	kinds: 1 byte; now: 8; of each kind: count, seconds: 4 each;
 *	and of each client: its address: 16; the day of its tokens: 4; the
 *	tokens: 8; of each kind: what is missing until its bucket is
 *	full, in 1/count of a millisecond: 6
 *
 * Of networks nothing goes: what their clients have used is theirs there.
 */
#include <string.h>

#include "base/bytes.h"
#include "limits/day_use.h"
#include "limits/limit_state.h"

#define KINDS       (LIMIT_KINDS - 1)
#define PIECE       8192 /* bytes, and what is left of a table's bucket */
#define LACK_BYTES  6
#define HEAD_SIZE   (1 + 8 + KINDS * 8)
#define LACKS       (16 + 4 + 8) /* bytes of a client before them */
#define CLIENT_SIZE (LACKS + KINDS * LACK_BYTES)
#define MAX_TIME    (INT64_C(1) << 53) /* ms; no machine runs so long */
#define MAX_TOKENS  (INT64_C(1) << 53)

_Static_assert(LIMIT_MAX_COUNT *INT64_C(1000) * LIMIT_MAX_SECONDS <
		   INT64_C(1) << (8 * LACK_BYTES),
    "the emptiest bucket fits");

static int64_t
period_of(const struct limit_rate *rate)
{
	return (int64_t)rate->seconds * 1000;
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
	return lack < limit_bucket_size(rate) ? lack : limit_bucket_size(rate);
}

static void
add_client(struct buf *b, const struct limits *l, const struct limit_client *c,
    int64_t now)
{
	int64_t lack[KINDS];
	int64_t tokens = day_use_spent(&c->use.day);
	bool full = tokens == 0;

	for (unsigned i = 0; i < KINDS; i++) {
		lack[i] = lack_of(c->use.full[i], &l->conf.rate[1 + i], now);
		full = full && lack[i] == 0;
	}
	if (full)
		return;
	buf_add(b, c->key.b, sizeof(c->key.b));
	bytes_add(b, c->use.day.day, 4);
	bytes_add(b, (uint64_t)tokens, 8);
	for (unsigned i = 0; i < KINDS; i++)
		bytes_add(b, (uint64_t)lack[i], LACK_BYTES);
}

/* Whole buckets of the table, until there are enough. */
static void
encode_locked(struct buf *b, const struct limits *l,
    const struct limit_shard *sh, size_t *bucket, int64_t now)
{
	struct table_item *item;

	for (; *bucket < sh->clients.size && b->len < PIECE; ++*bucket) {
		item = table_first(&sh->clients, *bucket);
		for (; item != NULL; item = item->next)
			add_client(b, l,
			    container_of(item, struct limit_client, item), now);
	}
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
		if (bucket >= sh->clients.size) {
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
	return (int64_t)bytes_get(client + LACKS + i * LACK_BYTES, LACK_BYTES);
}

static int64_t
read_tokens(const char *client)
{
	return (int64_t)bytes_get(client + 20, 8);
}

static bool
is_sound(const struct source *from, const char *client)
{
	if (read_tokens(client) < 0 || read_tokens(client) > MAX_TOKENS)
		return false;
	for (unsigned i = 0; i < KINDS; i++)
		if (read_lack(client, i) > limit_bucket_size(&from->rate[i]))
			return false;
	return true;
}

/* The tokens that are in a bucket of that size, in one of this. */
static int64_t
convert(int64_t lack, const struct limit_rate *was, const struct limit_rate *is)
{
	int64_t held = limit_bucket_size(was) - lack;
	int64_t tokens, rest;

	if (lack == 0 || is->count == 0)
		return 0;
	tokens = held / period_of(was);
	rest = held % period_of(was);
	lack = limit_bucket_size(is) - tokens * period_of(is) -
	       rest * period_of(is) / period_of(was);
	return lack > 0 ? lack : 0;
}

/* What comes in of a client. */
struct update {
	struct addr key;
	int64_t full[KINDS];
	int64_t tokens;
	uint32_t day;
};

/* Whether it says anything here. */
static bool
read_client(const struct limits *l, const struct source *from, const char *p,
    struct update *up)
{
	const struct limit_rate *rate;
	bool any;
	int64_t lack;

	memcpy(up->key.b, p, sizeof(up->key.b));
	up->day = (uint32_t)bytes_get(p + 16, 4);
	up->tokens = l->conf.day_tokens == 0 ? 0 : read_tokens(p);
	any = up->tokens > 0;
	for (unsigned i = 0; i < KINDS; i++) {
		rate = &l->conf.rate[1 + i];
		lack = convert(read_lack(p, i), &from->rate[i], rate);
		up->full[i] = lack > 0 ? from->now * rate->count + lack : 0;
		any = any || lack > 0;
	}
	return any;
}

/* What is new of a client's use is its network's, too. */
static void
update_bucket(int64_t *full, int64_t *net, int64_t now, int64_t is)
{
	int64_t more;

	if (is <= *full)
		return;
	more = is - (*full > now ? *full : now);
	*full = is;
	if (more > 0)
		*net = (*net > now ? *net : now) + more / LIMIT_NETWORK;
}

static void
update_tokens(
    struct limit_use *use, struct limit_use *net, const struct update *up)
{
	int64_t more = up->tokens - day_use_of(&use->day, up->day);

	if (more <= 0)
		return;
	if (up->day > use->day.day)
		day_use_begin(&use->day, up->day);
	if (up->day > net->day.day)
		day_use_begin(&net->day, up->day);
	day_use_add(&use->day, up->day, more);
	day_use_add(&net->day, up->day, more);
}

static bool
update_locked(const struct limits *l, const struct limit_place *at,
    const struct source *from, const struct update *up)
{
	struct limit_client *c = limit_client_take_locked(l, at);

	if (c == NULL)
		return false;
	for (unsigned i = 0; i < KINDS; i++)
		update_bucket(&c->use.full[i], &at->net->full[i],
		    from->now * l->conf.rate[1 + i].count, up->full[i]);
	update_tokens(&c->use, at->net, up);
	limit_client_put_locked(l, at->shard, c);
	return true;
}

/* False without memory. */
static bool
adopt_client(struct limits *l, const struct source *from, const char *client)
{
	struct limit_place at;
	struct update up;
	bool ok;

	if (!read_client(l, from, client, &up))
		return true;
	at = limit_place(l, &up.key);
	pthread_mutex_lock(&at.shard->mtx);
	ok = update_locked(l, &at, from, &up);
	pthread_mutex_unlock(&at.shard->mtx);
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
