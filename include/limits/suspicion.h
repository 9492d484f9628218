/*
 * Suspicious requests: each kind has a name in the log (event=suspicious) and
 * in the metrics. However many there are, a client, a kind and a minute make
 * one line, with the count of those that it stands for; so that a storm of them
 * cannot fill the disk, and other lines stay in sight.
 *
 * Known are SUSPICIONS_MAX clients and kinds at a time; beyond, the one that
 * was idle longest is forgotten, and what was not logged of it is only in the
 * metrics. Shared by all loops; `now` is monotonic milliseconds.
 */
#ifndef LIMITS_SUSPICION_H
#define LIMITS_SUSPICION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rc.h"
#include "log/metrics.h"

#define SUSPICIONS_MAX		4096	/* 80 bytes each */
#define SUSPICION_MS		60000
#define SUSPICION_LINES		100	/* a minute, of all clients together */

/* The kind of a problem; ROWS_SUSPICIOUS: it has none. */
enum metrics_suspicious suspicion_of(enum rc);

struct suspicion {
	struct addr		 client;	/* addr_key's */
	enum metrics_suspicious	 kind;
	int64_t			 count;
};

struct suspicions;

/* NULL without memory or entropy. */
struct suspicions *suspicions_open(void);
void suspicions_close(struct suspicions *);	/* NULL is allowed */

/*
 * One more of a client and a kind: how many a line must report now, this one
 * included; 0: it was counted for a later line.
 */
int64_t suspicions_note(struct suspicions *, const struct addr *,
    enum metrics_suspicious, int64_t now);

/*
 * The next whose minute is over and that has some to report; they count as
 * reported then. *at is 0 to begin with. False: there is none left.
 */
bool suspicions_due(struct suspicions *, size_t *at, int64_t now,
    struct suspicion *);

/*
 * Note one and write its line, unless it was counted for a later one, which is
 * false then. id: of the request.
 */
bool suspicions_log(struct suspicions *, const struct addr *,
    enum metrics_suspicious, int64_t now, const char *id, enum addr_shown);

/* Write the lines of all that are due: call it once a second. */
void suspicions_tell(struct suspicions *, int64_t now, enum addr_shown);

#endif
