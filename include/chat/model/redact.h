/*
 * What a model's server says of a failure is logged, and it may repeat what it
 * was asked, or the key: neither has a place in a log. What is recognised is
 * overwritten with asterisks: also when it stands in escapes of JSON, in other
 * letters' case, with other marks between its words, or in part. Bytes and
 * values only.
 */
#ifndef CHAT_MODEL_REDACT_H
#define CHAT_MODEL_REDACT_H

#include <stddef.h>

#include "base/buf.h"

#define REDACT_MAX 2048		/* bytes that are kept of it */
#define REDACT_PIECE 8		/* letters and digits of what was asked */
#define REDACT_SECRET 5		/* likewise, of a secret */

/*
 * A secret: the whole, pieces of REDACT_SECRET letters and digits, and a
 * beginning of it at the end, where it may have been cut off. NULL is none.
 */
void redact_secret(struct buf *said, const char *secret);

/* Each of some lines "Name: value" has a secret, its value. NULL is none. */
void redact_headers(struct buf *said, const char *lines);

/*
 * The messages of a request, as they stand there in JSON: pieces of
 * REDACT_PIECE letters and digits; of the last message, if it is shorter, the
 * whole.
 */
void redact_asked(struct buf *said, const char *messages, size_t);

/* What was asked is not known any more: all but the words of failures. */
void redact_unknown(struct buf *said);

#endif
