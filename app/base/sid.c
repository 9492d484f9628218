/* The wrapper of libuuid, whose own generator would fall back to the time. */
#include "base/sid.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <uuid/uuid.h>

#include "base/text.h"

#define POOL_SIDS 16 /* 256 bytes: what getrandom() never interrupts */

/*
 * A thread's random bytes, fetched for many identifiers at once; those that
 * were used are overwritten, so that nothing leads back to an identifier.
 */
static _Thread_local struct {
	size_t left; /* at the end */
	uint8_t bytes[POOL_SIDS * sizeof(struct sid)];
} pool;

/* It must not block either: a kernel without entropy yet is a failure. */
static bool
pool_fill(void)
{
	size_t have = 0;
	ssize_t n;

	while (have < sizeof(pool.bytes)) {
		n = getrandom(pool.bytes + have, sizeof(pool.bytes) - have,
		    GRND_NONBLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	pool.left = sizeof(pool.bytes);
	return true;
}

bool
sid_make(struct sid *sid)
{
	uint8_t *bytes;

	if (pool.left == 0 && !pool_fill())
		return false;
	bytes = pool.bytes + sizeof(pool.bytes) - pool.left;
	memcpy(sid->b, bytes, sizeof(sid->b));
	explicit_bzero(bytes, sizeof(sid->b));
	pool.left -= sizeof(sid->b);
	sid->b[6] = (sid->b[6] & 0x0f) | 0x40;
	sid->b[8] = (sid->b[8] & 0x3f) | 0x80;
	return true;
}

/* By hand: libuuid's parser takes a tenth of the time of a short request. */
bool
sid_parse(struct sid *sid, const char *s, size_t len)
{
	unsigned high, low;

	if (len != SID_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < sizeof(sid->b); i++, s += 2) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return false;
		high = text_hex(s[0]);
		low = text_hex(s[1]);
		if ((high | low) > 15)
			return false;
		sid->b[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void
sid_of_text(struct sid *sid, const char *s, size_t len)
{
	static const uuid_t space; /* the nil UUID: a name space of our own */

	uuid_generate_sha1(sid->b, space, s, len);
}

void
sid_text(char out[SID_TEXT_SIZE], const struct sid *sid)
{
	uuid_unparse_lower(sid->b, out);
}

bool
sid_equal(const struct sid *a, const struct sid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

uint64_t
sid_key(const struct sid *sid)
{
	uint64_t half[2];

	memcpy(half, sid->b, sizeof(half));
	return half[0] ^ half[1];
}

/* The finalizer of MurmurHash3: every bit of x decides about every other. */
static uint64_t
sid_mix(uint64_t x)
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/* 48 bits of a mix of 122: for each hash there are 2^74 identifiers. */
void
sid_hash(char out[SID_HASH_SIZE], const struct sid *sid)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t half[2], h;

	memcpy(half, sid->b, sizeof(half));
	h = sid_mix(sid_mix(half[0]) ^ half[1]);
	for (int i = 0; i < SID_HASH_SIZE - 1; i++, h >>= 4)
		out[i] = digits[h & 0xf];
	out[SID_HASH_SIZE - 1] = '\0';
}
