/*
 * A connection from the web server, on the loop that accepted it: collects a
 * request, hands it to the application, carries the reply away without ever
 * blocking, then waits for the next request or closes.
 */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"
#include "server/cgi.h"

#define CONN_REQUEST_MS 10000	/* from a request's first byte to its last */
#define CONN_STALL_MS 10000	/* for CONN_LOW bytes, or all that wait; else
				   a slow reader is dropped */
#define CONN_MAX_BACKLOG (1024 * 1024)	/* bytes a slow reader may be behind */
#define CONN_LOW (16 * 1024)	/* bytes that wait when more is wanted */

struct conn;

/*
 * What the application above gives to the server. `arg` is conn_set's.
 */
struct server_app {
	void	*arg;

	/* On each loop's thread, before its first request: the loop's own
	 * state, NULL when it fails; and after all loops have ended. */
	void	*(*loop_open)(void *arg, struct loop *);
	void	 (*loop_close)(void *state);

	/* The process is to end: bring what runs to an end. */
	void	 (*loop_drain)(void *state);

	/* A request; cgi is now the application's, freed with cgi_free. It
	 * answers with conn_write and conn_end, now or later. */
	void	 (*request)(void *state, struct conn *, struct cgi *);

	/* The web server has gone or gave up the request, and conn is gone
	 * with it: nothing may be written any more. Called once at most, only
	 * between request and conn_end. arg is what conn_set gave. */
	void	 (*abort)(void *state, void *arg);
};

/* Remember the application's own for this request. */
void conn_set(struct conn *, void *arg);

/*
 * Bytes of the CGI reply (headers, then body). They leave together at the end
 * of the loop's turn. A reader that is more than CONN_MAX_BACKLOG behind is
 * dropped at the end of the turn, with an abort.
 */
void conn_write(struct conn *, const void *, size_t);

/*
 * A reply that is written in pieces, so that no more of it waits than its
 * reader needs: more is called, with conn_set's arg, whenever fewer than
 * CONN_LOW bytes wait, once in a turn of the loop. It writes a piece, or ends
 * the reply.
 */
typedef void conn_more_f(void *arg);
void conn_produce(struct conn *, conn_more_f *more);

/*
 * From here on the bytes that wait are somebody's words, and are overwritten
 * when they have been sent.
 */
void conn_guard(struct conn *);

/*
 * Before conn_end: fn is called once, when at most CONN_LOW bytes of the reply
 * wait any more, or the connection is closed.
 */
typedef void conn_sent_f(void *arg);
void conn_when_sent(struct conn *, conn_sent_f *fn, void *arg);

/* The reply is complete; conn is no longer the application's. */
void conn_end(struct conn *);

/*
 * The reply cannot be completed: the connection is closed in the middle of it,
 * as the web server is to see. conn is no longer the application's.
 */
void conn_break(struct conn *);

struct loop *conn_loop(const struct conn *);

/* The bytes written for this request so far. */
size_t conn_written(const struct conn *);

#endif
