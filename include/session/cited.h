/*
 * What is known of an answer besides its text: who gave it, and which articles
 * it goes by. As bytes, which a history keeps, processes hand over, and replies
 * are written from.
 */
#ifndef SESSION_CITED_H
#define SESSION_CITED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define CITED_MAX 2048		/* bytes that are kept of an answer */

enum cited_grounding {
	GROUNDING_UNSAID,	/* the chat is not grounded */
	GROUNDING_CITED,	/* its sources are those that it names */
	GROUNDING_UNCITED,	/* it had sources, and names none */
	GROUNDING_NONE,		/* nothing was found */
};

enum cited_by {
	BY_UNSAID,
	BY_MODEL,
	BY_ARTICLES,
};

struct cited_source {
	unsigned	 n;		/* its number in the answer, from 1 */
	const char	*title, *url, *date;
	size_t		 title_len, url_len, date_len;	/* url_len may be 0 */
};

/* The names that replies have for them; NULL: it is not said. */
const char *cited_grounding_name(enum cited_grounding);
const char *cited_by_name(enum cited_by);

/* Begin in an empty buffer. */
void cited_begin(struct buf *, enum cited_grounding, enum cited_by);

/* Add a source with its title shortened; false: there is no room for it. */
bool cited_add(struct buf *, const struct cited_source *);

/* Reading what cited_valid says is right, or what was made here. */
enum cited_grounding cited_grounding(const char *, size_t);
enum cited_by cited_by(const char *, size_t);

/* *pos is 0 at first; false: that was the last one. */
bool cited_next(const char *, size_t, size_t *pos, struct cited_source *);

/* Whether bytes from elsewhere are all right, CITED_MAX at most. */
bool cited_valid(const char *, size_t);

#endif
