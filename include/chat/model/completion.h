/*
 * The words of an OpenAI-compatible chat completion: the chunks of its stream,
 * its errors. Bytes and values only.
 */
#ifndef CHAT_MODEL_COMPLETION_H
#define CHAT_MODEL_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "chat/responder.h"

/*
 * What a chunk says. All zero before the first; its text keeps its memory from
 * one to the next, and is to be freed with buf_free after the last.
 */
struct completion_chunk {
	struct buf	text;		/* clean UTF-8, often empty */
	bool		finished;	/* it has a finish_reason */
	bool		done;		/* "[DONE]" */
	bool		error;		/* of any form */
	bool		has_usage;
	struct usage	usage;
};

/*
 * Read the data of one event; of a name that comes twice the last counts.
 * False when it is not JSON, or without memory: the text is then empty.
 */
bool completion_read(struct completion_chunk *, const char *, size_t);

#endif
