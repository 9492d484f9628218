/* Where a request meets the limits, and a refusal is counted. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include "base/addr.h"
#include "base/rc.h"
#include "http/exchange.h"
#include "limits/limit.h"

/* limit_take for the request's client. */
enum rc guard_take(struct exchange *, enum limit_kind, int *retry_s);

/*
 * The same for a conversation with so many bytes of history; and for keeping so
 * many while they are read, until guard_let_go.
 */
enum rc guard_take_read(struct exchange *, size_t bytes, int *retry_s);
enum rc guard_hold(struct exchange *, size_t bytes, int *retry_s);
void guard_let_go(struct exchange *, size_t bytes);

/*
 * Before a problem is sent: one that says that a session id is wrong or unknown
 * takes a token of LIMIT_GUESS, and becomes RC_RATE when there is none; what a
 * limit refused is counted.
 */
void guard_refusal(struct exchange *, enum rc *, int *retry_s);

/*
 * Whose sessions the request may name: NULL, anybody's, as an id is a secret.
 * But a client without tokens of LIMIT_GUESS finds its own only, or it would
 * guess on.
 */
const struct addr *guard_creator(const struct exchange *);

#endif
