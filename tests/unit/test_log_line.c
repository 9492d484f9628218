#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "log/log_line.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WALL_MS  INT64_C(1762612200042) /* 2025-11-08T14:30:00.042Z */
#define HEAD     "time=2025-11-08T14:30:00.042Z level=info event=e"
#define HEAD_JSON \
	"{\"time\":\"2025-11-08T14:30:00.042Z\",\"level\":\"info\"," \
	"\"event\":\"e\""

static const struct log_style logfmt = { LOG_FORMAT_LOGFMT, false };
static const struct log_style json = { LOG_FORMAT_JSON, false };

/* A line of event "e" as a string. */
static const char *
line_of(const struct log_style *style, const struct log_field *fields)
{
	static char text[LOG_LINE_MAX + 1];
	struct log_line l;

	log_line_make(&l, style, WALL_MS, LOG_LEVEL_INFO, "e", fields);
	assert_in_range(l.len, 1, LOG_LINE_MAX);
	assert_true(text_is_utf8(l.text, l.len));
	assert_ptr_equal(memchr(l.text, '\n', l.len), l.text + l.len - 1);
	memcpy(text, l.text, l.len);
	text[l.len] = '\0';
	return text;
}

static void
check_line(const struct log_style *style, const struct log_field *fields,
    const char *head, const char *rest)
{
	char expected[LOG_LINE_MAX];

	snprintf(expected, sizeof(expected), "%s%s\n", head, rest);
	assert_string_equal(line_of(style, fields), expected);
}

static void
values_are_quoted_and_escaped(void **state)
{
	static const struct {
		const char *value, *shown;
	} rows[] = {
		{ "plain", "plain" },
		{ "/session/{id}", "\"/session/{id}\"" },
		{ "/session/chat", "/session/chat" },
		{ "127.0.0.1:9000", "127.0.0.1:9000" },
		{ "a-b_c@d%20+e,f", "a-b_c@d%20+e,f" },
		{ "", "\"\"" },
		{ "two words", "\"two words\"" },
		{ "a=b", "\"a=b\"" },
		{ "\"", "\"\\x22\"" },
		{ "\\", "\"\\x5c\"" },
		{ "\\n", "\"\\x5cn\"" },
		{ "x\nlevel=error", "\"x\\x0alevel=error\"" },
		{ "\r", "\"\\x0d\"" },
		{ "\t", "\"\\x09\"" },
		{ "\x01", "\"\\x01\"" },
		{ "\x1b[31m", "\"\\x1b[31m\"" },
		{ "\x7f", "\"\\x7f\"" },
		{ "été", "\"été\"" },
		{ "日本", "\"日本\"" },
		{ "\xf0\x9f\x9a\x80", "\"\xf0\x9f\x9a\x80\"" },
		{ "\xff", "\"\\xff\"" },
		{ "a\x80", "\"a\\x80\"" },
		{ "\xc3", "\"\\xc3\"" },
		{ "\xe2\x82", "\"\\xe2\\x82\"" },
		{ "\xc3(", "\"\\xc3(\"" },
		{ "\xc0\xaf", "\"\\xc0\\xaf\"" },
		{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"" },
		{ "\xf5\x80\x80\x80", "\"\\xf5\\x80\\x80\\x80\"" },
		{ "\xc2\x80", "\"\\xc2\\x80\"" },
		{ "\xc2\x9b"
		  "31m",
		    "\"\\xc2\\x9b31m\"" },
		{ "\xc2\xa0", "\"\xc2\xa0\"" },
		{ "\xe2\x80\xa7", "\"\xe2\x80\xa7\"" },
		{ "\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\"" },
		{ "\xe2\x80\xa9", "\"\\xe2\\x80\\xa9\"" },
		{ "\xe2\x80\xaa", "\"\\xe2\\x80\\xaa\"" },
		{ "\xe2\x80\xae", "\"\\xe2\\x80\\xae\"" },
		{ "\xe2\x80\xaf", "\"\xe2\x80\xaf\"" },
		{ "\xe2\x81\xa5", "\"\xe2\x81\xa5\"" },
		{ "\xe2\x81\xa6", "\"\\xe2\\x81\\xa6\"" },
		{ "\xe2\x81\xa9", "\"\\xe2\\x81\\xa9\"" },
		{ "\xe2\x81\xaa", "\"\xe2\x81\xaa\"" },
		{ "\xe3\x80\xa8", "\"\xe3\x80\xa8\"" },
	};
	char rest[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct log_field fields[] = { LOG_STR("k", rows[i].value),
			LOG_END };

		snprintf(rest, sizeof(rest), " k=%s", rows[i].shown);
		check_line(&logfmt, fields, HEAD, rest);
	}
}

