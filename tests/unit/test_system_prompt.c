/* The system prompt: what a file may hold, and how a day is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "chat/model/system_prompt.h"
#include "temp_file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HOUR     3600

static struct err err;

static char *
load(const char *content, size_t n)
{
	temp_file_write(content, n);
	err_clear(&err);
	return system_prompt_load(temp_file_path(), &err);
}

static void
assert_filled(const char *template, int64_t seconds, const char *expected)
{
	struct buf b;

	buf_init(&b, SYSTEM_PROMPT_FILLED_MAX);
	system_prompt_fill(&b, template, seconds * 1000 + 999);
	assert_string_equal(buf_string(&b), expected);
	buf_free(&b);
}

static void
set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void
days_are_written_in_french(void **state)
{
	static const struct {
		int64_t seconds;
		const char *date;
	} rows[] = {
		{ 0, "jeudi 1er janvier 1970" },
		{ 1707955200, "jeudi 15 février 2024" },
		{ 1709164800, "jeudi 29 février 2024" },
		{ 1711843200, "dimanche 31 mars 2024" },
		{ 1711929600, "lundi 1er avril 2024" },
		{ 1714608000, "jeudi 2 mai 2024" },
		{ 1718409600, "samedi 15 juin 2024" },
		{ 1720915200, "dimanche 14 juillet 2024" },
		{ 1722470400, "jeudi 1er août 2024" },
		{ 1725408000, "mercredi 4 septembre 2024" },
		{ 1729555200, "mardi 22 octobre 2024" },
		{ 1795392000, "lundi 23 novembre 2026" },
		{ 1735257600, "vendredi 27 décembre 2024" },
		{ 1735257600 + 24 * HOUR - 1, "vendredi 27 décembre 2024" },
		{ 1735257600 + 24 * HOUR, "samedi 28 décembre 2024" },
	};

	(void)state;
	set_zone("UTC0");
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_filled("{date}", rows[i].seconds, rows[i].date);
}

static void
times_are_written_in_french(void **state)
{
	(void)state;
	set_zone("UTC0");
	assert_filled("{time}", 14 * HOUR + 5 * 60 + 59, "14 h 05");
	assert_filled("{time}", 0, "0 h 00");
	assert_filled("{time}", 24 * HOUR - 1, "23 h 59");
}

static void
they_are_those_of_the_place(void **state)
{
	(void)state;
	set_zone("CET-1");
	assert_filled(
	    "{date} {time}", 23 * HOUR + 60, "vendredi 2 janvier 1970 0 h 01");
	set_zone("EST5");
	assert_filled(
	    "{date} {time}", HOUR, "mercredi 31 décembre 1969 20 h 00");
}

static void
only_known_braces_are_filled(void **state)
{
	static const struct {
		const char *template, *filled;
	} rows[] = {
		{ "", "" },
		{ "Bonjour", "Bonjour" },
		{ "{time}{time}", "0 h 000 h 00" },
		{ "à {time} !", "à 0 h 00 !" },
		{ "{name} {Date} {date }", "{name} {Date} {date }" },
		{ "{", "{" },
		{ "}{", "}{" },
		{ "{time", "{time" },
		{ "{{time}}", "{0 h 00}" },
		{ "{\"a\": {}}", "{\"a\": {}}" },
		{ "%s%n {time}", "%s%n 0 h 00" },
	};

	(void)state;
	set_zone("UTC0");
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_filled(rows[i].template, 0, rows[i].filled);
}

static void
the_longest_template_can_be_filled(void **state)
{
	static char template[SYSTEM_PROMPT_MAX + 1];
	struct buf b;

	(void)state;
	set_zone("UTC0");
	for (size_t i = 0; i + 6 < sizeof(template); i += 6)
		memcpy(template + i, "{date}", 7);
	buf_init(&b, SYSTEM_PROMPT_FILLED_MAX);
	system_prompt_fill(&b, template, INT64_C(1725408000000));
	assert_false(b.failed);
	assert_int_equal(b.len, sizeof(template) / 6 * 25);
	buf_free(&b);
}

static void
the_built_in_one_is_french_and_knows_the_day(void **state)
{
	char *text = system_prompt_load(NULL, &err);

	(void)state;
	assert_non_null(text);
	assert_non_null(strstr(text, "Conso News"));
	assert_non_null(strstr(text, "français"));
	assert_non_null(strstr(text, "{date}"));
	assert_true(text_is_utf8(text, strlen(text)));
	free(text);
}

static void
a_file_is_taken_without_what_editors_add(void **state)
{
	static char longest[SYSTEM_PROMPT_MAX];
	char *text;

	(void)state;
	text = load("Réponds en vers.\n", 18);
	assert_non_null(text);
	assert_string_equal(text, "Réponds en vers.\n");
	free(text);
	text = load("\xef\xbb\xbf- a\r\n\r\n- b", 13);
	assert_non_null(text);
	assert_string_equal(text, "- a\n\n- b");
	free(text);
	memset(longest, 'x', sizeof(longest));
	text = load(longest, sizeof(longest));
	assert_non_null(text);
	assert_int_equal(strlen(text), sizeof(longest));
	free(text);
}

static void
a_bad_file_is_refused_with_its_name(void **state)
{
	static char too_long[SYSTEM_PROMPT_MAX + 1];
	static char long_lines[SYSTEM_PROMPT_MAX + 1];
	static const struct {
		const char *content;
		size_t n;
		const char *says;
	} rows[] = {
		{ "", 0, ": is empty" },
		{ " \n\t\n", 4, ": is empty" },
		{ "\xef\xbb\xbf\r\n", 5, ": is empty" },
		{ "\xc2\xa0", 2, ": is empty" },
		{ "a\nr\xe9ponds", 9, ":2: is not UTF-8" },
		{ "a\0b", 3, ":1: contains a NUL byte" },
		{ "\xff\xfe"
		  "a\0",
		    4, ": is encoded as UTF-16; save it as UTF-8" },
		{ too_long, sizeof(too_long), ":1: is longer than 65536" },
		{ long_lines, sizeof(long_lines), ": is longer than 64 KiB" },
	};
	char place[128];

	(void)state;
	memset(too_long, 'x', sizeof(too_long));
	memset(long_lines, 'x', sizeof(long_lines));
	memset(long_lines + 1, '\n', sizeof(long_lines) / 2);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_null(load(rows[i].content, rows[i].n));
		snprintf(place, sizeof(place), "system_prompt_file: %s%s",
		    temp_file_path(), rows[i].says);
		assert_memory_equal(err.text, place, strlen(place));
	}
}

static void
a_file_that_cannot_be_read_is_refused(void **state)
{
	static const char *const paths[] = { "/nonexistent/prompt", "/tmp" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		assert_null(system_prompt_load(paths[i], &err));
		assert_memory_equal(err.text, "system_prompt_file: ", 20);
		assert_memory_equal(err.text + 20, paths[i], strlen(paths[i]));
		assert_non_null(strstr(err.text, ": cannot be read: "));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_are_written_in_french),
		cmocka_unit_test(times_are_written_in_french),
		cmocka_unit_test(they_are_those_of_the_place),
		cmocka_unit_test(only_known_braces_are_filled),
		cmocka_unit_test(the_longest_template_can_be_filled),
		cmocka_unit_test(the_built_in_one_is_french_and_knows_the_day),
		cmocka_unit_test(a_file_is_taken_without_what_editors_add),
		cmocka_unit_test(a_bad_file_is_refused_with_its_name),
		cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
