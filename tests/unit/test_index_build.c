/* From texts to an index: words, passages, postings, dates, ceilings. */
#include "articles/index_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "articles/index_layout.h"
#include "articles/passages.h"
#include "articles/pile.h"
#include "articles/slots.h"
#include "articles/stem.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct index_limits limits = { 3, 1 << 20, 1 << 16, NULL };

static const char *
add(struct index_build *b, const char *title, const char *url, const char *date,
    const char *text)
{
	const struct article_text t = { title, url, date, text, strlen(title),
		strlen(url), strlen(date), strlen(text) };
	const char *value;

	return index_build_add(b, &t, &value);
}

static uint32_t
postings_of(const struct index *ix, const char *stem, const uint32_t **first)
{
	const struct index_view *v = index_view(ix);
	uint32_t term = index_term(ix, stem, strlen(stem));

	if (term == UINT32_MAX)
		return 0;
	*first = v->postings + v->terms[term].first_posting;
	return v->terms[term].postings;
}

static void
test_postings(void **state)
{
	struct index_build *b = index_build_new(&limits);
	const struct index_view *v;
	const uint32_t *p;
	const char *what;
	struct index *ix;
	char text[3000];

	(void)state;
	assert_non_null(b);
	memset(text, ' ', sizeof(text));
	memcpy(text, "Le gaz", 6);
	memcpy(text + 1500, "des forêts", 11);
	memcpy(text + 2500, "du gaz", 6);
	text[sizeof(text) - 1] = '\0';
	assert_null(add(b, "Les énergies", "http://a/1", "2025-01-02", text));
	assert_null(add(b, "Forêt", "http://a/2", "2025-01-03", "rien"));
	assert_int_equal(index_build_count(b), 2);
	assert_non_null(ix = index_build_finish(b, &what));
	index_build_free(b);

	v = index_view(ix);
	assert_int_equal(index_passages(ix), 4);
	/* a title stands in every passage of its article */
	assert_int_equal(postings_of(ix, "energ", &p), 3);
	assert_int_equal(p[0], 0 | INDEX_IN_TITLE);
	assert_int_equal(p[2], 2 | INDEX_IN_TITLE);
	assert_int_equal(postings_of(ix, "gaz", &p), 2);
	assert_int_equal(p[0], 0);
	assert_int_equal(p[1], 2);
	assert_int_equal(postings_of(ix, "foret", &p), 2);
	assert_int_equal(p[0], 1);
	assert_int_equal(p[1], 3 | INDEX_IN_TITLE);
	assert_int_equal(postings_of(ix, "le", &p), 0);
	/* a title weighs more */
	assert_true(
	    v->impacts[p + 1 - v->postings] > v->impacts[p - v->postings]);
	assert_int_equal(v->newest[0], 1);
	assert_int_equal(v->newest[1], 0);
	index_unref(ix);
}

static void
test_ceilings(void **state)
{
	struct index_limits small = { 3, 4096, 100, NULL };
	struct index_build *b = index_build_new(&small);
	const char *what;
	char text[200];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_string_equal(add(b, "t", "http://a", "2025-01-01", text),
	    "is longer than article_max_bytes");
	index_build_free(b);

	b = index_build_new(&small);
	assert_null(add(b, "t", "http://a/1", "2025-01-01", "x"));
	assert_null(add(b, "t", "http://a/2", "2025-01-01", "x"));
	assert_null(add(b, "t", "http://a/3", "2025-01-01", "x"));
	assert_string_equal(add(b, "t", "http://a/4", "2025-01-01", "x"),
	    "is one article too many (articles_max)");
	index_build_free(b);

	small.memory = 200;
	b = index_build_new(&small);
	assert_null(add(b, "t", "http://a/1", "2025-01-01", "mot"));
	assert_null(index_build_finish(b, &what));
	assert_string_equal(what, "needs more than articles_memory");
	assert_string_equal(add(b, "t", "http://a/2", "2025-01-01",
				"des mots et des mots, et des mots encore, et "
				"tant d'autres mots pour finir"),
	    "needs more than articles_memory");
	index_build_free(b);
	index_build_free(NULL);
}

