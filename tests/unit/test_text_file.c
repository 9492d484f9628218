/* Files as editors and systems leave them, and what is told of broken ones. */
#include "base/text_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "temp_file.h"
#include "wiped.h"

#define LEN(a)   (sizeof(a) / sizeof((a)[0]))
#define LINE_MAX 16

static struct err err;

/* All lines, each in brackets. */
static bool
read_all(char out[256], const char *content, size_t n)
{
	struct text_file tf;
	struct buf line;
	bool ok;

	temp_file_write(content, n);
	buf_init(&line, LINE_MAX);
	*out = '\0';
	err_clear(&err);
	assert_true(text_file_open(&tf, "articles", temp_file_path(), &err));
	while (text_file_next(&tf, &line))
		snprintf(out + strlen(out), 256 - strlen(out), "[%.*s]",
		    (int)line.len, line.len > 0 ? line.data : "");
	ok = text_file_close(&tf);
	buf_free(&line);
	return ok;
}

static void
lines_end_as_on_unix_and_windows(void **state)
{
	static const struct {
		const char *content, *lines;
	} rows[] = {
		{ "", "" },
		{ "a", "[a]" },
		{ "a\n", "[a]" },
		{ "a\n\n", "[a][]" },
		{ "\n", "[]" },
		{ "a\r\nb\r\n", "[a][b]" },
		{ "a\r\n\r\nb", "[a][][b]" },
		{ "a\r", "[a]" },
		{ "a\rb", "[a\rb]" },
		{ "a\r\r\n", "[a\r]" },
		{ "\xef\xbb\xbf", "[]" },
		{ "\xef\xbb\xbf"
		  "a\nb",
		    "[a][b]" },
		{ "\xef\xbb\xbf\r\na", "[][a]" },
		{ "a\n\xef\xbb\xbf", "[a][\xef\xbb\xbf]" },
		{ "\xef\xbb", "[\xef\xbb]" },
		{ "0123456789abcdef\r\n", "[0123456789abcdef]" },
	};
	char lines[256];

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		assert_true(
		    read_all(lines, rows[i].content, strlen(rows[i].content)));
		assert_string_equal(lines, rows[i].lines);
		assert_string_equal(err.text, "");
	}
}

static void
broken_ones_are_told_with_setting_path_and_line(void **state)
{
	static const struct {
		const char *content;
		size_t n;
		const char *says; /* behind the path */
	} rows[] = {
		{ "a\nb\0", 4, ":2: contains a NUL byte" },
		{ "0123456789abcdefg", 17, ":1: is longer than 16 bytes" },
		{ "\n0123456789abcdefg\n", 19, ":2: is longer than 16 bytes" },
		{ "\xff\xfe"
		  "a\0\n\0",
		    6, ": is encoded as UTF-16; save it as UTF-8" },
		{ "\xfe\xff\0a", 4,
		    ": is encoded as UTF-16; save it as UTF-8" },
	};
	char lines[256], expected[256];

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		assert_false(read_all(lines, rows[i].content, rows[i].n));
		snprintf(expected, sizeof(expected), "articles: %s%s",
		    temp_file_path(), rows[i].says);
		assert_string_equal(err.text, expected);
	}
}

static void
what_cannot_be_read_is_told_with_its_reason(void **state)
{
	static const struct {
		const char *path, *says;
	} rows[] = {
		{ "/nonexistent/x", "articles: /nonexistent/x: cannot be read: "
				    "No such file or directory" },
		{ "/tmp", "articles: /tmp: cannot be read: Is a directory" },
	};
	struct text_file tf;
	struct buf line;

	(void)state;
	buf_init(&line, LINE_MAX);
	for (size_t i = 0; i < LEN(rows); i++) {
		if (text_file_open(&tf, "articles", rows[i].path, &err))
			assert_false(text_file_next(&tf, &line));
		assert_false(text_file_close(&tf));
		assert_string_equal(err.text, rows[i].says);
	}
	buf_free(&line);
}

static void
one_line_is_taken_without_what_editors_add(void **state)
{
	static const struct {
		const char *content, *line; /* NULL: refused */
		const char *says;
	} rows[] = {
		{ "canary", "canary", "" },
		{ "canary\n", "canary", "" },
		{ "canary \t\n", "canary", "" },
		{ "canary\n\n", "canary", "" },
		{ "\r\ncanary\r\n \r\n", "canary", "" },
		{ "\xef\xbb\xbf"
		  "canary\r\n",
		    "canary", "" },
		{ " canary", "canary", "" },
		{ "can ary", "can ary", "" },
		{ "", NULL, ": is empty; it must hold one line, the key" },
		{ " \n\r\n", NULL,
		    ": is empty; it must hold one line, the key" },
		{ "canary\ncanary", NULL,
		    ":2: is a second line; the file must hold one, the key" },
		{ "canarycanarycanary", NULL, ":1: is longer than 16 bytes" },
	};
	struct buf line;
	bool ok;

	(void)state;
	buf_init(&line, LINE_MAX);
	for (size_t i = 0; i < LEN(rows); i++) {
		temp_file_write(rows[i].content, strlen(rows[i].content));
		err_clear(&err);
		ok = text_file_single(
		    &line, "k", temp_file_path(), "the key", &err);
		if (ok != (rows[i].line != NULL))
			fail_msg("%zu: %s", i, err.text);
		if (ok)
			assert_string_equal(buf_string(&line), rows[i].line);
		else
			assert_string_equal(
			    err.text + strlen("k: ") + strlen(temp_file_path()),
			    rows[i].says);
		assert_null(strstr(err.text, "canary"));
	}
	buf_free(&line);
}

static void
nothing_of_a_secret_stays_behind(void **state)
{
	struct buf line;

	(void)state;
	buf_init(&line, LINE_MAX);
	temp_file_write("canary\n", 7);
	wiped_forget();
	assert_true(
	    text_file_single(&line, "k", temp_file_path(), "the key", &err));
	assert_int_equal(wiped_last()->len, 4096);
	assert_string_equal(wiped_last()->text, "canary\n");
	buf_free(&line);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_as_on_unix_and_windows),
		cmocka_unit_test(
		    broken_ones_are_told_with_setting_path_and_line),
		cmocka_unit_test(what_cannot_be_read_is_told_with_its_reason),
		cmocka_unit_test(one_line_is_taken_without_what_editors_add),
		cmocka_unit_test(nothing_of_a_secret_stays_behind),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
