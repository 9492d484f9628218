/*
 * A session as bytes, the way one process hands it to another. Bytes and values
 * only.
 */
#ifndef SESSION_SESSION_WIRE_H
#define SESSION_SESSION_WIRE_H

#include <stddef.h>

#include "base/buf.h"
#include "session/store.h"

/* Add a session, whose history is whole. */
void session_encode(struct buf *, const struct session *);

/*
 * Read one, which has exactly n bytes. An older program's times are monotonic,
 * of this boot: offset is what must be added to get wall time. RC_OK: the
 * history is the caller's to free. Else nothing must be freed: RC_FIELD, it is
 * not a session of a known format; RC_NOMEM, it is, and has its id.
 */
enum rc session_decode(struct session *, const char *, size_t n,
    int64_t offset);

#endif
