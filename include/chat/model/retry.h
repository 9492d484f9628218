/*
 * Whether and when a call that failed is made again. Values in, values out.
 */
#ifndef CHAT_MODEL_RETRY_H
#define CHAT_MODEL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* Of one answer. */
struct retry {
	unsigned	 most;		/* calls after the first */
	unsigned	 made;		/* of them, at first 0 */
	int64_t		 longest_ms;	/* that one wait may last */
	int64_t		 deadline;	/* monotonic ms */
};

/* Whether what this status of HTTP says may pass by itself. */
bool retry_is_passing(int status);

/*
 * How long to wait before the next call, which counts as made; -1: there is
 * none. retry_after: the seconds that the server asked for, -1 when it did not.
 */
int64_t retry_wait(struct retry *, int64_t now, int64_t retry_after);

#endif
