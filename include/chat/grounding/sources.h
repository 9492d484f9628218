/*
 * The sources of a turn: the articles that its answer is to go by, numbered
 * from 1, each with the passages that are shown to the model. Bytes and values
 * only.
 */
#ifndef CHAT_GROUNDING_SOURCES_H
#define CHAT_GROUNDING_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "articles/search.h"
#include "base/buf.h"
#include "chat/grounding/cite_filter.h"
#include "session/cited.h"

#define SOURCES_MAX CITE_MAX
#define SOURCES_BOUNDARY_SIZE 9	/* 8 hex digits, and a NUL */

/* What the model is told besides the system prompt, in French. */
extern const char sources_rule[];

/* An article, and the parts of its text, in their order there. */
struct source {
	struct article		article;
	struct search_passage	passages[SEARCH_PASSAGES];
	size_t			count;
};

struct sources {
	struct index	*index;		/* referenced: the strings' */
	struct source	 source[SOURCES_MAX];
	unsigned	 count;
};

struct sources_limits {
	unsigned	max;		/* articles, SOURCES_MAX at most */
	size_t		bytes;		/* of what is written of them */
};

/* { 0 } has none. */
void sources_free(struct sources *);

/* What was found, best first, as far as it fits; whole passages only. */
void sources_take(struct sources *, const struct search_result *,
    const struct sources_limits *);

/* About how many bytes they take in a prompt. */
size_t sources_size(const struct sources *);

/* Leave out the last ones until they take so many bytes at most. */
void sources_fit(struct sources *, size_t bytes);

/*
 * Write them between two lines with the boundary, then the question. No line of
 * an article can be taken for one of these, or for the head of another article.
 */
void sources_write(struct buf *, const struct sources *, const char *boundary,
    const char *question, size_t);

/* Their addresses, as the filter wants them. */
void sources_urls(const struct sources *, struct cite_url [SOURCES_MAX]);

/* Add those whose bits are set, the first is bit 0, as far as there is room. */
void sources_cite(struct buf *, const struct sources *, uint32_t which);

#endif
