/*
 * What one client may do: how often, how much at a time. Counted is per client,
 * an IPv4 address or an IPv6 network of 64 bits. Values only: no clock, `now`
 * is monotonic milliseconds. Shared by all loops.
 *
 * How often is a token bucket: it holds `count` tokens, each use takes one, and
 * they come back evenly, `count` in `seconds`. A client that was forgotten has
 * full buckets. Forgotten is who was idle longest, when more than
 * LIMIT_MAX_IDLE are known that have neither a session nor a chat; those that
 * have are never forgotten, and there are no more of them than there may be
 * sessions and connections.
 */
#ifndef LIMITS_LIMIT_H
#define LIMITS_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/rc.h"

#define LIMIT_MAX_IDLE (128 * 1024)	/* clients, 88 bytes each */
#define LIMIT_MAX_COUNT 1000000		/* tokens of a bucket */
#define LIMIT_MAX_SECONDS 86400		/* until it is full again */

/* Wrong and unknown session ids: as many as a visitor's mistakes may need. */
#define LIMIT_GUESSES ((struct limit_rate) { 30, 60 })

enum limit_kind {
	LIMIT_NONE,
	LIMIT_NEW,		/* sessions made */
	LIMIT_CHAT,		/* messages sent */
	LIMIT_GUESS,		/* session ids that are no live session's */
	LIMIT_KINDS,
};

enum limit_live {
	LIMIT_SESSIONS,
	LIMIT_TURNS,		/* chats, those that wait in line too */
	LIMIT_LIVE,
};

struct limit_rate {
	uint32_t	count;		/* 0: no limit */
	uint32_t	seconds;	/* not 0 */
};

struct limit_conf {
	struct limit_rate	rate[LIMIT_KINDS];
	uint64_t		live[LIMIT_LIVE];	/* 0: no limit */
};

struct limits;

/* NULL without memory or entropy. */
struct limits *limits_open(const struct limit_conf *);
void limits_close(struct limits *);		/* NULL is allowed */

/*
 * Take a token. RC_OK; RC_RATE, with nothing taken and *retry_s the seconds
 * until there is one, rounded up; RC_NOMEM.
 */
enum rc limit_take(struct limits *, const struct addr *, enum limit_kind,
    int64_t now, int *retry_s);

/* Whether there is no token. */
bool limit_is_spent(struct limits *, const struct addr *, enum limit_kind,
    int64_t now);

/*
 * One more session or chat of a client: RC_OK, then limit_end is to be called
 * once when it is over; RC_TOO_MANY_SESSIONS, RC_TOO_MANY_TURNS; RC_NOMEM.
 * limit_adopt: one that has begun elsewhere, counted whatever the limit.
 */
enum rc limit_begin(struct limits *, const struct addr *, enum limit_live);
enum rc limit_adopt(struct limits *, const struct addr *, enum limit_live);
void limit_end(struct limits *, const struct addr *, enum limit_live);

/*
 * For another process on this machine that goes on in this one's place: add a
 * piece of the buckets that are not full, some KiB, from *place on (0 at
 * first). False: there were none any more, and what was added says nothing.
 */
bool limits_encode(struct limits *, uint64_t *place, int64_t now,
    struct buf *);

/*
 * Take in a piece of exactly n bytes. A bucket has the tokens then that it had
 * there, at most what it holds here; where it has fewer already, these. False:
 * it is no piece, and nothing has changed; or there is no memory.
 */
bool limits_decode(struct limits *, const char *, size_t n, int64_t now);

/* How many clients are known, for tests and benchmarks. */
size_t limit_clients(struct limits *);

#endif
