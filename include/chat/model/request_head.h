/*
 * What all requests to a model begin with: its name, and the system prompt with
 * the date and time filled in. Written once a minute, since that is how often
 * it changes.
 */
#ifndef CHAT_MODEL_REQUEST_HEAD_H
#define CHAT_MODEL_REQUEST_HEAD_H

#include <stdint.h>

#include "base/buf.h"

/* Its strings outlive it. */
struct request_head_conf {
	const char	*model;
	double		 temperature;
	const char	*system;	/* prompt; {date} and {time} */
};

struct request_head {
	/* its own */
	struct buf	 text;
	int64_t		 minute;	/* of the wall clock */
	unsigned	 quirks;
};

void request_head_init(struct request_head *);
void request_head_free(struct request_head *);

/*
 * request_write_head's bytes with these quirks at this time (wall clock, ms),
 * valid until the next call. Without memory it has failed.
 */
const struct buf *request_head_at(struct request_head *,
    const struct request_head_conf *, unsigned quirks, int64_t wall_ms);

#endif
