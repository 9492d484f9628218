/* The model's tokens that a client, and its network, have used on a day. */
#include "limits/day_use.h"
#include "limits/limit.h"
#include "limits/limit_state.h"

/* Whether one has so many left, of a day that begins anew at midnight. */
static bool
has_locked(
    const struct limit_use *use, int64_t most, int64_t tokens, uint32_t day)
{
	return tokens <= most - day_use_spent_on(&use->day, day);
}

static bool
both_have_locked(const struct limits *l, const struct limit_use *use,
    const struct limit_use *net, int64_t tokens, uint32_t day)
{
	int64_t most = l->conf.day_tokens;

	return has_locked(use, most, tokens, day) &&
	       has_locked(net, most * LIMIT_NETWORK_TOKENS, tokens, day);
}

bool
limit_has_tokens(
    struct limits *l, const struct addr *addr, int64_t tokens, int64_t wall_ms)
{
	static const struct limit_use unused;
	const struct limit_client *c;
	struct limit_place at;
	bool has;

	if (l->conf.day_tokens == 0)
		return true;
	at = limit_place(l, addr);
	pthread_mutex_lock(&at.shard->mtx);
	c = limit_find_locked(&at);
	has = both_have_locked(l, c == NULL ? &unused : &c->use, at.net, tokens,
	    day_use_day(wall_ms));
	pthread_mutex_unlock(&at.shard->mtx);
	return has;
}

static void
add_locked(struct limit_use *use, int64_t tokens, uint32_t day)
{
	day_use_begin(&use->day, day);
	day_use_add(&use->day, day, tokens);
}

static bool
take_locked(const struct limits *l, const struct limit_place *at,
    int64_t tokens, uint32_t day)
{
	struct limit_client *c;
	bool has;

	if ((c = limit_client_take_locked(l, at)) == NULL)
		return false;
	has = both_have_locked(l, &c->use, at->net, tokens, day);
	if (has) {
		add_locked(&c->use, tokens, day);
		add_locked(at->net, tokens, day);
	}
	limit_client_put_locked(l, at->shard, c);
	return has;
}

bool
limit_take_tokens(struct limits *l, const struct addr *addr,
    struct limit_share *share, int64_t tokens, int64_t wall_ms)
{
	uint32_t day = day_use_day(wall_ms);
	struct limit_place at;
	bool has;

	if (l->conf.day_tokens == 0)
		return true;
	at = limit_place(l, addr);
	pthread_mutex_lock(&at.shard->mtx);
	has = take_locked(l, &at, tokens, day);
	pthread_mutex_unlock(&at.shard->mtx);
	if (has)
		*share = (struct limit_share){ day, tokens };
	return has;
}

/* Of the day on which it was taken, if that is still known. */
static void
settle_locked(
    struct limit_use *use, const struct limit_share *share, int64_t used)
{
	int64_t had = day_use_of(&use->day, share->day);
	int64_t more = used - share->tokens;

	day_use_add(&use->day, share->day, more > -had ? more : -had);
}

void
limit_settle_tokens(struct limits *l, const struct addr *addr,
    struct limit_share *share, int64_t used)
{
	struct limit_client *c;
	struct limit_place at;

	if (share->tokens == 0)
		return;
	at = limit_place(l, addr);
	pthread_mutex_lock(&at.shard->mtx);
	if ((c = limit_find_locked(&at)) != NULL)
		settle_locked(&c->use, share, used);
	settle_locked(at.net, share, used);
	pthread_mutex_unlock(&at.shard->mtx);
	*share = (struct limit_share){ 0 };
}
