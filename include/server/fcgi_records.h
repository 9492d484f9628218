/*
 * FastCGI records (FastCGI Specification 1.0), as bytes in and bytes out:
 * no descriptor and no clock. The reader collects one request of the role
 * RESPONDER from records cut anywhere, and answers by itself what is to be
 * answered on the record level.
 */
#ifndef SERVER_FCGI_RECORDS_H
#define SERVER_FCGI_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FCGI_MAX_PARAMS (64 * 1024)	/* bytes of PARAMS in a request */
#define FCGI_MAX_REPLIES (16 * 1024)	/* answers to management records */

enum fcgi_event {
	FCGI_MORE,	/* every byte is used, more are needed */
	FCGI_REQUEST,	/* a request is complete: see id, params, body */
	FCGI_ABORT,	/* the running request is given up by the web server */
	FCGI_CLOSE,	/* send the replies, then close: no KEEP_CONN */
	FCGI_BROKEN,	/* not FastCGI, or over a limit: close */
};

struct fcgi_reader {
	/* of the request being collected, or running until fcgi_next */
	uint16_t	 id;		/* 0: none */
	bool		 keep;		/* FCGI_KEEP_CONN */
	bool		 running;	/* complete, not yet fcgi_next */
	bool		 params_done;
	bool		 body_over;	/* the body passed its limit */
	uint64_t	 body_came;	/* bytes of it, dropped ones too */
	/* once it is running the caller may free the two before fcgi_next */
	struct buf	 params;	/* name-value pairs, as sent */
	struct buf	 body;		/* STDIN, at most body_max bytes */

	/* of the record being read */
	uint8_t		 head[8];
	uint8_t		 head_len;
	uint8_t		 pad;		/* padding still to come */
	uint32_t	 content;	/* content still to come */
	struct buf	 small;		/* content that is needed whole */

	/* records to send to the web server, taken by the caller */
	struct buf	 replies;

	unsigned	 max_conns;	/* the answer to GET_VALUES */
	size_t		 body_max;
};

/* body_max: a longer body is read to its end, dropped, and body_over set. */
void fcgi_reader_init(struct fcgi_reader *, size_t body_max,
    unsigned max_conns);
void fcgi_reader_free(struct fcgi_reader *);

/*
 * Read from n bytes; *used tells how many were used, all of them after
 * FCGI_MORE. A request of another role is answered with UNKNOWN_ROLE, one that
 * is aborted before it is complete with END_REQUEST; records of requests that
 * are not known are dropped. While a request is running, further records are
 * read too: ABORT_REQUEST ends it (id and keep stay until fcgi_next),
 * BEGIN_REQUEST of another id is answered with CANT_MPX_CONN, management
 * records are answered, what else belongs to it is dropped.
 */
enum fcgi_event fcgi_read(struct fcgi_reader *, const void *, size_t n,
    size_t *used);

/* True between requests: nothing of a next one has come. */
bool fcgi_idle(const struct fcgi_reader *);

/* The request is answered; its buffers are freed. */
void fcgi_next(struct fcgi_reader *);

/*
 * Add STDOUT records with these bytes, as many as the length needs; nothing
 * for n = 0 (an empty record would end the stream).
 */
void fcgi_add_stdout(struct buf *, uint16_t id, const void *, size_t n);

/* Add the end of STDOUT and END_REQUEST with status 0, REQUEST_COMPLETE. */
void fcgi_add_end(struct buf *, uint16_t id);

struct fcgi_request {
	uint16_t	 id;
	bool		 keep;		/* FCGI_KEEP_CONN */
	const void	*params;	/* name-value pairs */
	size_t		 params_len;
	const void	*body;
	size_t		 body_len;
};

/*
 * Add a complete request of as few PARAMS and STDIN records as possible, as
 * libfcgi is fed with it.
 */
void fcgi_add_request(struct buf *, const struct fcgi_request *);

#endif
