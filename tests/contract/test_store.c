/*
 * What every store promises, asked of each backend in turn. Both clocks of
 * `now` show the same.
 */
#include "session/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/loop.h"
#include "store_late.h"

#define TTL         1800000
#define MANY        300
#define DEADLINE_MS 60000 /* of an answer that has to come */

/* What a store may do differently. */
enum {
	HOLDS_NEST = 1, /* a session may be held by several turns */
	SWEEPS = 2,     /* expired ones stay until they are swept */
};

static const struct opener {
	const char *name;
	store_open_f *open;
	unsigned flags;
} openers[] = {
	{ "memory", store_memory_open, HOLDS_NEST | SWEEPS },
	{ "late", store_late_open, 0 },
};

static const struct opener *opener; /* the one that is asked */
static struct loop *loop;
static struct store_port *port; /* of the store that is open */

static const struct sid token = { { 1 } };
static const struct addr creator = { "192.0.2.1" };

static const struct store_limits roomy = {
	.ttl_ms = TTL,
	.max_sessions = 1000000,
	.memory = UINT64_C(1) << 30,
	.session_messages = 200,
	.session_bytes = 256 * 1024,
};

/* What the callback was told. */
struct reply {
	unsigned calls;
	enum rc rc;
	bool found;
	struct session session;
	struct store_totals totals;
};

static void
replied(void *arg, enum rc rc, struct session *session)
{
	struct reply *r = arg;

	r->calls++;
	r->rc = rc;
	r->found = session != NULL;
	assert_true(!r->found || rc == RC_OK);
	if (r->found) {
		r->session = *session;
		session->history = session->replay = (struct history){ 0 };
	}
}

static void
counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct reply *r = arg;

	r->calls++;
	r->rc = rc;
	r->totals = *totals;
}

struct told {
	unsigned signals;
	struct sid sid;
	struct sid token;
	enum store_signal signal;
};

static void
told(void *arg, const struct sid *sid, const struct sid *of,
    enum store_signal signal)
{
	struct told *t = arg;

	t->signals++;
	t->sid = *sid;
	t->token = *of;
	t->signal = signal;
}

static struct told mine; /* what came through port */

static struct store *
open_with(struct store_limits limits)
{
	struct store *st = opener->open(&limits);

	assert_non_null(st);
	mine = (struct told){ 0 };
	port = store_join(st, loop, told, &mine);
	assert_non_null(port);
	return st;
}

static void
shut(struct store *st)
{
	store_part(port);
	store_close(st);
}

static struct store_now
at(int64_t ms)
{
	return (struct store_now){ ms, ms };
}

/* Turn the loop until a number that was `from` has become another. */
static void
await(const unsigned *n, unsigned from)
{
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;

	while (*n == from) {
		assert_true(clock_mono_ms() < deadline);
		loop_turn(loop, 10);
	}
}

/* Each call's result; the session goes where `out` points, without history. */
static enum rc
outcome(struct reply *r, struct session *out)
{
	await(&r->calls, 0);
	assert_int_equal(r->calls, 1);
	history_free(&r->session.history);
	history_free(&r->session.replay);
	if (out != NULL)
		*out = r->session;
	return r->rc;
}

static enum rc
try_create(struct store *st, bool hold, int64_t now, struct session *out)
{
	const struct store_now then = at(now);
	struct hold held = { .token = token };
	struct reply r = { 0 };

	(void)st;
	store_create(port, &creator, hold ? &held : NULL, &then, replied, &r);
	return outcome(&r, out);
}

static struct sid
create(struct store *st, bool hold, int64_t now)
{
	struct session s;

	assert_int_equal(try_create(st, hold, now, &s), RC_OK);
	return s.id;
}

/* Ask through a port; the hold, if there is one, has this token. */
static enum rc
load_as(struct store_port *from, const struct sid *id, struct hold *hold,
    const struct addr *of, int64_t now)
{
	const struct store_ask ask = {
		.sid = id,
		.creator = of,
		.window = &WINDOW_NONE,
		.hold = hold,
		.now = at(now),
	};
	struct reply r = { 0 };

	store_load(from, &ask, replied, &r);
	return outcome(&r, NULL);
}

static enum rc
load(struct store *st, const struct sid *id, bool hold, int64_t now,
    struct session *out)
{
	struct hold held = { .token = token };
	const struct store_ask ask = {
		.sid = id,
		.window = &WINDOW_NONE,
		.hold = hold ? &held : NULL,
		.now = at(now),
	};
	struct reply r = { 0 };

	(void)st;
	store_load(port, &ask, replied, &r);
	return outcome(&r, out);
}

