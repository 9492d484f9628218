/* A connection, as conn.c, conn_list.c and conn_reply.c see it; nobody else. */
#ifndef SERVER_CONN_STATE_H
#define SERVER_CONN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "server/conn.h"
#include "server/fcgi_records.h"
#include "server/pool.h"

enum reply_state {
	REPLY_NONE,		/* no request */
	REPLY_RUNNING,		/* the application answers */
	REPLY_LAST,		/* answered: close when all is sent */
};

struct conn {
	struct pool		*pool;
	struct loop_io		 io;
	int			 fd;
	struct conn		*prev, *next;
	struct conn_list	*list;		/* idle or busy */

	struct fcgi_reader	 reader;
	enum reply_state	 reply;
	bool			 keep;
	uint16_t		 id;
	void			*arg;		/* the application's */

	struct buf		 out;
	size_t			 sent;		/* bytes at its beginning */
	size_t			 written;	/* of this request */
	conn_more_f		*more;		/* NULL: nothing is produced */
	struct loop_task	 flush;
	bool			 stalled;	/* the socket is full */
	bool			 too_slow;	/* over the ceiling */
	size_t			 taken;		/* bytes, since the deadline */
	conn_sent_f		*when_sent;	/* or NULL */
	void			*when_sent_arg;
	bool			 cut;		/* conn_break was */
	struct timer		 deadline;	/* of the request or reader */
};

/* Bytes that wait to be sent. */
static inline size_t
conn_backlog(const struct conn *c)
{
	return c->out.len - c->sent;
}

/* Call what conn_when_sent was given, unless it was. */
void conn_tell_sent(struct conn *);

/* Move it to the end of a list; NULL: to none. */
void conn_list_to(struct conn *, struct conn_list *);

/* Watch for these events; -1: the connection was closed. */
int conn_watch(struct conn *, uint32_t events);

#endif
