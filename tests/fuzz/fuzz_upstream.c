/*
 * The bytes of a language model's server, from an attempt to its end, with
 * libcurl's place taken by what stands here. However they are cut, the same
 * pieces of text come, and the same end; a piece is clean UTF-8.
 *
 * The first byte says how the reply ends and with which status, the second how
 * the rest is cut.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "chat/model/attempt.h"
#include "chat/model/redact.h"
#include "chat/model/upstream.h"
#include "log/log.h"
#include "loop/loop.h"

#define MAX_TOLD (16 * 1024 * 1024)
#define KEY      "sk-secret"

/*
 * In the place of chat/model/upstream.c.
 */

struct upstream_call {
	const struct upstream_events *events;
	void *arg;
};

static struct upstream_call the_call;

struct upstream_call *
upstream_start(struct upstream *up, const void *body, size_t n,
    const char *request_id, const struct upstream_events *events, void *arg)
{
	(void)up;
	(void)request_id;
	HOLDS(body != NULL && n > 0);
	HOLDS(the_call.events == NULL);
	the_call = (struct upstream_call){ events, arg };
	return &the_call;
}

bool
upstream_has_sent(const struct upstream_call *call)
{
	return call->events != NULL;
}

void
upstream_cancel(struct upstream_call *call)
{
	HOLDS(call == &the_call && call->events != NULL);
	call->events = NULL;
}

/*
 * An attempt, and what is heard of it.
 */

static struct loop *loop;
static struct attempts attempts;

struct heard {
	struct attempt attempt;
	struct buf told;
	bool begun; /* some text was no white space */
	bool ended;
};

static void
heard_delta(void *arg, const char *text, size_t n)
{
	struct heard *h = arg;

	HOLDS(!h->ended && n > 0 && text_is_utf8(text, n));
	HOLDS(memchr(text, '\0', n) == NULL);
	HOLDS(h->begun || !text_is_blank(text, n));
	h->begun = true;
	buf_addf(&h->told, "%zu:", n);
	buf_add(&h->told, text, n);
}

static void
heard_end(void *arg, const struct attempt_end *end)
{
	struct heard *h = arg;
	const struct answer_stream *as = &h->attempt.stream;

	HOLDS(!h->ended);
	h->ended = true;
	buf_addf(&h->told, "end %d why %d refusal %d status %d after %lld",
	    end->rc, end->why, end->refusal, end->status,
	    (long long)end->retry_after);
	buf_addf(&h->told, " begun %d finished %d", as->begun, as->finished);
	buf_addf(&h->told, " usage %lld %lld said ",
	    (long long)as->usage.prompt_tokens,
	    (long long)as->usage.completion_tokens);
	if (as->said.len > 0)
		buf_add(&h->told, as->said.data, as->said.len);
	HOLDS(as->said.len <= ANSWER_STREAM_MAX_SAID);
	HOLDS((end->rc == RC_OK) == (end->why == WHY_NONE));
	HOLDS(end->rc != RC_OK || (as->finished && as->begun));
	HOLDS(end->rc != RC_UPSTREAM_DOWN || !as->begun);
	HOLDS(!h->begun || as->begun);
}

static const struct attempt_events events = { heard_delta, heard_end };

/* Feed the body; false: no more of it is wanted. */
static bool
feed(struct heard *h, int status, const char *data, size_t n, uint32_t *seed)
{
	bool more = true;
	size_t len;
	char *piece;

	for (; more && n > 0; data += len, n -= len) {
		len = seed == NULL ? n : fuzz_cut(seed, n);
		piece = fuzz_copy(data, len);
		more = the_call.events->body(&h->attempt, status, piece, len);
		free(piece);
	}
	return more;
}

static void
listen_to(
    struct heard *h, uint8_t how, const char *data, size_t n, uint32_t *seed)
{
	static const int statuses[] = { 200, 200, 200, 200, 400, 429, 500, 0 };
	static const char request[] = "{}";
	struct buf body = { .data = (char *)(uintptr_t)request, .len = 2 };
	const struct upstream_events *call;
	enum upstream_end end = (enum upstream_end)(how % 6);
	int status = statuses[how / 8 % 8];

	*h = (struct heard){ .ended = false };
	buf_init(&h->told, MAX_TOLD);
	attempt_init(&h->attempt, &attempts, "id", &events, h);
	HOLDS(attempt_start(&h->attempt, &body, INT64_MAX) == RC_OK);
	HOLDS(attempt_has_sent(&h->attempt));
	call = the_call.events;
	if (status != 0 && !feed(h, status, data, n, seed))
		end = UPSTREAM_BROKEN;
	HOLDS(!h->ended);
	the_call.events = NULL;
	call->end(&h->attempt, &(struct upstream_reply){ .end = end,
				   .status = status,
				   .retry_after = how,
				   .sent = true,
				   .why = "why" });
	HOLDS(h->ended && !h->told.failed);
}

/* The log may not show the key. */
static void
check_log(struct heard *h)
{
	const struct attempt_end end = { .rc = RC_UPSTREAM };
	struct buf *said = &h->attempt.stream.said;

	redact_secret(said, KEY);
	attempt_log(&h->attempt, &end);
	HOLDS(said->len == 0 ||
	      memmem(said->data, said->len, KEY, strlen(KEY)) == NULL);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level(LOG_LEVEL_FATAL);
	HOLDS((loop = loop_new(0)) != NULL);
	attempts = (struct attempts){
		.loop = loop,
		.first_token_ms = 1000,
		.stall_ms = 1000,
	};
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct heard whole, cut;
	uint32_t seed;

	if (n < 2)
		return 0;
	seed = data[1];
	listen_to(&whole, data[0], (const char *)data + 2, n - 2, NULL);
	listen_to(&cut, data[0], (const char *)data + 2, n - 2, &seed);
	HOLDS(whole.told.len == cut.told.len);
	HOLDS(memcmp(whole.told.data, cut.told.data, cut.told.len) == 0);
	check_log(&cut);
	attempt_free(&whole.attempt);
	attempt_free(&cut.attempt);
	buf_free(&whole.told);
	buf_free(&cut.told);
	buf_free(&attempts.chunk.text);
	return 0;
}
