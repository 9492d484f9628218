/* Each pair of different words counts once, as its lighter word. */
#include "articles/near.h"

#include <string.h>

#include "articles/index_layout.h"

#define NONE  UINT8_MAX
#define TERMS (QUERY_TERMS_MAX + QUERY_BEFORE_MAX)

_Static_assert(TERMS < 128 / 2, "half of the table stays empty");

static uint32_t
near_slot(uint32_t term)
{
	return term * 2654435761u >> 25;
}

void
near_init(struct near *nr, const struct query *q)
{
	uint32_t i, at;

	nr->query = q;
	memset(nr->keys, 0, sizeof(nr->keys));
	for (i = 0; i < q->count; i++) {
		at = near_slot(q->terms[i].term);
		while (nr->keys[at] != 0)
			at = (at + 1) % 128;
		nr->keys[at] = q->terms[i].term + 1;
		nr->places[at] = (uint8_t)i;
	}
}

/* The term's place in the query; NONE. */
static uint8_t
near_find(const struct near *nr, uint32_t term)
{
	uint32_t at = near_slot(term);

	while (nr->keys[at] != 0) {
		if (nr->keys[at] == term + 1)
			return nr->places[at];
		at = (at + 1) % 128;
	}
	return NONE;
}

/* The pairs that were counted. */
struct pairs {
	uint64_t with[TERMS];
};

static double
near_pair(const struct near *nr, struct pairs *pairs, uint8_t a, uint8_t b)
{
	const struct query_term *terms = nr->query->terms;
	uint8_t low = a < b ? a : b, high = a < b ? b : a;

	if (a == b || (pairs->with[low] >> high & 1) != 0)
		return 0;
	pairs->with[low] |= UINT64_C(1) << high;
	return terms[a].weight < terms[b].weight ? terms[a].weight
	                                         : terms[b].weight;
}

static double
near_run(const struct near *nr, struct pairs *pairs, const uint32_t *tokens,
    uint32_t count)
{
	uint8_t last = NONE, place;
	uint32_t i, at = 0;
	double sum = 0;

	for (i = 0; i < count; i++) {
		if ((place = near_find(nr, tokens[i])) == NONE)
			continue;
		if (last != NONE && i - at <= NEAR_WORDS)
			sum += near_pair(nr, pairs, last, place);
		last = place;
		at = i;
	}
	return sum;
}

double
near_bonus(const struct near *nr, const struct index_view *v, uint32_t passage)
{
	const struct index_passage *p = &v->passages[passage];
	const struct index_article *a = &v->articles[p->article];
	struct pairs pairs = { { 0 } };

	return NEAR_WEIGHT *
	       (near_run(
		    nr, &pairs, v->tokens + a->first_token, a->title_tokens) +
		   near_run(nr, &pairs, v->tokens + p->first_token, p->tokens));
}
