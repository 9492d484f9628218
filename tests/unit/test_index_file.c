/* An index as a file: what is written is read again, all else is refused. */
#include "articles/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "articles/article_lines.h"
#include "articles/index_check.h"
#include "articles/index_layout.h"
#include "articles/pile.h"
#include "articles/search.h"
#include "temp_file.h"

#define ROW(n, date, text) \
	"{\"title\":\"Titre " #n "\",\"url\":\"http://a/" #n \
	"\",\"date\":\"" date "\",\"text\":\"" text "\"}\n"

static const struct index_limits limits = { 10, 1 << 20, 1 << 16, NULL };

static char *bytes; /* of a whole index, as block_new gave them */
static size_t size;

static char *
copy_of(const char *from, size_t n)
{
	char *copy = malloc(n);

	assert_non_null(copy);
	memcpy(copy, from, n);
	return copy;
}

/* Out of articles, by way of the file. */
static void
make_bytes(void)
{
	static const char rows[] = ROW(1, "2025-01-01", "Le gaz est cher.") ROW(
	    2, "2025-02-01", "La forêt brûle.") ROW(3, "1965-01-01", "Gaz.");
	const char *whole;
	struct err err;
	struct index *ix;

	temp_file_write(rows, sizeof(rows) - 1);
	ix = article_lines_read(temp_file_path(), &limits, &err);
	assert_non_null(ix);
	whole = index_bytes(ix, &size);
	bytes = copy_of(whole, size);
	assert_true(index_file_write(ix, temp_file_path()));
	index_unref(ix);
}

static int
setup(void **state)
{
	if (temp_file_setup(state) != 0)
		return -1;
	make_bytes();
	return 0;
}

static int
teardown(void **state)
{
	free(bytes);
	return temp_file_teardown(state);
}

static struct index *
read_as(size_t n, const char **what)
{
	int fd = open(temp_file_path(), O_RDONLY);
	struct index *ix;

	assert_int_not_equal(fd, -1);
	ix = index_file_read(fd, n, &limits, what);
	close(fd);
	return ix;
}

static struct index *
read_file(const char *content, size_t n, const char **what)
{
	temp_file_write(content, n);
	return read_as(n, what);
}

static void
assert_refused(const char *content, size_t n, const char *why)
{
	const char *what;

	assert_null(read_file(content, n, &what));
	if (strstr(what, why) == NULL)
		fail_msg("%s", what);
}

/* Everything that an index is asked for. */
static void
ask_all(struct index *ix)
{
	static const char *const texts[] = { "gaz", "la forêt du titre", "" };
	static const struct search_conf conf = { 0.8, 0.3, { 0.1, 30 },
		{ 0.5, 180 } };
	struct search_ask ask = { .max = SEARCH_MAX, .today = 20000 };
	struct search_result r;
	uint32_t n;
	size_t i, k;

	for (i = 0; i < 3; i++) {
		ask.message = (struct query_text){ texts[i], strlen(texts[i]) };
		assert_int_equal(search_run(&r, ix, &conf, &ask), RC_OK);
		for (k = 0; k < r.count; k++)
			assert_true(index_by_url(ix, r.hits[k].article.url,
			    r.hits[k].article.url_len, &n));
		search_free(&r);
	}
}

static void
test_whole(void **state)
{
	const char *what, *again;
	struct index *ix = read_file(bytes, size, &what);
	struct stat st;
	size_t n;
	int fd;

	(void)state;
	assert_non_null(ix);
	assert_int_equal(index_count(ix), 3);
	assert_string_equal(index_article(ix, 1).text, "La forêt brûle.");
	again = index_bytes(ix, &n);
	assert_int_equal(n, size);
	assert_memory_equal(again, bytes, n);
	ask_all(ix);
	index_unref(ix);
	fd = open(temp_file_path(), O_RDONLY);
	assert_true(index_file_is(fd));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
	temp_file_write("{}", 2);
	fd = open(temp_file_path(), O_RDONLY);
	assert_false(index_file_is(fd));
	close(fd);
	assert_int_equal(stat(temp_file_path(), &st), 0);
}

/* The same articles make the same bytes. */
static void
test_deterministic(void **state)
{
	char *before = bytes;
	size_t n = size;

	(void)state;
	make_bytes();
	assert_int_equal(size, n);
	assert_memory_equal(bytes, before, n);
	free(before);
}

/* Cut anywhere, at each section's beginning too; and longer than it says. */
static void
test_cut(void **state)
{
	char *longer = calloc(1, size + 8);
	size_t n;

	(void)state;
	assert_non_null(longer);
	for (n = 0; n < size; n++)
		assert_refused(bytes, n, "is cut off");
	memcpy(longer, bytes, size);
	assert_refused(longer, size + 8, "is cut off");
	free(longer);
}