static enum rc
append_as(const struct sid *id, const struct hold *hold, const char *question,
    const char *answer, int64_t now, struct session *out)
{
	const struct message q = { ROLE_USER, MESSAGE_COMPLETE, now, question,
		strlen(question), RC_OK, NULL, NULL, NULL, 0 };
	const struct message a = { ROLE_ASSISTANT, MESSAGE_INTERRUPTED, now,
		answer, strlen(answer), RC_OK, NULL, NULL, NULL, 0 };
	const struct store_pair pair = { id, hold, &q, &a, at(now) };
	struct reply r = { 0 };

	store_append(port, &pair, replied, &r);
	return outcome(&r, out);
}

/* With the count that the session has. */
static enum rc
append(struct store *st, const struct sid *id, const char *question,
    const char *answer, int64_t now, struct session *out)
{
	struct hold hold = { .token = token };
	struct session s;

	if (load(st, id, false, now, &s) == RC_OK)
		hold.count = s.message_count;
	return append_as(id, &hold, question, answer, now, out);
}

static enum rc
release(
    struct store *st, const struct sid *id, int64_t now, struct session *out)
{
	const struct hold hold = { .token = token };
	const struct store_now then = at(now);
	struct reply r = { 0 };

	(void)st;
	store_release(port, id, &hold, &then, replied, &r);
	return outcome(&r, out);
}

static enum rc
drop_of(const struct sid *id, const struct addr *of, int64_t now)
{
	const struct store_now then = at(now);
	struct reply r = { 0 };

	store_delete(port, id, of, &then, replied, &r);
	outcome(&r, NULL);
	assert_false(r.found);
	return r.rc;
}

static enum rc
drop(struct store *st, const struct sid *id, int64_t now)
{
	(void)st;
	return drop_of(id, NULL, now);
}

static struct store_totals
totals(int64_t now)
{
	const struct store_now then = at(now);
	struct reply r = { 0 };

	store_count(port, &then, counted, &r);
	assert_int_equal(outcome(&r, NULL), RC_OK);
	return r.totals;
}

static uint64_t
count(struct store *st, int64_t now)
{
	(void)st;
	return totals(now).sessions;
}

static uint64_t
bytes(struct store *st, int64_t now)
{
	(void)st;
	return totals(now).bytes;
}

static unsigned
sweep(struct store *st, int64_t now, unsigned max)
{
	const struct store_now then = at(now);

	return store_sweep(st, &then, max);
}

static bool
has(unsigned flag)
{
	return (opener->flags & flag) != 0;
}

static void
load_all(struct reply *r, const struct sid *id, const struct window *window,
    const struct sid *key, int64_t now)
{
	const struct store_ask ask = {
		.sid = id, .window = window, .key = key, .now = at(now)
	};

	*r = (struct reply){ 0 };
	store_load(port, &ask, replied, r);
	await(&r->calls, 0);
	assert_int_equal(r->rc, RC_OK);
}

/* The texts of a history, each with a comma behind it. */
static const char *
texts_of(const struct history *h)
{
	static char out[512];
	struct message m;
	size_t pos = 0, n = 0;

	out[0] = '\0';
	while (history_next(h, &pos, &m)) {
		n += (size_t)snprintf(
		    out + n, sizeof(out) - n, "%.*s,", (int)m.len, m.text);
		assert_true(n < sizeof(out));
	}
	return out;
}

/* Those in a window. */
static const char *
texts(struct store *st, const struct sid *id, struct window window, int64_t now)
{
	const char *out;
	struct reply r;

	(void)st;
	load_all(&r, id, &window, NULL, now);
	out = texts_of(&r.session.history);
	outcome(&r, NULL);
	return out;
}

static void
test_create(void **state)
{
	struct store *st = open_with(roomy);
	struct session a, b;

	(void)state;
	assert_int_equal(try_create(st, false, 5000, &a), RC_OK);
	assert_int_equal(try_create(st, true, 5000, &b), RC_OK);
	assert_false(sid_equal(&a.id, &b.id));
	assert_int_equal(a.message_count, 0);
	assert_int_equal(a.created_ms, 5000);
	assert_int_equal(a.active_ms, 5000);
	assert_int_equal(a.left_ms, TTL);
	assert_int_equal(b.left_ms, TTL);
	assert_int_equal(count(st, 5000), 2);
	shut(st);
}

static void
test_foreign_id_is_not_found(void **state)
{
	struct store *st = open_with(roomy);
	struct sid id = { { 0 } };

	(void)state;
	for (int i = 0; i < 256; i++) {
		id.b[i % 16] = (uint8_t)i;
		assert_int_equal(load(st, &id, false, 0, NULL), RC_NOSESSION);
		assert_int_equal(load(st, &id, true, 0, NULL), RC_NOSESSION);
		assert_int_equal(
		    append(st, &id, "q", "a", 0, NULL), RC_NOSESSION);
		assert_int_equal(release(st, &id, 0, NULL), RC_NOSESSION);
		assert_int_equal(drop(st, &id, 0), RC_NOSESSION);
	}
	assert_int_equal(count(st, 0), 0);
	shut(st);
}

/* What store_ended_f was told. */
static unsigned ended;

