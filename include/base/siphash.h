/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a hash with a key, for tables
 * whose keys strangers choose. Whoever does not know the key cannot make many
 * that fall into one bucket.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t	k[2];
};

/* A random key. False without entropy. */
bool siphash_key_make(struct siphash_key *);

uint64_t siphash(const struct siphash_key *, const void *, size_t);

#endif
