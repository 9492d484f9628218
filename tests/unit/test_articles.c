/* The collection of articles: what it takes in, and what is found in it. */
#include "articles/article_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "temp_file.h"

#define ERR_SIZE 256
#define LEN(a)   (sizeof(a) / sizeof((a)[0]))

static struct articles *
load(const char *text, size_t len, char err[ERR_SIZE])
{
	temp_file_write(text, len);
	return articles_load(temp_file_path(), err, ERR_SIZE);
}

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

struct world {
	struct articles *articles;
	struct article_search *search;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char err[ERR_SIZE];

	assert_non_null(w);
	w->articles = load(small, sizeof(small) - 1, err);
	assert_non_null(w->articles);
	assert_non_null(w->search = article_search_open(w->articles));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	article_search_close(w->search);
	articles_free(w->articles);
	free(w);
	return 0;
}

struct found {
	char ids[64]; /* "1 3 " */
	char url[64];
	char excerpt[1300];
};

static void
on_found(void *arg, const struct article *article)
{
	struct found *f = arg;
	size_t len = strlen(f->ids);

	snprintf(f->ids + len, sizeof(f->ids) - len, "%d ", (int)article->id);
	snprintf(f->url, sizeof(f->url), "%s", article->url);
	snprintf(f->excerpt, sizeof(f->excerpt), "%s", article->excerpt);
}

static struct found
search(struct article_search *s, const char *text, bool in_title,
    const int64_t *skip, size_t skip_count, int max)
{
	const struct article_query query = {
		.text = text,
		.len = strlen(text),
		.in_title = in_title,
		.skip = skip,
		.skip_count = skip_count,
		.max = max,
	};
	struct found f = { .ids = "" };
	int n = article_search(s, &query, on_found, &f), seen = 0;

	for (const char *p = f.ids; *p != '\0'; p++)
		seen += *p == ' ';
	assert_int_equal(n, seen);
	return f;
}

static void
test_search(void **state)
{
	static const struct {
		const char *text;
		bool in_title;
		const char *ids;
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
		/* short words are whole, long ones may go on */
		{ "ga", false, "" },
		{ "gaz", false, "3 " },
		{ "smart", false, "1 3 " },
		{ "mart", false, "" },
		{ "prix", false, "3 " },
		/* any of several */
		{ "canicule ou gaz", false, "3 2 " },
		{ "absent canicule", false, "2 " },
		{ "absent", false, "" },
		/* what means something to the index is a word like others */
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
	};
	struct world *w = *state;
	struct found f;
	size_t i;

	for (i = 0; i < LEN(rows); i++) {
		f = search(
		    w->search, rows[i].text, rows[i].in_title, NULL, 0, 3);
		if (strcmp(f.ids, rows[i].ids) != 0)
			fail_msg("%s: %s", rows[i].text, f.ids);
	}
}

static void
test_skip_and_max(void **state)
{
	static const int64_t skip[] = { 7, 1 };
	struct world *w = *state;

	assert_string_equal(
	    search(w->search, "smartphone", false, skip, 2, 3).ids, "3 ");
	assert_string_equal(
	    search(w->search, "smartphone", false, NULL, 0, 1).ids, "1 ");
	assert_string_equal(
	    search(w->search, "smartphone", false, NULL, 0, 0).ids, "");
	assert_string_equal(
	    search(w->search, "", false, skip, 2, 3).ids, "2 3 ");
}

/* Long ones, which are cut, and too many. */
static void
test_search_for_much(void **state)
{
	static char text[16384];
	struct world *w = *state;
	size_t i;

	for (i = 0; i + 1 < sizeof(text); i++)
		text[i] = i % 100 == 99 ? ' ' : 'a';
	assert_string_equal(search(w->search, text, false, NULL, 0, 3).ids, "");
	for (i = 0; i + 1 < sizeof(text); i++)
		text[i] = "gaz "[i % 4];
	assert_string_equal(
	    search(w->search, text, false, NULL, 0, 3).ids, "3 ");
}

