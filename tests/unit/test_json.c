#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A row of a table: a document, which may hold NULs. */
#define DOC(s) \
	{ \
		(s), sizeof(s) - 1 \
	}

struct doc {
	const char *s;
	size_t len;
};

#define UP5    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
#define DOWN5  "}}}}}"
#define UP15   UP5 UP5 UP5
#define DOWN15 DOWN5 DOWN5 DOWN5

static const struct doc hostile[] = {
	/* no document, or no object */
	DOC(""),
	DOC(" "),
	DOC("\n"),
	DOC("\0"),
	DOC("null"),
	DOC("true"),
	DOC("1"),
	DOC("\"message\""),
	DOC("[]"),
	DOC("[{}]"),
	DOC("message"),
	DOC("message=Bonjour&stream=true"),
	DOC("<a/>"),

	/* what is behind it, before it, or missing at its end */
	DOC("{}{}"),
	DOC("{},"),
	DOC("{}]"),
	DOC("{}}"),
	DOC("{} x"),
	DOC("{}\0"),
	DOC("{} \0 "),
	DOC("{}\v"),
	DOC("{}\f"),
	DOC("{}\xc2\xa0"),
	DOC("\xef\xbb\xbf{}"),
	DOC("\xff\xfe{\0}\0"),
	DOC("{\0}\0"),
	DOC("{"),
	DOC("{\"a\""),
	DOC("{\"a\":"),
	DOC("{\"a\":1"),
	DOC("{\"a\":1,"),
	DOC("{\"a"),
	DOC("{\"a\":\"b"),
	DOC("{\"a\":\"b\\"),
	DOC("{\"a\":\"b\\\""),
	DOC("{\"a\":\"\\u00"),
	DOC("{\"a\":[1"),
	DOC("{\"a\":tru"),
	DOC("{\"a\":-"),

	/* separators and quotes */
	DOC("{,}"),
	DOC("{\"a\":1,}"),
	DOC("{,\"a\":1}"),
	DOC("{\"a\":1,,\"b\":2}"),
	DOC("{\"a\":1 \"b\":2}"),
	DOC("{\"a\":1;\"b\":2}"),
	DOC("{\"a\" 1}"),
	DOC("{\"a\"=1}"),
	DOC("{\"a\"::1}"),
	DOC("{\"a\":}"),
	DOC("{\"a\"}"),
	DOC("{:1}"),
	DOC("{a:1}"),
	DOC("{'a':1}"),
	DOC("{\"a\":'b'}"),
	DOC("{\"a\":b}"),
	DOC("{1:2}"),
	DOC("{null:2}"),
	DOC("{\"a\":1]"),
	DOC("{\"a\":[1}"),
	DOC("{\"a\":[1,]}"),
	DOC("{\"a\":[,1]}"),
	DOC("{\"a\":[,]}"),
	DOC("{\"a\":[1 2]}"),
	DOC("{\"a\":[1,,2]}"),
	DOC("{\"a\":[\"b\":1]}"),
	DOC("{\"a\":1\v}"),
	DOC("{\"a\":\xc2\xa0"
	    "1}"),
	DOC("{\"a\":/**/1}"),
	DOC("{\"a\":1}//"),
	DOC("/**/{}"),
	DOC("{#\n}"),

	/* words */
	DOC("{\"a\":NaN}"),
	DOC("{\"a\":nan}"),
	DOC("{\"a\":Infinity}"),
	DOC("{\"a\":-Infinity}"),
	DOC("{\"a\":inf}"),
	DOC("{\"a\":True}"),
	DOC("{\"a\":TRUE}"),
	DOC("{\"a\":False}"),
	DOC("{\"a\":Null}"),
	DOC("{\"a\":truee}"),
	DOC("{\"a\":nul}"),
	DOC("{\"a\":undefined}"),
	DOC("{\"a\":none}"),

	/* numbers */
	DOC("{\"a\":01}"),
	DOC("{\"a\":-01}"),
	DOC("{\"a\":00}"),
	DOC("{\"a\":+1}"),
	DOC("{\"a\":.5}"),
	DOC("{\"a\":-.5}"),
	DOC("{\"a\":1.}"),
	DOC("{\"a\":1.e5}"),
	DOC("{\"a\":1e}"),
	DOC("{\"a\":1e+}"),
	DOC("{\"a\":1E-}"),
	DOC("{\"a\":1e5.5}"),
	DOC("{\"a\":1e5e5}"),
	DOC("{\"a\":1.2.3}"),
	DOC("{\"a\":--1}"),
	DOC("{\"a\":- 1}"),
	DOC("{\"a\":-}"),
	DOC("{\"a\":0x1F}"),
	DOC("{\"a\":0o7}"),
	DOC("{\"a\":1_000}"),
	DOC("{\"a\":1,000}"),
	DOC("{\"a\":1f}"),
	DOC("{\"a\":\xd9\xa1}"),
	DOC("{\"a\":1\0}"),

	/* strings */
	DOC("{\"a\":\"\n\"}"),
	DOC("{\"a\":\"\t\"}"),
	DOC("{\"a\":\"\r\"}"),
	DOC("{\"a\":\"\x1f\"}"),
	DOC("{\"a\":\"\0\"}"),
	DOC("{\"\0\":1}"),
	DOC("{\"a\n\":1}"),
	DOC("{\"a\":\"\\\n\"}"),
	DOC("{\"a\":\"\\a\"}"),
	DOC("{\"a\":\"\\v\"}"),
	DOC("{\"a\":\"\\0\"}"),
	DOC("{\"a\":\"\\'\"}"),
	DOC("{\"a\":\"\\x41\"}"),
	DOC("{\"a\":\"\\U0041\"}"),
	DOC("{\"a\":\"\\\0\"}"),
	DOC("{\"a\":\"\\\xc3\xa9\"}"),
	DOC("{\"a\":\"\\u\"}"),
	DOC("{\"a\":\"\\u12\"}"),
	DOC("{\"a\":\"\\u12G4\"}"),
	DOC("{\"a\":\"\\u 123\"}"),
	DOC("{\"a\":\"\\u+123\"}"),
	DOC("{\"a\":\"\\u00/0\"}"),
	DOC("{\"a\":\"\\u00@0\"}"),
	DOC("{\"a\":\"\\u00`0\"}"),
	DOC("{\"a\":\"\\u{41}\"}"),
	DOC("{\"a\":\"\\u0000\"}"),
	DOC("{\"a\":\"b\\u0000c\"}"),
	DOC("{\"\\u0000\":1}"),
	DOC("{\"session_id\\u0000\":1}"),

	/* surrogates */
	DOC("{\"a\":\"\\ud800\"}"),
	DOC("{\"a\":\"\\uD83D\"}"),
	DOC("{\"a\":\"\\ude00\"}"),
	DOC("{\"a\":\"\\uDFFF\"}"),
	DOC("{\"a\":\"\\ude00\\ud83d\"}"),
	DOC("{\"a\":\"\\ud83d\\ud83d\"}"),
	DOC("{\"a\":\"\\ud83dx\"}"),
	DOC("{\"a\":\"\\ud83d\\n\"}"),
	DOC("{\"a\":\"\\ud83d\\u0041\"}"),
	DOC("{\"a\":\"\\ud83d\\\"}"),
	DOC("{\"a\":\"\\ud83d\\ue000\"}"),
	DOC("{\"a\":\"\\ud83d\\ude0\"}"),
	DOC("{\"\\ud800\":1}"),
	DOC("{\"a\":\"\xed\xa0\xbd\"}"),
	DOC("{\"a\":\"\xed\xa0\xbd\xed\xb8\x80\"}"),

	/* noncharacters */
	DOC("{\"a\":\"\\uffff\"}"),
	DOC("{\"a\":\"\\uFFFE\"}"),
	DOC("{\"a\":\"\\ufdd0\"}"),
	DOC("{\"a\":\"\\ufdef\"}"),
	DOC("{\"a\":\"\\ud83f\\udffe\"}"),
	DOC("{\"a\":\"\\udbff\\udfff\"}"),
	DOC("{\"a\":\"\xef\xbf\xbf\"}"),
	DOC("{\"a\":\"\xef\xb7\x90\"}"),
	DOC("{\"a\":\"\xf0\x9f\xbf\xbe\"}"),
	DOC("{\"\xef\xbf\xbe\":1}"),

	/* what is no UTF-8 */
	DOC("{\"a\":\"\xff\"}"),
	DOC("{\"a\":\"\x80\"}"),
	DOC("{\"a\":\"\xe9t\xe9\"}"),
	DOC("{\"a\":\"\xc0\xaf\"}"),
	DOC("{\"a\":\"\xc0\x80\"}"),
	DOC("{\"a\":\"\xe0\x80\xaf\"}"),
	DOC("{\"a\":\"\xf0\x80\x80\xaf\"}"),
	DOC("{\"a\":\"\xc0\xa2}"),
	DOC("{\"a\":\"\xf4\x90\x80\x80\"}"),
	DOC("{\"a\":\"\xf8\x88\x80\x80\x80\"}"),
	DOC("{\"a\":\"\xc3\"}"),
	DOC("{\"a\":\"\xe2\x82\"}"),
	DOC("{\"\xff\":1}"),
	DOC("{}\xff"),
	DOC("\xff"),

	/* duplicates */
	DOC("{\"a\":1,\"a\":1}"),
	DOC("{\"a\":1,\"b\":2,\"a\":3}"),
	DOC("{\"a\":null,\"a\":null}"),
	DOC("{\"\":1,\"\":2}"),
	DOC("{\"a\":1,\"\\u0061\":2}"),
	DOC("{\"\\u0061\":1,\"a\":2}"),
	DOC("{\"/\":1,\"\\/\":2}"),
	DOC("{\"\xc3\xa9\":1,\"\\u00e9\":2}"),
	DOC("{\"\\u00E9\":1,\"\\u00e9\":2}"),
	DOC("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
	DOC("{\"b\":{\"a\":1,\"a\":2}}"),
	DOC("{\"b\":[0,{\"a\":1,\"a\":2}]}"),
	DOC("{\"b\":{\"c\":[[{\"a\":{},\"a\":{}}]]}}"),
	DOC("{\"a\":{\"x\":1,\"y\":2},\"a\":{}}"),
	DOC("{\"a\":{},\"a\":{\"x\":1,\"y\":2}}"),
	DOC("{\"a\":[{\"b\":1,\"b\":2}],\"a\":0,\"c\":{\"d\":1}}"),

	/* nesting: 17 deep, and mixed */
	DOC(UP15 "{\"a\":{}}" DOWN15),
	DOC(UP15 "[[]]" DOWN15),
	DOC(UP15 "[{}]" DOWN15),
	DOC(UP15 "[0,[" DOWN15),
	DOC(UP15 "[[]"),
	DOC("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"),
};

static const struct doc good[] = {
	DOC("{}"),
	DOC(" \t\r\n{ \t\r\n} \t\r\n"),
	DOC("{\"a\":1}"),
	DOC("{\"a\":1}\n"),
	DOC("{ \"a\" : 1 , \"b\" : [ ] }"),
	DOC("{\"a\":null}"),
	DOC("{\"a\":[null,true,false]}"),
	DOC("{\"\":0}"),
	DOC("{\"a\":\"\"}"),
	DOC("{\"a\":{},\"b\":{}}"),
	DOC("{\"a\":[{\"a\":1},{\"a\":2}]}"),
	DOC("{\"a\":{\"a\":{\"a\":1}}}"),
	DOC("{\"a\":1,\"A\":2}"),
	DOC("{\"a\":1,\"a \":2}"),
	DOC("{\"\xc3\xa9\":1,\"e\xcc\x81\":2}"),
	DOC("{\"a\\\\\":1,\"a\":2}"),
	DOC("{\"}\":\"]\"}"),

	/* numbers that json-c must not stumble over */
	DOC("{\"a\":0}"),
	DOC("{\"a\":-0}"),
	DOC("{\"a\":-0.0}"),
	DOC("{\"a\":0.0}"),
	DOC("{\"a\":0e0}"),
	DOC("{\"a\":0E+00}"),
	DOC("{\"a\":1E400}"),
	DOC("{\"a\":-1e400}"),
	DOC("{\"a\":1e-400}"),
	DOC("{\"a\":1.5E+3}"),
	DOC("{\"a\":1e05}"),
	DOC("{\"a\":5e-324}"),
	DOC("{\"a\":9223372036854775807}"),
	DOC("{\"a\":9223372036854775808}"),
	DOC("{\"a\":-9223372036854775808}"),
	DOC("{\"a\":-9223372036854775809}"),
	DOC("{\"a\":18446744073709551615}"),
	DOC("{\"a\":18446744073709551616}"),
	DOC("{\"a\":123456789012345678901234567890123456789012345678901}"),
	DOC("{\"a\":-123456789012345678901234567890123456789012345678901}"),
	DOC("{\"a\":0.12345678901234567890123456789012345678901234567890}"),
	DOC("{\"a\":[0,-1,1.0,1e1 , -1E-1]}"),
	DOC("{\"a\":1\n}"),

	/* strings */
	DOC("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"),
	DOC("{\"a\":\"\\u0001\\u001f\\u007F\\uabCD\"}"),
	DOC("{\"a\":\"\x7f\"}"),
	DOC("{\"a\":\"'\"}"),
	DOC("{\"a\":\"/*\"}"),
	DOC("{\"a\":\"\\ud83d\\ude00\"}"),
	DOC("{\"a\":\"\\uD800\\uDC00\"}"),
	DOC("{\"a\":\"\\udbff\\udffd\"}"),
	DOC("{\"a\":\"\\ud7ff\\ue000\"}"),
	DOC("{\"a\":\"\\ud83d\\ude00\\ud83d\\ude00\"}"),
	DOC("{\"a\":\"\\ufdcf\\ufdf0\\ufffd\"}"),
	DOC("{\"a\":\"\xef\xb7\x8f\xef\xb7\xb0\xef\xbf\xbd\"}"),
	DOC("{\"a\":\"\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\"}"),
	DOC("{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbd\"}"),
	DOC("{\"a\":\"\xe2\x80\xa8\xef\xbb\xbf\"}"),
	DOC("{\"a\":\"\\\\u0000\"}"),
	DOC("{\"\\\\ud800\":1}"),

	/* nesting: 16 deep, and often but not deep */
	DOC(UP15 "{\"a\":1}" DOWN15),
	DOC(UP15 "{}" DOWN15),
	DOC(UP15 "[]" DOWN15),
	DOC(UP15 "[1,2]" DOWN15),
	DOC(UP15 "[\"x\",null,1.5]" DOWN15),
	DOC(UP15 "1" DOWN15),
	DOC("{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}"),
	DOC("{\"a\":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]}"),
	DOC("{\"a\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}"),
};

/* From a block of its exact size, so that a byte read past it is found. */
static enum rc
parse(const char *s, size_t len, struct json **doc)
{
	char *copy = malloc(len == 0 ? 1 : len);
	enum rc rc;

	assert_non_null(copy);
	memcpy(copy, s, len);
	rc = json_parse(copy, len, doc);
	free(copy);
	return rc;
}

static struct json *
parse_string(const char *s)
{
	struct json *doc;

	assert_int_equal(parse(s, strlen(s), &doc), RC_OK);
	return doc;
}

/* Why what is no document is none. */
static enum rc
refusal(const char *s, size_t len)
{
	return text_is_utf8(s, len) ? RC_JSON : RC_UTF8;
}

static void
hostile_documents_are_refused(void **state)
{
	struct json *doc;

	(void)state;
	assert_true(COUNT(hostile) >= 60);
	assert_int_equal(json_parse(NULL, 0, &doc), RC_JSON);
	for (size_t i = 0; i < COUNT(hostile); i++) {
		doc = (struct json *)&doc;
		if (parse(hostile[i].s, hostile[i].len, &doc) !=
		    refusal(hostile[i].s, hostile[i].len))
			fail_msg("not refused: %s", hostile[i].s);
		assert_null(doc);
	}
}

static void
good_documents_pass(void **state)
{
	struct json *doc;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (parse(good[i].s, good[i].len, &doc) != RC_OK)
			fail_msg("refused: %s", good[i].s);
		assert_int_equal(json_kind(doc), JSON_OBJECT);
		json_free(doc);
	}
}

