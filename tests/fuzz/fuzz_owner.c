/*
 * What one owner of the sessions hands to the next: frames, sessions as
 * records, and pieces of what was spent. A frame is one however its bytes come,
 * and can be written again; a session that is read is written as the same, and
 * the store takes it in, shows it and forgets it; what was spent goes on from
 * who took it in. The bytes are frames, and a record and a piece as they stand.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "handover/spent_wire.h"
#include "limits/budget.h"
#include "limits/limit.h"
#include "log/metrics.h"
#include "owner/owner_wire.h"
#include "session/session_wire.h"
#include "session/store.h"

#define MAX_INPUT 65536
#define NOW       1000000 /* monotonic ms */
#define LATER     (INT64_MAX / 2)

/* An owner, as far as limits go. */
struct place {
	struct handover_env env;
	struct metrics_all metrics;
	struct budget budget;
};

static struct store *store;
static struct store_port *port;
static struct place place;

static void
place_open(struct place *p)
{
	static const struct limit_conf conf = {
		.rate = { [LIMIT_NEW] = { 20, 60 },
		    [LIMIT_CHAT] = { 7, 86400 },
		    [LIMIT_GUESS] = { 1000000, 1 } },
	};

	memset(p, 0, sizeof(*p));
	p->env.prompt_growth = 32768;
	metrics_all_init(&p->metrics);
	budget_init(&p->budget, 1000000);
	HOLDS((p->env.limits = limits_open(&conf)) != NULL);
	p->env.metrics = &p->metrics;
	p->env.budget = &p->budget;
}

static void
place_close(struct place *p)
{
	metrics_all_destroy(&p->metrics);
	budget_destroy(&p->budget);
	limits_close(p->env.limits);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct store_limits limits = {
		.ttl_ms = 1800000,
		.max_sessions = 1000,
		.memory = 1 << 24,
		.session_messages = 1000000,
		.session_bytes = 1 << 24,
	};

	(void)argc;
	(void)argv;
	HOLDS((store = store_memory_open(&limits)) != NULL);
	HOLDS((port = store_join(store, NULL, NULL, NULL)) != NULL);
	place_open(&place);
	return 0;
}

/*
 * Sessions.
 */

static void
check_shown(const struct session *want, const struct store_now *now)
{
	struct session shown, *s = &shown;
	enum rc rc = store_peek(store, &want->id, &WINDOW_ALL, now, s);

	HOLDS(rc == RC_OK || rc == RC_NOSESSION);
	if (rc != RC_OK)
		return;
	HOLDS(sid_equal(&s->id, &want->id));
	HOLDS(s->message_count == want->message_count);
	HOLDS(s->history.count == want->history.count);
	HOLDS(s->history.size == want->history.size);
	history_free(&s->history);
}

static void
check_empty(void *arg, enum rc rc, const struct store_totals *totals)
{
	(void)arg;
	HOLDS(rc == RC_OK && totals->sessions == 0 && totals->bytes == 0);
}

/* The store takes the history: it gets a record of its own. */
static void
check_adopted(const struct session *want, const char *data, size_t n)
{
	const struct store_now now = { NOW, NOW }, later = { LATER, LATER };
	struct session s;

	HOLDS(session_decode(&s, data, n, 0) == RC_OK);
	HOLDS(store_adopt(store, &s, &now) == RC_OK);
	history_free(&s.history);
	check_shown(want, &now);
	if (want->held)
		store_let_go(store, &want->id, &now);
	store_sweep(store, &later, 10);
	store_count(port, &later, check_empty, NULL);
}

static void
check_session(const char *data, size_t n)
{
	struct buf once, twice;
	struct session s, again;

	if (session_decode(&s, data, n, 0) != RC_OK)
		return;
	buf_init(&once, SIZE_MAX / 4);
	buf_init(&twice, SIZE_MAX / 4);
	session_encode(&once, &s);
	HOLDS(!once.failed &&
	      session_decode(&again, once.data, once.len, 0) == RC_OK);
	session_encode(&twice, &again);
	HOLDS(once.len == twice.len);
	HOLDS(memcmp(once.data, twice.data, once.len) == 0);
	check_adopted(&s, data, n);
	history_free(&s.history);
	history_free(&again.history);
	buf_free(&once);
	buf_free(&twice);
}

/*
 * What was spent.
 */

/* All of the one's to the other. */
static void
check_spent_moves(struct place *old, struct place *new)
{
	uint64_t at = 0;
	struct buf piece;

	buf_init(&piece, WIRE_MAX_SPENT);
	while (spent_encode(&old->env, &at, &piece)) {
		HOLDS(!piece.failed);
		HOLDS(spent_adopt(
		    &new->env, piece.data, piece.len, clock_mono_ms()));
		buf_clear(&piece);
	}
	HOLDS(limit_clients(new->env.limits) <= limit_clients(old->env.limits));
	HOLDS(new->budget.use.tokens == old->budget.use.tokens);
	HOLDS(old->budget.use.tokens >= 0 &&
	      old->budget.use.tokens <= BUDGET_MAX);
	buf_free(&piece);
}

/* What is refused changes nothing, so one place is enough for all of it. */
static void
check_spent(const char *data, size_t n)
{
	struct place new;

	if (!spent_adopt(&place.env, data, n, clock_mono_ms())) {
		HOLDS(limit_clients(place.env.limits) == 0);
		HOLDS(
		    place.budget.use.tokens == 0 && place.budget.use.day == 0);
		return;
	}
	place_open(&new);
	check_spent_moves(&place, &new);
	place_close(&new);
	place_close(&place);
	place_open(&place);
}

/*
 * Frames.
 */

/* A frame of len bytes stands at data: no part of it is one. */
static void
check_parts(const char *data, size_t len)
{
	struct wire_frame frame;
	size_t n, step = 1 + len / 16;
	char *part;

	for (n = 0; n < len; n += step) {
		part = fuzz_copy(data, n);
		HOLDS(wire_take(part, n, &frame) == WIRE_MORE);
		free(part);
	}
}

static void
check_frame(const struct wire_frame *frame, const char *data)
{
	size_t len = WIRE_HEAD + frame->len;
	struct wire_hello hello;
	char out[WIRE_HELLO_SIZE];
	struct buf again;

	HOLDS(frame->data == data + WIRE_HEAD);
	HOLDS(frame->type > WIRE_NONE && frame->type < WIRE_COUNT);
	HOLDS(frame->fds == wire_fds(frame->type));
	HOLDS(frame->fds <= WIRE_MAX_FDS);
	check_parts(data, len);
	buf_init(&again, SIZE_MAX / 4);
	wire_add(&again, frame->type, frame->data, frame->len);
	HOLDS(again.len == len && memcmp(again.data, data, 4) == 0);
	HOLDS(memcmp(again.data + 4, data + 4, len - 4) == 0);
	buf_free(&again);
	if (wire_hello_get(&hello, frame->data, frame->len)) {
		wire_hello_put(out, &hello);
		HOLDS(memcmp(out, frame->data, sizeof(out)) == 0);
	}
	check_session(frame->data, frame->len);
	check_spent(frame->data, frame->len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct wire_frame frame;
	char *copy, *p;

	if (n > MAX_INPUT)
		return 0;
	copy = fuzz_copy(data, n);
	check_session(copy, n);
	check_spent(copy, n);
	for (p = copy; wire_take(p, n, &frame) == WIRE_FRAME;) {
		HOLDS(WIRE_HEAD + frame.len <= n);
		check_frame(&frame, p);
		n -= WIRE_HEAD + frame.len;
		p += WIRE_HEAD + frame.len;
	}
	free(copy);
	return 0;
}
