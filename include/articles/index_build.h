/*
 * Building an index out of articles, one after the other. The same articles in
 * the same order make the same bytes.
 */
#ifndef ARTICLES_INDEX_BUILD_H
#define ARTICLES_INDEX_BUILD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "articles/index.h"

/* What a collection may be. */
struct index_limits {
	uint64_t	articles;
	uint64_t	memory;		/* bytes of the whole index */
	uint64_t	article_bytes;	/* of a title, a URL and a text */
	const atomic_bool *stop;	/* set by another thread to end it with
					   an error; NULL: never */
};

/* Whether reading is to end. */
static inline bool
limits_stopped(const struct index_limits *limits)
{
	return limits->stop != NULL && atomic_load(limits->stop);
}

struct article_text {
	const char	*title, *url, *date, *text;
	size_t		 title_len, url_len, date_len, text_len;
};

struct index_build;

/* NULL: no memory. */
struct index_build *index_build_new(const struct index_limits *);
void index_build_free(struct index_build *);	/* NULL is allowed */

/*
 * Add an article; all of it is copied, parentheses of the URL are written as
 * %28 and %29. NULL, or what is wrong, in a few words; nothing can be added
 * after that. *value is then the text that is at fault, if one is; else NULL.
 */
const char *index_build_add(struct index_build *, const struct article_text *,
    const char **value);

size_t index_build_count(const struct index_build *);	/* articles so far */

/*
 * The index; the build must still be freed. NULL: *what says why, in a few
 * words.
 */
struct index *index_build_finish(struct index_build *, const char **what);

/* Whether a text may be an article's date, or its URL. */
bool index_date_ok(const char *, size_t);
bool index_url_ok(const char *, size_t);

/* Days from 1970-01-01 to a date that is right; 0 when it lies before. */
uint32_t index_day(const char *date);

#endif
