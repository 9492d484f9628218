/*
 * A responder for tests over HTTP, in place of the real one: the question says
 * how it is answered.
 *
 *	paced N MS	N words, "mot1 mot2 ...", one every MS milliseconds
 *	paced N MS fail	the same, but it breaks off after the Nth
 *	fail		it fails before any text
 *
 * Any other question is echoed, with the number of messages of history that
 * came with it.
 */
#include "base/container.h"
#include "service/responder_kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 100000
#define PACE_MAX  60000 /* ms */

struct paced {
	struct responder responder;
	struct loop *loop;
};

struct answer {
	struct loop *loop;
	struct timer timer;
	const struct answer_events *events;
	void *arg;
	unsigned words, given;
	unsigned pace_ms;
	bool fails;
	size_t len;
	char echo[];
};

static void
answer_next(struct answer *a)
{
	loop_timer(a->loop, &a->timer, loop_now(a->loop) + a->pace_ms);
}

static void
answer_free(struct answer *a)
{
	explicit_bzero(a->echo, a->len);
	free(a);
}

static void
answer_end(struct answer *a)
{
	a->events->done(a->arg, a->fails ? RC_UNAVAILABLE : RC_OK, &USAGE_NONE);
	answer_free(a);
}

static void
answer_tick(struct timer *timer, void *arg)
{
	struct answer *a = arg;
	char word[32];
	int n;

	(void)timer;
	if (a->given == a->words) {
		answer_end(a);
		return;
	}
	a->given++;
	answer_next(a);
	if (a->len > 0) {
		a->events->delta(a->arg, a->echo, a->len);
	} else {
		n = snprintf(word, sizeof(word), "%smot%u",
		    a->given > 1 ? " " : "", a->given);
		a->events->delta(a->arg, word, (size_t)n);
	}
}

/* Whether the question says how; the answer is then set up for it. */
static bool
answer_read(struct answer *a, const char *question)
{
	unsigned words, pace;
	char rest[8] = "";

	if (strcmp(question, "fail") == 0) {
		a->fails = true;
		return true;
	}
	if (sscanf(question, "paced %u %u %7s", &words, &pace, rest) < 2 ||
	    words > WORDS_MAX || pace > PACE_MAX)
		return false;
	a->words = words;
	a->pace_ms = pace;
	a->fails = strcmp(rest, "fail") == 0;
	return true;
}

static enum rc
paced_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	struct paced *paced = container_of(responder, struct paced, responder);
	size_t size = prompt->len + 64;
	struct answer *a;

	if ((a = calloc(1, sizeof(*a) + size)) == NULL)
		return RC_NOMEM;
	a->loop = paced->loop;
	a->events = events;
	a->arg = arg;
	timer_init(&a->timer, answer_tick, a);
	memcpy(a->echo, prompt->question, prompt->len);
	if (!answer_read(a, a->echo)) {
		a->words = 1;
		a->len = (size_t)snprintf(a->echo, size,
		    "écho : %.*s (%u messages d'historique)", (int)prompt->len,
		    prompt->question, (unsigned)prompt->history->count);
	}
	answer_next(a);
	*answer = a;
	return RC_OK;
}

static void
paced_cancel(struct responder *responder, struct answer *a)
{
	(void)responder;
	loop_untimer(a->loop, &a->timer);
	answer_free(a);
}

static void
paced_close(struct responder *responder)
{
	free(container_of(responder, struct paced, responder));
}

static const struct responder_backend paced_backend = {
	.name = "paced",
	.start = paced_start,
	.cancel = paced_cancel,
	.close = paced_close,
};

static struct responder *
paced_open(const struct service *app, struct loop *loop)
{
	struct paced *paced;

	(void)app;
	if ((paced = calloc(1, sizeof(*paced))) == NULL)
		return NULL;
	paced->responder.backend = &paced_backend;
	paced->loop = loop;
	return &paced->responder;
}

/* In the place of all of them. */
const struct responder_kind responder_kinds[] = {
	{ .setting = CONF_RESPONDER_LOCAL, .open_loop = paced_open },
};
const size_t responder_kinds_count = 1;
