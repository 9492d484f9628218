/*
 * Servers disagree on how they tell that an answer is whole, that there is
 * none, or that it failed: here it comes to one end each.
 */
#include "chat/model/answer_stream.h"

#include <string.h>

void
answer_stream_init(struct answer_stream *as, struct chunk *chunk,
    answer_delta_f *delta, void *arg)
{
	*as = (struct answer_stream){
		.chunk = chunk,
		.delta = delta,
		.arg = arg,
		.usage = USAGE_NONE,
	};
	buf_init(&as->said, ANSWER_STREAM_MAX_SAID + 1);
	buf_guard(&as->said);
	event_stream_init(&as->events);
	answer_text_init(&as->text);
}

void
answer_stream_stop(struct answer_stream *as)
{
	event_stream_free(&as->events);
	answer_text_free(&as->text);
}

void
answer_stream_free(struct answer_stream *as)
{
	answer_stream_stop(as);
	buf_clear(&as->chunk->text);
	buf_free(&as->said);
}

void
answer_stream_again(struct answer_stream *as)
{
	answer_stream_free(as);
	answer_stream_init(as, as->chunk, as->delta, as->arg);
}

void
answer_stream_say(struct answer_stream *as, const char *words, size_t n)
{
	size_t room = ANSWER_STREAM_MAX_SAID - as->said.len;

	buf_add(&as->said, words, n < room ? n : room);
}

static bool
stream_fails(
    struct answer_stream *as, enum why why, const char *words, size_t n)
{
	as->why = why;
	buf_clear(&as->said);
	answer_stream_say(as, words, n);
	return false;
}

/*
 * Events.
 */

static void
stream_delta(void *arg, const char *text, size_t n)
{
	struct answer_stream *as = arg;

	as->delta(as->arg, text, n);
	if (!as->begun && as->told)
		buf_clear(&as->said);
	as->begun = true;
	as->given += n;
	as->over = false;
}

static bool
stream_text(struct answer_stream *as, const struct buf *text)
{
	return text->len == 0 || answer_text_add(&as->text, text->data,
				     text->len, stream_delta, as);
}

/* The first reason counts. */
static void
stream_finish(struct answer_stream *as, const struct chunk *chunk)
{
	size_t n = chunk->reason_len;

	if (as->finish != FINISH_NONE || chunk->finish == FINISH_NONE)
		return;
	n = n < ANSWER_STREAM_MAX_REASON ? n : ANSWER_STREAM_MAX_REASON;
	memcpy(as->reason, chunk->reason, n);
	as->finish = chunk->finish;
}

/* A whole document is an answer's, or is none. */
static bool
is_no_answer(enum event_kind kind, const struct chunk *chunk)
{
	return kind == EVENT_DOCUMENT && !chunk->choices && !chunk->error;
}

static void
stream_note(
    struct answer_stream *as, enum event_kind kind, const struct chunk *chunk)
{
	as->thought |= chunk->thought;
	as->tools |= chunk->tools;
	if (chunk->has_usage)
		as->usage = chunk->usage;
	stream_finish(as, chunk);
	if (as->finish != FINISH_NONE || chunk->done || kind == EVENT_DOCUMENT)
		as->finished = true;
	as->done |= chunk->done;
	if (as->finished && (chunk->done || chunk->has_usage))
		as->over = true;
}

/* Words without a code, which may be an error's: the first are kept. */
static void
stream_told(struct answer_stream *as, const char *data, size_t n)
{
	as->told = true;
	buf_clear(&as->said);
	answer_stream_say(as, data, n);
}

/* Whether words are all that came: an error, however it is told. */
static bool
stream_only_told(const struct answer_stream *as)
{
	return as->told && !as->begun && as->finish == FINISH_NONE &&
	       !as->thought && !as->tools && as->text.held.len == 0;
}

