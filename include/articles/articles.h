/*
 * The collection that is served: an index that may be replaced by another while
 * searches run. Whoever searches takes a reference and keeps what it took.
 */
#ifndef ARTICLES_ARTICLES_H
#define ARTICLES_ARTICLES_H

#include <stddef.h>
#include <stdint.h>

#include "articles/index.h"
#include "articles/index_build.h"
#include "articles/search.h"
#include "base/err.h"

/* The settings. */
struct articles_conf {
	const char		*path;		/* NULL: the samples */
	struct index_limits	 limits;
	struct search_conf	 search;
};

struct articles;

/*
 * Read the file: JSON Lines (article_lines.h) or an index (index_file.h), told
 * apart by how it begins. NULL: err says file, line and what is wrong. The
 * path's string must outlive it.
 */
struct articles *articles_open(const struct articles_conf *, struct err *err);
void articles_close(struct articles *);		/* NULL is allowed */

/* The index as it is now, referenced; from any thread. */
struct index *articles_index(struct articles *);

const struct search_conf *articles_search(const struct articles *);

/* Seconds since the file was written, given the wall clock; 0: the samples. */
int64_t articles_age(struct articles *, int64_t wall_ms);

enum articles_renewed {
	ARTICLES_SAME,		/* the file is the one that was read last */
	ARTICLES_NEW,		/* another one has taken its place */
	ARTICLES_BAD,		/* it is not right; what was served stays */
};

/* A renewal that runs ends soon, and as ARTICLES_SAME; none reads any more. */
void articles_stop(struct articles *);

/*
 * Look whether the file is another one, by its inode, size and time of change,
 * and serve that; a bad one is not read again before it has changed. From one
 * thread, which may wait for a disk and compute for seconds.
 */
enum articles_renewed articles_renew(struct articles *, struct err *err);

/* Make an index file out of a file of either kind; false: err says why. */
bool articles_convert(const struct articles_conf *, const char *to,
    struct err *err);

#endif