static void
count_ended(void *arg, const struct addr *of)
{
	assert_ptr_equal(arg, &ended);
	assert_true(addr_equal(of, &creator));
	ended++;
}

static void
test_owner_hears_of_the_end_once(void **state)
{
	struct store_limits limits = roomy;
	struct store *st;
	struct sid id;

	(void)state;
	if (!has(SWEEPS))
		skip();
	ended = 0;
	limits.ended = count_ended;
	limits.ended_arg = &ended;
	limits.max_sessions = 4;
	st = open_with(limits);
	id = create(st, false, 0);
	create(st, false, 0);
	create(st, false, 1000);
	create(st, true, 0);
	assert_int_equal(ended, 0);
	assert_int_equal(try_create(st, false, 0, NULL), RC_CAPACITY);
	assert_int_equal(ended, 1);
	assert_int_equal(drop(st, &id, 0), RC_OK);
	assert_int_equal(ended, 2);
	assert_int_equal(drop(st, &id, 0), RC_NOSESSION);
	assert_int_equal(ended, 2);
	assert_int_equal(sweep(st, TTL, 64), 1);
	assert_int_equal(ended, 3);
	assert_int_equal(sweep(st, TTL, 64), 0);
	create(st, false, TTL);
	create(st, false, TTL + 1000);
	assert_int_equal(try_create(st, false, TTL + 1000, NULL), RC_OK);
	assert_int_equal(ended, 4);
	shut(st);
	assert_int_equal(ended, 4);
}

static void
test_who_asks_for_his_own_finds_no_others(void **state)
{
	const struct addr other = { "192.0.2.2" };
	struct store *st = open_with(roomy);
	struct sid id = create(st, false, 0);
	struct hold hold = { .token = token };

	(void)state;
	assert_int_equal(
	    load_as(port, &id, NULL, &other, TTL - 1), RC_NOSESSION);
	assert_int_equal(
	    load_as(port, &id, &hold, &other, TTL - 1), RC_NOSESSION);
	assert_int_equal(drop_of(&id, &other, TTL - 1), RC_NOSESSION);
	assert_int_equal(load_as(port, &id, NULL, &creator, 1), RC_OK);
	assert_int_equal(load(st, &id, false, TTL, NULL), RC_NOSESSION);
	id = create(st, false, 0);
	assert_int_equal(drop_of(&id, &creator, 1), RC_OK);
	shut(st);
}

static void
test_append(void **state)
{
	struct store *st = open_with(roomy);
	struct sid id = create(st, true, 0);
	struct session s;

	(void)state;
	assert_int_equal(append(st, &id, "Bonjour", "Salut", 7, &s), RC_OK);
	assert_true(sid_equal(&s.id, &id));
	assert_int_equal(s.message_count, 2);
	assert_int_equal(s.history.count, 0);
	assert_int_equal(s.created_ms, 0);
	assert_int_equal(s.active_ms, 7);
	assert_int_equal(s.left_ms, TTL);
	assert_int_equal(load(st, &id, true, 8, NULL), RC_OK);
	assert_int_equal(append(st, &id, "Encore", "Oui", 9, &s), RC_OK);
	assert_int_equal(s.message_count, 4);
	assert_string_equal(
	    texts(st, &id, WINDOW_ALL, 9), "Bonjour,Salut,Encore,Oui,");
	assert_string_equal(
	    texts(st, &id, (struct window){ 3, 100 }, 9), "Encore,Oui,");
	assert_string_equal(
	    texts(st, &id, (struct window){ 4, 9 }, 9), "Encore,Oui,");
	assert_string_equal(texts(st, &id, WINDOW_NONE, 9), "");
	shut(st);
}

static void
test_answer_not_taken_is_freed(void **state)
{
	struct store *st = open_with(roomy);
	struct sid id = create(st, true, 0);
	struct reply r;

	(void)state;
	assert_int_equal(append(st, &id, "q", "a", 0, NULL), RC_OK);
	load_all(&r, &id, &WINDOW_ALL, NULL, 0);
	assert_int_equal(r.session.history.count, 2);
	assert_int_equal(drop(st, &id, 0), RC_OK);
	assert_memory_equal(r.session.history.block + 16, "q", 1);
	history_free(&r.session.history);
	shut(st);
}

static const struct {
	int64_t idle;
	enum rc rc;
} idles[] = {
	{ 0, RC_OK },
	{ 1799999, RC_OK },
	{ 1800000, RC_NOSESSION },
	{ 1800001, RC_NOSESSION },
	{ INT64_C(1) << 50, RC_NOSESSION },
};

