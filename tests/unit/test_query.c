/* What a message asks for: words, weights, the question before, ceilings. */
#include "articles/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "articles/index_build.h"
#include "articles/index_layout.h"
#include "articles/near.h"

static const struct index_limits limits = { 1000, 1 << 24, 1 << 16, NULL };

/* Articles whose words are rarer the later they stand in the alphabet. */
static struct index *
make(unsigned articles)
{
	struct index_build *b = index_build_new(&limits);
	char url[32], text[2048];
	const char *what, *value;
	struct article_text t = { "Titre", url, "2025-01-01", text, 5, 0, 10,
		0 };
	struct index *ix;
	unsigned i, k;

	assert_non_null(b);
	for (i = 0; i < articles; i++) {
		t.url_len = (size_t)snprintf(
		    url, sizeof(url), "http://a/%u", i);
		t.text_len = 0;
		for (k = 0; k <= i && k < 100; k++)
			t.text_len += (size_t)snprintf(text + t.text_len,
			    sizeof(text) - t.text_len, "mot%03u ", k);
		if (index_build_add(b, &t, &value) != NULL)
			fail_msg("%s", text);
	}
	ix = index_build_finish(b, &what);
	index_build_free(b);
	assert_non_null(ix);
	return ix;
}

static struct query
query(const struct index *ix, const char *before, const char *text)
{
	const struct query_text m = { text, strlen(text) };
	const struct query_text b = { before,
		before != NULL ? strlen(before) : 0 };
	struct query q;

	assert_true(query_read(&q, ix, &m, &b, 0.3));
	return q;
}

static double
weight(const struct query *q, const struct index *ix, const char *word)
{
	uint32_t i, term = index_term(ix, word, strlen(word));

	for (i = 0; i < q->count; i++) {
		if (q->terms[i].term == term)
			return (double)q->terms[i].weight;
	}
	return 0;
}

static void
test_weights(void **state)
{
	struct index *ix = make(10);
	struct query q = query(
	    ix, NULL, "Le mot000, mot009 et mot009 absent !");

	(void)state;
	assert_int_equal(q.count, 2);
	assert_int_equal(q.words, 3);
	assert_false(q.news);
	/* the rarest first */
	assert_int_equal(q.terms[0].postings, 1);
	assert_int_equal(q.terms[1].postings, 10);
	assert_true(q.terms[0].weight > q.terms[1].weight);
	assert_true(q.terms[1].weight > 0);
	/* a word that no article has weighs most, once */
	assert_true(q.sum > (double)(2 * q.terms[0].weight));
	q = query(ix, NULL, "Du nouveau sur mot000 ?");
	assert_true(q.news);
	assert_int_equal(q.count, 1);
	q = query(ix, NULL, "Les mot000 de cette semaine");
	assert_true(q.news);
	assert_int_equal(q.words, 1);
	q = query(ix, NULL, "mot000 en une semaine");
	assert_false(q.news);
	assert_int_equal(q.words, 2);
	q = query(ix, NULL, "Et ?");
	assert_int_equal(q.count, 0);
	assert_true(q.sum <= 0);
	index_unref(ix);
}

static void
test_before(void **state)
{
	static const struct {
		const char *text;
		double share;
	} rows[] = {
		{ "mot001 et mot002", 0.3 },
		{ "mot001", 0.6 },
		{ "Et mot001, mot002 ?", 0.6 },
		{ "et  mot001 mot002", 0.6 },
		{ "MAIS mot001 mot002", 0.6 },
		{ "What about mot001 mot002", 0.6 },
		{ "What mot001 mot002", 0.3 },
		{ "Etat mot001", 0.3 },
		{ "Et ?", 1 },
		{ "", 1 },
	};
	struct index *ix = make(10);
	struct query q = query(ix, NULL, "mot005");
	double whole = weight(&q, ix, "mot005");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		q = query(ix, "mot005", rows[i].text);
		if (weight(&q, ix, "mot005") < (rows[i].share - .01) * whole ||
		    weight(&q, ix, "mot005") > (rows[i].share + .01) * whole)
			fail_msg("%s: %g", rows[i].text,
			    weight(&q, ix, "mot005") / whole);
	}
	/* what the message has itself counts whole, and is its own */
	q = query(ix, "mot001 mot005", "mot005 mot002");
	assert_true(weight(&q, ix, "mot005") > .99 * whole);
	assert_int_equal(q.count, 3);
	assert_true(q.terms[0].own && q.terms[1].own && !q.terms[2].own);
	/* news that were asked for before are, if nothing else is asked */
	q = query(ix, "les derniers mot005", "Et ?");
	assert_true(q.news && q.terms[0].own);
	q = query(ix, "les derniers mot005", "mot001 mot002");
	assert_false(q.news);
	index_unref(ix);
}

/* Only so many words of a long message; the rarest of them. */
static void
test_ceilings(void **state)
{
	struct index *ix = make(100);
	char text[16384];
	size_t len = 0;
	struct query q;
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "mot%03u ", i);
	q = query(ix, text, text);
	assert_int_equal(q.words, 100);
	assert_int_equal(q.count, QUERY_TERMS_MAX + QUERY_BEFORE_MAX);
	assert_int_equal(q.terms[0].postings, 1);
	assert_int_equal(q.terms[QUERY_TERMS_MAX - 1].postings, 32);
	for (len = 0, i = 0; i < 2000; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "x%04x ", i);
	q = query(ix, NULL, text);
	assert_int_equal(q.words, QUERY_WORDS_MAX);
	assert_int_equal(q.count, 0);
	/* and it is not read on for ever, whatever it repeats */
	for (len = 0, i = 0; i < QUERY_TOKENS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "le ");
	snprintf(text + len, sizeof(text) - len, "mot000");
	q = query(ix, NULL, text);
	assert_int_equal(q.words, 0);
	q = query(ix, NULL, text + 3);
	assert_int_equal(q.words, 1);
	index_unref(ix);
}

/* Words that stand together are worth more, each pair once. */
static void
test_near(void **state)
{
	struct index *ix = make(10);
	struct query q = query(ix, NULL, "mot000 mot001");
	double one = weight(&q, ix, "mot001"), other;
	struct near near;

	(void)state;
	if (weight(&q, ix, "mot000") < one)
		one = weight(&q, ix, "mot000");
	near_init(&near, &q);
	/* passage 0 has the first word only */
	assert_true(near_bonus(&near, index_view(ix), 0) <= 0);
	other = near_bonus(&near, index_view(ix), 5);
	assert_true(other > .99 * NEAR_WEIGHT * one);
	assert_true(other < 1.01 * NEAR_WEIGHT * one);
	/* two words between them are one too many */
	q = query(ix, NULL, "mot000 mot002");
	near_init(&near, &q);
	assert_true(near_bonus(&near, index_view(ix), 5) > 0);
	q = query(ix, NULL, "mot000 mot003");
	near_init(&near, &q);
	assert_true(near_bonus(&near, index_view(ix), 5) <= 0);
	index_unref(ix);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
