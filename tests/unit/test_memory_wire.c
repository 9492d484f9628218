/* How sessions leave the store in memory, and enter another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/store.h"

#define TTL  1000
#define MANY 3000

static unsigned ended;

static void
count_ended(void *arg, const struct addr *creator)
{
	(void)creator;
	++*(unsigned *)arg;
}

static struct store *
open_store(uint64_t most)
{
	const struct store_limits limits = {
		.ttl_ms = TTL,
		.max_sessions = most,
		.memory = 1 << 30,
		.session_messages = 100,
		.session_bytes = 1 << 20,
		.ended = count_ended,
		.ended_arg = &ended,
	};
	struct store *store = store_memory_open(&limits);

	assert_non_null(store);
	ended = 0;
	return store;
}

static struct store_now
at(int64_t ms)
{
	return (struct store_now){ ms, ms };
}

static void
keep(void *arg, enum rc rc, struct session *s)
{
	struct session *out = arg;

	if (rc != RC_OK) {
		memset(out, 0, sizeof(*out));
		return;
	}
	*out = *s;
	s->history = (struct history){ 0 };
}

static struct session
make(struct store *store, bool held, int64_t now)
{
	const struct addr creator = { { 1, 2, 3 } };
	const struct store_now then = at(now);
	struct store_port *port = store_join(store, NULL, NULL, NULL);
	struct hold hold = { { { 1 } }, 0 };
	struct session s;

	store_create(port, &creator, held ? &hold : NULL, &then, keep, &s);
	history_free(&s.history);
	store_part(port);
	return s;
}

/* The first pair of a session. */
static void
append(struct store *store, const struct sid *sid, const char *q, int64_t now)
{
	const struct message question = { .role = ROLE_USER,
		.created_ms = now,
		.text = q,
		.len = strlen(q) };
	const struct message answer = {
		.role = ROLE_ASSISTANT, .created_ms = now, .text = "a", .len = 1
	};
	const struct hold hold = { { { 1 } }, 0 };
	const struct store_pair pair = { sid, &hold, &question, &answer,
		at(now) };
	struct store_port *port = store_join(store, NULL, NULL, NULL);
	struct session s;

	store_append(port, &pair, keep, &s);
	history_free(&s.history);
	store_part(port);
}

static struct session
load(struct store *store, const struct sid *sid, int64_t now)
{
	const struct store_now then = at(now);
	struct session s;

	if (store_peek(store, sid, &WINDOW_ALL, &then, &s) != RC_OK)
		memset(&s, 0, sizeof(s));
	return s;
}

static void
keep_totals(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct store_totals *out = arg;

	assert_int_equal(rc, RC_OK);
	*out = *totals;
}

static struct store_totals
totals(struct store *store, int64_t now)
{
	const struct store_now then = at(now);
	struct store_port *port = store_join(store, NULL, NULL, NULL);
	struct store_totals t;

	store_count(port, &then, keep_totals, &t);
	assert_int_equal(store_live(store, &then), t.sessions);
	store_part(port);
	return t;
}

static enum rc
adopt(struct store *store, struct session *s, int64_t now)
{
	const struct store_now then = at(now);

	return store_adopt(store, s, &then);
}

static enum rc
give_back(struct store *store, struct session *s, int64_t now)
{
	const struct store_now then = at(now);

	return store_return(store, s, &then);
}

static unsigned
sweep(struct store *store, int64_t now)
{
	const struct store_now then = at(now);

	return store_sweep(store, &then, 10);
}

static size_t
export_all(struct store *store, int64_t now, struct session *first)
{
	const struct store_now then = at(now);
	struct store_list list;
	uint64_t place = 0;
	size_t n = 0;

	while (store_export(store, &place, &then, &list) == RC_OK) {
		if (list.count > 0 && first != NULL)
			*first = list.sessions[0];
		n += list.count;
		free(list.sessions);
	}
	assert_null(list.sessions);
	return n;
}

static void
all_that_live_are_listed(void **state)
{
	struct store *store = open_store(2 * MANY);
	struct session held, s;

	(void)state;
	assert_int_equal(export_all(store, 0, NULL), 0);
	held = make(store, true, 0);
	assert_int_equal(export_all(store, TTL * 2, &s), 1);
	assert_true(sid_equal(&s.id, &held.id));
	assert_true(s.held);
	assert_int_equal(s.creator.b[2], 3);
	for (int i = 0; i < MANY; i++)
		make(store, false, i % 2 == 0 ? 0 : TTL);
	assert_int_equal(export_all(store, TTL, NULL), MANY / 2 + 1);
	store_close(store);
}

static void
a_session_moves_whole(void **state)
{
	struct store *from = open_store(10), *to = open_store(10);
	struct session s = make(from, true, 5), moved, got;
	uint64_t bytes;

	(void)state;
	append(from, &s.id, "q", 7);
	bytes = totals(from, 8).bytes;
	moved = load(from, &s.id, 8);
	assert_int_equal(adopt(to, &moved, 8), RC_OK);
	assert_null(moved.history.block);
	got = load(to, &s.id, 9);
	assert_int_equal(got.message_count, 2);
	assert_int_equal(got.created_ms, 5);
	assert_int_equal(got.active_ms, 7);
	assert_int_equal(got.left_ms, TTL - 2);
	assert_int_equal(got.creator.b[2], 3);
	assert_int_equal(got.history.count, 2);
	assert_false(got.held);
	assert_true(totals(to, 9).bytes == bytes);
	assert_int_equal(totals(to, 9).sessions, 1);
	history_free(&got.history);

	got = load(to, &s.id, 7 + TTL);
	assert_int_equal(got.created_ms, 0);
	assert_int_equal(sweep(to, 7 + TTL), 1);
	assert_int_equal(ended, 1);
	assert_int_equal(totals(to, 7 + TTL).bytes, 0);
	store_close(from);
	store_close(to);
}

