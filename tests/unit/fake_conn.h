/*
 * A connection without a socket, in the place of server/conn.c: it keeps what
 * is written, and remembers whether the reply has ended.
 */
#ifndef TESTS_FAKE_CONN_H
#define TESTS_FAKE_CONN_H

#include "base/buf.h"
#include "server/conn.h"

struct conn {
	struct loop	*loop;
	void		*arg;		/* conn_set's */
	struct buf	 out;
	unsigned	 writes;
	bool		 ended;
	bool		 broken;	/* conn_break's */
	bool		 guarded;	/* conn_guard was called */
	conn_more_f	*more;		/* conn_produce's */
	conn_sent_f	*when_sent;	/* called by conn_end */
	void		*when_sent_arg;
};

/* A loop for all tests of a program: cmocka's setup and teardown of a group. */
int fake_loop_setup(void **state);
int fake_loop_teardown(void **state);
struct loop *fake_loop(void);

/* Begin anew, for a request. */
void fake_conn_init(struct conn *, struct loop *);
void fake_conn_free(struct conn *);

/* What was written, as a string. */
const char *fake_conn_text(struct conn *);

/* The body of what was written; fails without headers. */
const char *fake_conn_body(struct conn *);

/*
 * A request without a body; path may have a query. Its variables may be set to
 * strings that outlive it.
 */
struct cgi *fake_cgi(const char *method, const char *path);

#endif