static void
values_are_escaped_in_json(void **state)
{
	static const struct {
		const char *value, *shown;
	} rows[] = {
		{ "plain", "plain" },
		{ "/session/{id}", "/session/{id}" },
		{ "", "" },
		{ "two words", "two words" },
		{ "\"", "\\\"" },
		{ "\\", "\\\\" },
		{ "x\nlevel=error", "x\\u000alevel=error" },
		{ "\",\"level\":\"fatal", "\\\",\\\"level\\\":\\\"fatal" },
		{ "\x01\x1f", "\\u0001\\u001f" },
		{ "\x7f", "\\u007f" },
		{ "été", "été" },
		{ "日本", "日本" },
		{ "\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80" },
		{ "\xff", "\\ufffd" },
		{ "a\x80z", "a\\ufffdz" },
		{ "\xe2\x82", "\\ufffd\\ufffd" },
		{ "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },
		{ "\xc2\x85", "\\u0085" },
		{ "\xc2\xa0", "\xc2\xa0" },
		{ "\xe2\x80\xa8", "\\u2028" },
		{ "\xe2\x80\xae", "\\u202e" },
		{ "\xe2\x81\xa6", "\\u2066" },
		{ "\xe2\x81\xaa", "\xe2\x81\xaa" },
	};
	char rest[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct log_field fields[] = { LOG_STR("k", rows[i].value),
			LOG_END };

		snprintf(rest, sizeof(rest), ",\"k\":\"%s\"}", rows[i].shown);
		check_line(&json, fields, HEAD_JSON, rest);
	}
}

/* The string that a line has as "k", after a second opinion on its JSON. */
static void
check_json(const char *line, const char *expected)
{
	size_t len;
	struct json *doc;
	const char *k;

	assert_int_equal(json_parse(line, strlen(line), &doc), RC_OK);
	assert_int_equal(json_kind(json_get(doc, "k")), JSON_STRING);
	k = json_text(json_get(doc, "k"), &len);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(k, expected, len);
	json_free(doc);
}

/* Each byte alone, doubled, before and behind a text. */
static void
every_byte_fits_into_a_line(void **state)
{
	static const struct {
		const char *before, *between, *behind;
		int times;
	} forms[] = { { "", "", "", 1 }, { "ab", "", "", 1 },
		{ "", "", "ab", 1 }, { "a", "b", "c", 2 } };
	char byte[2] = "", value[16], expected[16], clean[4];
	const char *line;

	(void)state;
	for (size_t i = 0; i < 255 * COUNT(forms); i++) {
		const size_t form = i / 255;
		const bool twice = forms[form].times == 2;

		byte[0] = (char)(i % 255 + 1);
		snprintf(clean, sizeof(clean), "%s",
		    (byte[0] & 0x80) == 0 ? byte : "\xef\xbf\xbd");
		snprintf(value, sizeof(value), "%s%s%s%s%s", forms[form].before,
		    byte, forms[form].between, twice ? byte : "",
		    forms[form].behind);
		snprintf(expected, sizeof(expected), "%s%s%s%s%s",
		    forms[form].before, clean, forms[form].between,
		    twice ? clean : "", forms[form].behind);
		const struct log_field fields[] = { LOG_STR("k", value),
			LOG_INT("n", 7), LOG_END };

		line = line_of(&logfmt, fields);
		assert_int_equal(
		    strncmp(line, HEAD " k=", strlen(HEAD) + 3), 0);
		assert_string_equal(line + strlen(line) - 5, " n=7\n");
		check_json(line_of(&json, fields), expected);
	}
}

static void
numbers_have_their_units(void **state)
{
	static const struct {
		struct log_field field;
		const char *shown;
	} rows[] = {
		{ LOG_INT("k", 0), "0" },
		{ LOG_INT("k", 42), "42" },
		{ LOG_INT("k", -7), "-7" },
		{ LOG_INT("k", INT64_MAX), "9223372036854775807" },
		{ LOG_INT("k", INT64_MIN), "-9223372036854775808" },
		{ LOG_US("k", 0), "0.000" },
		{ LOG_US("k", 5), "0.005" },
		{ LOG_US("k", 1000), "1.000" },
		{ LOG_US("k", 12345), "12.345" },
		{ LOG_US("k", -1500), "-1.500" },
		{ LOG_US("k", INT64_MIN), "-9223372036854775.808" },
		{ LOG_TRUE("k"), "true" },
	};
	char rest[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct log_field fields[] = { rows[i].field, LOG_END };

		snprintf(rest, sizeof(rest), " k=%s", rows[i].shown);
		check_line(&logfmt, fields, HEAD, rest);
		snprintf(rest, sizeof(rest), ",\"k\":%s}", rows[i].shown);
		check_line(&json, fields, HEAD_JSON, rest);
	}
}

static void
fields_stand_in_order_and_null_is_left_out(void **state)
{
	const struct log_field fields[] = { LOG_STR("a", "x y"),
		LOG_STR("left_out", NULL), LOG_BARE("b", "f0-1.2_3"),
		LOG_BARE("left_out", NULL), LOG_INT("c", 2), LOG_END };

	(void)state;
	check_line(&logfmt, fields, HEAD, " a=\"x y\" b=f0-1.2_3 c=2");
	check_line(&json, fields, HEAD_JSON,
	    ",\"a\":\"x y\",\"b\":\"f0-1.2_3\",\"c\":2}");
}

static void
a_line_begins_with_time_level_and_event(void **state)
{
	static const struct {
		int64_t wall_ms;
		enum log_level level;
		const char *line;
	} rows[] = {
		{ 0, LOG_LEVEL_DEBUG,
		    "<7>time=1970-01-01T00:00:00.000Z level=debug event=x\n" },
		{ 999, LOG_LEVEL_INFO,
		    "<6>time=1970-01-01T00:00:00.999Z level=info event=x\n" },
		{ 1000, LOG_LEVEL_NOTICE,
		    "<5>time=1970-01-01T00:00:01.000Z level=notice event=x\n" },
		{ WALL_MS, LOG_LEVEL_WARN,
		    "<4>time=2025-11-08T14:30:00.042Z level=warn event=x\n" },
		{ 7, LOG_LEVEL_ERROR,
		    "<3>time=1970-01-01T00:00:00.007Z level=error event=x\n" },
		{ 7, LOG_LEVEL_FATAL,
		    "<2>time=1970-01-01T00:00:00.007Z level=fatal event=x\n" },
	};
	const struct log_field none[] = { LOG_END };
	struct log_style style = { LOG_FORMAT_LOGFMT, true };
	struct log_line l;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		style.priority = true;
		log_line_make(
		    &l, &style, rows[i].wall_ms, rows[i].level, "x", none);
		assert_int_equal(l.len, strlen(rows[i].line));
		assert_memory_equal(l.text, rows[i].line, l.len);
		style.priority = false;
		log_line_make(
		    &l, &style, rows[i].wall_ms, rows[i].level, "x", none);
		assert_int_equal(l.len, strlen(rows[i].line) - 3);
		assert_memory_equal(l.text, rows[i].line + 3, l.len);
	}
}