/* No good document is good when its end is missing. */
static void
truncated_documents_are_refused(void **state)
{
	struct json *doc;
	size_t end;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		end = good[i].len;
		while (good[i].s[end - 1] != '}')
			end--;
		for (size_t n = 0; n < end; n++)
			assert_int_equal(
			    parse(good[i].s, n, &doc), refusal(good[i].s, n));
	}
}

/* Any one byte changed: no crash, and what passes is an object all the same. */
static void
changed_bytes_do_no_harm(void **state)
{
	struct json *doc;
	char s[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(good[i].len <= sizeof(s));
		for (size_t at = 0; at < good[i].len; at++) {
			for (int c = 0; c < 256; c += at % 2 == 0 ? 1 : 7) {
				memcpy(s, good[i].s, good[i].len);
				s[at] = (char)c;
				if (parse(s, good[i].len, &doc) != RC_OK)
					continue;
				assert_int_equal(json_kind(doc), JSON_OBJECT);
				json_free(doc);
			}
		}
	}
}

static void
many_levels_do_not_exhaust_the_stack(void **state)
{
	const size_t len = 1 << 20;
	struct json *doc;
	char *s = malloc(len);

	(void)state;
	assert_non_null(s);
	memset(s, '[', len);
	memcpy(s, "{\"a\":", 5);
	assert_int_equal(json_parse(s, len, &doc), RC_JSON);
	free(s);
}

