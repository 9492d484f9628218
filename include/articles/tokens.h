/*
 * The words of a text as an index and a search see them. Any bytes are allowed.
 */
#ifndef ARTICLES_TOKENS_H
#define ARTICLES_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "articles/stop_words.h"

#define TOKEN_BYTES 64	/* of a word that are looked at */

struct token {
	/* in lower case and without accents; cut between two characters */
	char		text[TOKEN_BYTES + 1];
	size_t		len;			/* bytes, 2 at least */
	enum word_kind	kind;
};

/*
 * The next word. It ends at an apostrophe, so that what French elides (l', d',
 * qu') is a word of its own; one of a single byte is left out. *p moves behind
 * it; false at the end.
 */
bool tokens_next(struct token *, const char **p, const char *end);

/* How many words that mean something a text has, max at most. */
int tokens_count(const char *, size_t, int max);

#endif