/* A line whose value is too long keeps its form: quoted, whole characters. */
static void
long_lines_are_cut_between_characters(void **state)
{
	static const char *const units[] = { "a", " ", "é", "日",
		"\xf0\x9f\x9a\x80", "\n", "\xff", "\"" };
	static char value[4 * LOG_LINE_MAX];
	const char *line;
	struct json *doc;
	size_t n, len, unit;

	(void)state;
	for (size_t i = 0; i < COUNT(units) * 7; i++) {
		unit = strlen(units[i / 7]);
		memset(value, 'p', i % 7);
		for (n = i % 7; n + unit < sizeof(value); n += unit)
			memcpy(value + n, units[i / 7], unit);
		value[n] = '\0';
		const struct log_field fields[] = { LOG_STR("k", value),
			LOG_INT("lost", 1), LOG_STR("lost", ""), LOG_END };

		line = line_of(&logfmt, fields);
		len = strlen(line);
		assert_in_range(len, LOG_LINE_MAX - 4, LOG_LINE_MAX);
		assert_string_equal(line + len - 2, "\"\n");
		assert_null(strstr(line, "lost"));
		line = line_of(&json, fields);
		len = strlen(line);
		assert_in_range(len, LOG_LINE_MAX - 5, LOG_LINE_MAX);
		assert_int_equal(json_parse(line, len, &doc), RC_OK);
		assert_null(json_get(doc, "lost"));
		json_free(doc);
	}
}

