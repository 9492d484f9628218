/* UTF-8 by hand, so that no locale decides what a byte means. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/*
 * What may follow a first byte (RFC 3629, section 4): the length of the
 * sequence and the range of its second byte; 0 when it begins nothing.
 */
static size_t
text_sequence(unsigned char c, unsigned char *lo, unsigned char *hi)
{
	*lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	*hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (c < 0x80)
		return 1;
	if (c < 0xc2)
		return 0;
	if (c < 0xe0)
		return 2;
	if (c < 0xf0)
		return 3;
	return c < 0xf5 ? 4 : 0;
}

static bool
text_is_ascii8(const char *s)
{
	uint64_t w;

	memcpy(&w, s, sizeof(w));
	return (w & HIGH_BITS) == 0;
}

/*
 * The length of the character at s, n > 0; 0 when it is none. *taken is then
 * how many bytes could have begun one, at least 1.
 */
static size_t
text_character(const char *s, size_t n, size_t *taken)
{
	unsigned char lo, hi, c;
	size_t len = text_sequence((unsigned char)*s, &lo, &hi);

	for (*taken = 1; *taken < len; ++*taken) {
		if (*taken == n)
			return 0;
		c = (unsigned char)s[*taken];
		if (c < lo || c > hi)
			return 0;
		lo = 0x80;
		hi = 0xbf;
	}
	return len;
}

size_t
text_decode(const char *s, size_t n, uint32_t *character)
{
	size_t taken;

	return text_character(s, n, &taken) == 0 ? 0 : text_next(s, character);
}

size_t
text_encode(char out[TEXT_MAX_CHARACTER], uint32_t c)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n] | c);
	return n;
}

bool
text_hex_number(const char *s, size_t n, uint32_t *number)
{
	*number = 0;
	for (size_t i = 0; i < n; i++) {
		if (text_hex(s[i]) > 15)
			return false;
		*number = *number << 4 | text_hex(s[i]);
	}
	return true;
}

bool
text_is_utf8(const char *s, size_t n)
{
	size_t i = 0, len, taken;

	while (i < n) {
		if (n - i >= 8 && text_is_ascii8(s + i)) {
			i += 8;
			continue;
		}
		if ((len = text_character(s + i, n - i, &taken)) == 0)
			return false;
		i += len;
	}
	return true;
}

/* ASCII, NUL aside: most of what comes. */
static inline bool
text_is_clean(char c)
{
	return c > '\0' && (unsigned char)c < 0x80;
}

void
text_add_clean(struct buf *to, const char *s, size_t n)
{
	size_t from = 0, i = 0, taken;

	while (i < n) {
		if (text_is_clean(s[i])) {
			i++;
			continue;
		}
		if (text_character(s + i, n - i, &taken) == 0 || s[i] == '\0') {
			buf_add(to, s + from, i - from);
			buf_adds(to, "\xef\xbf\xbd");
			from = i + taken;
		}
		i += taken;
	}
	if (from < n)
		buf_add(to, s + from, n - from);
}

size_t
text_floor(const char *s, size_t n)
{
	unsigned char lo, hi;
	size_t i = n;

	while (i > 0 && n - i < 3 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
		i--;
	if (i == 0)
		return 0;
	i--;
	return text_sequence((unsigned char)s[i], &lo, &hi) > n - i ? i : n;
}

/* The length of the white space character at s, or 0. */
static size_t
text_space(const char *s, size_t n)
{
	static const char *const spaces[] = {
		"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", /* NEL, NBSP, ogham */
		"\xe2\x80\xa8", "\xe2\x80\xa9",         /* line, paragraph */
		"\xe2\x80\xaf", "\xe2\x81\x9f",         /* narrow, math */
		"\xe3\x80\x80",                         /* ideographic */
	};
	unsigned char last;
	size_t len;

	if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		return 1;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		len = strlen(spaces[i]);
		if (len <= n && memcmp(s, spaces[i], len) == 0)
			return len;
	}
	if (n < 3 || memcmp(s, "\xe2\x80", 2) != 0)
		return 0;
	last = (unsigned char)s[2];
	return last >= 0x80 && last <= 0x8a ? 3 : 0; /* U+2000 to U+200A */
}

size_t
text_blank_length(const char *s, size_t n)
{
	size_t i = 0, len;

	while (i < n && (len = text_space(s + i, n - i)) > 0)
		i += len;
	return i;
}

bool
text_is_blank(const char *s, size_t n)
{
	return text_blank_length(s, n) == n;
}

char
text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
text_equal_nocase(const char *a, const char *b)
{
	while (*a != '\0' && text_lower(*a) == text_lower(*b)) {
		a++;
		b++;
	}
	return text_lower(*a) == text_lower(*b);
}
