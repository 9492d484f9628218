/*
 * What a model's server says in a reply of status 200, from its bytes to the
 * text of an answer: a stream of events, or one document of a server that does
 * not stream. Bytes in, text out; however they are cut, the same comes out.
 */
#ifndef CHAT_MODEL_ANSWER_STREAM_H
#define CHAT_MODEL_ANSWER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "chat/model/answer_text.h"
#include "chat/model/chunk.h"
#include "chat/model/event_stream.h"
#include "chat/model/why.h"
#include "chat/responder.h"

#define ANSWER_STREAM_MAX_SAID 1024	/* bytes kept of what a failure said */
#define ANSWER_STREAM_MAX_REASON 31

struct answer_stream {
	/* immutable */
	struct chunk		*chunk;		/* of all on this thread */
	answer_delta_f		*delta;
	void			*arg;

	/* to be read */
	struct usage		 usage;
	bool			 begun;		/* text came */
	bool			 finished;	/* its end was told */
	bool			 over;		/* likewise, and its usage */
	uint64_t		 given;		/* bytes of text */
	enum why		 why;		/* it has failed */
	struct buf		 said;		/* by a failure, or what is no
						   stream, at its beginning */

	/* its own */
	struct event_stream	 events;
	struct answer_text	 text;
	struct chunk_half	 half;
	enum finish		 finish;
	char			 reason[ANSWER_STREAM_MAX_REASON + 1];
	bool			 event;		/* one came */
	bool			 done;		/* nothing more counts */
	bool			 by_delta;	/* not in messages */
	bool			 thought;
	bool			 tools;
	bool			 told;		/* words, without an answer */
};

/* chunk is only used in the calls below, and outlives it. */
void answer_stream_init(struct answer_stream *, struct chunk *,
    answer_delta_f *, void *arg);

/* The same for another reply. */
void answer_stream_again(struct answer_stream *);

/* Free the reader's memory; what is to be read stays. */
void answer_stream_stop(struct answer_stream *);
void answer_stream_free(struct answer_stream *);

/* Some bytes. False: no more of it is wanted; why says the reason. */
bool answer_stream_feed(struct answer_stream *, const char *, size_t);

/* Words of a failure, of which the first are kept. */
void answer_stream_say(struct answer_stream *, const char *, size_t);

/* The reply is complete: a last event, or a document, is read. */
void answer_stream_end(struct answer_stream *);

/* It has failed without any text, and said what of: what it said may mean. */
bool answer_stream_is_refusal(const struct answer_stream *);

/*
 * Nothing more comes, and it was finished and did not fail: what was held back
 * is given. WHY_NONE: the answer is whole. Else what it lacks, as WHY_LENGTH or
 * WHY_FILTER when it has some text.
 */
enum why answer_stream_whole(struct answer_stream *);

#endif
