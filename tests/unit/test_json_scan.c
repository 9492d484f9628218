/* JSON that is stepped through; what the strict parser takes it takes too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BAD      "\xef\xbf\xbd" /* U+FFFD */
#define TEN(s)   s s s s s s s s s s
#define OPEN31   TEN("{\"a\":") TEN("{\"a\":") TEN("{\"a\":") "{\"a\":"
#define CLOSE31  TEN("}") TEN("}") TEN("}") "}"

/* A row's bytes, which may hold NULs. */
#define BYTES(s) (s), sizeof(s) - 1

/* In a block of its exact size, so that a byte read past it is found. */
static char *
exactly(const char *s, size_t n)
{
	char *copy = malloc(n + 1);

	assert_non_null(copy);
	memcpy(copy + 1, s, n);
	return copy;
}

static void
documents_are_passed_over(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		bool good;
	} rows[] = {
		{ BYTES("{}"), true },
		{ BYTES("[]"), true },
		{ BYTES("\"\""), true },
		{ BYTES(" \t\r\n{ \"a\" : [ 1 , { } , \"x\" ] } \n"), true },
		{ BYTES("null"), true },
		{ BYTES("true"), true },
		{ BYTES("false"), true },
		{ BYTES("0"), true },
		{ BYTES("-1.5e+3"), true },
		{ BYTES("[NaN,Infinity,-Infinity,-NaN]"), true },
		{ BYTES("{\"a\":1,\"a\":2}"), true },
		{ BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\""), true },
		{ BYTES("\"\t\n\x7f\xff\xc3\""), true },
		{ BYTES(OPEN31 "{}" CLOSE31), true },
		{ BYTES(OPEN31 "[1]" CLOSE31), true },

		{ BYTES(""), false },
		{ BYTES(" "), false },
		{ BYTES("\0"), false },
		{ BYTES("{}\0"), false },
		{ BYTES("{}{}"), false },
		{ BYTES("{} x"), false },
		{ BYTES("{"), false },
		{ BYTES("["), false },
		{ BYTES("[1"), false },
		{ BYTES("[1,"), false },
		{ BYTES("[1,]"), false },
		{ BYTES("[,1]"), false },
		{ BYTES("[1 2]"), false },
		{ BYTES("[1}"), false },
		{ BYTES("{]"), false },
		{ BYTES("{\"a\"}"), false },
		{ BYTES("{\"a\":}"), false },
		{ BYTES("{\"a\":1"), false },
		{ BYTES("{\"a\":1,}"), false },
		{ BYTES("{,\"a\":1}"), false },
		{ BYTES("{\"a\":1 \"b\":2}"), false },
		{ BYTES("{\"a\" 1}"), false },
		{ BYTES("{a:1}"), false },
		{ BYTES("{1:1}"), false },
		{ BYTES("{'a':1}"), false },
		{ BYTES("\""), false },
		{ BYTES("\"a"), false },
		{ BYTES("\"\\"), false },
		{ BYTES("\"\\\""), false },
		{ BYTES("\"\\x\""), false },
		{ BYTES("\"\\\0\""), false },
		{ BYTES("\"a\0b\""), false },
		{ BYTES("\"\\u12\""), false },
		{ BYTES("\"\\u12g4\""), false },
		{ BYTES("\"\\u123"), false },
		{ BYTES("tru"), false },
		{ BYTES("truely"), false },
		{ BYTES("nul"), false },
		{ BYTES("nonsense"), false },
		{ BYTES("-"), false },
		{ BYTES("+1"), false },
		{ BYTES(".5"), false },
		{ BYTES("<html>"), false },
		{ BYTES(OPEN31 "{\"a\":{}}" CLOSE31), false },
		{ BYTES(OPEN31 "[[]]" CLOSE31), false },
	};
	struct json_scan scan;
	char *copy;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		copy = exactly(rows[i].s, rows[i].n);
		json_scan_init(&scan, copy + 1, rows[i].n);
		json_scan_skip(&scan);
		if (json_scan_end(&scan) != rows[i].good)
			fail_msg("%s", rows[i].s);
		free(copy);
	}
}

