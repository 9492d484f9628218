/*
 * The collection of articles and its full-text search (SQLite FTS5, accents
 * folded). It is built once, in memory; each loop searches it through a
 * connection of its own, which shares the bytes and takes no lock.
 */
#ifndef CHAT_ARTICLES_H
#define CHAT_ARTICLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARTICLE_LINE_MAX (256 * 1024)	/* bytes of one line of the file */
#define ARTICLES_MAX 50000		/* articles of a collection */
#define ARTICLE_MAX_WORDS 32		/* of a text that is searched for */

struct articles;		/* the collection, immutable */
struct article_search;		/* a loop's connection to it */

struct article {
	int64_t		 id;
	const char	*title;
	const char	*url;
	const char	*date;		/* as in the file: "2025-11-08" */
	const char	*excerpt;	/* around what was found, 300 characters
					   at most */
};

/*
 * Build the collection from a file of JSON Lines, each an object with the
 * strings title, url (http or https, in ASCII, not twice), date and text; NULL:
 * the sample collection, which is built into the program. Blank lines are left
 * out. NULL is returned when a line is broken: err says file, line and what is
 * wrong.
 */
struct articles *articles_load(const char *path, char *err, size_t errsize);
void articles_free(struct articles *);
size_t articles_count(const struct articles *);

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
 * has one of the words that mean something (stop words are left out, and what
 * is over ARTICLE_MAX_WORDS; a longer word also finds those that begin with
 * it); a text without such words finds the newest. A search that would take
 * long in a big collection ends early: what it finds is then not in order.
 * found is called for each; the strings are valid in the call. How many were
 * found; -1 on a failure, which was logged.
 */
typedef void article_found_f(void *arg, const struct article *);
int article_search(struct article_search *, const struct article_query *,
    article_found_f *, void *arg);

/* How many words of the text mean something: 0 for "Et après ?". */
int article_words(const char *text, size_t len);

/* The id of the article with this URL; 0 when there is none. */
int64_t article_by_url(struct article_search *, const char *url, size_t len);

#endif
