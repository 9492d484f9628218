/*
 * How an index lies in memory and in its file: a head, then its sections, each
 * at a multiple of eight bytes, in the order of struct index_view. Numbers are
 * as the machine writes them; the head says which way that is.
 */
#ifndef ARTICLES_INDEX_LAYOUT_H
#define ARTICLES_INDEX_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_MAGIC	 "CAUSIDX\n"
#define INDEX_VERSION	 1		/* of all that an index's bytes mean */
#define INDEX_ORDER	 0x01020304u	/* read as another number elsewhere */
#define INDEX_IMPACT_ONE 16384		/* an impact of 1 */
#define INDEX_COUNT_MAX	 0x7fffffffu	/* of anything but bytes */
#define INDEX_IN_TITLE	 0x80000000u	/* the mark of a posting's passage */

struct index_head {
	char		magic[8];
	uint32_t	version;
	uint32_t	order;
	uint64_t	size;		/* bytes, the head's too */
	uint64_t	checksum;	/* of all bytes behind it */
	uint64_t	articles;	/* what follows are counts */
	uint64_t	passages;
	uint64_t	terms;
	uint64_t	postings;
	uint64_t	tokens;
	uint64_t	names;		/* bytes of the terms' */
	uint64_t	texts;		/* bytes of the articles' */
};

/*
 * An article's texts stand one behind the other, each with a NUL behind it, in
 * the order of the lengths here; its passages, and their words, in the same
 * way.
 */
struct index_article {
	uint64_t	first_text;
	uint32_t	title, url, text;	/* lengths; of the date: 10 */
	uint32_t	day;			/* since 1970-01-01, 0 before */
	uint32_t	first_passage;
	uint32_t	passages;
	uint32_t	first_token;		/* of the title */
	uint32_t	title_tokens;
};

/* A part of an article's text that is searched for itself. */
struct index_passage {
	uint32_t	article;
	uint32_t	start, len;		/* in the text, bytes */
	uint32_t	first_token;
	uint32_t	tokens;
};

/*
 * A word's stem. Its postings are the passages that have it, in their text or
 * in the title of their article, in order.
 */
struct index_term {
	uint32_t	name;			/* where it begins */
	uint32_t	name_len;
	uint32_t	first_posting;
	uint32_t	postings;
};

/* The sections of an index, as pointers into its bytes. */
struct index_view {
	const struct index_head		*head;
	const struct index_article	*articles;
	const struct index_passage	*passages;
	const struct index_term		*terms;
	const uint32_t			*postings;	/* passages */
	const uint16_t			*impacts;	/* of the postings */
	const uint32_t			*tokens;	/* terms */
	const uint32_t			*newest;	/* articles by date */
	const char			*names;
	const char			*texts;
};

/*
 * Lay the sections out over bytes, at a multiple of eight, that begin with a
 * head whose counts are right; NULL: only reckon. The bytes that this takes, 0
 * when a count is too large. Nothing but the head is read.
 */
uint64_t index_layout(struct index_view *, const struct index_head *,
    const char *bytes);

/* The checksum that the head of so many bytes must have. */
uint64_t index_checksum(const char *bytes, size_t);

#endif
