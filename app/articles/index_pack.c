/*
 * From the words of the passages to the passages of the words. A posting's
 * impact is what BM25 gives to a word of the passage, but for the word's own
 * weight; so a search only multiplies and adds.
 */
#include "articles/index_build_state.h"

#include <stdlib.h>
#include <string.h>

#include "articles/index.h"

/* BM25 (Robertson and Zaragoza, 2009). */
#define SATURATION   1.2  /* k1 */
#define LENGTH_SHARE 0.75 /* b */
#define TITLE_WEIGHT 4.0

/* A term's place in the passage that is looked at. */
struct tally {
	uint32_t passage; /* plus 1; another: it has not been seen in it */
	uint32_t title;
	uint32_t text;
};

struct pack {
	struct index_build *build;
	struct index_article *articles;
	struct index_passage *passages;
	struct index_term *terms;
	const uint32_t *tokens;
	struct tally *tally; /* one for each term */
	double mean;         /* words of a passage, with its title */

	/* to be filled */
	uint32_t *postings;
	uint16_t *impacts;
};

static uint32_t
passage_words(const struct pack *pk, const struct index_passage *p)
{
	return p->tokens + pk->articles[p->article].title_tokens;
}

/* The words of a title in passage n; every passage of an article has them. */
static void
tally_run(
    struct pack *pk, uint32_t n, uint32_t first, uint32_t count, bool title)
{
	struct tally *t;
	uint32_t i;

	for (i = first; i < first + count; i++) {
		t = &pk->tally[pk->tokens[i]];
		if (t->passage != n + 1)
			*t = (struct tally){ .passage = n + 1 };
		t->title += title;
		t->text += !title;
	}
}

static void
tally_passage(struct pack *pk, uint32_t n)
{
	const struct index_passage *p = &pk->passages[n];
	const struct index_article *a = &pk->articles[p->article];

	tally_run(pk, n, a->first_token, a->title_tokens, true);
	tally_run(pk, n, p->first_token, p->tokens, false);
}

typedef void posting_f(struct pack *, uint32_t passage, uint32_t term);

/* Call f once for each term of passage n, which was tallied. */
static void
each_term(
    struct pack *pk, uint32_t n, uint32_t first, uint32_t count, posting_f *f)
{
	uint32_t i, term;

	for (i = first; i < first + count; i++) {
		term = pk->tokens[i];
		if (pk->tally[term].passage != n + 1)
			continue;
		f(pk, n, term);
		pk->tally[term].passage = 0;
	}
}

static void
each_posting(struct pack *pk, posting_f *f)
{
	const struct index_passage *p = pk->passages;
	const struct index_article *a;
	uint32_t n;

	for (n = 0; n < pk->build->head.passages; n++, p++) {
		a = &pk->articles[p->article];
		tally_passage(pk, n);
		each_term(pk, n, a->first_token, a->title_tokens, f);
		each_term(pk, n, p->first_token, p->tokens, f);
	}
}

static void
posting_count(struct pack *pk, uint32_t passage, uint32_t term)
{
	(void)passage;
	pk->terms[term].postings++;
}

static void
posting_fill(struct pack *pk, uint32_t passage, uint32_t term)
{
	const struct tally *t = &pk->tally[term];
	struct index_term *row = &pk->terms[term];
	uint32_t at = row->first_posting + row->postings++;
	double often = TITLE_WEIGHT * t->title + t->text;
	double length = passage_words(pk, &pk->passages[passage]) / pk->mean;
	double less = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length);
	double impact = often * (SATURATION + 1) / (often + less);

	pk->postings[at] = passage | (t->title > 0 ? INDEX_IN_TITLE : 0);
	pk->impacts[at] = (uint16_t)(impact * INDEX_IMPACT_ONE + 0.5);
}

