/*
 * A session's messages as JSON, piece by piece, so that a long history is never
 * in memory as JSON as a whole. Bytes and values only.
 */
#ifndef ROUTES_HISTORY_JSON_H
#define ROUTES_HISTORY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/sid.h"
#include "session/cited.h"
#include "session/history.h"
#include "session/store.h"

#define HISTORY_JSON_PIECE (32 * 1024)	/* bytes of a piece, about */

/* What a piece may be longer: a slice of text, and what stands around it. */
#define HISTORY_JSON_MORE (12 * 1024 + 512 + 7 * CITED_MAX)

struct history_json {
	struct sid	id;
	uint64_t	message_count;
	struct history	history;	/* shared */
	size_t		pos;		/* of the next message */
	struct message	m;
	size_t		done;		/* bytes of its text */
	bool		begun;
	bool		inside;		/* of a message */
	bool		listed;		/* there was one before */
};

/* Begin with a session, whose history is shared. */
void history_json_init(struct history_json *, const struct session *);
void history_json_free(struct history_json *);

/* Add the next piece to an empty buffer; false: that was the last one. */
bool history_json_next(struct history_json *, struct buf *);

#endif
