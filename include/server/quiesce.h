/*
 * Bring the loops of a server to a standstill, so that another process can go
 * on where this one stopped: no request comes in any more, those that run go
 * on to their end. Used from the thread of one further loop, `control`, where
 * the callbacks come.
 */
#ifndef SERVER_QUIESCE_H
#define SERVER_QUIESCE_H

#include "loop/loop.h"
#include "server/server.h"

struct halt;
typedef void halt_f(void *arg);

/*
 * Accept nothing and take no further request. done comes when every request
 * that had begun to come is with the application; a request has CONN_REQUEST_MS
 * for it. more comes whenever halt_take has another one. NULL without memory:
 * nothing has changed.
 */
struct halt *halt_begin(struct server *, struct loop *control, halt_f *done,
    halt_f *more, void *arg);

/* After done: the descriptor of an idle connection, which is then the
 * caller's; -1: there is none now. */
int halt_take(struct halt *);

/* After done: done comes when all requests have ended, too. */
void halt_await_empty(struct halt *, halt_f *done, void *arg);

/* After done, before halt_await_empty: go on as before. *halt is freed. */
void halt_undo(struct halt *);

/* When the server is gone. NULL is allowed. */
void halt_free(struct halt *);

#endif
