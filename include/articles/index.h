/*
 * A collection of articles and the inverted index over them: one block of bytes
 * that never changes, which all threads may read and which lives as long as
 * anybody holds a reference to it.
 */
#ifndef ARTICLES_INDEX_H
#define ARTICLES_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_DATE 10		/* bytes of a date: 2025-11-08 */

struct index;
struct index_view;

/* One of its articles. The strings live as long as the index; all UTF-8. */
struct article {
	uint32_t	 number;	/* from 0, in the order of the file */
	const char	*title;
	const char	*url;		/* http or https, in ASCII; it may stand
					   in Markdown's parentheses */
	const char	*date;		/* "2025-11-08" */
	const char	*text;
	size_t		 title_len, url_len, text_len;
};

/*
 * Take over a block of memory (block_new) that holds a whole index, checked
 * or just built; it is given back with the last reference, or here: NULL
 * without memory.
 */
struct index *index_new(char *block, size_t size);

struct index *index_ref(struct index *);
void index_unref(struct index *);	/* NULL is allowed */

size_t index_count(const struct index *);	/* articles */
size_t index_passages(const struct index *);
size_t index_size(const struct index *);	/* bytes of memory */
struct article index_article(const struct index *, uint32_t number);

/* false: there is no article with this URL. */
bool index_by_url(const struct index *, const char *url, size_t len,
    uint32_t *number);

/* For the search and for writing the file. */
const struct index_view *index_view(const struct index *);
const char *index_bytes(const struct index *, size_t *size);

/* The number of the term with this name; UINT32_MAX: no passage has it. */
uint32_t index_term(const struct index *, const char *name, size_t len);

#endif
