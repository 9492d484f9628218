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

struct quiesce;
typedef void quiesce_f(void *arg);

/*
 * Accept nothing and take no further request. done comes when every request
 * that had begun to come is with the application; a request has CONN_REQUEST_MS
 * for it. more comes whenever quiesce_take has another one. NULL without
 * memory: nothing has changed.
 */
struct quiesce *quiesce_begin(struct server *, struct loop *control,
    quiesce_f *done, quiesce_f *more, void *arg);

/* After done: the descriptor of an idle connection, which is then the
 * caller's; -1: there is none now. */
int quiesce_take(struct quiesce *);

/* After done: done comes when all requests have ended, too. */
void quiesce_await_empty(struct quiesce *, quiesce_f *done, void *arg);

/* After done, before quiesce_await_empty: go on as before. *halt is freed. */
void quiesce_undo(struct quiesce *);

/* When the server is gone. NULL is allowed. */
void quiesce_free(struct quiesce *);

#endif
