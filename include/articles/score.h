/*
 * The best passages for a query, by their words alone (BM25): a window of
 * passages after the other, so that the sums stay in the cache.
 */
#ifndef ARTICLES_SCORE_H
#define ARTICLES_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "articles/search.h"

struct candidate {
	uint32_t	passage;
	uint32_t	article;
	double		score;
};

/* Whether an article is one of those that were asked to be left out. */
bool score_skips(const struct search_ask *, uint32_t article);

/*
 * Two passages of an article at most, SEARCH_POOL in all, in no order. How many
 * there are.
 */
size_t score_best(struct candidate [SEARCH_POOL], const struct index_view *,
    const struct query *, const struct search_ask *);

#endif
