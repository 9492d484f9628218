/*
 * What a language model's server says of an OpenAI-compatible chat completion:
 * a chunk of its stream, or the whole of one that does not stream, in the
 * dialects that are known. Bytes in, values out.
 */
#ifndef CHAT_MODEL_CHUNK_H
#define CHAT_MODEL_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json_scan.h"
#include "chat/model/finish.h"
#include "chat/responder.h"

/* Half a character, whose other half the next chunk of an answer may have. */
struct chunk_half {
	char		bytes[JSON_SCAN_MAX_HALF];
	unsigned char	len;		/* at first 0 */
};

/*
 * All zero before the first; its text keeps its memory from one to the next,
 * and must be freed with buf_free after the last.
 */
struct chunk {
	struct buf		 text;		/* clean UTF-8, often empty */
	enum finish		 finish;
	const char		*reason;	/* its word, in the data */
	size_t			 reason_len;
	bool			 done;		/* "[DONE]" */
	bool			 error;		/* of any form */
	bool			 words;		/* no answer, but a message */
	bool			 choices;	/* it has that member */
	bool			 message;	/* the text is a message's */
	bool			 thought;	/* the model thinks */
	bool			 tools;		/* it calls a tool */
	bool			 has_usage;
	struct usage		 usage;
};

/*
 * Read the data of one event; of a name that comes twice the last counts.
 * Blanks alone say nothing. False when it is neither a JSON object nor
 * "[DONE]", or without memory: the text is then empty. half is the answer's.
 */
bool chunk_read(struct chunk *, struct chunk_half *half, const char *, size_t);

/* The answer is whole: give the text of a half that stayed alone. */
void chunk_end(struct chunk *, struct chunk_half *half);

#endif
