/*
 * A session as bytes, the way one process hands it to another on the same
 * machine since it was booted: its times are monotonic. Bytes and values only.
 */
#ifndef SESSION_SESSION_WIRE_H
#define SESSION_SESSION_WIRE_H

#include <stddef.h>

#include "base/buf.h"
#include "session/store.h"

/* Add a session, whose history is whole. */
void session_encode(struct buf *, const struct session *);

/*
 * Read one, which has exactly n bytes. RC_OK: the history is the caller's to
 * free. Else nothing is to be freed: RC_FIELD, it is no session (of this
 * version); RC_NOMEM, it is, and has its id.
 */
enum rc session_decode(struct session *, const char *, size_t n);

#endif