/* Cut between the look at its size and reading it. */
static void
test_cut_while_read(void **state)
{
	const char *what;

	(void)state;
	temp_file_write(bytes, size - 1);
	assert_null(read_as(size, &what));
	assert_string_equal(what, "was truncated while it was being read");
	temp_file_write(bytes, sizeof(struct index_head) - 1);
	assert_null(read_as(size, &what));
	assert_string_equal(what, "was truncated while it was being read");
}

/* Each byte changed: the checksum, or what stands before it, tells. */
static void
test_flipped(void **state)
{
	char *copy = copy_of(bytes, size);
	const char *what;
	size_t i;

	(void)state;
	for (i = 0; i < size; i++) {
		copy[i] ^= (char)(1 << i % 8);
		if (read_file(copy, size, &what) != NULL)
			fail_msg("byte %zu", i);
		copy[i] = bytes[i];
	}
	free(copy);
}

/*
 * Each byte changed in several ways by somebody who knows the checksum: refused
 * or harmless.
 */
static void
test_forged(void **state)
{
	static const unsigned char masks[] = { 1, 2, 0x80, 0xff };
	struct index_head *head;
	char *copy = copy_of(bytes, size), *block;
	size_t i, k, taken = 0;
	struct index *ix;

	(void)state;
	head = (void *)copy;
	for (i = 0; i < 4 * size; i++) {
		k = i / 4;
		copy[k] = (char)(bytes[k] ^ (char)masks[i % 4]);
		if (k >= offsetof(struct index_head, articles))
			head->checksum = index_checksum(copy, size);
		if (index_check_head(head, size) == NULL &&
		    index_check(copy, size) == NULL) {
			assert_non_null(block = block_new(size));
			memcpy(block, copy, size);
			assert_non_null(ix = index_new(block, size));
			ask_all(ix);
			index_unref(ix);
			taken++;
		}
		memcpy(copy, bytes, size);
	}
	/* the letters of texts, the impacts: nothing leads astray there */
	assert_true(taken > 0 && taken < 2 * size);
	free(copy);
}

static void
test_head(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *why;
	} rows[] = {
		{ 0, 0x53554143, "is not an index" },
		{ 8, 2, "was made by another version" },
		{ 12, 0x04030201, "was made on another kind of machine" },
		{ 16, 0, "is cut off, or not as long as it says" },
		{ 24, 0, "is damaged: its checksum differs" },
		{ 32, 0, "is cut off, or not as long as it says" },
		{ 36, 0xffffffff, "is cut off" },
		{ 84, 0x00010000, "is cut off" },
	};
	const struct index_head huge = { .texts = UINT64_MAX - 8 };
	char *copy = copy_of(bytes, size);
	struct index_view v;
	size_t i;

	(void)state;
	assert_int_equal(index_layout(&v, &huge, NULL), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(copy + rows[i].at, &rows[i].value, 4);
		if (rows[i].at == 0)
			copy[0] = 'X';
		assert_refused(copy, size, rows[i].why);
		memcpy(copy, bytes, size);
	}
	free(copy);
}

static void
test_limits(void **state)
{
	struct index_limits few = limits, small = limits, stopped = limits;
	atomic_bool stop = true;
	const char *what;
	int fd;

	(void)state;
	temp_file_write(bytes, size);
	fd = open(temp_file_path(), O_RDONLY);
	few.articles = 2;
	assert_null(index_file_read(fd, size, &few, &what));
	assert_string_equal(what, "has more articles than articles_max");
	small.memory = size - 1;
	assert_null(index_file_read(fd, size, &small, &what));
	assert_string_equal(what, "needs more than articles_memory");
	stopped.stop = &stop;
	assert_null(index_file_read(fd, size, &stopped, &what));
	assert_string_equal(what, "stopped");
	close(fd);
}

/* What cannot be written leaves nothing behind, and what was there stays. */
static void
test_write_fails(void **state)
{
	char path[300], temporary[310];
	const char *what;
	struct index *ix = read_file(bytes, size, &what);

	(void)state;
	assert_non_null(ix);
	snprintf(path, sizeof(path), "%s.dir", temp_file_path());
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(index_file_write(ix, path));
	assert_int_equal(errno, EISDIR);
	assert_int_equal(access(temporary, F_OK), -1);
	assert_int_equal(rmdir(path), 0);
	/* no one else's file is written through */
	assert_int_equal(symlink("/etc/hostname", temporary), 0);
	assert_false(index_file_write(ix, path));
	assert_int_equal(errno, ELOOP);
	unlink(temporary);
	index_unref(ix);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_while_read),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_write_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
