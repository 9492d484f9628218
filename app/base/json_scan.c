/* A model's answer is a JSON document per word: trees would cost the most. */
#include "base/json_scan.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MAX_NUMBER 32 /* characters of a number that is looked at */
#define MAX_WHOLE  0x1p53
#define MAX_PLAIN  15 /* digits that are below it */

static bool
scan_fail(struct json_scan *s)
{
	s->failed = true;
	s->p = s->end;
	return false;
}

static inline char
scan_peek(struct json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
				    *s->p == '\n' || *s->p == '\r'))
		s->p++;
	return s->p < s->end ? *s->p : '\0';
}

char
json_scan_kind(struct json_scan *s)
{
	return scan_peek(s);
}

static inline bool
scan_take(struct json_scan *s, char c)
{
	if (scan_peek(s) != c)
		return scan_fail(s);
	s->p++;
	return true;
}

/*
 * Texts.
 */

/* The code unit of four digits; -1 when they are none. */
static long
hex4(const char *p)
{
	uint32_t unit;

	return text_hex_number(p, 4, &unit) ? (long)unit : -1;
}

/* How long the escape at p is; 0: it is none. */
static size_t
escape_length(const char *p, const char *end)
{
	if (end - p >= 6 && p[1] == 'u')
		return hex4(p + 2) == -1 ? 0 : 6;
	return end - p >= 2 && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
}

/*
 * The highest bits of those of 8 bytes that are a quote or a backslash, the
 * first byte being the lowest: one that is it is below 1 after their exclusive
 * or, and borrows into its highest bit. Only the lowest bit is sure: a borrow
 * may go on to the bytes above.
 */
static inline uint64_t
word_special(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w, quote, slash;

	memcpy(&w, p, sizeof(w));
	w = le64toh(w);
	quote = w ^ ones * '"';
	slash = w ^ ones * '\\';
	return ((quote - ones) | (slash - ones)) & ~w & ones * 0x80;
}

/* Most texts are short: a function's call costs more than these steps. */
static inline const char *
text_special(const char *p, const char *end)
{
	uint64_t special;

	for (; end - p >= 8; p += 8)
		if ((special = word_special(p)) != 0)
			return p + (unsigned)__builtin_ctzll(special) / 8;
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p < end ? p : NULL;
}

/* The quote that ends the text at p; NULL: it does not end, or is none. */
static inline const char *
text_end(const char *p, const char *end)
{
	size_t len;

	while ((p = text_special(p, end)) != NULL && *p == '\\') {
		if ((len = escape_length(p, end)) == 0)
			return NULL;
		p += len;
	}
	return p;
}

/* A quote comes next. */
static inline bool
scan_text(struct json_scan *s, const char **text, size_t *n)
{
	const char *quote = text_end(s->p + 1, s->end);

	if (quote == NULL)
		return scan_fail(s);
	*text = s->p + 1;
	*n = (size_t)(quote - *text);
	s->p = quote + 1;
	return true;
}

bool
json_scan_string(struct json_scan *s, const char **text, size_t *n)
{
	if (scan_peek(s) == '"')
		return scan_text(s, text, n);
	json_scan_skip(s);
	return false;
}

/* In UTF-8 (RFC 3629, section 3). */
static void
add_character(struct buf *to, unsigned long c)
{
	char utf8[TEXT_MAX_CHARACTER];

	buf_add(to, utf8, text_encode(utf8, (uint32_t)c));
}

/* Add a \u escape, or the two of a surrogate pair; says how long it was. */
static size_t
add_unit(struct buf *to, const char *p, const char *end)
{
	unsigned long c = (unsigned long)hex4(p + 2), low;
	bool pair = c >= 0xd800 && c <= 0xdbff && end - p >= 12 &&
	            p[6] == '\\' && p[7] == 'u';

	if (pair && (low = (unsigned long)hex4(p + 8)) >= 0xdc00 &&
	    low <= 0xdfff) {
		add_character(
		    to, 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff));
		return 12;
	}
	add_character(to, c == 0 || (c >= 0xd800 && c <= 0xdfff) ? 0xfffd : c);
	return 6;
}

static size_t
add_escape(struct buf *to, const char *p, const char *end)
{
	static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
	const char *at;

	if (p[1] == 'u')
		return add_unit(to, p, end);
	at = strchr(from, p[1]);
	buf_addc(to, at != NULL ? into[at - from] : p[1]);
	return 2;
}

