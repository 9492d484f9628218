/*
 * The messages of a conversation, in one growing block: 16 bytes of header, a
 * key or a cost where there is one, what an answer goes by (cited.h) where that
 * is known, and the text, one behind the other. Bytes
 * and values only, no lock and no clock. Questions and answers alternate, a
 * question first: a pair is the unit that is added and dropped.
 */
#ifndef SESSION_HISTORY_H
#define SESSION_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rc.h"
#include "base/sid.h"

enum role {
	ROLE_USER,
	ROLE_ASSISTANT,
};

enum message_status {
	MESSAGE_COMPLETE,
	MESSAGE_INTERRUPTED,
};

/* What an answer took of the model, in tokens. */
struct cost {
	int64_t	prompt;
	int64_t	completion;
};

struct message {
	enum role		 role;
	enum message_status	 status;
	int64_t			 created_ms;	/* wall */
	const char		*text;		/* UTF-8, not terminated */
	size_t			 len;
	enum rc			 why;		/* it was interrupted */
	const struct sid	*key;		/* of a question: what its
						   Idempotency-Key became, or
						   NULL; any alignment */
	const struct cost	*cost;		/* of an answer, or NULL; any
						   alignment */
	const char		*cited;		/* of an answer: cited.h's
						   bytes, or NULL */
	size_t			 cited_len;	/* UINT16_MAX at most */
};

struct history {
	char		*block;		/* never changed; see history_share */
	size_t		 size;		/* bytes in use, all allocated */
	uint32_t	 count;		/* messages */
};

#define HISTORY_HEAD 8	/* bytes before a block: who shares it */

/* What a window holds at most; 0 messages: nothing. */
struct window {
	uint64_t	messages;
	uint64_t	bytes;		/* of text, and cited ones */
};
#define WINDOW_ALL ((struct window) { UINT64_MAX, UINT64_MAX })
#define WINDOW_NONE ((struct window) { 0, 0 })

/*
 * { 0 } is an empty history. Free it; the last one that shares a block
 * overwrites the text first.
 */
void history_free(struct history *);

/*
 * The same messages once more, without a copy of them: each must be freed, on
 * any thread. A history that is added to gets another block, and those who
 * shared the one it had keep that.
 */
void history_share(struct history *out, const struct history *);

/*
 * Take it back from those who share it: it was deleted, or has expired. It
 * stays readable, but a reader that sees it taken back reads no further.
 */
void history_revoke(struct history *);
bool history_is_revoked(const struct history *);

/*
 * Add a question and its answer, then drop the oldest pairs until it is within
 * the limits (the new pair always stays). RC_OK, or RC_NOMEM with nothing
 * changed.
 */
enum rc history_add(struct history *, const struct message *question,
    const struct message *answer, const struct window *limit);

/*
 * The newest whole pairs that fit the window: all of them are shared, fewer are
 * copied. RC_OK or RC_NOMEM.
 */
enum rc history_copy(struct history *out, const struct history *,
    const struct window *);

/*
 * Copy the pair whose question has the key, if it is one of the last max pairs
 * that have any; *at is how many messages there were with it. RC_OK, RC_NOMEM;
 * RC_NOSESSION: there is none.
 */
enum rc history_copy_keyed(struct history *out, const struct history *,
    const struct sid *key, unsigned max, uint64_t *at);

/*
 * Put together messages that a step function gives, as history_next does; it
 * goes through them twice; what a message points to is needed until the next
 * step. Pairs are the caller's care. RC_OK or RC_NOMEM.
 */
typedef bool history_step_f(void *from, size_t *pos, struct message *);
enum rc history_build(struct history *, history_step_f *, void *from);

/* Step through: *pos begins with 0; false at the end. Points into the block. */
bool history_next(const struct history *, size_t *pos, struct message *);

#endif
