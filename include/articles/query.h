/*
 * What a message asks an index for: its words, and at a lower weight those of
 * the question before it.
 */
#ifndef ARTICLES_QUERY_H
#define ARTICLES_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "articles/index.h"

/* Beyond these a message is not read on, or its common words left out. */
#define QUERY_TOKENS_MAX   2048		/* words that are read */
#define QUERY_WORDS_MAX	   256		/* different words that are looked up */
#define QUERY_WORDS_BEFORE 64		/* of the question before it */
#define QUERY_TERMS_MAX	   32		/* of the message that are searched */
#define QUERY_BEFORE_MAX   16		/* likewise */
#define QUERY_POSTINGS_MAX 300000	/* that are looked at in all */

struct query_text {
	const char	*text;		/* anything; NULL: none */
	size_t		 len;
};

struct query_term {
	uint32_t	term;		/* the index's number */
	uint32_t	postings;
	float		weight;		/* what it adds for an impact of 1 */
	bool		own;	/* the message's, not an earlier one's */
};

struct query {
	struct query_term	terms[QUERY_TERMS_MAX + QUERY_BEFORE_MAX];
	uint32_t		count;
	int			words;	/* of the message that mean something;
					   those that no article has, too */
	bool			news;	/* it asks for what is new */
	double			sum;	/* of the weights; that of words that no
					   article has, too */
};

/*
 * Read a message and the question before it; follow is the weight of the
 * latter. A message that has one word at most, or goes on ("et ...", "mais
 * ...", "what about ..."), takes twice that, at most 1; one without any word
 * that means something is replaced by the question before it. False without
 * memory.
 */
bool query_read(struct query *, const struct index *,
    const struct query_text *message, const struct query_text *before,
    double follow);

#endif