/* json-c is replaced where its want of memory is to be seen. */
static enum { SOUND, NO_TOKENER, NO_TREE, HALF_A_TREE } tokener;

struct json_tokener *
json_tokener_new_ex(int depth)
{
	struct json_tokener *(*real)(int);

	if (tokener == NO_TOKENER)
		return NULL;
	*(void **)&real = dlsym(RTLD_NEXT, "json_tokener_new_ex");
	return real(depth);
}

struct json_object *
json_tokener_parse_ex(struct json_tokener *tok, const char *s, int len)
{
	struct json_object *(*real)(struct json_tokener *, const char *, int);

	if (tokener == NO_TREE) {
		errno = ENOMEM;
		return NULL;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "json_tokener_parse_ex");
	if (tokener == HALF_A_TREE)
		return real(tok, "[1] ", 4);
	return real(tok, s, len);
}

static void
want_of_memory_is_no_fault_of_the_document(void **state)
{
	struct json *doc;

	(void)state;
	for (tokener = NO_TOKENER; tokener <= HALF_A_TREE; tokener++) {
		assert_int_equal(parse("{\"a\":12}", 8, &doc), RC_NOMEM);
		assert_null(doc);
		assert_int_equal(parse("{\"a\":12", 7, &doc), RC_JSON);
	}
	tokener = SOUND;
	assert_int_equal(parse("{\"a\":12}", 8, &doc), RC_OK);
	json_free(doc);
}

