/*
 * The short conversations with an owner, of processes that have no loop: one
 * question, one answer. They block, up to a time.
 */
#ifndef OWNER_OWNER_CALL_H
#define OWNER_OWNER_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "owner/owner_wire.h"

/* Ask on a connected socket, with the descriptor of the type, or -1. */
bool owner_ask(int sock, enum wire_type, const struct wire_hello *, int fd);

/*
 * The type of the answer, whose text is added to the buffer; WIRE_NONE: the
 * owner went away, said nothing within wait_ms or nothing to be understood.
 */
enum wire_type owner_answer(int sock, int wait_ms, struct buf *text);

/* Until it closes the connection; false: not within wait_ms. */
bool owner_await_end(int sock, int wait_ms);

#endif
