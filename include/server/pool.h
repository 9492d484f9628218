/*
 * The connections of one loop: accepts them, knows how many there may be, and
 * closes them at the end. Of the server layer only; all of it runs on the
 * loop's thread.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "server/conn.h"
#include "server/loop.h"
#include "server/parse.h"

#define POOL_INPUT (64 * 1024)		/* bytes read at once */
#define POOL_PAUSE_MS 100		/* without accept after a failure */
#define POOL_DRAIN_MS 4500		/* from the drain to the end */

struct conn_list {
	struct conn	*first, *last;
};

struct pool {
	/* set by the server before pool_open */
	struct loop			*loop;
	const struct server_app		*app;
	void				*state;		/* app->loop_open's */
	struct parser			*parser;
	size_t				 body_max;
	unsigned			 max_conns;

	/* pool.c's and conn.c's */
	struct loop_io			 listener;
	int				 fd;		/* listening */
	struct timer			 retry;
	struct timer			 give_up;
	struct conn_list		 idle;		/* longest first */
	struct conn_list		 busy;
	unsigned			 count;
	bool				 draining;
	char				 input[POOL_INPUT];
};

/* Begin to accept on a listening descriptor. -1: errno says why. */
int pool_open(struct pool *, int fd);

/*
 * Accept no more, close idle connections, ask the application to come to an
 * end; stops the loop when the last connection is closed, or after
 * POOL_DRAIN_MS, when the rest is cut off.
 */
void pool_drain(struct pool *);

/* For conn.c: a connection was closed, there may be room again. */
void pool_closed(struct pool *);

/* A new connection on an accepted descriptor, which is then its own. */
void conn_open(struct pool *, int fd);

/* Close it, with an abort when a request runs. */
void conn_close(struct conn *);

#endif
