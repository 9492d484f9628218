/* Rare words find, common ones cost: only so many of a long message count. */
#include "articles/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "articles/index_layout.h"
#include "articles/slots.h"
#include "articles/stem.h"
#include "articles/tokens.h"

/* A text that is being read. */
struct reader {
	const struct index *index;
	struct stemmer *stemmer;
	struct slots seen; /* hashes of stems */
	struct query_term rare[QUERY_WORDS_MAX];
	uint32_t count;
	uint32_t words; /* different ones, unknown ones too */
	double unknown; /* the weight of those */
	bool news;
};

/* ln(1 + (N - n + 0.5) / (n + 0.5)): how much a word tells. */
static double
term_weight(const struct index *ix, uint32_t postings)
{
	double all = (double)index_passages(ix);

	return log(1 + (all - postings + 0.5) / (postings + 0.5));
}

/* The rarest first; of equally rare ones, the earlier term. */
static int
term_compare(const void *one, const void *other)
{
	const struct query_term *a = one, *b = other;

	if (a->postings != b->postings)
		return a->postings < b->postings ? -1 : 1;
	return a->term < b->term ? -1 : a->term > b->term;
}

/* "cette semaine", "this week" */
static bool
asks_for_week(const char *before, const struct token *t)
{
	return (strcmp(before, "cette") == 0 &&
		   strcmp(t->text, "semaine") == 0) ||
	       (strcmp(before, "this") == 0 && strcmp(t->text, "week") == 0);
}

static bool
reader_add(struct reader *r, struct token *t)
{
	struct query_term row = { .own = false };
	size_t at = 0;
	uint32_t hash;

	if (!stemmer_cut(r->stemmer, t))
		return false;
	hash = slots_hash(t->text, t->len);
	if (slots_next(&r->seen, hash, &at) != SLOT_NONE)
		return true;
	row.term = index_term(r->index, t->text, t->len);
	if (row.term == UINT32_MAX) {
		r->unknown += term_weight(r->index, 0);
	} else {
		row.postings = index_view(r->index)->terms[row.term].postings;
		row.weight = (float)term_weight(r->index, row.postings);
		r->rare[r->count++] = row;
	}
	r->words++;
	return slots_add(&r->seen, hash, 0);
}

static bool
reader_read(struct reader *r, const struct query_text *text, uint32_t max)
{
	const char *p = text->text, *end = p + text->len;
	char before[TOKEN_BYTES + 1] = "";
	struct token t;
	int n;

	for (n = 0;
	     n < QUERY_TOKENS_MAX && r->words < max && tokens_next(&t, &p, end);
	     n++) {
		if (t.kind == WORD_NEWS || asks_for_week(before, &t))
			r->news = true;
		else if (t.kind == WORD_PLAIN && !reader_add(r, &t))
			return false;
		memcpy(before, t.text, t.len + 1);
	}
	qsort(r->rare, r->count, sizeof(*r->rare), term_compare);
	return true;
}

/* A text that the query is made of. */
struct part {
	const struct query_text *text;
	uint32_t words; /* that are read */
	uint32_t max;   /* terms */
	double share;   /* of the words' weight */
	bool own;
};

/*
 * Put the rarest words into the query. What is in it already is not put in
 * again; so the message goes first.
 */
static void
query_take(struct query *q, const struct reader *r, const struct part *part)
{
	uint32_t i, k, had = q->count;
	struct query_term row;

	for (i = 0; i < r->count && q->count - had < part->max; i++) {
		row = r->rare[i];
		for (k = 0; k < had && q->terms[k].term != row.term; k++)
			;
		if (k < had)
			continue;
		row.weight *= (float)part->share;
		row.own = part->own;
		q->terms[q->count++] = row;
		q->sum += (double)row.weight;
	}
	q->sum += r->unknown * part->share;
}

static bool
query_add(struct query *q, struct reader *r, const struct part *part)
{
	slots_free(&r->seen);
	r->count = r->words = 0;
	r->unknown = 0;
	if (!reader_read(r, part->text, part->words))
		return false;
	query_take(q, r, part);
	return true;
}

/* Whether a text begins like one that goes on from another. */
static bool
goes_on(const struct query_text *text)
{
	const char *p = text->text, *end = p + text->len;
	struct token t;

	if (!tokens_next(&t, &p, end))
		return false;
	if (strcmp(t.text, "et") == 0 || strcmp(t.text, "mais") == 0)
		return true;
	return strcmp(t.text, "what") == 0 && tokens_next(&t, &p, end) &&
	       strcmp(t.text, "about") == 0;
}

static bool
query_read_both(struct query *q, struct reader *r,
    const struct query_text *message, const struct query_text *before,
    double follow)
{
	struct part part = { message, QUERY_WORDS_MAX, QUERY_TERMS_MAX, 1,
		true };

	if (!query_add(q, r, &part))
		return false;
	q->words = (int)r->words;
	q->news = r->news;
	if (before->text == NULL)
		return true;
	part.text = before;
	if (r->words > 0) {
		part.own = false;
		part.words = QUERY_WORDS_BEFORE;
		part.max = QUERY_BEFORE_MAX;
		part.share = follow;
		if (r->words == 1 || goes_on(message))
			part.share = fmin(2 * follow, 1);
	}
	if (part.share > 0 && !query_add(q, r, &part))
		return false;
	q->news = q->news || (part.own && r->news);
	return true;
}

bool
query_read(struct query *q, const struct index *ix,
    const struct query_text *message, const struct query_text *before,
    double follow)
{
	struct reader r;
	bool ok;

	*q = (struct query){ .count = 0 };
	r.index = ix;
	r.seen = (struct slots){ .table = NULL };
	r.news = false;
	if ((r.stemmer = stemmer_open()) == NULL)
		return false;
	ok = query_read_both(q, &r, message, before, follow);
	slots_free(&r.seen);
	stemmer_close(r.stemmer);
	return ok;
}
