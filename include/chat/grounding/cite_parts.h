/*
 * The inside of the filter, for its parts only: what writes, and what reads
 * lines and addresses. What reads says how many bytes it used; 0: more must
 * come.
 */
#ifndef CHAT_GROUNDING_CITE_PARTS_H
#define CHAT_GROUNDING_CITE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "chat/grounding/cite_filter.h"
#include "chat/grounding/cite_marks.h"

static inline bool
cite_is_eol(char c)
{
	return c == '\n' || c == '\r';
}

static inline bool
cite_is_blank(char c)
{
	return c == ' ' || c == '\t' || cite_is_eol(c);
}

/* Write a byte as it is; bytes that are right as they stand; any bytes. */
void cite_write_byte(struct cite_filter *, char);
void cite_write_raw(struct cite_filter *, const char *, size_t);
void cite_write_plain(struct cite_filter *, const char *, size_t);

static inline size_t
cite_plain(struct cite_filter *f, const char *text, size_t n)
{
	cite_write_plain(f, text, n);
	return n;
}

/* The end of a line. */
size_t cite_take_eol(struct cite_filter *, char);

/* At the head of a line: CITE_READ, it was code or its fence, and *used. */
enum cite_read cite_take_head(struct cite_filter *, const struct cite_text *,
    size_t *used);

/* A line of code, or what there is of it. */
size_t cite_take_code(struct cite_filter *, const struct cite_text *);

/* What may begin with the scheme of an address, or with two slashes. */
size_t cite_take_address(struct cite_filter *, const struct cite_text *);
size_t cite_take_slash(struct cite_filter *, const struct cite_text *);

#endif
