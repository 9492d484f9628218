/*
 * What a language model's server means by a refusal: the body of a reply that
 * is not a success, or an error inside a stream. Servers agree on no form, so
 * it is read for what most of them say: a status as a number, names, words.
 */
#ifndef CHAT_MODEL_REFUSAL_H
#define CHAT_MODEL_REFUSAL_H

#include <stddef.h>

enum refusal {
	/* There was none: the model came to its end. Never read. */
	REFUSAL_NONE,

	/*
	 * It may pass by itself (overloaded, too many requests, loading):
	 * worth another try, and a failure of the model's.
	 */
	REFUSAL_PASSING,

	/* The conversation is too long for the model. */
	REFUSAL_LENGTH,

	/* The fault of this request: says nothing of how the model is. */
	REFUSAL_REQUEST,

	/* Anything else: a failure of the model's. */
	REFUSAL_FAILURE,
};

/*
 * Read one. status is that of HTTP, which counts for more than the words when
 * it is not a 2xx; 200 for what stands in a stream. The words need not be JSON.
 */
enum refusal refusal_read(int status, const char *words, size_t);

/* The status that an error names itself, as a number, 400 to 599; 0: none. */
int refusal_status(const char *words, size_t);

#endif