static void
test_by_url(void **state)
{
	struct world *w = *state;
	struct found f = search(w->search, "canicule", false, NULL, 0, 1);

	/* it may stand between parentheses */
	assert_string_equal(f.url, "http://a.invalid/%282%29");
	assert_int_equal(article_by_url(w->search, f.url, strlen(f.url)), 2);
	assert_int_equal(
	    article_by_url(w->search, "https://a.invalid/3 ...", 19), 3);
	assert_int_equal(
	    article_by_url(w->search, "https://a.invalid/3", 18), 0);
	assert_int_equal(article_by_url(w->search, "", 0), 0);
}

#define ROW(title, url, date, text) \
	"{\"title\":" title ",\"url\":" url ",\"date\":" date \
	",\"text\":" text "}\n"
#define GOOD        ROW("\"t\"", "\"http://a\"", "\"2025-01-31\"", "\"x\"")
#define OTHER(url)  ROW("\"t\"", "\"" url "\"", "\"2025-01-31\"", "\"x\"")
#define DATED(date) ROW("\"t\"", "\"http://b\"", "\"" date "\"", "\"x\"")

#define NO_OBJECT "is not a valid JSON object; each line must be one"
#define BAD_URL(url) \
	"url: must begin with http:// or https:// and be ASCII without " \
	"blanks, not \"" url "\""

static void
test_broken_lines(void **state)
{
	static const struct {
		const char *text;
		const char *err; /* behind the path */
	} rows[] = {
		{ "", ": contains no article" },
		{ " \n\n", ": contains no article" },
		{ "x", ":1: " NO_OBJECT },
		{ "[]", ":1: " NO_OBJECT },
		{ GOOD "\n{\"title\":\"t\"", ":3: " NO_OBJECT },
		{ GOOD "{}", ":2: title: must be a string that is not blank" },
		{ ROW("1", "\"http://a\"", "\"2025-01-01\"", "\"x\""),
		    ":1: title: must be a string that is not blank" },
		{ ROW("\"t\"", "\"http://a\"", "\"2025-01-01\"", "\" \""),
		    ":1: text: must be a string that is not blank" },
		{ OTHER("ftp://a"), ":1: " BAD_URL("ftp://a") },
		{ OTHER("javascript:http://a"),
		    ":1: " BAD_URL("javascript:http://a") },
		{ OTHER("http://a b"), ":1: " BAD_URL("http://a b") },
		{ OTHER("http://a>"), ":1: " BAD_URL("http://a>") },
		{ OTHER("http://a\x7f"), ":1: " BAD_URL("http://a?") },
		{ OTHER("http://é"), ":1: " BAD_URL("http://??") },
		{ GOOD OTHER("http://a"),
		    ":2: url: must be another article's than that of an "
		    "earlier line, not \"http://a\"" },
		{ GOOD "r\xe9sum\xe9\r\n", ":2: is not UTF-8" },
		{ DATED("2025-13-01"),
		    ":1: date: must be YYYY-MM-DD, not \"2025-13-01\"" },
		{ DATED("2025-00-01"),
		    ":1: date: must be YYYY-MM-DD, not \"2025-00-01\"" },
		{ DATED("2025-01-32"),
		    ":1: date: must be YYYY-MM-DD, not \"2025-01-32\"" },
		{ DATED("2025-01-00"),
		    ":1: date: must be YYYY-MM-DD, not \"2025-01-00\"" },
		{ DATED("2025-1-01"),
		    ":1: date: must be YYYY-MM-DD, not \"2025-1-01\"" },
		{ DATED("2025-01-01T"),
		    ":1: date: must be YYYY-MM-DD, not \"2025-01-01T\"" },
		{ DATED("2025/01/01"),
		    ":1: date: must be YYYY-MM-DD, not \"2025/01/01\"" },
		{ DATED("x025-01-01"),
		    ":1: date: must be YYYY-MM-DD, not \"x025-01-01\"" },
	};
	char err[ERR_SIZE], expected[ERR_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(rows); i++) {
		assert_null(load(rows[i].text, strlen(rows[i].text), err));
		snprintf(expected, sizeof(expected), "articles: %s%s",
		    temp_file_path(), rows[i].err);
		assert_string_equal(err, expected);
	}
}

