/*
 * What one client may do: how often, how much at a time. It counts for each
 * client, an IPv4 address or an IPv6 network of 64 bits, and once more for each
 * network of clients, 24 bits of IPv4 and 48 of IPv6, which one subscriber
 * alone may have: all its clients together may do LIMIT_NETWORK times what one
 * may. Values only: no clock, `now` is monotonic milliseconds. Shared by all
 * loops.
 *
 * How often is a token bucket: it holds `count` tokens, a use takes one or
 * more, and they come back evenly, `count` in `seconds`. A client that was
 * forgotten has full buckets. When more than LIMIT_MAX_IDLE clients are known
 * that have nothing alive, the one that was idle longest is forgotten; clients
 * that have something are never forgotten, and there are no more of them than
 * there may be sessions and connections. Networks are told apart by a hash
 * only, of LIMIT_NETWORKS values: none is ever forgotten, and two of one value
 * share what is theirs.
 */
#ifndef LIMITS_LIMIT_H
#define LIMITS_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/rc.h"

#define LIMIT_MAX_IDLE (128 * 1024)	/* clients, 112 bytes each */
#define LIMIT_NETWORKS (64 * 1024)	/* 72 bytes each */
#define LIMIT_MAX_COUNT 1000000		/* tokens of a bucket */
#define LIMIT_MAX_SECONDS 86400		/* until it is full again */

/* Wrong and unknown session ids: as many as a visitor's mistakes may need. */
#define LIMIT_GUESSES ((struct limit_rate) { 30, 60 })

/* Conversations read: a token for each, and one for each LIMIT_READ_BYTES. */
#define LIMIT_READS ((struct limit_rate) { 600, 60 })
#define LIMIT_READ_BYTES (64 * 1024)

/* Bytes of those conversations that a client has not read to their ends. */
#define LIMIT_READING_BYTES (4 * 1024 * 1024)

#define LIMIT_NETWORK 20	/* clients' worth; a divisor of 1000 */
#define LIMIT_NETWORK_TOKENS 4	/* times as many tokens of the model in a day */
#define LIMIT_NETWORK_SHARE 2	/* one of so many, of all sessions, at most */

enum limit_kind {
	LIMIT_NONE,
	LIMIT_NEW,		/* sessions made */
	LIMIT_CHAT,		/* messages sent */
	LIMIT_GUESS,		/* session ids without a live session */
	LIMIT_READ,		/* conversations read */
	LIMIT_KINDS,
};

enum limit_live {
	LIMIT_SESSIONS,
	LIMIT_TURNS,		/* chats, those that wait in line too */
	LIMIT_READING,		/* bytes that are being read */
	LIMIT_LIVE,
};

struct limit_rate {
	uint32_t	count;		/* 0: no limit */
	uint32_t	seconds;	/* not 0 */
};

struct limit_conf {
	struct limit_rate	rate[LIMIT_KINDS];
	uint64_t		live[LIMIT_LIVE];	/* 0: no limit */
	uint64_t		sessions;	/* of all clients; 0: any */
	int64_t			day_tokens;	/* of the model; 0: no limit */
};

struct limits;

/* NULL without memory or entropy. */
struct limits *limits_open(const struct limit_conf *);
void limits_close(struct limits *);		/* NULL is allowed */

/*
 * Take a token. RC_OK; RC_RATE, with nothing taken and *retry_s the seconds
 * until there is one, rounded up; RC_NOMEM. limit_take_many: so many at once,
 * not 0; more than a bucket holds are as many as it holds.
 */
enum rc limit_take(struct limits *, const struct addr *, enum limit_kind,
    int64_t now, int *retry_s);
enum rc limit_take_many(struct limits *, const struct addr *, enum limit_kind,
    uint32_t tokens, int64_t now, int *retry_s);

/* Whether there is no token. */
bool limit_is_spent(struct limits *, const struct addr *, enum limit_kind,
    int64_t now);

/*
 * One more session or chat of a client: RC_OK, then limit_end must be called
 * once when it is over; RC_TOO_MANY_SESSIONS, RC_TOO_MANY_TURNS; RC_NOMEM.
 * limit_adopt: one that has begun elsewhere, counted whatever the limit.
 */
enum rc limit_begin(struct limits *, const struct addr *, enum limit_live);
enum rc limit_adopt(struct limits *, const struct addr *, enum limit_live);
void limit_end(struct limits *, const struct addr *, enum limit_live);

/*
 * The same of bytes that are being read: RC_OK, RC_RATE, RC_NOMEM. A client
 * that reads nothing else may read that many in any case.
 */
enum rc limit_hold(struct limits *, const struct addr *, uint64_t bytes);
void limit_let_go(struct limits *, const struct addr *, uint64_t bytes);

/*
 * A session without a message, which costs nobody more than a request: of what
 * a network may have, half may be begun like this. crowded: there is little
 * room left for sessions; a tenth then, of a client's as well.
 */
enum rc limit_begin_empty(struct limits *, const struct addr *, bool crowded);

/*
 * The model's tokens, of a day (UTC) by the wall clock: as budget.h has it, but
 * of one client; and of its network, LIMIT_NETWORK_TOKENS times as many. Tokens
 * that were taken are settled with what was used of them, once.
 */
struct limit_share {
	uint32_t	day;
	int64_t		tokens;		/* 0: nothing was taken */
};
bool limit_has_tokens(struct limits *, const struct addr *, int64_t tokens,
    int64_t wall_ms);
bool limit_take_tokens(struct limits *, const struct addr *,
    struct limit_share *, int64_t tokens, int64_t wall_ms);
void limit_settle_tokens(struct limits *, const struct addr *,
    struct limit_share *, int64_t used);

/*
 * For another process on this machine that goes on in this one's place: add a
 * piece of the buckets that are not full and of the day's tokens, some KiB,
 * from *place on (0 at first). False: there were none any more, and what was
 * added says nothing.
 */
bool limits_encode(struct limits *, uint64_t *place, int64_t now,
    struct buf *);

/*
 * Take in a piece of exactly n bytes. A bucket has the tokens then that it had
 * there, at most what it holds here; where it has fewer already, these; and of
 * a day's tokens the greater number counts as used. False:
 * it is not a piece, and nothing has changed; or there is no memory.
 */
bool limits_decode(struct limits *, const char *, size_t n, int64_t now);

/* How many clients are known, for tests and benchmarks. */
size_t limit_clients(struct limits *);

#endif
