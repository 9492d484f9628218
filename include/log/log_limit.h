/*
 * A storm of lines must not fill the disk: of each event so many lines a minute
 * are let through, the others are counted. Values only: the time is passed in,
 * and the lock is the caller's.
 */
#ifndef LOG_LOG_LIMIT_H
#define LOG_LOG_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LIMIT_EVENTS	64	/* further ones share the last place */
#define LOG_LIMIT_MS		60000

struct log_limit_event {
	const char	*name;
	int64_t		 since_ms;	/* of its first line */
	unsigned	 shown;
	int64_t		 hidden;	/* in this minute */
	int64_t		 due;		/* before it, still to be told */
};

/* All zeros to begin with. */
struct log_limit {
	size_t			count;
	struct log_limit_event	event[LOG_LIMIT_EVENTS];
};

/*
 * Whether one more line of an event (a literal: it is kept) may be shown, when
 * that are at most `most` in the minute from its first line on. False: it was
 * counted. now_ms is monotonic.
 */
bool log_limit_take(struct log_limit *, const char *event, unsigned most,
    int64_t now_ms);

/*
 * The next event whose minute is over and that has lines to report: how many,
 * and its name; they count as reported then. 0: there is none.
 */
int64_t log_limit_told(struct log_limit *, const char **event, int64_t now_ms);

#endif
