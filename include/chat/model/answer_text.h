/*
 * What of a model's text is its answer: not the thoughts that stand before it
 * in a block of their own, and not white space alone. Pieces in, pieces out,
 * of any size; what is answer already passes without being copied.
 */
#ifndef CHAT_MODEL_ANSWER_TEXT_H
#define CHAT_MODEL_ANSWER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "chat/responder.h"

#define ANSWER_TEXT_MAX_HELD (64 * 1024)	/* bytes of white space */

struct answer_text {
	const char	*close;		/* of the thoughts it is in, or NULL */
	size_t		 matched;	/* bytes of it */
	struct buf	 held;		/* white space, then half a mark */
	size_t		 blank;		/* bytes of white space in there */
	bool		 thought;	/* there were thoughts */
	bool		 begun;		/* the answer has */
};

void answer_text_init(struct answer_text *);

/* It is then as after answer_text_init. */
void answer_text_free(struct answer_text *);

/*
 * A piece of clean UTF-8, cut between characters, and so what of it is given.
 * False when there is too much white space or no memory.
 */
bool answer_text_add(struct answer_text *, const char *, size_t,
    answer_delta_f *, void *arg);

/* The text is whole: what looked like the beginning of a mark was none. */
void answer_text_end(struct answer_text *, answer_delta_f *, void *arg);

#endif
