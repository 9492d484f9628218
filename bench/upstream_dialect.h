/*
 * The same stream in other servers' dialects: what stands in its events, and
 * how they are written, as the plan says. Bytes in, bytes out.
 */
#ifndef BENCH_UPSTREAM_DIALECT_H
#define BENCH_UPSTREAM_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "upstream_plan.h"

/* Whether the plan asks for any. */
bool dialect_differs(const struct plan *);

/* Add events to the buffer, which was begun, as the plan's dialect has them. */
void dialect_write(const struct plan *, const char *, size_t, struct buf *);

#endif
