#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A code point as UTF-8 would write it, a surrogate too. */
static size_t
encode(char *p, uint32_t c)
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		p[i] = (char)(0x80 | (c & 0x3f));
	p[0] = (char)(first[len] | c);
	return len;
}

/* In a block of its exact size, so that a byte read past it is found. */
static bool
is_utf8(const char *s, size_t n)
{
	char *copy = malloc(n == 0 ? 1 : n);
	bool good;

	assert_non_null(copy);
	memcpy(copy, s, n);
	good = text_is_utf8(copy, n);
	free(copy);
	return good;
}

static void
every_code_point_but_surrogates_is_utf8(void **state)
{
	char s[4];
	size_t n;

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		n = encode(s, c);
		assert_int_equal(text_is_utf8(s, n), c < 0xd800 || c > 0xdfff);
	}
}

static void
malformed_bytes_are_found(void **state)
{
	static const char *const rows[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xc2\xc2",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xe1\x80",
		"\xe1\x80\x41",
		"\xe1\x41\x80",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf1\x80\x80",
		"\xf1\x80\x80\x41",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xe9t\xe9",
	};
	char s[64];
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		n = strlen(rows[i]);
		for (size_t before = 0; before < 20; before++) {
			memset(s, 'a', sizeof(s));
			memcpy(s + before, rows[i], n);
			assert_false(is_utf8(s, before + n));
			assert_false(is_utf8(s, sizeof(s)));
		}
	}
}

static void
well_formed_bytes_pass_at_any_place(void **state)
{
	static const char text[] = "Qué \0 \xf0\x9f\x9a\x80 \xe2\x82\xac|";
	char s[64];

	(void)state;
	assert_true(is_utf8("", 0));
	for (size_t before = 0; before < 20; before++) {
		memset(s, 'a', sizeof(s));
		memcpy(s + before, text, sizeof(text));
		assert_true(is_utf8(s, before + sizeof(text)));
		assert_true(is_utf8(s, sizeof(s)));
	}
}

#define BAD "\xef\xbf\xbd"

static void
what_is_no_text_is_replaced(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		const char *clean;
	} rows[] = {
		{ "", 0, "" },
		{ "Voilà €😀 tout simplement", 30, "Voilà €😀 tout simplement" },
		{ "\0", 1, BAD },
		{ "a\0\0b", 4, "a" BAD BAD "b" },
		{ "\x80", 1, BAD },
		{ "\xff\xfe", 2, BAD BAD },
		{ "a\xe9t\xe9", 4, "a" BAD "t" BAD },
		{ "\xc0\xaf", 2, BAD BAD },
		{ "\xe0\x80\xaf", 3, BAD BAD BAD },
		{ "\xed\xa0\x80", 3, BAD BAD BAD },
		{ "\xf4\x90\x80\x80", 4, BAD BAD BAD BAD },
		{ "\xe2\x82", 2, BAD },
		{ "\xf0\x9f\x98", 3, BAD },
		{ "\xf0\x9f\x98.\xe2\x82\xac", 7, BAD ".€" },
		{ "\xc3\xc3\xa9", 3, BAD "é" },
		{ "\xe2\x82\0\xac", 4, BAD BAD BAD },
	};
	struct buf b;
	char *copy;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		copy = malloc(rows[i].n + 1);
		assert_non_null(copy);
		memcpy(copy + 1, rows[i].s, rows[i].n);
		buf_init(&b, rows[i].n * 3);
		text_add_clean(&b, copy + 1, rows[i].n);
		assert_string_equal(buf_string(&b), rows[i].clean);
		assert_int_equal(b.len, strlen(rows[i].clean));
		buf_free(&b);
		free(copy);
	}
}

static void
two_bytes_are_clean_or_made_so(void **state)
{
	char s[2];
	struct buf b;

	(void)state;
	buf_init(&b, 6);
	for (unsigned i = 0; i < 0x10000; i++) {
		s[0] = (char)(i >> 8);
		s[1] = (char)i;
		buf_clear(&b);
		text_add_clean(&b, s, 2);
		assert_false(b.failed);
		assert_true(text_is_utf8(b.data, b.len));
		assert_null(memchr(b.data, '\0', b.len));
		if (text_is_utf8(s, 2) && s[0] != '\0' && s[1] != '\0') {
			assert_int_equal(b.len, 2);
			assert_memory_equal(b.data, s, 2);
		}
	}
	buf_free(&b);
}

