/* A build's state, for the files that make it up. */
#ifndef ARTICLES_INDEX_BUILD_STATE_H
#define ARTICLES_INDEX_BUILD_STATE_H

#include "articles/index_build.h"
#include "articles/index_layout.h"
#include "articles/pile.h"
#include "articles/slots.h"
#include "articles/stem.h"

/* The sections that are known while articles come in, as they will lie. */
struct index_build {
	struct index_limits	 limits;
	struct stemmer		*stemmer;
	struct index_head	 head;		/* its counts, but postings */
	struct pile		 articles;	/* struct index_article */
	struct pile		 passages;	/* struct index_passage */
	struct pile		 terms;		/* struct index_term */
	struct pile		 tokens;	/* uint32_t */
	struct pile		 names, texts;
	struct slots		 by_name;	/* terms */
	struct slots		 by_url;	/* articles */
};

/*
 * Reckon the postings from the tokens, and lay everything out in one block, to
 * be freed with block_free. NULL: *what says why.
 */
char *index_pack(struct index_build *, size_t *size, const char **what);

#endif