static void
members_are_found_by_name(void **state)
{
	struct json *doc = parse_string(
	    "{\"n\":null,\"b\":true,\"f\":false,\"i\":7,\"d\":1.5,"
	    "\"s\":\"x\",\"l\":[1,\"two\",null,{\"k\":3}],\"o\":{\"p\":{}}}");
	static const struct {
		const char *name;
		enum json_kind kind;
	} rows[] = {
		{ "n", JSON_NULL },
		{ "b", JSON_BOOL },
		{ "f", JSON_BOOL },
		{ "i", JSON_NUMBER },
		{ "d", JSON_NUMBER },
		{ "s", JSON_STRING },
		{ "l", JSON_ARRAY },
		{ "o", JSON_OBJECT },
		{ "absent", JSON_NULL },
		{ "", JSON_NULL },
		{ "p", JSON_NULL },
	};
	const struct json *list = json_get(doc, "l");
	size_t len = 99;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    json_kind(json_get(doc, rows[i].name)), rows[i].kind);
	assert_null(json_get(doc, "absent"));
	assert_non_null(json_get(json_get(doc, "o"), "p"));
	assert_int_equal(json_integer(json_at(list, 0), 0), 1);
	assert_string_equal(json_text(json_at(list, 1), &len), "two");
	assert_int_equal(len, 3);
	assert_null(json_at(list, 2));
	assert_int_equal(json_integer(json_get(json_at(list, 3), "k"), 0), 3);
	assert_null(json_at(list, 4));
	assert_null(json_at(list, SIZE_MAX));
	json_free(doc);
}

