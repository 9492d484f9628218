/*
 * A session as bytes, the way one process hands it to another on the same
 * machine since it was booted: its times are monotonic. Bytes and values only.
 */
#ifndef SESSION_SESSION_WIRE_H
#define SESSION_SESSION_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "session/store.h"

/* Add a session, whose history is whole. */
void session_encode(struct buf *, const struct session *);

/*
 * Read one, which has exactly n bytes. True: the history is the caller's to
 * free. False: it is no session (of this version), or there is no memory; then
 * nothing is to be freed.
 */
bool session_decode(struct session *, const char *, size_t n);

#endif