static void
test_long_line(void **state)
{
	char err[ERR_SIZE];
	struct articles *articles;
	char *text = malloc(ARTICLE_LINE_MAX + 2);
	size_t len = ARTICLE_LINE_MAX;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', ARTICLE_LINE_MAX + 2);
	memcpy(text, GOOD, sizeof(GOOD) - 2);
	text[len] = '\n';
	articles = load(text, len + 1, err);
	assert_non_null(articles);
	assert_int_equal(articles_count(articles), 1);
	articles_free(articles);

	text[len] = ' ';
	text[len + 1] = '\n';
	assert_null(load(text, len + 2, err));
	assert_non_null(strstr(err, ":1: is longer than 262144 bytes"));
	free(text);
}

static void
test_no_such_file(void **state)
{
	char err[ERR_SIZE];

	(void)state;
	assert_null(articles_load("/nonexistent/file", err, sizeof(err)));
	assert_string_equal(err, "articles: /nonexistent/file: cannot be read: "
				 "No such file or directory");
	assert_null(articles_load("/tmp", err, sizeof(err)));
	assert_string_equal(
	    err, "articles: /tmp: cannot be read: Is a directory");
}

/* As editors of Windows save it. */
static void
test_mark_and_line_ends(void **state)
{
	static const char text[] = "\xef\xbb\xbf" GOOD "\r\n\r\n";
	char err[ERR_SIZE];
	struct articles *articles = load(text, sizeof(text) - 1, err);

	(void)state;
	assert_non_null(articles);
	assert_int_equal(articles_count(articles), 1);
	articles_free(articles);
}

/* So many match that they are not ranked; a rare word is found as ever. */
static void
test_work_is_bounded(void **state)
{
	const int count = 8000;
	char err[ERR_SIZE];
	struct articles *articles;
	struct article_search *s;
	size_t size = (size_t)count * 128, len = 0;
	char *text = malloc(size);
	struct found f;
	int i;

	(void)state;
	assert_non_null(text);
	for (i = 1; i <= count; i++)
		len += (size_t)snprintf(text + len, size - len,
		    "{\"title\":\"%s\",\"url\":\"http://a/%d\","
		    "\"date\":\"2025-01-01\",\"text\":\"commun\"}\n",
		    i == count ? "commun rare" : "t", i);
	assert_non_null(articles = load(text, len, err));
	assert_non_null(s = article_search_open(articles));
	f = search(s, "commun", false, NULL, 0, 3);
	assert_string_equal(f.ids, "1 2 3 ");
	f = search(s, "rare", false, NULL, 0, 3);
	assert_string_equal(f.ids, "8000 ");
	article_search_close(s);
	articles_free(articles);
	free(text);
}

/* Two loops read the same bytes. */
static void
test_two_searches(void **state)
{
	struct world *w = *state;
	struct article_search *other = article_search_open(w->articles);

	assert_non_null(other);
	assert_string_equal(
	    search(w->search, "gaz", false, NULL, 0, 3).ids, "3 ");
	assert_string_equal(search(other, "gaz", false, NULL, 0, 3).ids, "3 ");
	article_search_close(other);
	assert_string_equal(
	    search(w->search, "canicule", false, NULL, 0, 3).ids, "2 ");
}

static void
test_samples(void **state)
{
	static const char *const subjects[] = { "smartphones",
		"indice de réparabilité", "garantie légale", "énergie",
		"assurance", "livraison", "abonnements", "arnaques",
		"alimentaire", "électroménager", "mutuelle", "voyages" };
	char err[ERR_SIZE];
	struct articles *articles = articles_load(NULL, err, sizeof(err));
	struct article_search *s;
	struct found f;
	size_t i;

	(void)state;
	assert_non_null(articles);
	assert_true(articles_count(articles) >= LEN(subjects));
	assert_non_null(s = article_search_open(articles));
	for (i = 0; i < LEN(subjects); i++) {
		f = search(s, subjects[i], true, NULL, 0, 1);
		if (f.ids[0] == '\0')
			fail_msg("%s", subjects[i]);
		assert_non_null(strstr(f.url, "https://exemple.invalid/"));
		assert_true(strlen(f.excerpt) > 50);
	}
	article_search_close(s);
	articles_free(articles);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_search),
		TEST(test_skip_and_max),
		TEST(test_search_for_much),
		TEST(test_by_url),
		cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_no_such_file),
		cmocka_unit_test(test_mark_and_line_ends),
		cmocka_unit_test(test_work_is_bounded),
		TEST(test_two_searches),
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
