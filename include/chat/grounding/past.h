/*
 * The past of a conversation as a grounded prompt has it: the numbers of
 * earlier answers mean nothing any more, so that they are taken out.
 */
#ifndef CHAT_GROUNDING_PAST_H
#define CHAT_GROUNDING_PAST_H

#include <stddef.h>

#include "base/rc.h"
#include "session/history.h"

/*
 * The newest whole pairs that have so many bytes of text at most, the last one
 * always. RC_OK, and the history is to be freed; or RC_NOMEM.
 */
enum rc past_make(struct history *out, const struct history *, size_t bytes);

/* Bytes of its texts. */
size_t past_size(const struct history *);

#endif
