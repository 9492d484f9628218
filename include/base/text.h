/* What we need to know about UTF-8 (RFC 3629) and about text. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

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
 * The length of the longest prefix, at most n bytes, that does not end inside
 * a character; the text is assumed to be well-formed up to there.
 */
size_t text_floor(const char *, size_t n);

/* The length of the white space (Unicode's White_Space) that it begins with. */
size_t text_blank_length(const char *, size_t);

/* Whether there is nothing but white space (Unicode's White_Space) in it. */
bool text_is_blank(const char *, size_t);

/* In lower case, of ASCII. */
char text_lower(char);

/* Compare two strings, ASCII letters without regard to case. */
bool text_equal_nocase(const char *, const char *);

#endif