/* Whatever the place of the end, what is no free text is there or not. */
static void
numbers_are_never_cut(void **state)
{
	static char value[LOG_LINE_MAX];
	const char *line, *tail;
	struct json *doc;
	size_t whole = 0, without = 0;

	(void)state;
	for (size_t n = LOG_LINE_MAX - 150; n < LOG_LINE_MAX; n++) {
		memset(value, 'v', n);
		value[n] = '\0';
		const struct log_field fields[] = { LOG_STR("k", value),
			LOG_US("ms", 123456789), LOG_BARE("hash", "0123abcd"),
			LOG_TRUE("yes"), LOG_END };

		line = line_of(&logfmt, fields);
		if ((tail = strstr(line, " ms=")) != NULL) {
			assert_int_equal(
			    strncmp(tail, " ms=123456.789", 14), 0);
			assert_true(
			    strcmp(tail + 14, "\n") == 0 ||
			    strcmp(tail + 14, " hash=0123abcd\n") == 0 ||
			    strcmp(tail + 14, " hash=0123abcd yes=true\n") ==
				0);
			whole++;
		} else {
			without++;
		}
		line = line_of(&json, fields);
		assert_int_equal(json_parse(line, strlen(line), &doc), RC_OK);
		json_free(doc);
	}
	assert_true(whole > 10 && without > 10);
}

static void
levels_have_names(void **state)
{
	static const char *const names[LOG_LEVELS] = { "debug", "info",
		"notice", "warn", "error", "fatal" };
	enum log_level level;

	(void)state;
	for (int i = 0; i < LOG_LEVELS; i++) {
		assert_true(log_level_parse(&level, names[i]));
		assert_int_equal(level, i);
	}
	assert_false(log_level_parse(&level, ""));
	assert_false(log_level_parse(&level, "INFO"));
	assert_false(log_level_parse(&level, "infos"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_quoted_and_escaped),
		cmocka_unit_test(values_are_escaped_in_json),
		cmocka_unit_test(every_byte_fits_into_a_line),
		cmocka_unit_test(numbers_have_their_units),
		cmocka_unit_test(fields_stand_in_order_and_null_is_left_out),
		cmocka_unit_test(a_line_begins_with_time_level_and_event),
		cmocka_unit_test(long_lines_are_cut_between_characters),
		cmocka_unit_test(numbers_are_never_cut),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