static bool
stream_chunk(struct answer_stream *as, enum event_kind kind, const char *data,
    size_t n, bool ok)
{
	struct chunk *chunk = as->chunk;

	if (!ok && as->finished)
		return true;
	if (!ok)
		return stream_fails(as,
		    kind == EVENT_DATA ? WHY_NONSENSE : WHY_NO_STREAM, data, n);
	if (chunk->words && !as->told && !as->begun)
		stream_told(as, data, n);
	if (is_no_answer(kind, chunk))
		return stream_fails(as, WHY_NO_STREAM, data, n);
	if (chunk->message && as->by_delta)
		buf_clear(&chunk->text);
	if (chunk->text.len > 0)
		as->by_delta = !chunk->message;
	if (!stream_text(as, &chunk->text))
		return stream_fails(as, WHY_EMPTY, "", 0);
	stream_note(as, kind, chunk);
	if (chunk->done && stream_only_told(as)) {
		as->why = WHY_ERROR;
		return false;
	}
	if (chunk->error || as->finish == FINISH_ERROR)
		return stream_fails(as, WHY_ERROR, data, n);
	return true;
}

/* Behind [DONE], usage is all that may still be told. */
static bool
stream_take(struct answer_stream *as, enum event_kind kind, const char *data,
    size_t n, bool ok)
{
	if (!as->done)
		return stream_chunk(as, kind, data, n, ok);
	if (ok && as->chunk->has_usage)
		as->usage = as->chunk->usage;
	return true;
}

/* Of a server that leaves out the empty lines, each line is an event. */
static bool
stream_lines(struct answer_stream *as, const char *data, size_t n)
{
	const char *end;
	bool more = true;
	size_t len;

	for (; more && n > 0; data += len, n -= len) {
		end = memchr(data, '\n', n);
		len = end != NULL ? (size_t)(end - data) : n;
		more = stream_take(as, EVENT_DATA, data, len,
		    chunk_read(as->chunk, &as->half, data, len));
		len += end != NULL;
	}
	return more;
}

static bool
stream_event(void *arg, enum event_kind kind, const char *data, size_t n)
{
	struct answer_stream *as = arg;
	struct chunk_half half = as->half;
	bool ok;

	if (!as->event)
		buf_clear(&as->said);
	as->event = true;
	if (kind == EVENT_ERROR)
		return as->done || stream_fails(as, WHY_ERROR, data, n);
	ok = chunk_read(as->chunk, &as->half, data, n);
	if (ok || kind != EVENT_DATA || memchr(data, '\n', n) == NULL)
		return stream_take(as, kind, data, n, ok);
	as->half = half;
	return stream_lines(as, data, n);
}

/*
 * The interface.
 */

bool
answer_stream_feed(struct answer_stream *as, const char *data, size_t n)
{
	bool more = event_stream_feed(&as->events, data, n, stream_event, as);

	if (!as->event)
		answer_stream_say(as, data, n);
	if (!more && as->why == WHY_NONE)
		as->why = WHY_TOO_LARGE;
	return more;
}

void
answer_stream_end(struct answer_stream *as)
{
	if (as->why != WHY_NONE)
		return;
	if (!event_stream_end(&as->events, stream_event, as) &&
	    as->why == WHY_NONE)
		as->why = WHY_TOO_LARGE;
	if (as->why == WHY_NONE && stream_only_told(as))
		as->why = WHY_ERROR;
}

bool
answer_stream_is_refusal(const struct answer_stream *as)
{
	return !as->begun &&
	       (as->why == WHY_ERROR || (as->told && as->why == WHY_NO_STREAM));
}

/* What an answer without text had in its place. */
static enum why
stream_lacks(struct answer_stream *as)
{
	if (as->said.len == 0)
		answer_stream_say(as, as->reason, strlen(as->reason));
	if (as->finish == FINISH_FILTER)
		return WHY_FILTER;
	if (as->tools)
		return WHY_ONLY_TOOLS;
	if (as->thought || as->text.thought)
		return WHY_ONLY_THOUGHTS;
	return as->finish == FINISH_LENGTH ? WHY_LENGTH : WHY_EMPTY;
}

enum why
answer_stream_whole(struct answer_stream *as)
{
	if (as->finish != FINISH_LENGTH) {
		chunk_end(as->chunk, &as->half);
		stream_text(as, &as->chunk->text);
	}
	answer_text_end(&as->text, stream_delta, as);
	if (!as->begun)
		return stream_lacks(as);
	if (as->finish == FINISH_LENGTH)
		return WHY_LENGTH;
	return as->finish == FINISH_FILTER ? WHY_FILTER : WHY_NONE;
}
