/*
 * A message may hold anything about anybody. A word that several articles have
 * has been published; that is all that may be known of it.
 */
#include "chat/grounding/unanswered.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "articles/index_layout.h"
#include "articles/stem.h"
#include "articles/tokens.h"

#define READ_MAX 256 /* words of a message */

struct words {
	struct token word[UNANSWERED_WORDS];
	size_t count;
	int others;
};

static bool
is_published(const struct index *ix, const struct token *t)
{
	const struct index_view *v = index_view(ix);
	uint32_t term = index_term(ix, t->text, t->len), last = UINT32_MAX;
	const struct index_term *row;
	uint32_t at, article, n = 0;

	if (term == UINT32_MAX || strpbrk(t->text, "0123456789") != NULL)
		return false;
	row = &v->terms[term];
	for (at = 0; at < row->postings && n < UNANSWERED_ARTICLES; at++) {
		article = v->passages[v->postings[row->first_posting + at] &
				      ~INDEX_IN_TITLE]
		              .article;
		n += article != last;
		last = article;
	}
	return n >= UNANSWERED_ARTICLES;
}

static void
words_add(struct words *w, const struct index *ix, const struct token *t)
{
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->word[i].text, t->text) == 0)
			return;
	if (w->count < UNANSWERED_WORDS && is_published(ix, t))
		w->word[w->count++] = *t;
	else
		w->others++;
}

static int
token_compare(const void *one, const void *other)
{
	const struct token *a = one, *b = other;

	return strcmp(a->text, b->text);
}

int
unanswered_words(
    struct buf *b, const struct index *ix, const char *message, size_t n)
{
	struct stemmer *stemmer = stemmer_open();
	const char *p = message, *end = message + n;
	struct words w = { .count = 0 };
	struct token t;

	for (int i = 0;
	     stemmer != NULL && i < READ_MAX && tokens_next(&t, &p, end); i++)
		if (t.kind == WORD_PLAIN && stemmer_cut(stemmer, &t))
			words_add(&w, ix, &t);
	stemmer_close(stemmer);
	qsort(w.word, w.count, sizeof(w.word[0]), token_compare);
	for (size_t i = 0; i < w.count; i++) {
		buf_adds(b, i > 0 ? " " : "");
		buf_add(b, w.word[i].text, w.word[i].len);
	}
	return w.others;
}
