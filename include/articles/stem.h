/*
 * What a French word is without its ending, by Snowball's rules, from words
 * whose accents are folded. The library's state is not shared: one for each
 * thread that stems.
 */
#ifndef ARTICLES_STEM_H
#define ARTICLES_STEM_H

#include <stdbool.h>

#include "articles/tokens.h"

struct stemmer;

struct stemmer *stemmer_open(void);	/* NULL: no memory */
void stemmer_close(struct stemmer *);	/* NULL is allowed */

/* Cut the token to its stem, which is not empty. False without memory. */
bool stemmer_cut(struct stemmer *, struct token *);

#endif
