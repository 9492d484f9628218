/*
 * The words of an OpenAI-compatible chat completion: the request, the chunks of
 * its stream, its errors. Bytes and values only.
 */
#ifndef CHAT_MODEL_COMPLETION_H
#define CHAT_MODEL_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "chat/responder.h"
#include "session/history.h"

/* Servers disagree on these fields; each is given up when it is refused. */
enum completion_quirks {
	QUIRK_COMPLETION_TOKENS = 1,	/* max_completion_tokens */
	QUIRK_NO_USAGE = 2,		/* no stream_options */
};

/*
 * A request is written in three steps, of which the last, with the fields that
 * are subject to quirks, can be taken again after the buffer was cut back to
 * where it stood. The head is the same for many requests.
 */
void completion_head(struct buf *, const char *model, double temperature,
    const char *system_prompt);
void completion_write(struct buf *, const struct history *,
    const char *question, size_t);
void completion_tail(struct buf *, int64_t max_tokens, unsigned quirks);

/*
 * The quirks that a refusal (the body of a 400 or 422) asks for: a field that
 * we sent is named in it. The same as before when there is nothing to change.
 */
unsigned completion_quirks(unsigned before, const char *refusal, size_t);

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