void
json_scan_decode(struct buf *to, const char *p, size_t n)
{
	const char *end = p + n, *escape;

	while (n > 0 && (escape = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		text_add_clean(to, p, (size_t)(escape - p));
		p = escape + add_escape(to, escape, end);
	}
	text_add_clean(to, p, (size_t)(end - p));
}

static bool
ends_in_surrogate(const char *p, size_t n)
{
	const char *escape = p + n - 6;
	size_t slashes = 1;
	long unit;

	if (n < 6 || escape[0] != '\\' || escape[1] != 'u')
		return false;
	while (slashes < n - 5 && escape[-(ptrdiff_t)slashes] == '\\')
		slashes++;
	unit = hex4(escape + 2);
	return slashes % 2 == 1 && unit >= 0xd800 && unit <= 0xdbff;
}

size_t
json_scan_half(const char *p, size_t n)
{
	if (n == 0)
		return 0;
	if ((unsigned char)p[n - 1] >= 0x80)
		return n - text_floor(p, n);
	return ends_in_surrogate(p, n) ? 6 : 0;
}

/*
 * Words and numbers.
 */

static bool
in_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

static bool
is_word(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* By its first characters; not that it is well-formed. */
static bool
is_number(const char *p, size_t n)
{
	if (n > 1 && *p == '-') {
		p++;
		n--;
	}
	return (*p >= '0' && *p <= '9') || is_word(p, n, "NaN") ||
	       is_word(p, n, "Infinity");
}

/* Pass over what is neither a text nor opened; says how long it was. */
static size_t
scan_word(struct json_scan *s)
{
	const char *p = s->p;
	size_t n = 0;

	while (s->p < s->end && in_word(*s->p))
		s->p++;
	n = (size_t)(s->p - p);
	if (n > 0 && (is_number(p, n) || is_word(p, n, "null") ||
			 is_word(p, n, "true") || is_word(p, n, "false")))
		return n;
	scan_fail(s);
	return 0;
}

bool
json_scan_null(struct json_scan *s)
{
	bool is_null = scan_peek(s) == 'n';

	json_scan_skip(s);
	return is_null && !s->failed;
}

/* Nearly all numbers are digits alone; -1: it is another one. */
static int64_t
plain_value(const char *p, size_t n)
{
	int64_t value = 0;

	if (n > MAX_PLAIN)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		value = value * 10 + (p[i] - '0');
	}
	return value;
}

int64_t
json_scan_integer(struct json_scan *s, int64_t fallback)
{
	char digits[MAX_NUMBER + 1], *end, c;
	const char *p;
	int64_t plain;
	size_t n;
	double d;

	c = scan_peek(s);
	if (c == '"' || c == '{' || c == '[') {
		json_scan_skip(s);
		return fallback;
	}
	p = s->p;
	if ((n = scan_word(s)) == 0 || n > MAX_NUMBER)
		return fallback;
	if ((plain = plain_value(p, n)) >= 0)
		return plain;
	memcpy(digits, p, n);
	digits[n] = '\0';
	d = strtod(digits, &end);
	if (*end != '\0' || !(d > -MAX_WHOLE && d < MAX_WHOLE) ||
	    (double)(int64_t)d != d)
		return fallback;
	return (int64_t)d;
}

/*
 * Objects and arrays.
 */

static bool
scan_open(struct json_scan *s)
{
	if (s->depth == JSON_SCAN_MAX_DEPTH)
		return scan_fail(s);
	s->p++;
	s->depth++;
	s->opened = true;
	return true;
}

/* Whether another item comes, behind a comma unless it is the first. */
static inline bool
scan_next(struct json_scan *s, char close)
{
	bool first = s->opened;

	s->opened = false;
	if (scan_peek(s) == close) {
		s->p++;
		s->depth--;
		return false;
	}
	return first || scan_take(s, ',');
}

bool
json_scan_object(struct json_scan *s)
{
	if (scan_peek(s) == '{')
		return scan_open(s);
	json_scan_skip(s);
	return false;
}

bool
json_scan_array(struct json_scan *s)
{
	if (scan_peek(s) == '[')
		return scan_open(s);
	json_scan_skip(s);
	return false;
}

bool
json_scan_member(struct json_scan *s)
{
	if (!scan_next(s, '}'))
		return false;
	if (scan_peek(s) != '"')
		return scan_fail(s);
	return scan_text(s, &s->name, &s->name_len) && scan_take(s, ':');
}

bool
json_scan_element(struct json_scan *s)
{
	return scan_next(s, ']');
}

void
json_scan_skip(struct json_scan *s)
{
	const char *text;
	size_t n;

	switch (scan_peek(s)) {
	case '{':
		if (scan_open(s))
			while (json_scan_member(s))
				json_scan_skip(s);
		break;
	case '[':
		if (scan_open(s))
			while (json_scan_element(s))
				json_scan_skip(s);
		break;
	case '"':
		json_scan_string(s, &text, &n);
		break;
	default:
		scan_word(s);
	}
}

/* No NUL stands in JSON, so none is met behind this. */
void
json_scan_init(struct json_scan *s, const char *p, size_t n)
{
	*s = (struct json_scan){ .p = p, .end = p + n };
	if (memchr(p, '\0', n) != NULL)
		scan_fail(s);
}

bool
json_scan_end(struct json_scan *s)
{
	return scan_peek(s) == '\0' && !s->failed && s->p == s->end;
}
