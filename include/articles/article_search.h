/*
 * Full-text search in the articles. Each loop searches through a connection of
 * its own, which shares the collection's bytes and takes no lock.
 */
#ifndef ARTICLES_ARTICLE_SEARCH_H
#define ARTICLES_ARTICLE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "articles/articles.h"

struct article_search;		/* a loop's connection to the collection */

struct article {
	int64_t		 id;
	const char	*title;
	const char	*url;
	const char	*date;		/* as in the file: "2025-11-08" */
	const char	*excerpt;	/* around what was found, 300 characters
					   at most */
};

/* NULL: what failed was logged. The articles must outlive it. */
struct article_search *article_search_open(const struct articles *);
void article_search_close(struct article_search *);

struct article_query {
	const char	*text;		/* UTF-8, anything */
	size_t		 len;
	bool		 in_title;	/* a word counts in titles only */
	const int64_t	*skip;		/* ids that are not wanted */
	size_t		 skip_count;
	int		 max;
};

/*
 * Find articles by the words of a text, the best first. One is found when it
 * has one of the text's keywords (a longer one also finds words that begin with
 * it); a text without any finds the newest. A search that would take long in a
 * big collection ends early: what it finds is then not in order.
 * found is called for each; the strings are valid in the call. How many were
 * found; -1 on a failure, which was logged.
 */
typedef void article_found_f(void *arg, const struct article *);
int article_search(struct article_search *, const struct article_query *,
    article_found_f *, void *arg);

/* The id of the article with this URL; 0 when there is none. */
int64_t article_by_url(struct article_search *, const char *url, size_t len);

#endif