static void
test_days(void **state)
{
	(void)state;
	assert_int_equal(index_day("1970-01-01"), 0);
	assert_int_equal(index_day("1970-01-02"), 1);
	assert_int_equal(index_day("1969-12-31"), 0);
	assert_int_equal(index_day("0000-01-01"), 0);
	assert_int_equal(index_day("2000-02-29"), 11016);
	assert_int_equal(index_day("2000-03-01"), 11017);
	assert_int_equal(index_day("2100-03-01") - index_day("2100-02-28"), 1);
	assert_int_equal(index_day("2025-07-31"), 20300);
	assert_int_equal(index_day("9999-12-31"), 2932896);
}

static void
test_passages(void **state)
{
	static char text[4000];
	size_t i;

	(void)state;
	assert_int_equal(passage_length("", 0), 0);
	assert_int_equal(passage_length("court", 5), 5);
	memset(text, 'a', sizeof(text));
	/* nothing to cut at */
	assert_int_equal(passage_length(text, 1200), 1200);
	assert_int_equal(passage_length(text, 1201), 1200);
	/* a word's end, a sentence's, a paragraph's; not in the first half */
	text[1100] = ' ';
	assert_int_equal(passage_length(text, 4000), 1101);
	text[900] = '.';
	text[901] = ' ';
	assert_int_equal(passage_length(text, 4000), 902);
	text[700] = '\n';
	assert_int_equal(passage_length(text, 4000), 701);
	text[700] = 'a';
	text[500] = '\n';
	assert_int_equal(passage_length(text, 4000), 902);
	/* never within a character */
	for (i = 0; i + 3 <= 3999; i += 3)
		memcpy(text + i, "€", 3);
	assert_int_equal(passage_length(text, 3999), 1200);
	memmove(text + 1, text, 3900);
	text[0] = 'a';
	assert_int_equal(passage_length(text, 3901), 1198);
}

static void
test_stems(void **state)
{
	static const struct {
		const char *word, *stem;
	} rows[] = {
		{ "forets", "foret" },
		{ "foret", "foret" },
		{ "energies", "energ" },
		{ "energie", "energ" },
		{ "smartphones", "smartphon" },
		{ "prix", "prix" },
		{ "12", "12" },
		{ "s", "s" },
		{ "ς日本", "ς日本" },
	};
	struct stemmer *st = stemmer_open();
	struct token t = { .kind = WORD_PLAIN };
	size_t i;

	(void)state;
	assert_non_null(st);
	for (i = 0; i < LEN(rows); i++) {
		t.len = strlen(rows[i].word);
		memcpy(t.text, rows[i].word, t.len + 1);
		assert_true(stemmer_cut(st, &t));
		assert_string_equal(t.text, rows[i].stem);
		assert_int_equal(t.len, strlen(rows[i].stem));
	}
	stemmer_close(st);
	stemmer_close(NULL);
}

static void
test_slots(void **state)
{
	struct slots s = { .table = NULL };
	uint32_t i, found;
	size_t at = 0;

	(void)state;
	assert_int_equal(slots_next(&s, 1, &at), SLOT_NONE);
	for (i = 0; i < 10000; i++)
		assert_true(slots_add(&s, i % 5000, i));
	assert_int_equal(s.count, 10000);
	for (i = 0; i < 5000; i++) {
		at = 0;
		found = slots_next(&s, i, &at);
		assert_int_equal(found + slots_next(&s, i, &at), 2 * i + 5000);
		assert_int_equal(slots_next(&s, i, &at), SLOT_NONE);
	}
	at = 0;
	assert_int_equal(slots_next(&s, 5000, &at), SLOT_NONE);
	slots_free(&s);
	assert_int_equal(s.size, 0);
	assert_int_not_equal(slots_hash("a", 1), slots_hash("b", 1));
}

static void
test_pile(void **state)
{
	struct pile p = { .data = NULL };
	uint32_t i, n;

	(void)state;
	assert_true(pile_add(&p, "", 0));
	for (i = 0; i < 100000; i++)
		assert_true(pile_add(&p, &i, sizeof(i)));
	assert_int_equal(p.len, 400000);
	memcpy(&n, p.data + 4 * 77777, 4);
	assert_int_equal(n, 77777);
	assert_false(pile_add(&p, p.data, SIZE_MAX / 2));
	assert_int_equal(p.len, 400000);
	pile_free(&p);
	pile_free(&p);
	block_free(NULL, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postings),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_passages),
		cmocka_unit_test(test_stems),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_pile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
