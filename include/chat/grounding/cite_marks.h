/*
 * The forms of Markdown that a model cites and links with, read at the head of
 * a text that may go on. Bytes and values only.
 */
#ifndef CHAT_GROUNDING_CITE_MARKS_H
#define CHAT_GROUNDING_CITE_MARKS_H

#include <stdbool.h>
#include <stddef.h>

#define CITE_NUMBERS 24		/* of one marker */

/* A text: all of it, or its beginning. */
struct cite_text {
	const char	*p;
	size_t		 n;
	bool		 whole;		/* nothing more is to be waited for */
};

enum cite_read {
	CITE_NONE,		/* it is not one */
	CITE_MORE,		/* more of the text must come */
	CITE_READ,
};

struct cite_marker {
	size_t		len;
	unsigned	count;
	unsigned	number[CITE_NUMBERS];
};

/* [1], [1, 3], [1-3], [^1], [Source 1], and the like in full width. */
enum cite_read cite_read_marker(struct cite_marker *, const struct cite_text *);

/* (address), (<address>), (address "title"), on one line. */
struct cite_target {
	size_t		 len;
	const char	*url;
	size_t		 url_len;
	bool		 titled;
};
enum cite_read cite_read_target(struct cite_target *, const struct cite_text *);

/* [text](address), on one line. */
struct cite_link {
	size_t		   len;
	size_t		   text_len;	/* it begins at 1 */
	struct cite_target target;
};
enum cite_read cite_read_link(struct cite_link *, const struct cite_text *);

/* <scheme:address>; *scheme: the bytes of the scheme with ":" and "//". */
enum cite_read cite_read_auto(size_t *len, size_t *scheme,
    const struct cite_text *);

/* A run of the same byte that a text begins with. */
enum cite_read cite_read_run(size_t *len, const struct cite_text *);

/* Code between runs of backticks, on one line. */
enum cite_read cite_read_span(size_t *len, const struct cite_text *);

#endif
