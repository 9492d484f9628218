/* The thread that removes expired sessions. */
#ifndef SESSION_SWEEPER_H
#define SESSION_SWEEPER_H

#include <stdint.h>

#include "session/store.h"

#define SWEEP_BATCH 64		/* sessions removed between two locks */

struct sweeper;

/*
 * Start it: it sweeps once every interval_ms, and keeps the store's count up to
 * date every second. NULL: errno says why.
 */
struct sweeper *sweeper_start(struct store *, int64_t interval_ms);

/* End it, also in the middle of a sweep, and wait for it. */
void sweeper_stop(struct sweeper *);

#endif
