/*
 * A call of the simulated model: what the request asks for, and the replies
 * that come in place of a stream. Values in, bytes out.
 */
#ifndef BENCH_UPSTREAM_CALL_H
#define BENCH_UPSTREAM_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "upstream_http.h"
#include "upstream_plan.h"
#include "upstream_stream.h"

#define CALL_MAX_KEYS 1024

/* How many calls of each key met their faults. */
struct call_keys {
	struct {
		char	key[PLAN_WORD];
		int64_t	met;
	}	 row[CALL_MAX_KEYS];
	size_t	 n;
};

enum call_kind {
	CALL_STREAM,
	CALL_REPLY,		/* call_reply */
	CALL_SILENCE,
	CALL_HANGUP,
};

struct call {
	struct stream	stream;
	bool		whole;		/* an answer that is not a stream */
	char		problem[160];	/* in the body of a failure */
};

/*
 * Read a request's body; usual is the plan that its directives change. A call
 * that cannot be read, or has a directive that does not exist, is a reply of
 * status 400 that says so. To be freed with call_free in any case.
 */
enum call_kind call_read(struct call *, const struct plan *usual,
    struct call_keys *, struct http_text body);
void call_free(struct call *);

/* The whole reply of a call that is not streamed. */
void call_reply(const struct call *, struct buf *);

#endif
