/* The collection while it is served: another file, a bad one, many readers. */
#include "articles/articles.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "temp_file.h"

#define SWAPS 200

#define ONE(n) \
	"{\"title\":\"t" #n "\",\"url\":\"http://a/" #n \
	"\",\"date\":\"2025-01-31\",\"text\":\"gaz " #n "\"}\n"

static struct articles_conf conf = {
	.limits = { 10, 1 << 24, 1 << 16, NULL },
	.search = { 0.8, 0.3, { 0, 1 }, { 0, 1 } },
};

static void
write_file(const char *text)
{
	temp_file_write(text, strlen(text));
}

static struct articles *
open_file(const char *text)
{
	struct err err;
	struct articles *a;

	write_file(text);
	conf.path = temp_file_path();
	if ((a = articles_open(&conf, &err)) == NULL)
		fail_msg("%s", err.text);
	return a;
}

static size_t
served(struct articles *a)
{
	struct index *ix = articles_index(a);
	size_t n = index_count(ix);

	index_unref(ix);
	return n;
}

static void
test_renewal(void **state)
{
	struct articles *a = open_file(ONE(1));
	struct index *old = articles_index(a);
	struct err err;

	(void)state;
	assert_int_equal(articles_renew(a, &err), ARTICLES_SAME);
	write_file(ONE(1) ONE(2));
	assert_int_equal(articles_renew(a, &err), ARTICLES_NEW);
	assert_int_equal(served(a), 2);
	assert_int_equal(articles_renew(a, &err), ARTICLES_SAME);
	/* whoever had the old one has it still */
	assert_int_equal(index_count(old), 1);
	assert_string_equal(index_article(old, 0).title, "t1");
	index_unref(old);
	articles_close(a);
}

static void
test_bad_file(void **state)
{
	struct articles *a = open_file(ONE(1));
	struct err err;

	(void)state;
	write_file(ONE(1) "{");
	assert_int_equal(articles_renew(a, &err), ARTICLES_BAD);
	assert_non_null(strstr(err.text, ":2: is not a valid JSON object"));
	assert_int_equal(served(a), 1);
	/* told once */
	assert_int_equal(articles_renew(a, &err), ARTICLES_SAME);
	unlink(temp_file_path());
	assert_int_equal(articles_renew(a, &err), ARTICLES_BAD);
	assert_int_equal(articles_renew(a, &err), ARTICLES_SAME);
	assert_int_equal(served(a), 1);
	write_file(ONE(1) ONE(2) ONE(3));
	assert_int_equal(articles_renew(a, &err), ARTICLES_NEW);
	assert_int_equal(served(a), 3);
	articles_close(a);
}

/* An index file in the place of JSON Lines, told by how it begins. */
static void
test_convert(void **state)
{
	struct articles *a = open_file(ONE(1) ONE(2));
	char path[256];
	struct err err;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s.idx", temp_file_path());
	assert_true(articles_convert(&conf, path, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	write_file("{");
	assert_int_equal(articles_renew(a, &err), ARTICLES_BAD);
	assert_int_equal(rename(path, temp_file_path()), 0);
	assert_int_equal(articles_renew(a, &err), ARTICLES_NEW);
	assert_int_equal(served(a), 2);
	assert_false(articles_convert(&conf, "/nonexistent/x.idx", &err));
	assert_string_equal(
	    err.text, "/nonexistent/x.idx: No such file or directory");
	articles_close(a);
}

static void
test_age(void **state)
{
	struct articles *a = open_file(ONE(1));
	struct articles_conf samples = conf;
	struct err err;
	struct stat st;
	int64_t ms;

	(void)state;
	assert_int_equal(stat(temp_file_path(), &st), 0);
	ms = (int64_t)st.st_mtim.tv_sec * 1000;
	assert_int_equal(articles_age(a, ms + 90999), 90);
	assert_int_equal(articles_age(a, ms - 5000), 0);
	articles_close(a);
	samples.path = NULL;
	samples.limits.articles = 100;
	assert_non_null(a = articles_open(&samples, &err));
	assert_int_equal(articles_age(a, ms), 0);
	assert_int_equal(articles_renew(a, &err), ARTICLES_SAME);
	articles_close(a);
}

static void
test_not_a_file(void **state)
{
	struct err err;

	(void)state;
	conf.path = "/dev";
	assert_null(articles_open(&conf, &err));
	assert_string_equal(err.text, "articles: /dev: is not a regular file");
	conf.path = "/nonexistent";
	assert_null(articles_open(&conf, &err));
	assert_string_equal(err.text, "articles: /nonexistent: cannot be read: "
				      "No such file or directory");
}

static void *
search_on(void *arg)
{
	struct articles *a = arg;
	struct search_ask ask = { .message = { "gaz", 3 }, .max = 3 };
	struct search_result r;
	struct index *ix;
	size_t count;

	do {
		ix = articles_index(a);
		assert_int_equal(
		    search_run(&r, ix, articles_search(a), &ask), RC_OK);
		index_unref(ix);
		assert_string_equal(r.hits[0].article.date, "2025-01-31");
		count = r.count;
		search_free(&r);
	} while (count != 3);
	return NULL;
}

/* Threads search while it is replaced again and again. */
static void
test_swaps(void **state)
{
	struct articles *a = open_file(ONE(1));
	pthread_t threads[3];
	struct err err;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, search_on, a), 0);
	for (i = 0; i < SWAPS; i++) {
		write_file(i % 2 == 0 ? ONE(1) ONE(2) : ONE(1));
		assert_int_equal(articles_renew(a, &err), ARTICLES_NEW);
	}
	write_file(ONE(1) ONE(2) ONE(3));
	assert_int_equal(articles_renew(a, &err), ARTICLES_NEW);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	articles_close(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_bad_file),
		cmocka_unit_test(test_convert),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_not_a_file),
		cmocka_unit_test(test_swaps),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
