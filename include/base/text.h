/* What we need to know about UTF-8 (RFC 3629) and about text. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Whether the bytes are well-formed UTF-8: no overlong forms, no surrogates,
 * nothing over U+10FFFF, nothing cut off.
 */
bool text_is_utf8(const char *, size_t);

/*
 * Add a text with U+FFFD in place of every NUL and of what is not UTF-8: one
 * for each longest run of bytes that begins a character (Unicode, 3.9). It is
 * at most three times as long then.
 */
void text_add_clean(struct buf *, const char *, size_t);

/*
 * The character at the head of a text that is well-formed and not empty; the
 * number of its bytes.
 */
static inline size_t
text_next(const char *s, uint32_t *character)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? p[0] : p[0] & (0x7fU >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	*character = c;
	return len;
}

/*
 * Likewise, of n > 0 bytes that may be anything; 0 when no well-formed
 * character stands there.
 */
size_t text_decode(const char *, size_t n, uint32_t *character);

/* Write a character of at most U+10FFFF; the number of its bytes. */
#define TEXT_MAX_CHARACTER 4
size_t text_encode(char out[TEXT_MAX_CHARACTER], uint32_t character);

/*
 * The length of the longest prefix, at most n bytes, that does not end inside
 * a character; the text is assumed to be well-formed up to there.
 */
size_t text_floor(const char *, size_t n);

/* The length of the white space (Unicode's White_Space) that it begins with. */
size_t text_blank_length(const char *, size_t);

/* Whether there is nothing but white space (Unicode's White_Space) in it. */
bool text_is_blank(const char *, size_t);

/* The value of a hexadecimal digit, over 15 for another character. */
static inline unsigned
text_hex(char c)
{
	unsigned digit = (unsigned char)c - (unsigned)'0';
	unsigned letter = ((unsigned char)c | 0x20) - (unsigned)'a';

	return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

/* The number in exactly n hexadecimal digits, n <= 8; false: they are none. */
bool text_hex_number(const char *, size_t n, uint32_t *);

/* One hexadecimal digit, in lower case, of the lowest four bits. */
static inline char
text_hex_digit(unsigned n)
{
	return "0123456789abcdef"[n & 0xf];
}

/* In lower case, of ASCII. */
char text_lower(char);

/* Compare two strings, ASCII letters without regard to case. */
bool text_equal_nocase(const char *, const char *);

#endif
