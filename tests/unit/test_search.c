/* What a search finds, and in which order. */
#include "articles/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "articles/article_lines.h"
#include "temp_file.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define TODAY  20300 /* 2025-07-31 */

static const struct index_limits limits = { 100000, 1 << 30, 1 << 20, NULL };
static const struct search_conf conf = { 0.8, 0.3, { 0, 1 }, { 0, 1 } };

static const char small[] =
    "{\"title\":\"Les smartphones\",\"url\":\"https://a.invalid/1\","
    "\"date\":\"2025-01-01\",\"text\":\"Rien de neuf.\"}\n"
    "\n"
    "{\"title\":\"La forêt\",\"url\":\"http://a.invalid/(2)\","
    "\"date\":\"2025-03-01\",\"text\":\"Un nom pour la canicule.\","
    "\"more\":1}\r\n"
    "{\"title\":\"Du gaz\",\"url\":\"https://a.invalid/3\","
    "\"date\":\"2025-02-01\",\"text\":\"Un smartphone, et l’énergie, "
    "et les prix en France.\"}";

static struct index *
load(const char *text, size_t len)
{
	struct err err;
	struct index *ix;

	temp_file_write(text, len);
	ix = article_lines_read(temp_file_path(), &limits, &err);
	if (ix == NULL)
		fail_msg("%s", err.text);
	return ix;
}

struct world {
	struct index *index;
	struct search_result result;
	char found[64]; /* the articles' numbers, from 1: "1 3 " */
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->index = load(small, sizeof(small) - 1);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	search_free(&w->result);
	index_unref(w->index);
	free(w);
	return 0;
}

static const char *
run(struct world *w, const struct search_conf *cf, const struct search_ask *ask)
{
	size_t i, len = 0;

	search_free(&w->result);
	assert_int_equal(search_run(&w->result, w->index, cf, ask), RC_OK);
	assert_true(w->result.count <= ask->max);
	w->found[0] = '\0';
	for (i = 0; i < w->result.count; i++)
		len += (size_t)snprintf(w->found + len, sizeof(w->found) - len,
		    "%u ", (unsigned)w->result.hits[i].article.number + 1);
	return w->found;
}

static struct search_ask
asking(const char *text)
{
	return (struct search_ask){
		.message = { text, strlen(text) },
		.max = 3,
		.today = TODAY,
	};
}

static const char *
search(struct world *w, const char *text)
{
	struct search_ask ask = asking(text);

	return run(w, &conf, &ask);
}

static const char *
search_after(
    struct world *w, const char *before, const char *text, unsigned flags)
{
	struct search_ask ask = asking(text);

	ask.before = (struct query_text){ before, strlen(before) };
	ask.flags = flags;
	return run(w, &conf, &ask);
}

static void
test_search(void **state)
{
	static const struct {
		const char *text;
		bool in_title;
		const char *found;
	} rows[] = {
		/* the title counts more */
		{ "smartphone", false, "1 3 " },
		{ "SMARTPHONES !", false, "1 3 " },
		{ "smartphone", true, "1 " },
		/* accents, case, quotes, apostrophes */
		{ "foret", false, "2 " },
		{ "fore\xcc\x82t", false, "2 " },
		{ "FORÊTS", false, "2 " },
		{ "«énergies»", false, "3 " },
		{ "l'énergie…", false, "3 " },
		{ "l’energie", false, "3 " },
		{ "Quel est mon nom ?", false, "2 " },
		{ "Quel est mon nom ?", true, "" },
		/* words, whatever their ending, but not their beginning */
		{ "ga", false, "" },
		{ "gaz", false, "3 " },
		{ "énergétique", false, "" },
		{ "smart", false, "" },
		{ "mart", false, "" },
		{ "prix", false, "3 " },
		/* any of several */
		{ "canicule ou gaz", false, "3 2 " },
		{ "absent canicule", false, "2 " },
		{ "absent", false, "" },
		/* no sign means anything */
		{ "\"", false, "2 3 1 " },
		{ "title: gaz", false, "3 " },
		{ "gaz\" OR \"canicule", false, "3 2 " },
		{ "NOT gaz", false, "3 " },
		{ "NEAR(gaz canicule, 1)", false, "3 2 " },
		{ "^gaz", false, "3 " },
		{ "gaz*", false, "3 " },
		{ "-gaz + {canicule}", false, "3 2 " },
		{ "docs", false, "" },
		{ "\xff\xfe gaz \xc3", false, "3 " },
		{ "😀 gaz 😀", false, "3 " },
		/* nothing in particular: the newest */
		{ "", false, "2 3 1 " },
		{ "Et après ?", false, "2 3 1 " },
		{ "Et après ?", true, "2 3 1 " },
		{ "Quelles sont les dernières actualités ?", false, "2 3 1 " },
		{ "Quoi de neuf cette semaine ?", false, "1 " },
		{ "Les nouvelles de cette semaine", false, "2 3 1 " },
	};
	struct world *w = *state;
	struct search_ask ask;
	size_t i;

	for (i = 0; i < LEN(rows); i++) {
		ask = asking(rows[i].text);
		ask.flags = rows[i].in_title ? SEARCH_IN_TITLE : 0;
		if (strcmp(run(w, &conf, &ask), rows[i].found) != 0)
			fail_msg("%s: %s", rows[i].text, w->found);
		assert_int_equal(
		    w->result.newest, strcmp(rows[i].found, "2 3 1 ") == 0);
	}
}