/* A value asked for as what it is not answers, and does not crash. */
static void
kinds_are_not_mixed(void **state)
{
	struct json *doc = parse_string(
	    "{\"n\":null,\"b\":true,\"f\":false,"
	    "\"i\":1,\"d\":1.5,\"s\":\"true\",\"l\":[1],\"o\":{\"a\":1}}");
	static const char *const names[] = { "n", "b", "f", "i", "d", "s", "l",
		"o", "absent" };
	const struct json *v;
	const char *text;
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		v = json_get(doc, names[i]);
		text = json_text(v, &len);
		assert_int_equal(text != NULL, *names[i] == 's');
		assert_int_equal(json_true(v), *names[i] == 'b');
		assert_int_equal(
		    json_integer(v, -9), *names[i] == 'i' ? 1 : -9);
		assert_int_equal(json_at(v, 0) != NULL, *names[i] == 'l');
		assert_int_equal(
		    json_get(v, "a") != NULL, strcmp(names[i], "o") == 0);
	}
	json_free(doc);
	json_free(NULL);
}

static void
integers_are_whole_and_within_range(void **state)
{
	static const struct {
		const char *doc;
		int64_t n;
	} rows[] = {
		{ "{\"a\":0}", 0 },
		{ "{\"a\":-0}", 0 },
		{ "{\"a\":-12}", -12 },
		{ "{\"a\":1.0}", 1 },
		{ "{\"a\":1e3}", 1000 },
		{ "{\"a\":-2.5e1}", -25 },
		{ "{\"a\":1.5}", 99 },
		{ "{\"a\":1e-1}", 99 },
		{ "{\"a\":\"1\"}", 99 },
		{ "{\"a\":true}", 99 },
		{ "{\"a\":9223372036854775807}", INT64_MAX },
		{ "{\"a\":9223372036854775808}", 99 },
		{ "{\"a\":18446744073709551616}", 99 },
		{ "{\"a\":99999999999999999999999999}", 99 },
		{ "{\"a\":-9223372036854775807}", -INT64_MAX },
		{ "{\"a\":-9223372036854775808}", 99 },
		{ "{\"a\":-9223372036854775809}", 99 },
		{ "{\"a\":9.3e18}", 99 },
		{ "{\"a\":-9.3e18}", 99 },
		{ "{\"a\":9223372036854775808.0}", 99 },
		{ "{\"a\":-9223372036854775808.0}", 99 },
		{ "{\"a\":1E400}", 99 },
		{ "{\"a\":-1E400}", 99 },
	};
	struct json *doc;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		doc = parse_string(rows[i].doc);
		assert_true(json_integer(json_get(doc, "a"), 99) == rows[i].n);
		json_free(doc);
	}
}

