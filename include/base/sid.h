/*
 * Session identifiers: version 4 UUIDs (RFC 9562, section 5.4). They are
 * bearer secrets: whoever knows one may read the conversation. The 122 random
 * bits come from getrandom() and from nowhere else; libuuid writes them.
 */
#ifndef BASE_SID_H
#define BASE_SID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SID_TEXT_SIZE 37	/* with its NUL */
#define SID_HASH_SIZE 13	/* with its NUL */

struct sid {
	uint8_t	b[16];
};

/* A new identifier. False without entropy: then *sid must not be used. */
bool sid_make(struct sid *);

/*
 * Read the 36 characters of a UUID of any version, in either letter case
 * (RFC 9562, section 4). False when they are anything else.
 */
bool sid_parse(struct sid *, const char *, size_t);

/*
 * The identifier that a text always has (version 5, RFC 9562, section 5.5), to
 * remember it in 16 bytes.
 */
void sid_of_text(struct sid *, const char *, size_t);

/* Write it in lower case. */
void sid_text(char out[SID_TEXT_SIZE], const struct sid *);

bool sid_equal(const struct sid *, const struct sid *);

/* A number to place it in a hash table. */
uint64_t sid_key(const struct sid *);

/*
 * Twelve hexadecimal digits that let an operator follow one session through
 * the log; they do not lead back to the identifier.
 */
void sid_hash(char out[SID_HASH_SIZE], const struct sid *);

#endif