static void
test_skip_and_max(void **state)
{
	static const uint32_t skip[] = { 7, 0 };
	struct world *w = *state;
	struct search_ask ask = asking("smartphone");

	ask.skip = skip;
	ask.skip_count = 2;
	assert_string_equal(run(w, &conf, &ask), "3 ");
	ask.message = (struct query_text){ "", 0 };
	assert_string_equal(run(w, &conf, &ask), "2 3 ");
	ask = asking("smartphone");
	ask.max = 1;
	assert_string_equal(run(w, &conf, &ask), "1 ");
	ask.max = 0;
	assert_string_equal(run(w, &conf, &ask), "");
	ask.max = 1000;
	assert_string_equal(run(w, &conf, &ask), "1 3 ");
}

/* Long words, which are cut, and too many. */
static void
test_search_for_much(void **state)
{
	static char text[16384];
	struct world *w = *state;
	size_t i;

	for (i = 0; i + 1 < sizeof(text); i++)
		text[i] = i % 100 == 99 ? ' ' : 'a';
	assert_string_equal(search(w, text), "");
	for (i = 0; i + 1 < sizeof(text); i++)
		text[i] = "gaz "[i % 4];
	assert_string_equal(search(w, text), "3 ");
}

/* What the question before counts. */
static void
test_follow_ups(void **state)
{
	struct world *w = *state;

	/* nothing of its own: the question before, whatever it was */
	assert_string_equal(search_after(w, "gaz", "Et après ?", 0), "3 ");
	assert_string_equal(search_after(w, "", "Et après ?", 0), "2 3 1 ");
	assert_false(search_after(w, "gaz", "Et après ?", 0) == NULL);
	assert_false(w->result.newest);
	/* its own words first, then the other's */
	assert_string_equal(
	    search_after(w, "canicule", "smartphone", 0), "1 2 3 ");
	assert_string_equal(search_after(w, "canicule", "un absent", 0), "2 ");
	/* only what has a word of its own */
	assert_string_equal(
	    search_after(w, "canicule", "un absent", SEARCH_OWN_WORD), "");
	assert_string_equal(
	    search_after(w, "canicule", "smartphone", SEARCH_OWN_WORD), "1 3 ");
	assert_string_equal(
	    search_after(w, "énergie", "smartphone", SEARCH_OWN_WORD), "3 1 ");
	assert_string_equal(
	    search_after(w, "gaz", "Et après ?", SEARCH_OWN_WORD), "3 ");
}

static void
test_relevance(void **state)
{
	struct world *w = *state;
	struct search_conf all = conf, none = conf;
	struct search_ask ask = asking("smartphone");

	search(w, "smartphone");
	assert_true(w->result.relevant);
	search(w, "smartphone absent inconnu disparu");
	assert_int_equal(w->result.count, 2);
	assert_false(w->result.relevant);
	search(w, "absent");
	assert_false(w->result.relevant);
	/* the newest are what was asked for, or not */
	search(w, "Les dernières nouvelles ?");
	assert_true(w->result.relevant && w->result.newest);
	search(w, "Bonjour !");
	assert_true(!w->result.relevant && w->result.newest);

	none.threshold = 3;
	run(w, &none, &ask);
	assert_false(w->result.relevant);
	all.threshold = 0;
	ask = asking("smartphone absent inconnu disparu");
	run(w, &all, &ask);
	assert_true(w->result.relevant);
	ask = asking("absent");
	run(w, &all, &ask);
	assert_false(w->result.relevant);
}

static const char neighbours[] =
    "{\"title\":\"a\",\"url\":\"http://a/1\",\"date\":\"2025-01-01\","
    "\"text\":\"Le contrat, dit-on ici partout souvent, du travail.\"}\n"
    "{\"title\":\"a\",\"url\":\"http://a/2\",\"date\":\"2024-06-01\","
    "\"text\":\"Le contrat de travail, dit-on ici partout souvent.\"}\n"
    "{\"title\":\"a\",\"url\":\"http://a/3\",\"date\":\"2025-07-30\","
    "\"text\":\"Le contrat, dit-on ici partout souvent, du travail.\"}";

