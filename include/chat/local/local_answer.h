/*
 * The answer to a prompt as the local responder gives it, in Markdown. All of
 * it is made at once, in pieces that can be given out one after the other.
 */
#ifndef CHAT_LOCAL_LOCAL_ANSWER_H
#define CHAT_LOCAL_LOCAL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "chat/responder.h"

#define DRAFT_PIECES 13	/* at most: ten quotes and what goes with them */

struct article_search;

struct draft {
	struct buf	text;			/* UTF-8 */
	size_t		ends[DRAFT_PIECES];	/* of the pieces, in the text;
						   none is empty */
	size_t		pieces;
};

/*
 * Write it into an uninitialized draft; false without memory. The caller frees
 * it whatever the result.
 */
bool draft_write(struct draft *, struct article_search *,
    const struct prompt *);

/* What it says is overwritten first. */
void draft_free(struct draft *);

#endif
