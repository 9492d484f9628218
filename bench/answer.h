/*
 * One answer over FastCGI, checked as it comes: the words NONCE.1 NONCE.2 ...,
 * each once, in order, and no others. Bytes in, a judgement out.
 */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct answer {
	/* what is asked for */
	char	nonce[32];
	long	tokens;
	bool	streamed;

	/* what came */
	long	token;		/* words, of a stream */
	size_t	off;		/* bytes of the next one */
	bool	after_head;
	bool	refused;	/* a status that is not 200 */
	bool	wrong;		/* other words */
	bool	whole;		/* all of them, and the mark of the end */

	struct buf in;		/* records */
	struct buf text;	/* of STDOUT, not looked at yet */
};

/* A piece of text of a stream came. */
typedef void answer_piece_f(void *arg);

void answer_init(struct answer *);
void answer_free(struct answer *);

/* A new answer: what is asked for was set, what came is forgotten. */
void answer_begin(struct answer *);

/*
 * Look at the bytes that were added to `in`. True when the reply is over: a
 * next call needs answer_begin.
 */
bool answer_read(struct answer *, answer_piece_f *, void *arg);

#endif
