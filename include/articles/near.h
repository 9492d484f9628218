/* What it is worth when the words of a question stand near each other. */
#ifndef ARTICLES_NEAR_H
#define ARTICLES_NEAR_H

#include <stdint.h>

#include "articles/query.h"

struct index_view;

#define NEAR_WORDS  2	/* so far apart at most, without stop words */
#define NEAR_WEIGHT 0.6

/* Where the terms of a query stand in it, by number: made once a search. */
struct near {
	const struct query	*query;
	uint32_t		 keys[128];	/* terms, plus 1 */
	uint8_t			 places[128];
};

void near_init(struct near *, const struct query *);

/* What is added to the score of a passage. */
double near_bonus(const struct near *, const struct index_view *,
    uint32_t passage);

#endif
