/*
 * The search: which articles a message asks for, best first. It takes no lock,
 * keeps no state, and costs at most a millisecond or two whatever the message:
 * so it runs on a loop.
 */
#ifndef ARTICLES_SEARCH_H
#define ARTICLES_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "articles/index.h"
#include "articles/query.h"
#include "base/rc.h"

#define SEARCH_MAX	20	/* articles of a result */
#define SEARCH_PASSAGES	2	/* of each article */
#define SEARCH_POOL	60	/* passages that are looked at closely */

/* How a newer article is preferred: score * (1 + weight / 2^(age / days)). */
struct search_recency {
	double	weight;
	double	days;		/* not 0 */
};

/* What the settings say. */
struct search_conf {
	double			threshold;	/* of what is relevant */
	double			follow;		/* query_read's */
	struct search_recency	recency;	/* of every message */
	struct search_recency	recency_news;	/* of one that asks for news */
};

enum search_flags {
	SEARCH_IN_TITLE = 1,	/* a word counts in titles only */
	SEARCH_OWN_WORD = 2,	/* an article must have a word of the message
				   itself, if that has one that means
				   something */
};

struct search_ask {
	struct query_text	 message;
	struct query_text	 before;	/* the last question that had
						   such words; or none */
	unsigned		 flags;		/* enum search_flags */
	const uint32_t		*skip;		/* articles not wanted */
	size_t			 skip_count;
	size_t			 max;	/* articles, SEARCH_MAX at most */
	uint32_t		 today;		/* days since 1970-01-01 */
};

/* A part of an article's text. */
struct search_passage {
	const char	*text;		/* not NUL-terminated */
	size_t		 len;
	double		 score;
};

struct search_hit {
	struct article		article;
	double			score;		/* the best passage's, and its
						   recency */
	struct search_passage	passages[SEARCH_PASSAGES];
	size_t			count;		/* of them, the better first; 1
						   at least */
};

struct search_result {
	struct index		*index;		/* referenced; what the hits'
						   strings live in */
	struct search_hit	 hits[SEARCH_MAX];
	size_t			 count;
	bool			 relevant;	/* the best one answers what
						   was asked, as far as words
						   can tell */
	bool			 newest;	/* nothing in particular was
						   asked for: these are the
						   newest */
};

/*
 * Find at most ask->max articles, the best first; equally good ones in the
 * order of the file. A message without a word that means something is searched
 * for as the question before it; without one, the newest articles are given
 * (relevant, if the message asks for news).
 * RC_OK, also when nothing is found; RC_NOMEM: the result is empty. The caller
 * frees the result whatever comes.
 */
enum rc search_run(struct search_result *, struct index *,
    const struct search_conf *, const struct search_ask *);

void search_free(struct search_result *);

#endif
