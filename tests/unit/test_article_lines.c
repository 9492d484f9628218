/* Articles as JSON Lines: what is taken in, and what is refused where. */
#include "articles/article_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "temp_file.h"

#define LEN(a)        (sizeof(a) / sizeof((a)[0]))
#define ARTICLE_BYTES 4096

static const struct index_limits limits = { 3, 1 << 20, ARTICLE_BYTES, NULL };

static struct index *
load(const char *text, size_t len, struct err *err)
{
	temp_file_write(text, len);
	return article_lines_read(temp_file_path(), &limits, err);
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
		    ":2: url: must be unique, not \"http://a\"" },
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
	char expected[ERR_SIZE];
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(rows); i++) {
		assert_null(load(rows[i].text, strlen(rows[i].text), &err));
		snprintf(expected, sizeof(expected), "articles: %s%s",
		    temp_file_path(), rows[i].err);
		assert_string_equal(err.text, expected);
	}
}

/* Marks and line ends of Windows, blank lines, members that are not known. */
static void
test_what_people_write(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "{\"title\":\"Les smartphones\","
				   "\"url\":\"http://a.invalid/(2)\","
				   "\"date\":\"2025-01-01\",\"text\":\"é\","
				   "\"more\":1}\r\n\r\n \t\r\n" OTHER(
				       "http://b");
	struct err err;
	struct index *ix = load(text, sizeof(text) - 1, &err);
	struct article a;
	uint32_t n;

	(void)state;
	assert_non_null(ix);
	assert_int_equal(index_count(ix), 2);
	a = index_article(ix, 0);
	assert_string_equal(a.title, "Les smartphones");
	assert_string_equal(a.url, "http://a.invalid/%282%29");
	assert_string_equal(a.date, "2025-01-01");
	assert_string_equal(a.text, "é");
	assert_true(index_by_url(ix, a.url, a.url_len, &n));
	assert_int_equal(n, 0);
	assert_true(index_by_url(ix, "http://b...", 8, &n));
	assert_int_equal(n, 1);
	assert_false(index_by_url(ix, "http://c", 8, &n));
	assert_false(index_by_url(ix, "", 0, &n));
	index_unref(ix);
}

static void
assert_refused(const char *text, size_t len, const char *said)
{
	struct err err;

	assert_null(load(text, len, &err));
	if (strstr(err.text, said) == NULL)
		fail_msg("%s", err.text);
}

static void
test_limits(void **state)
{
	static const char many[] = OTHER("http://a") OTHER("http://b")
	    OTHER("http://c") OTHER("http://d");
	static char text[8 * ARTICLE_BYTES];
	size_t len;

	(void)state;
	assert_refused(many, sizeof(many) - 1,
	    ":4: is one article too many (articles_max)");
	len = (size_t)snprintf(text, sizeof(text),
	    ROW("\"t\"", "\"http://a\"", "\"2025-01-31\"", "\"%*d\""),
	    ARTICLE_BYTES, 1);
	assert_refused(text, len, ":1: is longer than article_max_bytes");
	memset(text, ' ', sizeof(text));
	assert_refused(text, sizeof(text), ":1: ");
}

static void
test_no_such_file(void **state)
{
	struct err err;

	(void)state;
	assert_null(article_lines_read("/nonexistent/file", &limits, &err));
	assert_non_null(
	    strstr(err.text, "articles: /nonexistent/file: cannot be read: "));
}

/* Another thread wants it to end. */
static void
test_stopped(void **state)
{
	atomic_bool stop = true;
	struct index_limits stopped = limits;
	struct err err;

	(void)state;
	stopped.stop = &stop;
	temp_file_write(GOOD, sizeof(GOOD) - 1);
	assert_null(article_lines_read(temp_file_path(), &stopped, &err));
	assert_non_null(strstr(err.text, "stopped"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_what_people_write),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_such_file),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
