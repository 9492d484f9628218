/*
 * Bring the loops of a server to a standstill, so that another process can go
 * on where this one stopped: no request comes in any more, those that run go
 * on to their end. Used from the thread of one further loop, `control`, where
 * the callbacks come.
 */
#ifndef SERVER_QUIESCE_H
#define SERVER_QUIESCE_H

#include <stdbool.h>

#include "loop/loop.h"
#include "server/server.h"
#include "server/transit.h"

struct quiesce;
typedef void quiesce_f(void *arg);

/*
 * Accept nothing and take no further request. done comes when every request
 * that had begun to come is with the application, or was not whole after
 * wait_ms. more comes whenever quiesce_take has another one. NULL without
 * memory: nothing has changed.
 */
struct quiesce *quiesce_begin(struct server *, struct loop *control,
    int wait_ms, quiesce_f *done, quiesce_f *more, void *arg);

/* After done: a connection that is idle, or has part of a request, which is
 * then the caller's; false: there is none now. */
bool quiesce_take(struct quiesce *, struct transit *);

/* After done: done comes when all requests have ended, too. */
void quiesce_await_empty(struct quiesce *, quiesce_f *done, void *arg);

/* After done, before quiesce_await_empty: go on as before. *halt is freed. */
void quiesce_undo(struct quiesce *);

/* When the server is gone. NULL is allowed. */
void quiesce_free(struct quiesce *);

#endif