static void
test_neighbours_and_age(void **state)
{
	struct search_conf fresh = { 0.8, 0.3, { 0.1, 30 }, { 5, 180 } };
	struct world *w = *state;
	struct search_ask ask = asking("contrat de travail");

	index_unref(w->index);
	w->index = load(neighbours, sizeof(neighbours) - 1);
	assert_string_equal(search(w, "contrat de travail"), "2 1 3 ");
	assert_string_equal(search(w, "travail"), "1 2 3 ");
	/* newer, other things being nearly equal */
	assert_string_equal(run(w, &fresh, &ask), "2 3 1 ");
	/* much newer, when that is asked for */
	ask = asking("Du nouveau sur le contrat de travail ?");
	assert_string_equal(run(w, &fresh, &ask), "3 1 2 ");
	/* what is to come is as new as what is from today */
	ask.today = 0;
	assert_string_equal(run(w, &fresh, &ask), "2 1 3 ");
}

/* The part of a text that answers is what is given of it. */
static void
test_passages(void **state)
{
	static char text[8192];
	struct world *w = *state;
	const struct search_hit *hit;
	size_t len, i;

	len = (size_t)snprintf(text, sizeof(text),
	    "{\"title\":\"Le mot\",\"url\":\"http://a/1\","
	    "\"date\":\"2025-01-01\",\"text\":\"");
	for (i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    i == 70   ? "Le gaz est cher, le gaz est rare. "
		    : i == 20 ? "Le gaz, peut-être, et autre chose. "
			      : "Une phrase qui ne dit pas le mot. ");
	len += (size_t)snprintf(text + len, sizeof(text) - len, "\"}");
	index_unref(w->index);
	w->index = load(text, len);
	assert_string_equal(search(w, "gaz"), "1 ");
	hit = &w->result.hits[0];
	assert_int_equal(hit->count, 2);
	assert_non_null(memmem(hit->passages[0].text, hit->passages[0].len,
	    "Le gaz est cher", 15));
	assert_non_null(memmem(
	    hit->passages[1].text, hit->passages[1].len, "Le gaz, peut", 12));
	assert_true(hit->passages[0].score > hit->passages[1].score);
	assert_true(hit->score >= hit->passages[0].score);
}

/* A result keeps the index that it came from. */
static void
test_result_holds_the_index(void **state)
{
	struct world *w = *state;

	search(w, "gaz");
	index_unref(w->index);
	w->index = load(neighbours, sizeof(neighbours) - 1);
	assert_string_equal(w->result.hits[0].article.title, "Du gaz");
}

/* Ranked, however many match; two passages of one article at most. */
static void
test_many(void **state)
{
	const int count = 8000;
	struct world *w = *state;
	size_t size = (size_t)count * 160, len = 0;
	char *text = malloc(size);
	int i;

	assert_non_null(text);
	for (i = 1; i <= count; i++)
		len += (size_t)snprintf(text + len, size - len,
		    "{\"title\":\"%s\",\"url\":\"http://a/%d\","
		    "\"date\":\"2025-01-01\",\"text\":\"commun %s\"}\n",
		    i == count ? "commun rare" : "t", i,
		    i == 5000 ? "commun commun" : "");
	index_unref(w->index);
	w->index = load(text, len);
	assert_string_equal(search(w, "commun"), "8000 5000 1 ");
	assert_string_equal(search(w, "rare"), "8000 ");
	assert_string_equal(search(w, "commun rare"), "8000 5000 1 ");
	free(text);
}

static void
test_samples(void **state)
{
	static const char *const subjects[] = { "smartphones",
		"indice de réparabilité", "garantie légale", "énergie",
		"assurance", "livraison", "abonnements", "arnaques",
		"alimentaire", "électroménager", "mutuelle", "voyages" };
	struct world *w = *state;
	struct search_ask ask;
	struct err err;
	size_t i;

	index_unref(w->index);
	w->index = article_lines_read(NULL, &limits, &err);
	assert_non_null(w->index);
	assert_true(index_count(w->index) >= LEN(subjects));
	for (i = 0; i < LEN(subjects); i++) {
		ask = asking(subjects[i]);
		ask.flags = SEARCH_IN_TITLE;
		if (*run(w, &conf, &ask) == '\0')
			fail_msg("%s", subjects[i]);
		assert_non_null(strstr(
		    w->result.hits[0].article.url, "https://exemple.invalid/"));
		assert_true(w->result.hits[0].passages[0].len > 50);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_search),
		TEST(test_skip_and_max),
		TEST(test_search_for_much),
		TEST(test_follow_ups),
		TEST(test_relevance),
		TEST(test_neighbours_and_age),
		TEST(test_passages),
		TEST(test_result_holds_the_index),
		TEST(test_many),
		TEST(test_samples),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