static void
test_idle_session_expires(void **state)
{
	struct store *st;
	struct sid id[5];
	int64_t now;
	enum rc rc;

	(void)state;
	for (size_t i = 0; i < sizeof(idles) / sizeof(idles[0]); i++) {
		st = open_with(roomy);
		for (int j = 0; j < 5; j++)
			id[j] = create(st, false, 100);
		now = 100 + idles[i].idle;
		rc = idles[i].rc;
		assert_int_equal(count(st, now), rc == RC_OK ? 5 : 0);
		assert_int_equal(load(st, &id[0], false, now, NULL), rc);
		assert_int_equal(load(st, &id[1], true, now, NULL), rc);
		assert_int_equal(append(st, &id[2], "q", "a", now, NULL), rc);
		assert_int_equal(release(st, &id[3], now, NULL), rc);
		assert_int_equal(drop(st, &id[4], now), rc);
		shut(st);
	}
}

static void
test_reading_does_not_prolong(void **state)
{
	struct store *st = open_with(roomy);
	struct sid id = create(st, false, 0);
	struct session s;

	(void)state;
	assert_int_equal(load(st, &id, false, TTL - 1, &s), RC_OK);
	assert_int_equal(s.active_ms, 0);
	assert_int_equal(s.left_ms, 1);
	assert_int_equal(load(st, &id, false, TTL, NULL), RC_NOSESSION);
	shut(st);
}

static void
test_turn_prolongs(void **state)
{
	struct store *st = open_with(roomy);
	const int64_t then = 3 * (int64_t)TTL;
	struct sid chat = create(st, false, 0), failed;
	struct session s;

	(void)state;
	assert_int_equal(load(st, &chat, true, TTL - 1, NULL), RC_OK);
	assert_int_equal(append(st, &chat, "q", "a", TTL + 5, &s), RC_OK);
	assert_int_equal(s.left_ms, TTL);
	assert_int_equal(load(st, &chat, false, 2 * TTL + 4, NULL), RC_OK);
	assert_int_equal(
	    load(st, &chat, false, 2 * TTL + 5, NULL), RC_NOSESSION);

	failed = create(st, false, then);
	assert_int_equal(load(st, &failed, true, then + TTL - 1, NULL), RC_OK);
	assert_int_equal(release(st, &failed, then + TTL + 5, &s), RC_OK);
	assert_int_equal(s.message_count, 0);
	assert_int_equal(s.left_ms, TTL);
	assert_int_equal(
	    load(st, &failed, false, then + 2 * TTL + 4, NULL), RC_OK);
	assert_int_equal(
	    load(st, &failed, false, then + 2 * TTL + 5, NULL), RC_NOSESSION);
	shut(st);
}

static void
test_held_does_not_expire(void **state)
{
	struct store *st = open_with(roomy);
	struct sid made = create(st, true, 0), loaded = create(st, false, 0);
	struct session s;
	int64_t late = 10 * (int64_t)TTL;

	(void)state;
	assert_int_equal(load(st, &loaded, true, 1, NULL), RC_OK);
	assert_int_equal(count(st, late), 2);
	assert_int_equal(sweep(st, late, 64), 0);
	assert_int_equal(load(st, &made, false, late, &s), RC_OK);
	assert_int_equal(s.left_ms, TTL);
	assert_int_equal(append(st, &made, "q", "a", late, NULL), RC_OK);
	assert_int_equal(release(st, &loaded, late, NULL), RC_OK);
	assert_int_equal(count(st, late + TTL - 1), 2);
	assert_int_equal(count(st, late + TTL), 0);
	shut(st);
}

static void
test_held_twice_is_let_go_twice(void **state)
{
	struct store *st = open_with(roomy);
	struct sid id = create(st, true, 0);

	(void)state;
	if (!has(HOLDS_NEST)) {
		shut(st);
		skip();
	}
	assert_int_equal(load(st, &id, true, 0, NULL), RC_OK);
	assert_int_equal(release(st, &id, 1, NULL), RC_OK);
	assert_int_equal(load(st, &id, false, 2 * TTL, NULL), RC_OK);
	assert_int_equal(release(st, &id, 2, NULL), RC_OK);
	assert_int_equal(load(st, &id, false, TTL + 1, NULL), RC_OK);
	assert_int_equal(load(st, &id, false, TTL + 2, NULL), RC_NOSESSION);
	shut(st);
}

static void
test_deleted_while_held(void **state)
{
	struct store *st = open_with(roomy);
	struct sid a = create(st, true, 0), b = create(st, true, 0);

	(void)state;
	assert_int_equal(drop(st, &a, 1), RC_OK);
	assert_int_equal(drop(st, &b, 1), RC_OK);
	assert_int_equal(count(st, 1), 0);
	assert_int_equal(append(st, &a, "q", "a", 2, NULL), RC_NOSESSION);
	assert_int_equal(release(st, &b, 2, NULL), RC_NOSESSION);
	assert_int_equal(load(st, &a, false, 2, NULL), RC_NOSESSION);
	assert_int_equal(drop(st, &a, 2), RC_NOSESSION);
	shut(st);
}

