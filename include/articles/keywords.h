/*
 * The words of a text that say what it is about. Any bytes are allowed.
 */
#ifndef ARTICLES_KEYWORDS_H
#define ARTICLES_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>

#define KEYWORD_BYTES 64	/* of a word that are looked at */
#define KEYWORDS_MAX 32		/* of a text that are looked at */

struct keyword {
	/* in lower case, and without accents where that leaves ASCII; cut
	   between two characters */
	char	text[KEYWORD_BYTES + 1];
	size_t	len;			/* bytes */
	size_t	letters;		/* those that were cut off too */
};

/*
 * The next word that means something: not a stop word of French or English,
 * not a single byte. *p moves behind it; false at the end.
 */
bool keywords_next(struct keyword *, const char **p, const char *end);

/* How many a text has, KEYWORDS_MAX at most: 0 for "Et après ?". */
int keywords_count(const char *, size_t);

#endif