static void
texts_are_decoded(void **state)
{
	static const struct {
		const char *doc, *text;
	} rows[] = {
		{ "{\"a\":\"\"}", "" },
		{ "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t" },
		{ "{\"a\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}", "é€😀" },
		{ "{\"a\":\"é€😀\"}", "é€😀" },
		{ "{\"a\":\"\\ud83d\\ude00\\ud83d\\ude01x\"}", "😀😁x" },
		{ "{\"a\":\"\\uDBFF\\uDFFD\\u0001\"}", "\xf4\x8f\xbf\xbd\x01" },
		{ "{\"\\u0061\":\"\\\\u0041\"}", "\\u0041" },
	};
	struct json *doc;
	const char *text;
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		doc = parse_string(rows[i].doc);
		text = json_text(json_get(doc, "a"), &len);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(len, strlen(rows[i].text));
		json_free(doc);
	}
}

static void
commas_set_themselves(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_adds(&b, "data: ");
	json_open(&b, NULL);
	json_open(&b, "empty");
	json_close(&b);
	json_open_array(&b, "none");
	json_close_array(&b);
	json_add_string(&b, "s", "x,");
	json_add_text(&b, "t", "[cut", 1);
	json_add_integer(&b, "i", -3);
	json_add_bool(&b, "b", true);
	json_add_bool(&b, "f", false);
	json_open_array(&b, "l");
	json_open(&b, NULL);
	json_add_integer(&b, "k", INT64_MIN);
	json_close(&b);
	json_open(&b, NULL);
	json_close(&b);
	json_open_array(&b, NULL);
	json_add_bool(&b, NULL, false);
	json_add_integer(&b, NULL, INT64_MAX);
	json_add_string(&b, NULL, "");
	json_add_string(&b, NULL, "{");
	json_add_text(&b, NULL, NULL, 0);
	json_close_array(&b);
	json_close_array(&b);
	json_add_string(&b, "last", "");
	json_close(&b);
	assert_string_equal(buf_string(&b),
	    "data: {\"empty\":{},\"none\":[],\"s\":\"x,\",\"t\":\"[\",\"i\":-3,"
	    "\"b\":true,\"f\":false,\"l\":[{\"k\":-9223372036854775808},{},"
	    "[false,9223372036854775807,\"\",\"{\",\"\"]],\"last\":\"\"}");
	buf_free(&b);
}