static void
test_session_limits_drop_oldest_pairs(void **state)
{
	struct store_limits limits = roomy;
	struct store *st;
	struct session s = { 0 };
	struct sid id;
	char text[2] = "0";

	(void)state;
	limits.session_messages = 4;
	limits.session_bytes = 10;
	st = open_with(limits);
	id = create(st, false, 0);
	for (; text[0] < '5'; text[0]++) {
		assert_int_equal(load(st, &id, true, 0, NULL), RC_OK);
		assert_int_equal(append(st, &id, text, text, 0, &s), RC_OK);
	}
	assert_int_equal(s.message_count, 10);
	assert_string_equal(texts(st, &id, WINDOW_ALL, 0), "3,3,4,4,");
	assert_int_equal(append(st, &id, "12345", "1234", 0, &s), RC_OK);
	assert_string_equal(texts(st, &id, WINDOW_ALL, 0), "12345,1234,");
	assert_int_equal(s.message_count, 12);
	shut(st);
}

static void
test_max_sessions(void **state)
{
	struct store_limits limits = roomy;
	struct sid id[MANY];
	struct store *st;

	(void)state;
	limits.max_sessions = MANY;
	st = open_with(limits);
	for (int i = 0; i < MANY; i++)
		id[i] = create(st, i % 2, i);
	assert_int_equal(try_create(st, false, MANY, NULL), RC_CAPACITY);
	assert_int_equal(try_create(st, true, MANY, NULL), RC_CAPACITY);
	assert_int_equal(count(st, MANY), MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(load(st, &id[i], true, MANY, NULL), RC_OK);
	assert_int_equal(drop(st, &id[7], MANY), RC_OK);
	create(st, false, MANY);
	assert_int_equal(try_create(st, false, MANY, NULL), RC_CAPACITY);
	shut(st);
}

static void
test_expired_ones_make_room(void **state)
{
	struct store_limits limits = roomy;
	struct store *st;

	(void)state;
	limits.max_sessions = MANY;
	st = open_with(limits);
	for (int i = 0; i < MANY; i++)
		create(st, false, i < MANY / 2 ? 0 : 10);
	for (int i = 0; i < MANY / 2; i++)
		create(st, false, TTL);
	assert_int_equal(try_create(st, false, TTL, NULL), RC_CAPACITY);
	assert_int_equal(count(st, TTL), MANY);
	shut(st);
}

static void
test_memory_limit(void **state)
{
	struct store_limits limits = roomy;
	struct store *st;
	struct session s;
	struct sid held, idle;
	uint64_t n = 0;

	(void)state;
	limits.memory = 64 * 1024;
	st = open_with(limits);
	held = create(st, true, 0);
	idle = create(st, false, 1);
	while (try_create(st, false, 1, &s) == RC_OK)
		assert_true(n++ < limits.memory / sizeof(struct session));
	assert_true(n > limits.memory / 512);
	assert_int_equal(append(st, &held, "q", "a", 1, NULL), RC_OK);
	assert_string_equal(texts(st, &held, WINDOW_ALL, 1), "q,a,");
	assert_int_equal(
	    append(st, &held, "long enough to", "be the last", 1, NULL), RC_OK);
	assert_int_equal(load(st, &idle, true, 1, NULL), RC_CAPACITY);
	assert_int_equal(load(st, &idle, false, 1, &s), RC_OK);
	assert_int_equal(s.left_ms, TTL);
	assert_int_equal(count(st, 1), n + 2);
	assert_int_equal(drop(st, &held, 1), RC_OK);
	assert_int_equal(load(st, &idle, true, 1, NULL), RC_OK);
	assert_int_equal(release(st, &idle, 1, NULL), RC_OK);
	create(st, false, 1);
	shut(st);
}

static void
test_bytes_are_those_of_all_sessions(void **state)
{
	struct store *st = open_with(roomy);
	uint64_t one, two;
	struct sid a, b;

	(void)state;
	assert_int_equal(bytes(st, 0), 0);
	a = create(st, false, 0);
	one = bytes(st, 0);
	assert_true(one >= sizeof(a));
	b = create(st, true, 0);
	assert_int_equal(bytes(st, 0), 2 * one);
	assert_int_equal(append(st, &b, "question", "answer", 1, NULL), RC_OK);
	two = bytes(st, 1);
	assert_true(two >= 2 * one + strlen("question") + strlen("answer"));
	assert_int_equal(drop(st, &a, 1), RC_OK);
	assert_int_equal(bytes(st, 1), two - one);
	assert_int_equal(bytes(st, 1 + TTL), two - one);
	if (!has(SWEEPS)) {
		shut(st);
		skip();
	}
	assert_int_equal(sweep(st, 1 + TTL, 64), 1);
	assert_int_equal(bytes(st, 1 + TTL), 0);
	shut(st);
}

static void
test_memory_comes_back(void **state)
{
	struct store_limits limits = roomy;
	struct store *st;
	struct sid id;

	(void)state;
	limits.memory = 4096;
	st = open_with(limits);
	for (int i = 0; i < 1000; i++) {
		id = create(st, true, 0);
		assert_int_equal(
		    append(st, &id, "question", "answer", 0, NULL), RC_OK);
		assert_int_equal(drop(st, &id, 0), RC_OK);
	}
	shut(st);
}

static void
test_sweep_removes_expired_only(void **state)
{
	struct store *st = open_with(roomy);
	unsigned n, total = 0;

	(void)state;
	if (!has(SWEEPS)) {
		shut(st);
		skip();
	}
	for (int i = 0; i < MANY; i++) {
		create(st, false, 0);
		create(st, false, 1);
	}
	assert_int_equal(sweep(st, TTL - 1, 64), 0);
	assert_int_equal(sweep(st, TTL, 0), 0);
	do {
		assert_int_equal(count(st, TTL), MANY);
		n = sweep(st, TTL, 64);
		assert_in_range(n, 0, 64);
		total += n;
	} while (n == 64);
	assert_int_equal(total, MANY);
	assert_int_equal(sweep(st, TTL, 64), 0);
	assert_int_equal(count(st, TTL), MANY);
	assert_int_equal(sweep(st, TTL + 1, 2 * MANY), MANY);
	assert_int_equal(count(st, TTL + 1), 0);
	shut(st);
}

static void
test_clock_may_step_back(void **state)
{
	struct store *st = open_with(roomy);

	(void)state;
	if (!has(SWEEPS)) {
		shut(st);
		skip();
	}
	for (int i = 0; i < MANY; i++)
		create(st, false, TTL);
	assert_int_equal(count(st, 2 * TTL), 0);
	for (int i = 0; i < MANY; i++)
		create(st, false, 0);
	assert_int_equal(count(st, 2 * TTL), 0);
	assert_int_equal(count(st, 2 * TTL - 1), MANY);
	assert_int_equal(count(st, TTL - 1), 2 * MANY);
	assert_int_equal(count(st, TTL), MANY);
	shut(st);
}

/*
 * Thousands of operations in an order that nobody thought of, beside a list
 * that is too simple to be wrong; the clock steps back now and then, as the
 * loops' clocks differ.
 */
#define MODEL 1000
#define STEPS 60000
#define APART (TTL / 60) /* of the loops' clocks */

struct model {
	struct sid id;
	int64_t active;
	uint64_t messages;
	unsigned holds;
	bool there;
};

static unsigned
dice(uint64_t *seed, unsigned sides)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(*seed >> 33) % sides;
}

