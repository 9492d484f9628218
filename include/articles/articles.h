/*
 * The collection of articles, as a database with an index for full-text search
 * (SQLite FTS5, accents folded). It is built once, in memory.
 */
#ifndef ARTICLES_ARTICLES_H
#define ARTICLES_ARTICLES_H

#include <stddef.h>

#define ARTICLE_LINE_MAX (256 * 1024)	/* bytes of one line of the file */
#define ARTICLES_MAX 50000		/* articles of a collection */

/*
 * Immutable. Its tables are docs (FTS5: title, text, url, date; its rank weighs
 * a title four times a text) and list (id, which is the rowid in docs, url,
 * date).
 */
struct articles {
	unsigned char	*bytes;		/* the database; mapped read-only */
	size_t		 size;
	size_t		 count;
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

#endif
