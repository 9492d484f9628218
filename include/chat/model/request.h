/*
 * A request to an OpenAI-compatible API, kept so that the same message can be
 * asked again in other words: without a field that was refused, or with less of
 * the conversation. Bytes and values only.
 */
#ifndef CHAT_MODEL_REQUEST_H
#define CHAT_MODEL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "session/history.h"

/* Servers disagree on these; each is given up when it is refused. */
enum request_quirks {
	QUIRK_COMPLETION_TOKENS = 1,	/* max_completion_tokens */
	QUIRK_NO_LIMIT = 2,		/* under neither name */
	QUIRK_NO_USAGE = 4,		/* no stream_options */
	QUIRK_NO_TEMPERATURE = 8,
	QUIRK_NO_SYSTEM = 16,		/* no such role: the prompt stands at
					   the head of the first message */
};
#define QUIRKS 5			/* so many bits */

/* How a bit is called in the log. */
extern const char *const request_quirks[QUIRKS];

/* Those that change what stands before the messages. */
#define QUIRKS_OF_HEAD (QUIRK_NO_TEMPERATURE | QUIRK_NO_SYSTEM)

#define REQUEST_MAX_CUTS 24		/* history is halved so often */

/* Where a shorter conversation begins. */
struct request_cut {
	uint32_t	at;		/* byte of the text */
	uint32_t	size;		/* request_size from there */
};

struct request {
	struct buf		 text;
	size_t			 size;
	size_t			 tail_at;
	size_t			 first_at;	/* the first message */
	bool			 joined;	/* to the prompt, at that */
	unsigned		 cuts;		/* left */
	struct request_cut	 cut[REQUEST_MAX_CUTS];	/* the next one last */
};

/* What stands before the messages; it is the same for many requests. */
void request_write_head(struct buf *, const char *model, double temperature,
    const char *system_prompt, unsigned quirks);

struct request_parts {
	const struct buf	*head;		/* with the same quirks */
	const struct history	*history;
	const char		*question;
	size_t			 len;
	size_t			 most;		/* of request_size: so many of
						   the oldest pairs are left
						   out */
	unsigned		 quirks;
};

/* Write a request up to its end. Its text must be wiped with buf_wipe. */
void request_write(struct request *, const struct request_parts *);

/* Write the end, anew if it stands already. */
void request_close(struct request *, int64_t max_tokens, unsigned quirks);

/* Leave out the older half of the history. False: there is none. */
bool request_halve(struct request *);

/* Give what was halved, or gets other quirks, its head. Then close it. */
void request_reword(struct request *, const struct buf *head, unsigned quirks);

/* Its messages, from the prompt up to tail_at; NULL when they were wiped. */
const char *request_messages(const struct request *);

/* About how long the conversation is, in bytes: its texts and their frames. */
size_t request_size(const struct request *);

/*
 * The quirks that a refusal asks for, of a request that had these ones: a field
 * that we sent is named in it, or the role of the prompt. As before when there
 * is nothing to change. first: the quirks that the first try had, so that the
 * limit is called by its other name only once.
 */
unsigned request_give_up(unsigned quirks, unsigned first, const char *refusal,
    size_t);

#endif