static bool
model_lives(const struct model *m, int64_t now)
{
	return m->there && (m->holds > 0 || now - m->active < TTL);
}

/* Also by the slowest clock. */
static bool
model_is_gone(const struct model *m, int64_t now)
{
	return !m->there || (m->holds == 0 && now - m->active >= TTL + APART);
}

static void
model_step(struct store *st, struct model *m, unsigned what, int64_t now)
{
	enum rc rc = model_lives(m, now) ? RC_OK : RC_NOSESSION;
	struct session s;

	if (model_is_gone(m, now) && what < 3) {
		m->id = create(st, what == 0, now);
		*m = (struct model){ m->id, now, 0, what == 0, true };
	} else if (what < 4) {
		assert_int_equal(load(st, &m->id, true, now, NULL), rc);
		if (rc == RC_OK) {
			m->holds++;
			m->active = now;
		}
	} else if (what < 10) {
		if (what < 7) {
			assert_int_equal(
			    append(st, &m->id, "q", "a", now, NULL), rc);
			m->messages += rc == RC_OK ? 2 : 0;
		} else {
			assert_int_equal(release(st, &m->id, now, NULL), rc);
		}
		if (rc == RC_OK) {
			m->holds -= m->holds > 0;
			m->active = now;
		}
	} else if (what < 11) {
		assert_int_equal(drop(st, &m->id, now), rc);
		m->there = m->there && rc != RC_OK;
	} else {
		assert_int_equal(load(st, &m->id, false, now, &s), rc);
		if (rc == RC_OK) {
			assert_int_equal(s.active_ms, m->active);
			assert_int_equal(s.message_count, m->messages);
		}
	}
}

static void
test_any_order(void **state)
{
	struct store *st = open_with(roomy);
	static struct model models[MODEL];
	struct model *m;
	uint64_t seed = 1, live;
	int64_t slowest = 0, now;

	(void)state;
	memset(models, 0, sizeof(models));
	for (int i = 0; i < STEPS; i++) {
		if (dice(&seed, 8) == 0)
			slowest += dice(&seed, APART / 2);
		now = slowest + dice(&seed, APART);
		m = &models[dice(&seed, MODEL)];
		model_step(st, m, dice(&seed, 14), now);
		if (dice(&seed, 20) == 0)
			sweep(st, slowest, dice(&seed, 9));
		if (dice(&seed, 10) > 0)
			continue;
		live = 0;
		for (int j = 0; j < MODEL; j++)
			live += model_lives(&models[j], now);
		assert_int_equal(count(st, now), live);
	}
	shut(st);
}

