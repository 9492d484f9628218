/* Written from the paper, where the names of the words come from, too. */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

bool
siphash_key_make(struct siphash_key *key)
{
	return getrandom(key, sizeof(*key), 0) == sizeof(*key);
}

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void
sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32) + s->v3;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static void
sip_word(struct state *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

uint64_t
siphash(const struct siphash_key *key, const void *data, size_t n)
{
	struct state s = {
		key->k[0] ^ UINT64_C(0x736f6d6570736575),
		key->k[1] ^ UINT64_C(0x646f72616e646f6d),
		key->k[0] ^ UINT64_C(0x6c7967656e657261),
		key->k[1] ^ UINT64_C(0x7465646279746573),
	};
	const unsigned char *p = data;
	uint64_t m, last = (uint64_t)n << 56;

	for (; n >= sizeof(m); n -= sizeof(m), p += sizeof(m)) {
		memcpy(&m, p, sizeof(m));
		sip_word(&s, le64toh(m));
	}
	m = 0;
	memcpy(&m, p, n);
	sip_word(&s, last | le64toh(m));
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