static void
it_is_adopted_over_every_limit_and_once(void **state)
{
	struct store *to = open_store(1);
	struct session s = { .id = { "one" }, .active_ms = 3 };

	(void)state;
	make(to, false, 3);
	assert_int_equal(adopt(to, &s, 3), RC_OK);
	assert_int_equal(totals(to, 3).sessions, 2);
	s.message_count = 9;
	assert_int_equal(adopt(to, &s, 3), RC_OK);
	assert_int_equal(totals(to, 3).sessions, 2);
	assert_int_equal(ended, 1);
	assert_int_equal(load(to, &s.id, 3).message_count, 9);
	store_close(to);
}

/* One that has expired is still in its place until it is swept. */
static void
it_is_adopted_over_an_expired_one(void **state)
{
	struct store *to = open_store(10);
	struct session s = { .id = { "one" }, .active_ms = 3 };

	(void)state;
	assert_int_equal(adopt(to, &s, 3), RC_OK);
	s.active_ms = TTL + 3;
	s.message_count = 9;
	assert_int_equal(adopt(to, &s, TTL + 3), RC_OK);
	assert_int_equal(ended, 1);
	assert_int_equal(totals(to, TTL + 3).sessions, 1);
	assert_int_equal(sweep(to, TTL + 3), 0);
	assert_int_equal(load(to, &s.id, TTL + 4).message_count, 9);
	assert_int_equal(sweep(to, 2 * TTL + 3), 1);
	assert_int_equal(totals(to, 2 * TTL + 3).bytes, 0);
	s.held = true;
	assert_int_equal(adopt(to, &s, 3), RC_OK);
	assert_int_equal(adopt(to, &s, 9 * TTL), RC_OK);
	assert_int_equal(totals(to, 9 * TTL).sessions, 1);
	store_close(to);
}

/* Nobody can make one last longer than any other. */
static void
what_lies_ahead_counts_as_now(void **state)
{
	struct store *to = open_store(1);
	struct session s = { .id = { "one" }, .active_ms = INT64_MAX };

	(void)state;
	assert_int_equal(adopt(to, &s, 3), RC_OK);
	assert_int_equal(load(to, &s.id, 3).active_ms, 3);
	s.held = true;
	assert_int_equal(adopt(to, &s, 4), RC_OK);
	s.held = false;
	assert_int_equal(give_back(to, &s, 5), RC_OK);
	assert_int_equal(load(to, &s.id, 6).active_ms, 5);
	assert_int_equal(sweep(to, 5 + TTL), 1);
	store_close(to);
}

static void
a_held_one_lives_until_its_turn_comes_back(void **state)
{
	struct store *from = open_store(10), *to = open_store(10);
	struct session s = make(from, true, 0), moved, got;

	(void)state;
	moved = load(from, &s.id, 0);
	assert_true(moved.held);
	assert_int_equal(adopt(to, &moved, 0), RC_OK);
	assert_int_equal(load(to, &s.id, TTL * 5).message_count, 0);
	assert_int_equal(totals(to, TTL * 5).sessions, 1);

	moved = load(from, &s.id, 0);
	assert_int_equal(give_back(to, &moved, TTL), RC_OK);
	assert_int_equal(totals(to, TTL * 5).sessions, 1);

	append(from, &s.id, "q", TTL * 6);
	moved = load(from, &s.id, TTL * 6);
	assert_int_equal(give_back(to, &moved, TTL * 6), RC_OK);
	assert_null(moved.history.block);
	got = load(to, &s.id, TTL * 6);
	assert_int_equal(got.message_count, 2);
	assert_int_equal(got.history.count, 2);
	assert_int_equal(got.left_ms, TTL);
	assert_false(got.held);
	history_free(&got.history);
	assert_int_equal(
	    totals(to, TTL * 6).bytes, totals(from, TTL * 6).bytes);
	assert_int_equal(totals(to, TTL * 7).sessions, 0);
	store_close(from);
	store_close(to);
}

static void
what_was_deleted_does_not_come_back(void **state)
{
	struct store *to = open_store(10);
	struct session s = { .id = { "one" } };

	(void)state;
	assert_int_equal(give_back(to, &s, 0), RC_NOSESSION);
	assert_int_equal(totals(to, 0).sessions, 0);
	store_close(to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_live_are_listed),
		cmocka_unit_test(a_session_moves_whole),
		cmocka_unit_test(it_is_adopted_over_every_limit_and_once),
		cmocka_unit_test(it_is_adopted_over_an_expired_one),
		cmocka_unit_test(what_lies_ahead_counts_as_now),
		cmocka_unit_test(a_held_one_lives_until_its_turn_comes_back),
		cmocka_unit_test(what_was_deleted_does_not_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
