/* A sum is 0 until a word of the passage has been seen. */
#include "articles/score.h"

#include <stdbool.h>
#include <string.h>

#include "articles/index_layout.h"

#define WINDOW 4096 /* passages */
#define TERMS  (QUERY_TERMS_MAX + QUERY_BEFORE_MAX)

struct scorer {
	const struct index_view *view;
	const struct query *query;
	const struct search_ask *ask;
	uint32_t at[TERMS]; /* the next posting of each term */
	uint32_t terms;     /* that are looked at */
	float sums[WINDOW];

	/* the best so far: a heap, the worst first */
	struct candidate *heap;
	size_t count;

	/* the better two of the article that is passed */
	struct candidate two[SEARCH_PASSAGES];
	size_t twos;
};

/*
 * The heap.
 */

/* Of equally good ones the earlier. */
static bool
is_worse(const struct candidate *a, const struct candidate *b)
{
	if (a->score < b->score)
		return true;
	return !(b->score < a->score) && a->passage > b->passage;
}

static void
heap_up(struct candidate *heap, size_t i)
{
	struct candidate c = heap[i];

	for (; i > 0 && is_worse(&c, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = c;
}

static void
heap_down(struct candidate *heap, size_t count)
{
	struct candidate c = heap[0];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < count) {
		if (child + 1 < count &&
		    is_worse(&heap[child + 1], &heap[child]))
			child++;
		if (!is_worse(&heap[child], &c))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = c;
}

static void
heap_add(struct scorer *sc, const struct candidate *c)
{
	if (sc->count < SEARCH_POOL) {
		sc->heap[sc->count] = *c;
		heap_up(sc->heap, sc->count++);
	} else if (is_worse(&sc->heap[0], c)) {
		sc->heap[0] = *c;
		heap_down(sc->heap, sc->count);
	}
}

/*
 * Articles.
 */

bool
score_skips(const struct search_ask *ask, uint32_t article)
{
	size_t i;

	for (i = 0; i < ask->skip_count; i++) {
		if (ask->skip[i] == article)
			return true;
	}
	return false;
}

/* The article is passed: its passages go into the heap. */
static void
two_end(struct scorer *sc)
{
	size_t i;

	if (sc->twos > 0 &&
	    (sc->count < SEARCH_POOL || is_worse(&sc->heap[0], &sc->two[0])) &&
	    !score_skips(sc->ask, sc->two[0].article)) {
		for (i = 0; i < sc->twos; i++)
			heap_add(sc, &sc->two[i]);
	}
	sc->twos = 0;
}

static void
two_add(struct scorer *sc, const struct candidate *c)
{
	if (sc->twos > 0 && sc->two[0].article != c->article)
		two_end(sc);
	if (sc->twos < SEARCH_PASSAGES)
		sc->two[sc->twos++] = *c;
	else if (is_worse(&sc->two[1], c))
		sc->two[1] = *c;
	if (sc->twos > 1 && is_worse(&sc->two[0], &sc->two[1])) {
		struct candidate worse = sc->two[0];

		sc->two[0] = sc->two[1];
		sc->two[1] = worse;
	}
}

/*
 * Windows.
 */

static uint32_t
posting_passage(const struct scorer *sc, uint32_t at)
{
	return sc->view->postings[at] & ~INDEX_IN_TITLE;
}

/* The term's end among the postings. */
static uint32_t
term_end(const struct scorer *sc, uint32_t i)
{
	const struct index_term *t = &sc->view->terms[sc->query->terms[i].term];

	return t->first_posting + t->postings;
}

/* Add a term's impacts in the window that begins with this passage. */
static void
window_add(struct scorer *sc, uint32_t from, uint32_t i)
{
	const struct query_term *t = &sc->query->terms[i];
	const uint32_t *postings = sc->view->postings;
	const uint16_t *impacts = sc->view->impacts;
	uint32_t at = sc->at[i], end = term_end(sc, i), place;
	float weight = t->weight / (float)INDEX_IMPACT_ONE;
	bool own = t->own || (sc->ask->flags & SEARCH_OWN_WORD) == 0;
	uint32_t must = sc->ask->flags & SEARCH_IN_TITLE ? INDEX_IN_TITLE : 0;

	for (; at < end; at++) {
		place = (postings[at] & ~INDEX_IN_TITLE) - from;
		if (place >= WINDOW)
			break;
		if ((postings[at] & must) == must &&
		    (own || sc->sums[place] > 0))
			sc->sums[place] += weight * (float)impacts[at];
	}
	sc->at[i] = at;
}

static void
window_look(struct scorer *sc, uint32_t from)
{
	uint32_t i, end = (uint32_t)sc->view->head->passages - from;
	struct candidate c;

	for (i = 0; i < WINDOW && i < end; i++) {
		if (!(sc->sums[i] > 0) ||
		    (sc->count == SEARCH_POOL &&
			(double)sc->sums[i] < sc->heap[0].score))
			continue;
		c.passage = from + i;
		c.article = sc->view->passages[c.passage].article;
		c.score = (double)sc->sums[i];
		two_add(sc, &c);
	}
}

/* The first passage that a term has yet; UINT32_MAX: there is none. */
static uint32_t
window_next(const struct scorer *sc)
{
	uint32_t i, passage, first = UINT32_MAX;

	for (i = 0; i < sc->terms; i++) {
		if (sc->at[i] == term_end(sc, i))
			continue;
		passage = posting_passage(sc, sc->at[i]);
		if (passage < first)
			first = passage;
	}
	return first;
}

/* The message's words, the rarest first, while they are not too common. */
static void
choose_terms(struct scorer *sc)
{
	uint64_t postings = 0;
	const struct query_term *t;

	for (; sc->terms < sc->query->count; sc->terms++) {
		t = &sc->query->terms[sc->terms];
		postings += t->postings;
		if (sc->terms > 0 && postings > QUERY_POSTINGS_MAX)
			break;
		sc->at[sc->terms] = sc->view->terms[t->term].first_posting;
	}
}

size_t
score_best(struct candidate best[SEARCH_POOL], const struct index_view *v,
    const struct query *q, const struct search_ask *ask)
{
	struct scorer sc;
	uint32_t from, i;

	sc.view = v;
	sc.query = q;
	sc.ask = ask;
	sc.terms = 0;
	sc.heap = best;
	sc.count = sc.twos = 0;
	choose_terms(&sc);
	while ((from = window_next(&sc)) != UINT32_MAX) {
		memset(sc.sums, 0, sizeof(sc.sums));
		for (i = 0; i < sc.terms; i++)
			window_add(&sc, from, i);
		window_look(&sc, from);
	}
	two_end(&sc);
	return sc.count;
}
