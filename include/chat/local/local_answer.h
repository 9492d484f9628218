/*
 * The answer to a prompt as the local responder gives it, in Markdown. All of
 * it is made at once, in pieces that can be given out one after the other.
 */
#ifndef CHAT_LOCAL_LOCAL_ANSWER_H
#define CHAT_LOCAL_LOCAL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "articles/search.h"
#include "base/buf.h"
#include "chat/responder.h"

/* At most: ten quotes and what goes with them. */
#define LOCAL_ANSWER_PIECES 13

/* Where and how to search; valid in the call. */
struct local_search {
	struct index			*index;
	const struct search_conf	*conf;
	uint32_t			 today;	/* days since 1970-01-01 */
};

struct local_answer {
	struct buf	text;			/* UTF-8 */
	/* of the pieces, in the text; none is empty */
	size_t		ends[LOCAL_ANSWER_PIECES];
	size_t		pieces;
	int64_t		search_us;	/* what the search took */
};

/*
 * Write it into an uninitialized draft; false without memory. The caller frees
 * it whatever the result.
 */
bool local_answer_write(struct local_answer *, const struct local_search *,
    const struct prompt *);

/* What it says is overwritten first. */
void local_answer_free(struct local_answer *);

#endif