static void
assert_text(const char *s, size_t n, const char *expected)
{
	struct json_scan scan;
	const char *text;
	struct buf out;
	size_t len;

	buf_init(&out, 256);
	json_scan_init(&scan, s, n);
	assert_true(json_scan_string(&scan, &text, &len));
	assert_true(json_scan_end(&scan));
	json_scan_decode(&out, text, len);
	assert_string_equal(buf_string(&out), expected);
	assert_int_equal(out.len, strlen(expected));
	buf_free(&out);
}

static void
texts_become_clean(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		const char *text;
	} rows[] = {
		{ BYTES("\"\""), "" },
		{ BYTES("\"Voici\""), "Voici" },
		{ BYTES("\"é€😀\""), "é€😀" },
		{ BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t" },
		{ BYTES("\"a\\u0041\\u00e9\\u20ac\\uD83D\\ude00z\""),
		    "aAé€😀z" },
		{ BYTES("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\""),
		    "\x7f\xc2\x80\u07ff\u0800\uffff" },
		{ BYTES("\"\\ud800\\udc00\\udbff\\udfff\""),
		    "\U00010000\U0010ffff" },
		{ BYTES("\"\\u0000\""), BAD },
		{ BYTES("\"\\ud800\""), BAD },
		{ BYTES("\"\\ud800x\""), BAD "x" },
		{ BYTES("\"\\ud800\\n\""), BAD "\n" },
		{ BYTES("\"\\ud800\\ud800\\udc00\""), BAD "\U00010000" },
		{ BYTES("\"\\udc00\\ud800\""), BAD BAD },
		{ BYTES("\"\\ud800\\u0041\""), BAD "A" },
		{ BYTES("\"\xff\\n\xc3\\u00a9\xe2\x82\""),
		    BAD "\n" BAD "©" BAD },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_text(rows[i].s, rows[i].n, rows[i].text);
}

static void
numbers_are_whole_or_not_given(void **state)
{
	static const struct {
		const char *s;
		int64_t n;
	} rows[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "7", 7 },
		{ "-7", -7 },
		{ "2147483648", 2147483648 },
		{ "1.0", 1 },
		{ "1e3", 1000 },
		{ "9007199254740991", 9007199254740991 },
		{ "-9007199254740991", -9007199254740991 },
		{ "9007199254740992", 99 },
		{ "9007199254740993", 99 },
		{ "-9007199254740993", 99 },
		{ "99999999999999999999999999999999999999", 99 },
		{ "1.5", 99 },
		{ "1e", 99 },
		{ "1-2", 99 },
		{ "1e999", 99 },
		{ "NaN", 99 },
		{ "Infinity", 99 },
		{ "null", 99 },
		{ "true", 99 },
		{ "\"7\"", 99 },
		{ "[7]", 99 },
		{ "{\"a\":7}", 99 },
	};
	struct json_scan scan;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_scan_init(&scan, rows[i].s, strlen(rows[i].s));
		if (json_scan_integer(&scan, 99) != rows[i].n ||
		    !json_scan_end(&scan))
			fail_msg("%s", rows[i].s);
	}
}

/* What is of another kind is passed over as a whole. */
static void
a_value_of_another_kind_is_passed_over(void **state)
{
	static const char doc[] = "[{\"a\":[1]},[{},2],\"x\",null,7,true]";
	static const char kinds[] = "{[\"n7t";
	struct json_scan scan;
	const char *text;
	size_t n, i;

	(void)state;
	for (int which = 0; which < 4; which++) {
		json_scan_init(&scan, doc, sizeof(doc) - 1);
		assert_true(json_scan_array(&scan));
		for (i = 0; json_scan_element(&scan); i++) {
			assert_int_equal(json_scan_kind(&scan), kinds[i]);
			if (kinds[i] == "{[\"n"[which])
				json_scan_skip(&scan);
			else if (which == 0)
				assert_false(json_scan_object(&scan));
			else if (which == 1)
				assert_false(json_scan_array(&scan));
			else if (which == 2)
				assert_false(
				    json_scan_string(&scan, &text, &n));
			else
				assert_false(json_scan_null(&scan));
		}
		assert_int_equal(i, strlen(kinds));
		assert_true(json_scan_end(&scan));
	}
}