/*
 * Two clocks, holds, keys.
 */

static void
test_times_shown_are_wall_time(void **state)
{
	struct store *st = open_with(roomy);
	const struct store_now begun = { 1000, 900000 };
	struct store_ask ask = { .window = &WINDOW_NONE,
		.now = { 1000 + 60000, 900000 + 60000 } };
	struct reply r = { 0 };
	struct session s;

	(void)state;
	store_create(port, &creator, NULL, &begun, replied, &r);
	assert_int_equal(outcome(&r, &s), RC_OK);
	assert_int_equal(s.created_ms, 900000);
	r = (struct reply){ 0 };
	ask.sid = &s.id;
	store_load(port, &ask, replied, &r);
	assert_int_equal(outcome(&r, &s), RC_OK);
	assert_int_equal(s.created_ms, 900000);
	assert_int_equal(s.active_ms, 900000);
	assert_int_equal(s.left_ms, TTL - 60000);
	shut(st);
}

static void
test_an_answer_is_added_to_what_it_answers(void **state)
{
	struct store *st = open_with(roomy);
	struct sid id = create(st, true, 0);
	struct hold hold = { .token = token }, stale;

	(void)state;
	assert_int_equal(append_as(&id, &hold, "a", "b", 0, NULL), RC_OK);
	assert_int_equal(append_as(&id, &hold, "a", "b", 0, NULL), RC_LOST);
	assert_string_equal(texts(st, &id, WINDOW_ALL, 0), "a,b,");
	assert_int_equal(load_as(port, &id, &hold, NULL, 0), RC_OK);
	assert_int_equal(hold.count, 2);
	stale = hold;
	assert_int_equal(append_as(&id, &hold, "c", "d", 0, NULL), RC_OK);
	assert_int_equal(load_as(port, &id, &hold, NULL, 0), RC_OK);
	assert_int_equal(append_as(&id, &stale, "e", "f", 0, NULL), RC_LOST);
	assert_string_equal(texts(st, &id, WINDOW_ALL, 0), "a,b,c,d,");
	shut(st);
}

static void
add_keyed(const struct sid *id, const struct sid *key, const char *question,
    uint64_t messages)
{
	const struct message q = { ROLE_USER, MESSAGE_COMPLETE, 0, question,
		strlen(question), RC_OK, key, NULL, NULL, 0 };
	const struct message a = { ROLE_ASSISTANT, MESSAGE_COMPLETE, 0, "r", 1,
		RC_OK, NULL, NULL, NULL, 0 };
	const struct hold hold = { token, messages };
	const struct store_pair pair = { id, &hold, &q, &a, at(0) };
	struct reply r = { 0 };

	store_append(port, &pair, replied, &r);
	assert_int_equal(outcome(&r, NULL), RC_OK);
}

static void
test_a_key_finds_its_pair(void **state)
{
	const struct window few = { 2, 100 };
	struct sid keys[STORE_MAX_KEYS + 1] = { 0 };
	struct store *st = open_with(roomy);
	struct sid id = create(st, false, 0);
	char question[2] = "a";
	struct reply r;

	(void)state;
	for (unsigned i = 0; i <= STORE_MAX_KEYS; i++) {
		keys[i].b[0] = (uint8_t)(i + 1);
		add_keyed(&id, &keys[i], question, 4 * (uint64_t)i);
		add_keyed(&id, NULL, "x", 4 * (uint64_t)i + 2);
		question[0]++;
	}
	load_all(&r, &id, &few, &keys[1], 0);
	assert_string_equal(texts_of(&r.session.replay), "b,r,");
	assert_int_equal(r.session.replay_count, 6);
	assert_int_equal(r.session.history.count, 0);
	outcome(&r, NULL);
	load_all(&r, &id, &few, &keys[0], 0);
	assert_int_equal(r.session.replay.count, 0);
	assert_string_equal(texts_of(&r.session.history), "x,r,");
	outcome(&r, NULL);
	shut(st);
}

/*
 * Stores that give a session to one turn at a time.
 */

#define OTHERS (STORE_MAX_WAITING + 1)

struct other {
	struct store_port *port;
	struct told told;
	struct hold hold;
};

static void
others_join(struct store *st, struct other *others)
{
	for (int i = 0; i < OTHERS; i++) {
		others[i] = (struct other){ 0 };
		others[i].hold.token.b[0] = (uint8_t)(2 + i);
		others[i].port = store_join(st, loop, told, &others[i].told);
		assert_non_null(others[i].port);
	}
}

static void
others_part(struct other *others)
{
	for (int i = 0; i < OTHERS; i++)
		store_part(others[i].port);
}

static enum rc
other_load(struct other *o, const struct sid *id)
{
	return load_as(o->port, id, &o->hold, NULL, 0);
}

