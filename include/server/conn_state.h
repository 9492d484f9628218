/*
 * A connection, as conn.c, conn_reply.c and conn_state.c see it, and pool.c,
 * which lists it; nobody else.
 */
#ifndef SERVER_CONN_STATE_H
#define SERVER_CONN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "loop/loop.h"
#include "server/conn.h"
#include "server/fcgi_parse.h"
#include "server/fcgi_records.h"
#include "server/transit.h"

enum reply_state {
	REPLY_NONE,		/* no request */
	REPLY_RUNNING,		/* the application answers */
	REPLY_LAST,		/* answered: close when all is sent */
};

#define CONN_INPUT (64 * 1024)		/* bytes read at once */

struct conn_env;

/* What happens to a connection that its pool wants to know. */
struct conn_events {
	/* It waits for a request; -1: it is gone, its descriptor taken. */
	int	(*idle)(struct conn *);

	/* It has begun to read one. */
	void	(*busy)(struct conn *);

	/* It is about to be freed; and it was. */
	void	(*leaves)(struct conn *);
	void	(*closed)(struct conn_env *);
};

/* What all connections of a loop have in common. */
struct conn_env {
	/* set before the first connection */
	struct loop			*loop;
	const struct server_app		*app;
	void				*state;	/* app->loop_open's */
	struct parser			*parser;
	size_t				 body_max;
	unsigned			 max_conns;
	const struct conn_events	*events;

	/* the pool's */
	bool				 draining; /* close after the reply */
	bool				 held;	/* no new request is read */
	bool				 passes; /* idle ones leave */

	char				 input[CONN_INPUT];
};

struct conn {
	struct conn_env		*env;
	struct list		 node;		/* the pool's */
	bool			 is_busy;	/* likewise: which list */
	struct loop_io		 io;
	int			 fd;

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

/* The only setter of its reply's state: it must be one that may follow. */
void conn_to(struct conn *, enum reply_state);

/* A new connection on an accepted descriptor, which is then its own. */
void conn_open(struct conn_env *, int fd);

/* Accept one that has come from elsewhere; the part is used up. */
void conn_resume(struct conn_env *, struct transit *);

/* Close it, with an abort when a request runs. */
void conn_close(struct conn *);

/* Whether it has part of a request; and nothing to send besides. */
bool conn_collects(const struct conn *);
bool conn_has_part(const struct conn *);

/* Of an idle one: read no more from it; read it again. */
void conn_mute(struct conn *);
void conn_hear(struct conn *);

/*
 * End one without closing its descriptor, which is returned, and without the
 * event `closed`; the second has part of a request.
 */
int conn_give(struct conn *);
void conn_give_part(struct conn *, struct transit *);

#endif