static void
members_are_stepped_through(void **state)
{
	static const char doc[] =
	    "{\"a\":1,\"b\":null,\"a\":{\"c\":[3]},\"\":4,\"\\u0061\":5}";
	struct json_scan scan;
	int64_t sum = 0;
	int nulls = 0;

	(void)state;
	json_scan_init(&scan, doc, sizeof(doc) - 1);
	assert_true(json_scan_object(&scan));
	while (json_scan_member(&scan)) {
		if (json_scan_named(&scan, "a"))
			sum += json_scan_integer(&scan, 10);
		else if (json_scan_named(&scan, "b"))
			nulls += json_scan_null(&scan);
		else if (json_scan_named(&scan, "\\u0061"))
			sum += 100 * json_scan_integer(&scan, 0);
		else
			json_scan_skip(&scan);
	}
	assert_true(json_scan_end(&scan));
	assert_int_equal(sum, 511);
	assert_int_equal(nulls, 1);
	assert_false(json_scan_member(&scan));
}

/* The text of the member "a", and whether all of it was JSON. */
static bool
scan_text(const char *s, size_t n, struct buf *out)
{
	struct json_scan scan;
	const char *text;
	size_t len;

	json_scan_init(&scan, s, n);
	if (json_scan_object(&scan)) {
		while (json_scan_member(&scan)) {
			if (!json_scan_named(&scan, "a"))
				json_scan_skip(&scan);
			else if (json_scan_string(&scan, &text, &len))
				json_scan_decode(out, text, len);
		}
	}
	return json_scan_end(&scan);
}

/* Whatever is strict I-JSON is taken, and says the same. */
static void
assert_like_strict(const char *s, size_t n)
{
	char *copy = exactly(s, n);
	struct json *doc;
	const char *text;
	struct buf out;
	size_t len;
	bool good;

	buf_init(&out, 4096);
	good = scan_text(copy + 1, n, &out);
	if (json_parse(copy + 1, n, &doc) == RC_OK) {
		assert_true(good);
		if ((text = json_text(json_get(doc, "a"), &len)) != NULL) {
			assert_int_equal(out.len, len);
			if (len > 0)
				assert_memory_equal(out.data, text, len);
		}
		json_free(doc);
	}
	buf_free(&out);
	free(copy);
}

static void
what_is_strict_is_read_alike(void **state)
{
	static const char *const docs[] = {
		"{\"b\":[1,-2.5e3,true,false,null,{}],\"a\":\"x\\u00e9y\"}",
		"{\"a\":\"\\ud83d\\ude00\\\\\\\"\xc3\xa9\xf0\x9f\x98\x80\"}",
		" { \"a\" : \"\" , \"n\" : [ [ ] , { \"a\" : 0 } ] } ",
	};
	static const char bytes[] =
	    "{}[]\",:\\/u0189aefnrtx.+- \t\x01\x7f\x80\xbf\xc3\xe2\xf0\xff";
	char doc[128];

	(void)state;
	for (size_t i = 0; i < COUNT(docs); i++) {
		size_t n = strlen(docs[i]);

		for (size_t at = 0; at <= n; at++) {
			assert_like_strict(docs[i], at);
			memcpy(doc, docs[i], n);
			for (size_t b = 0; at < n && b < sizeof(bytes); b++) {
				doc[at] = bytes[b];
				assert_like_strict(doc, n);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_passed_over),
		cmocka_unit_test(texts_become_clean),
		cmocka_unit_test(numbers_are_whole_or_not_given),
		cmocka_unit_test(a_value_of_another_kind_is_passed_over),
		cmocka_unit_test(members_are_stepped_through),
		cmocka_unit_test(what_is_strict_is_read_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
