/*
 * What a model says, before anybody sees it: a filter of its text as it comes,
 * which lets through the numbers and the addresses of this turn's sources only.
 *
 * [1], [1, 3], [^1], [Source 1] and their like in full-width brackets become
 * [1][3]; a number that no source has is taken out. A picture becomes its
 * text, a link to anything else its text, an address anywhere else loses its
 * scheme, and nothing that is left can define a reference. What is code for
 * certain, in fences or between backticks of one line, is left alone. Bytes and
 * values only; the outcome does not depend on how the text is cut, and nothing
 * of a text without any of these is changed.
 *
 * It knows as much Markdown as it takes to err on the safe side: where it
 * cannot tell what a reader of Markdown sees, text counts as text, not as code.
 */
#ifndef CHAT_GROUNDING_CITE_FILTER_H
#define CHAT_GROUNDING_CITE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define CITE_HELD_MAX 2048	/* bytes that may be held back */
#define CITE_MAX      20	/* sources */

enum cite_form {
	CITE_MARKERS,		/* [1] */
	CITE_LINKS,		/* [1](its URL), where it has one */
	CITE_OFF,		/* nothing, but what was cited is known */
};

struct cite_url {
	const char	*text;
	size_t		 len;		/* 0: it has none */
};

struct cite_conf {
	const struct cite_url	*urls;	/* of the sources, from number 1 on */
	unsigned		 count;	/* CITE_MAX at most */
	enum cite_form		 form;
	bool			 any;	/* links and addresses may be any */
};

struct cite_filter {
	/* what is known of the text so far */
	uint32_t	 cited;		/* bit n - 1: source n */
	unsigned	 known;		/* numbers that a source has */
	unsigned	 unknown;	/* and others, taken out */
	unsigned	 links;		/* made text */
	unsigned	 pictures;	/* likewise */

	/* its own */
	struct cite_conf conf;
	struct buf	*out;
	struct buf	 held;
	char		 tail[6];	/* bytes given last, the last first */
	char		 fence;		/* of the code that we are in; 0 */
	size_t		 fence_len, fence_indent;
	bool		 line;		/* at the head of a line that comes */
	bool		 blank;		/* this line has nothing yet */
	bool		 cr;		/* it begins behind one */
	bool		 no_fence;	/* nobody can tell any more */
	bool		 no_span;	/* likewise, in this paragraph */
	bool		 dropped;	/* something, behind the tail */
	bool		 in_url;	/* that was let through */
	bool		 head;		/* of a line that is given */
	bool		 label;		/* the last [ stood there */
};

/* The sources' strings outlive it. */
void cite_filter_init(struct cite_filter *, const struct cite_conf *);

/* Take a piece of the text; what is certain is added to out. */
void cite_filter_add(struct cite_filter *, const char *, size_t,
    struct buf *out);

/* That was all of it. */
void cite_filter_end(struct cite_filter *, struct buf *out);

void cite_filter_free(struct cite_filter *);	/* after any of them */

#endif