static void
test_who_waits_is_told_in_order(void **state)
{
	struct other others[OTHERS];
	struct store *st;
	struct sid id;

	(void)state;
	if (has(HOLDS_NEST))
		skip();
	st = open_with(roomy);
	others_join(st, others);
	id = create(st, true, 0);
	for (int i = 0; i < STORE_MAX_WAITING; i++)
		assert_int_equal(other_load(&others[i], &id), RC_HELD);
	assert_int_equal(other_load(&others[STORE_MAX_WAITING], &id), RC_BUSY);
	store_quit(others[1].port, &id, &others[1].hold);

	assert_int_equal(append(st, &id, "q", "a", 0, NULL), RC_OK);
	await(&others[0].told.signals, 0);
	assert_int_equal(others[0].told.signal, STORE_GO);
	assert_int_equal(load(st, &id, true, 0, NULL), RC_HELD);
	assert_int_equal(other_load(&others[0], &id), RC_OK);
	assert_int_equal(others[0].hold.count, 2);
	assert_int_equal(append(st, &id, "q", "a", 0, NULL), RC_LOST);

	/* one that leaves when it was told to go passes it on */
	store_part(others[0].port);
	await(&others[2].told.signals, 0);
	assert_int_equal(others[2].told.signal, STORE_GO);
	store_quit(others[2].port, &id, &others[2].hold);
	await(&others[3].told.signals, 0);
	assert_int_equal(others[1].told.signals, 0);
	assert_int_equal(others[4].told.signals, 0);
	others[0].port = NULL;
	others_part(others);
	shut(st);
}

static void
test_whoever_holds_is_told(void **state)
{
	struct store_ask ask = { .window = &WINDOW_NONE, .now = { 0, 0 } };
	struct other others[OTHERS];
	struct reply r = { 0 };
	struct store *st;
	struct sid id;

	(void)state;
	if (has(HOLDS_NEST))
		skip();
	st = open_with(roomy);
	others_join(st, others);
	id = create(st, false, 0);
	ask.sid = &id;
	store_tell(others[0].port, &ask, STORE_STOP, replied, &r);
	assert_int_equal(outcome(&r, NULL), RC_NOSESSION);
	assert_int_equal(load(st, &id, true, 0, NULL), RC_OK);
	assert_int_equal(other_load(&others[0], &id), RC_HELD);
	r = (struct reply){ 0 };
	store_tell(others[1].port, &ask, STORE_STOP, replied, &r);
	assert_int_equal(outcome(&r, NULL), RC_OK);
	await(&mine.signals, 0);
	assert_int_equal(mine.signal, STORE_STOP);
	assert_true(sid_equal(&mine.sid, &id));
	assert_true(sid_equal(&mine.token, &token));

	assert_int_equal(drop(st, &id, 0), RC_OK);
	await(&mine.signals, 1);
	assert_int_equal(mine.signal, STORE_DELETED);
	await(&others[0].told.signals, 0);
	assert_int_equal(others[0].told.signal, STORE_DELETED);
	others_part(others);
	shut(st);
}

static void
test_close(void **state)
{
	struct store *st = open_with(roomy);
	struct sid id = create(st, true, 0);

	(void)state;
	create(st, true, 0);
	assert_int_equal(append(st, &id, "q", "a", 0, NULL), RC_OK);
	shut(st);
	store_part(NULL);
	store_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_foreign_id_is_not_found),
		cmocka_unit_test(test_owner_hears_of_the_end_once),
		cmocka_unit_test(test_who_asks_for_his_own_finds_no_others),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_answer_not_taken_is_freed),
		cmocka_unit_test(test_idle_session_expires),
		cmocka_unit_test(test_reading_does_not_prolong),
		cmocka_unit_test(test_turn_prolongs),
		cmocka_unit_test(test_held_does_not_expire),
		cmocka_unit_test(test_held_twice_is_let_go_twice),
		cmocka_unit_test(test_deleted_while_held),
		cmocka_unit_test(test_session_limits_drop_oldest_pairs),
		cmocka_unit_test(test_max_sessions),
		cmocka_unit_test(test_expired_ones_make_room),
		cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_bytes_are_those_of_all_sessions),
		cmocka_unit_test(test_memory_comes_back),
		cmocka_unit_test(test_sweep_removes_expired_only),
		cmocka_unit_test(test_clock_may_step_back),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_times_shown_are_wall_time),
		cmocka_unit_test(test_an_answer_is_added_to_what_it_answers),
		cmocka_unit_test(test_a_key_finds_its_pair),
		cmocka_unit_test(test_who_waits_is_told_in_order),
		cmocka_unit_test(test_whoever_holds_is_told),
		cmocka_unit_test(test_close),
	};
	int failed = 0;

	if ((loop = loop_new(0)) == NULL)
		return 1;
	for (size_t i = 0; i < sizeof(openers) / sizeof(openers[0]); i++) {
		opener = &openers[i];
		failed += cmocka_run_group_tests_name(
		    opener->name, tests, NULL, NULL);
	}
	loop_free(loop);
	return failed;
}