/* Where each term's postings begin; their counts start anew. */
static uint64_t
place_terms(struct pack *pk)
{
	struct index_term *row = pk->terms;
	uint64_t i, sum = 0;

	for (i = 0; i < pk->build->head.terms; i++, row++) {
		row->first_posting = (uint32_t)sum;
		sum += row->postings;
		row->postings = 0;
	}
	return sum;
}

static double
mean_words(const struct pack *pk)
{
	uint64_t sum = 0;
	uint32_t n, count = (uint32_t)pk->build->head.passages;

	for (n = 0; n < count; n++)
		sum += passage_words(pk, &pk->passages[n]);
	return sum > 0 ? (double)sum / count : 1;
}

struct dated {
	uint32_t day, number;
};

/* The newest first; of one day in the order of the file. */
static int
dated_compare(const void *one, const void *other)
{
	const struct dated *a = one, *b = other;

	if (a->day != b->day)
		return a->day > b->day ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static bool
sort_by_date(const struct pack *pk, uint32_t *newest)
{
	uint32_t n, count = (uint32_t)pk->build->head.articles;
	struct dated *rows;

	if ((rows = reallocarray(NULL, count + 1, sizeof(*rows))) == NULL)
		return false;
	for (n = 0; n < count; n++)
		rows[n] = (struct dated){ pk->articles[n].day, n };
	qsort(rows, count, sizeof(*rows), dated_compare);
	for (n = 0; n < count; n++)
		newest[n] = rows[n].number;
	free(rows);
	return true;
}

static void
put(const void *section, const struct pile *from)
{
	if (from->len > 0)
		memcpy((void *)(uintptr_t)section, from->data, from->len);
}

static void
pack_head(const struct pack *pk, char *block, size_t size)
{
	struct index_head *head = (void *)block;

	*head = pk->build->head;
	memcpy(head->magic, INDEX_MAGIC, sizeof(head->magic));
	head->version = INDEX_VERSION;
	head->order = INDEX_ORDER;
	head->size = size;
	head->checksum = index_checksum(block, size);
}

static bool
pack_block(struct pack *pk, char *block, size_t size)
{
	const struct index_build *b = pk->build;
	struct index_view v;

	index_layout(&v, &b->head, block);
	pk->postings = (void *)(uintptr_t)v.postings;
	pk->impacts = (void *)(uintptr_t)v.impacts;
	each_posting(pk, posting_fill);
	put(v.articles, &b->articles);
	put(v.passages, &b->passages);
	put(v.terms, &b->terms);
	put(v.tokens, &b->tokens);
	put(v.names, &b->names);
	put(v.texts, &b->texts);
	if (!sort_by_date(pk, (void *)(uintptr_t)v.newest))
		return false;
	pack_head(pk, block, size);
	return true;
}

static char *
pack_all(struct pack *pk, size_t *size, const char **what)
{
	struct index_build *b = pk->build;
	struct index_view v;
	char *block;

	each_posting(pk, posting_count);
	b->head.postings = place_terms(pk);
	b->head.names = b->names.len;
	b->head.texts = b->texts.len;
	pk->mean = mean_words(pk);
	*size = index_layout(&v, &b->head, NULL);
	if (*size == 0 || *size > b->limits.memory) {
		*what = "needs more than articles_memory";
		return NULL;
	}
	if ((block = block_new(*size)) != NULL) {
		if (pack_block(pk, block, *size))
			return block;
		block_free(block, *size);
	}
	*what = "out of memory";
	return NULL;
}

char *
index_pack(struct index_build *b, size_t *size, const char **what)
{
	struct pack pk = {
		.build = b,
		.articles = (void *)b->articles.data,
		.passages = (void *)b->passages.data,
		.terms = (void *)b->terms.data,
		.tokens = (const void *)b->tokens.data,
		.tally = calloc(b->head.terms + 1, sizeof(*pk.tally)),
	};
	char *block;

	*what = "out of memory";
	if (pk.tally == NULL)
		return NULL;
	block = pack_all(&pk, size, what);
	free(pk.tally);
	return block;
}
