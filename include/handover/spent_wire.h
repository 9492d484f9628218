/*
 * What was spent of limits, as it goes from an owner of the sessions to the one
 * that follows it: the day's tokens, and the buckets of clients. A new owner
 * must not be a new budget.
 */
#ifndef HANDOVER_SPENT_WIRE_H
#define HANDOVER_SPENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "handover/handover_env.h"

/*
 * In the old owner, while no request comes in and afterwards: add a piece, of
 * the day's tokens when they have changed, else of the clients from *place on
 * (0 at first). False: there is nothing to be told now. When the buffer fails,
 * the tokens are told by the next call.
 */
bool spent_encode(const struct handover_env *, uint64_t *place, struct buf *);

/* It was not taken: count on as before. */
void spent_keep(const struct handover_env *);

/*
 * In the new one: take in a piece of exactly n bytes; now is monotonic ms.
 * False: it is none (of this version), and nothing has changed; or there is no
 * memory.
 */
bool spent_adopt(const struct handover_env *, const char *, size_t n,
    int64_t now);

#endif