static void
texts_are_escaped_where_they_must_be(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "plain", "\"plain\"" },
		{ "\"", "\"\\\"\"" },
		{ "\\", "\"\\\\\"" },
		{ "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
		{ "\x01\x0b\x0e\x1f", "\"\\u0001\\u000b\\u000e\\u001f\"" },
		{ "a\nb\"c", "\"a\\nb\\\"c\"" },
		{ "\x7f/</é€😀\xe2\x80\xa8", "\"\x7f/</é€😀\xe2\x80\xa8\"" },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_clear(&b);
		json_add_string(&b, NULL, rows[i].text);
		assert_string_equal(buf_string(&b), rows[i].shown);
	}
	buf_clear(&b);
	json_add_text(&b, "a\n", "\0x", 2);
	assert_string_equal(buf_string(&b), "\"a\\n\":\"\\u0000x\"");
	buf_free(&b);
}

static void
what_is_written_can_be_read(void **state)
{
	const char *text, tail[] = "é€😀\x7f/\"\\";
	struct json *doc;
	char all[64];
	struct buf b;
	size_t len;

	(void)state;
	for (size_t i = 0; i < 31; i++)
		all[i] = (char)(i + 1);
	memcpy(all + 31, tail, sizeof(tail));
	buf_init(&b, 1000);
	json_open(&b, NULL);
	json_add_string(&b, all, all);
	json_close(&b);
	doc = parse_string(buf_string(&b));
	text = json_text(json_get(doc, all), &len);
	assert_non_null(text);
	assert_string_equal(text, all);
	json_free(doc);
	buf_free(&b);
}

static void
a_full_buffer_fails_and_stays_so(void **state)
{
	struct buf b;

	(void)state;
	for (size_t max = 0; max < 25; max++) {
		buf_init(&b, max);
		json_open(&b, NULL);
		json_add_string(&b, "name", "text\n");
		json_add_bool(&b, "b", true);
		json_close(&b);
		assert_true(b.failed);
		assert_true(b.len <= max);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_documents_are_refused),
		cmocka_unit_test(good_documents_pass),
		cmocka_unit_test(truncated_documents_are_refused),
		cmocka_unit_test(changed_bytes_do_no_harm),
		cmocka_unit_test(many_levels_do_not_exhaust_the_stack),
		cmocka_unit_test(want_of_memory_is_no_fault_of_the_document),
		cmocka_unit_test(members_are_found_by_name),
		cmocka_unit_test(kinds_are_not_mixed),
		cmocka_unit_test(integers_are_whole_and_within_range),
		cmocka_unit_test(texts_are_decoded),
		cmocka_unit_test(commas_set_themselves),
		cmocka_unit_test(texts_are_escaped_where_they_must_be),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(a_full_buffer_fails_and_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
