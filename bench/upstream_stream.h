/*
 * The bytes of a simulated answer, a token at a time. Values in, bytes out; no
 * socket and no clock inside.
 */
#ifndef BENCH_UPSTREAM_STREAM_H
#define BENCH_UPSTREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "upstream_plan.h"

/* In every failure, so that a test can see whether it was passed on. */
#define STREAM_CANARY "upstream-words-3c1f"

struct stream {
	struct plan	plan;
	bool		usage;		/* was asked for */
	size_t		prompt;		/* bytes of the request */
	int64_t		sent;		/* tokens */
	int64_t		lived;		/* signs of life */
	int64_t		thought;	/* thoughts */
	size_t		text_at;
	bool		finished;	/* it lingers */
};

/* What comes after a step. */
enum stream_next {
	STREAM_PACE,		/* another step, after the pace */
	STREAM_NOW,		/* another step */
	STREAM_NEVER,
	STREAM_CUT,
	STREAM_RESET,
	STREAM_END,
};

/* The reply's head, and the event that comes before the first token. */
void stream_begin(struct stream *, struct buf *out);

/*
 * Add what comes next. scratch is empty before and after; it saves an
 * allocation.
 */
enum stream_next stream_step(
    struct stream *, struct buf *out, struct buf *scratch);

/* The body of an answer in one piece: all its words, without faults. */
void stream_whole(const struct stream *, struct buf *);

/* The body of a failure, in the form that the plan names. */
void stream_error(const struct plan *, struct buf *, const char *detail);

#endif