static void
floor_ends_between_characters(void **state)
{
	/* lengths 1, 2, 3, 4, 1 */
	static const char s[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80z";
	static const size_t expected[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10,
		11 };

	(void)state;
	for (size_t n = 0; n < COUNT(expected); n++)
		assert_int_equal(text_floor(s, n), expected[n]);
	for (size_t n = 0; n <= 9; n++) {
		assert_int_equal(text_floor(s + 1, n), expected[n + 1] - 1);
	}
}

static void
white_space_is_unicodes(void **state)
{
	static const uint32_t white[] = { 9, 10, 11, 12, 13, 0x20, 0x85, 0xa0,
		0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006,
		0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f,
		0x3000 };
	size_t next = 0, n;
	bool expected;
	char s[4];

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		expected = next < COUNT(white) && white[next] == c;
		next += expected;
		n = encode(s, c);
		assert_int_equal(text_is_blank(s, n), expected);
	}
	assert_int_equal(next, COUNT(white));
}

static void
blank_is_nothing_but_white_space(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		bool blank;
	} rows[] = {
		{ "", 0, true },
		{ " \t\r\n", 4, true },
		{ " \xc2\xa0\xe3\x80\x80 ", 7, true },
		{ " \xc2\xa0\xe3\x80\x80.", 7, false },
		{ " a ", 3, false },
		{ "\xe2\x80\x8b", 3, false },
		{ " \0", 2, false },
		{ "\xe3\x80", 2, false },
		{ "\xc2", 1, false },
		{ "\xe2\x80\x80", 2, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    text_is_blank(rows[i].s, rows[i].n), rows[i].blank);
}

static void
case_is_ascii_only(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "", "", true },
		{ "application/JSON", "Application/json", true },
		{ "azAZ", "AZaz", true },
		{ "a", "", false },
		{ "", "a", false },
		{ "ab", "abc", false },
		{ "abc", "ab", false },
		{ "@", "`", false },
		{ "[", "{", false },
		{ "-", "\r", false },
		{ "É", "é", false },
		{ "K", "\xe2\x84\xaa", false },
		{ "é", "é", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    text_equal_nocase(rows[i].a, rows[i].b), rows[i].equal);
}

static void
test_characters_come_back(void **state)
{
	static const uint32_t codes[] = { 'a', 0x7f, 0x80, 0xe9, 0x7ff, 0x800,
		0x20ac, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x1f600, 0x10ffff };
	char text[TEXT_MAX_CHARACTER];
	uint32_t back;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		n = text_encode(text, codes[i]);
		assert_true(text_is_utf8(text, n));
		assert_int_equal(text_next(text, &back), n);
		assert_int_equal(back, codes[i]);
		assert_int_equal(text_decode(text, sizeof(text), &back), n);
		assert_int_equal(back, codes[i]);
		assert_true(n == 1 || text_decode(text, n - 1, &back) == 0);
	}
	assert_int_equal(text_decode("\xc0\xaf", 2, &back), 0);
	assert_int_equal(text_decode("\xed\xa0\x80", 3, &back), 0);
	assert_int_equal(text_decode("\x80", 1, &back), 0);
}

static void
test_hexadecimal_digits(void **state)
{
	uint32_t n;

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const char *at = c == 0 ? NULL : strchr("0123456789abcdef", c);

		if (at == NULL && c >= 'A' && c <= 'F')
			at = strchr("0123456789abcdef", c | 0x20);
		if (at == NULL)
			assert_true(text_hex((char)c) > 15);
		else
			assert_int_equal(
			    *at, text_hex_digit(text_hex((char)c)));
	}
	assert_true(text_hex_number("00fFAb9Z", 7, &n));
	assert_int_equal(n, 0xffab9);
	assert_false(text_hex_number("00fFAb9Z", 8, &n));
	assert_true(text_hex_number("ffffffff", 8, &n));
	assert_int_equal(n, UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters_come_back),
		cmocka_unit_test(test_hexadecimal_digits),
		cmocka_unit_test(every_code_point_but_surrogates_is_utf8),
		cmocka_unit_test(malformed_bytes_are_found),
		cmocka_unit_test(well_formed_bytes_pass_at_any_place),
		cmocka_unit_test(what_is_no_text_is_replaced),
		cmocka_unit_test(two_bytes_are_clean_or_made_so),
		cmocka_unit_test(floor_ends_between_characters),
		cmocka_unit_test(white_space_is_unicodes),
		cmocka_unit_test(blank_is_nothing_but_white_space),
		cmocka_unit_test(case_is_ascii_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
