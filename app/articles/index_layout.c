/* No offset of a section is ever stored: all follow from the counts. */
#include "articles/index_layout.h"

#include "base/siphash.h"

_Static_assert(sizeof(struct index_head) == 88, "the file's");
_Static_assert(sizeof(struct index_article) == 40, "the file's");
_Static_assert(sizeof(struct index_passage) == 20, "the file's");
_Static_assert(sizeof(struct index_term) == 16, "the file's");

/* More than any machine has, and sums of it still fit. */
#define TEXTS_MAX (UINT64_C(1) << 48)

struct cursor {
	const char *bytes;
	uint64_t at;
};

static const void *
section(struct cursor *c, uint64_t count, size_t size)
{
	const char *here = c->bytes != NULL ? c->bytes + c->at : NULL;

	c->at = (c->at + count * size + 7) & ~UINT64_C(7);
	return here;
}

uint64_t
index_layout(
    struct index_view *v, const struct index_head *head, const char *bytes)
{
	struct cursor c = { bytes, sizeof(*head) };

	if (head->articles > INDEX_COUNT_MAX ||
	    head->passages > INDEX_COUNT_MAX || head->terms > INDEX_COUNT_MAX ||
	    head->postings > INDEX_COUNT_MAX ||
	    head->tokens > INDEX_COUNT_MAX || head->names > INDEX_COUNT_MAX ||
	    head->texts > TEXTS_MAX)
		return 0;
	v->head = head;
	v->articles = section(&c, head->articles, sizeof(*v->articles));
	v->passages = section(&c, head->passages, sizeof(*v->passages));
	v->terms = section(&c, head->terms, sizeof(*v->terms));
	v->postings = section(&c, head->postings, sizeof(*v->postings));
	v->impacts = section(&c, head->postings, sizeof(*v->impacts));
	v->tokens = section(&c, head->tokens, sizeof(*v->tokens));
	v->newest = section(&c, head->articles, sizeof(*v->newest));
	v->names = section(&c, head->names, 1);
	v->texts = section(&c, head->texts, 1);
	return c.at;
}

uint64_t
index_checksum(const char *bytes, size_t size)
{
	static const struct siphash_key key = { { 0x63617573, 0x65726965 } };
	const size_t from = offsetof(struct index_head, articles);

	return siphash(&key, bytes + from, size - from);
}
