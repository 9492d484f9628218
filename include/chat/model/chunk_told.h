/*
 * What the members of a chunk say of an error, in the forms that servers of
 * language models have for one.
 */
#ifndef CHAT_MODEL_CHUNK_TOLD_H
#define CHAT_MODEL_CHUNK_TOLD_H

#include <stdbool.h>

#include "base/json_scan.h"

/* All zero before the first member. */
struct chunk_told {
	bool	error;		/* a member of its own */
	bool	whole;		/* the kind of the whole */
	bool	message;	/* words; with a code: an error, when
				   there is no answer in the chunk */
	bool	code;
};

/*
 * Read the value of the member at which the scan is. False: it says nothing of
 * an error, and is still to be read.
 */
bool chunk_told_read(struct chunk_told *, struct json_scan *);

/* Read a value: whether it is a text, an object or an array with content. */
bool chunk_told_filled(struct json_scan *);

#endif
