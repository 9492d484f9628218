/* What the limiter lets through, at what times, and what it forgets. */
#include "limits/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "addr_of.h"

#define THREADS  8
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The nth of many, each in a network of its own. */
static struct addr
addr_number(uint32_t n)
{
	struct addr addr = addr_of("0.0.0.7");

	for (int i = 14; i > 11; i--, n >>= 8)
		addr.b[i] = (uint8_t)n;
	return addr;
}

static struct limits *
open_limits(uint32_t count, uint32_t seconds, uint64_t sessions, uint64_t turns)
{
	const struct limit_conf conf = {
		.rate = { [LIMIT_NEW] = { count, seconds },
		    [LIMIT_CHAT] = { count, seconds },
		    [LIMIT_GUESS] = LIMIT_GUESSES },
		.live = { [LIMIT_SESSIONS] = sessions, [LIMIT_TURNS] = turns },
	};
	struct limits *l = limits_open(&conf);

	assert_non_null(l);
	return l;
}

/* How many of n tries at one time get through. */
static unsigned
passed(struct limits *l, const struct addr *addr, enum limit_kind kind,
    int64_t now, unsigned n)
{
	unsigned ok = 0;
	int retry_s;

	for (unsigned i = 0; i < n; i++)
		ok += limit_take(l, addr, kind, now, &retry_s) == RC_OK;
	return ok;
}

/* The Retry-After of one that must be refused. */
static int
retry_after(struct limits *l, const struct addr *addr, int64_t now)
{
	int retry_s = 0;

	assert_int_equal(
	    limit_take(l, addr, LIMIT_NEW, now, &retry_s), RC_RATE);
	return retry_s;
}

static void
exactly_the_configured_number_gets_through(void **state)
{
	static const struct limit_rate rates[] = { { 1, 1 }, { 1, 86400 },
		{ 20, 60 }, { 7, 60 }, { 30, 1 }, { 1000000, 86400 } };
	static const int64_t times[] = { 0, 1, 1800000, INT64_C(1) << 41 };
	struct addr addr = addr_of("192.0.2.1");
	struct limits *l;

	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		for (size_t k = 0; k < COUNT(times); k++) {
			l = open_limits(rates[i].count, rates[i].seconds, 0, 0);
			assert_int_equal(passed(l, &addr, LIMIT_NEW, times[k],
					     rates[i].count + 5),
			    rates[i].count);
			limits_close(l);
		}
	}
}

static void
tokens_come_back_evenly(void **state)
{
	struct limits *l = open_limits(20, 60, 0, 0);
	struct addr addr = addr_of("192.0.2.1");

	(void)state;
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 5000, 25), 20);
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 7999, 5), 0);
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 8000, 5), 1);
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 8000 + 9000, 5), 3);
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 17000 + 59999, 25), 19);
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 9999999, 25), 20);
	limits_close(l);
}

/* 7 in 60 s: one in 8571.43 ms. Nothing is lost by rounding. */
static void
no_fraction_of_a_token_is_lost(void **state)
{
	struct limits *l = open_limits(7, 60, 0, 0);
	struct addr addr = addr_of("192.0.2.1");
	unsigned n = 0;

	(void)state;
	for (int64_t now = 0; now <= 600000; now++)
		n += passed(l, &addr, LIMIT_NEW, now, 1);
	assert_int_equal(n, 7 + 70);
	limits_close(l);
}

static void
retry_after_is_when_the_next_token_comes(void **state)
{
	static const struct {
		struct limit_rate rate;
		int64_t later; /* ms after the bucket was emptied */
		int retry_s;
	} rows[] = {
		{ { 20, 60 }, 0, 3 },
		{ { 20, 60 }, 1, 3 },
		{ { 20, 60 }, 999, 3 },
		{ { 20, 60 }, 1000, 2 },
		{ { 20, 60 }, 1001, 2 },
		{ { 20, 60 }, 2000, 1 },
		{ { 20, 60 }, 2999, 1 },
		{ { 7, 60 }, 0, 9 },
		{ { 1, 86400 }, 0, 86400 },
		{ { 1, 86400 }, 86399999, 1 },
		{ { 1000000, 1 }, 0, 1 },
	};
	struct addr addr = addr_of("192.0.2.1");
	struct limits *l;
	int64_t at;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		l = open_limits(rows[i].rate.count, rows[i].rate.seconds, 0, 0);
		passed(l, &addr, LIMIT_NEW, 1000, rows[i].rate.count);
		at = 1000 + rows[i].later;
		assert_int_equal(retry_after(l, &addr, at), rows[i].retry_s);
		at += rows[i].retry_s * 1000;
		assert_int_equal(passed(l, &addr, LIMIT_NEW, at, 1), 1);
		limits_close(l);
	}
}

/* The loops read their clocks apart. */
static void
time_may_go_back_a_little(void **state)
{
	struct limits *l = open_limits(20, 60, 0, 0);
	struct addr addr = addr_of("192.0.2.1");

	(void)state;
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 5000, 10), 10);
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 4990, 20), 9);
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 5000, 20), 1);
	limits_close(l);
}

static void
kinds_and_clients_have_buckets_of_their_own(void **state)
{
	struct limits *l = open_limits(5, 60, 0, 0);
	struct addr a = addr_of("192.0.2.1"), b = addr_of("192.0.2.2");

	(void)state;
	assert_int_equal(passed(l, &a, LIMIT_NEW, 0, 9), 5);
	assert_true(limit_is_spent(l, &a, LIMIT_NEW, 0));
	assert_false(limit_is_spent(l, &a, LIMIT_CHAT, 0));
	assert_int_equal(passed(l, &a, LIMIT_CHAT, 0, 9), 5);
	assert_int_equal(passed(l, &a, LIMIT_GUESS, 0, 40), 30);
	assert_false(limit_is_spent(l, &b, LIMIT_NEW, 0));
	assert_int_equal(passed(l, &b, LIMIT_NEW, 0, 9), 5);
	assert_int_equal(passed(l, &b, LIMIT_GUESS, 0, 40), 30);
	assert_int_equal(limit_clients(l), 2);
	limits_close(l);
}

static void
an_ipv6_network_is_one_client(void **state)
{
	struct limits *l = open_limits(5, 60, 2, 0);
	struct addr a = addr_of("2001:db8:1:2::"), b = a;
	struct addr other = addr_of("2001:db8:1:3::");
	unsigned ok = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		b.b[8 + i % 8] = (uint8_t)i;
		ok += passed(l, &b, LIMIT_NEW, 0, 1);
	}
	assert_int_equal(ok, 5);
	assert_int_equal(limit_begin(l, &a, LIMIT_SESSIONS), RC_OK);
	assert_int_equal(limit_begin(l, &b, LIMIT_SESSIONS), RC_OK);
	assert_int_equal(
	    limit_begin(l, &b, LIMIT_SESSIONS), RC_TOO_MANY_SESSIONS);
	assert_int_equal(limit_begin(l, &other, LIMIT_SESSIONS), RC_OK);
	assert_int_equal(passed(l, &other, LIMIT_NEW, 0, 9), 5);
	limits_close(l);
}

/*
 * Networks.
 */

/* The nth client of a network. */
static struct addr
neighbour(const char *network, unsigned n)
{
	struct addr addr = addr_of(network);

	if (addr_is_v4(&addr)) {
		addr.b[15] = (uint8_t)n;
	} else {
		addr.b[6] = (uint8_t)(n >> 8);
		addr.b[7] = (uint8_t)n;
	}
	return addr;
}

static void
a_network_may_do_what_twenty_clients_may(void **state)
{
	static const char *const networks[] = { "192.0.2.0",
		"::ffff:198.51.100.0", "2001:db8:1::" };
	struct limits *l = open_limits(5, 60, 0, 0);
	struct addr addr, other = addr_of("203.0.113.1");

	(void)state;
	for (size_t i = 0; i < COUNT(networks); i++) {
		for (unsigned n = 0; n < LIMIT_NETWORK; n++) {
			addr = neighbour(networks[i], n);
			assert_int_equal(passed(l, &addr, LIMIT_NEW, 0, 9), 5);
		}
		addr = neighbour(networks[i], LIMIT_NETWORK);
		assert_int_equal(passed(l, &addr, LIMIT_NEW, 0, 9), 0);
		assert_true(limit_is_spent(l, &addr, LIMIT_NEW, 0));
		assert_false(limit_is_spent(l, &addr, LIMIT_CHAT, 0));
		/* 100 in 60 s come back to all of them */
		assert_int_equal(retry_after(l, &addr, 0), 1);
		assert_int_equal(passed(l, &addr, LIMIT_NEW, 600, 9), 1);
	}
	assert_int_equal(passed(l, &other, LIMIT_NEW, 0, 9), 5);
	limits_close(l);
}

static void
a_network_may_have_the_sessions_of_twenty_clients(void **state)
{
	struct limits *l = open_limits(0, 60, 3, 0);
	struct addr addr;

	(void)state;
	for (unsigned n = 0; n < LIMIT_NETWORK * 3; n++) {
		addr = neighbour("2001:db8:1::", n);
		assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS), RC_OK);
	}
	addr = neighbour("2001:db8:1::", 60000);
	assert_int_equal(
	    limit_begin(l, &addr, LIMIT_SESSIONS), RC_TOO_MANY_SESSIONS);
	addr = neighbour("2001:db8:1::", 7);
	limit_end(l, &addr, LIMIT_SESSIONS);
	addr = neighbour("2001:db8:1::", 60000);
	assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS), RC_OK);
	limits_close(l);
}

static void
empty_sessions_are_the_first_to_be_refused(void **state)
{
	struct limits *l = open_limits(0, 60, 10, 0);
	struct addr addr;

	(void)state;
	for (unsigned n = 0; n < LIMIT_NETWORK * 10 / 2; n++) {
		addr = neighbour("2001:db8:1::", n);
		assert_int_equal(limit_begin_empty(l, &addr, false), RC_OK);
	}
	addr = neighbour("2001:db8:1::", 60000);
	assert_int_equal(
	    limit_begin_empty(l, &addr, false), RC_TOO_MANY_SESSIONS);
	assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS), RC_OK);
	/* while there is little room, who has one gets no other */
	addr = addr_of("192.0.2.1");
	assert_int_equal(limit_begin_empty(l, &addr, true), RC_OK);
	assert_int_equal(
	    limit_begin_empty(l, &addr, true), RC_TOO_MANY_SESSIONS);
	assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS), RC_OK);
	assert_int_equal(limit_begin_empty(l, &addr, false), RC_OK);
	limits_close(l);
}

/* One that holds more than a network may in one shard forgets only there. */
static void
many_clients_of_a_network_displace_few_others(void **state)
{
	struct limits *l = open_limits(2, 86400, 0, 0);
	struct addr addr;
	unsigned kept = 0;

	(void)state;
	for (uint32_t i = 0; i < 6400; i++) {
		addr = addr_number(i);
		passed(l, &addr, LIMIT_NEW, 0, 2);
	}
	for (unsigned n = 0; n < 65536; n++) {
		addr = neighbour("2001:db8:1::", n);
		passed(l, &addr, LIMIT_NEW, 0, 1);
	}
	for (uint32_t i = 0; i < 6400; i++) {
		addr = addr_number(i);
		kept += limit_is_spent(l, &addr, LIMIT_NEW, 0);
	}
	assert_in_range(kept, 6200, 6400);
	limits_close(l);
}

static void
what_is_being_read_has_a_limit(void **state)
{
	static const struct limit_conf conf = {
		.rate = { [LIMIT_READ] = { 10, 60 } },
		.live = { [LIMIT_READING] = 4096 * 1024 },
	};
	struct limits *l = limits_open(&conf);
	struct addr addr = addr_of("192.0.2.1");
	int retry_s = 0;

	(void)state;
	assert_non_null(l);
	assert_int_equal(limit_hold(l, &addr, 3000 * 1024), RC_OK);
	assert_int_equal(limit_hold(l, &addr, 2000 * 1024), RC_RATE);
	assert_int_equal(limit_hold(l, &addr, 1000 * 1024), RC_OK);
	limit_let_go(l, &addr, 3000 * 1024);
	assert_int_equal(limit_hold(l, &addr, 2000 * 1024), RC_OK);
	limit_let_go(l, &addr, 2000 * 1024);
	limit_let_go(l, &addr, 1000 * 1024);
	/* who reads nothing may read whatever there is */
	assert_int_equal(limit_hold(l, &addr, INT64_C(1) << 36), RC_OK);
	assert_int_equal(limit_hold(l, &addr, 1), RC_RATE);
	limit_let_go(l, &addr, INT64_C(1) << 36);
	/* 4 and 4 of 10 are taken, then more than all once they are back */
	assert_int_equal(
	    limit_take_many(l, &addr, LIMIT_READ, 4, 0, &retry_s), RC_OK);
	assert_int_equal(
	    limit_take_many(l, &addr, LIMIT_READ, 4, 0, &retry_s), RC_OK);
	assert_int_equal(
	    limit_take_many(l, &addr, LIMIT_READ, 4, 0, &retry_s), RC_RATE);
	assert_int_equal(retry_s, 12);
	assert_int_equal(
	    limit_take_many(l, &addr, LIMIT_READ, 99, 47999, &retry_s),
	    RC_RATE);
	assert_int_equal(
	    limit_take_many(l, &addr, LIMIT_READ, 99, 48000, &retry_s), RC_OK);
	limits_close(l);
}

/*
 * The model's tokens.
 */

#define DAY INT64_C(86400000)

static void
a_client_has_so_many_tokens_a_day(void **state)
{
	static const struct limit_conf conf = { .day_tokens = 1000 };
	struct limits *l = limits_open(&conf);
	struct addr addr = addr_of("2001:db8::1"),
		    same = addr_of("2001:db8::9");
	struct addr other = addr_of("192.0.2.1");
	struct limit_share a = { 0 }, b = { 0 };

	(void)state;
	assert_non_null(l);
	assert_true(limit_take_tokens(l, &addr, &a, 600, DAY));
	assert_false(limit_take_tokens(l, &same, &b, 401, DAY));
	assert_int_equal(b.tokens, 0);
	assert_true(limit_has_tokens(l, &same, 400, DAY));
	assert_false(limit_has_tokens(l, &same, 401, DAY));
	assert_true(limit_has_tokens(l, &other, 1000, DAY));
	assert_false(limit_has_tokens(l, &other, 1001, DAY));
	limit_settle_tokens(l, &addr, &a, 100);
	limit_settle_tokens(l, &addr, &a, 100);
	assert_true(limit_take_tokens(l, &same, &b, 900, DAY));
	/* the next day, what began on this one is not settled on it */
	assert_true(limit_take_tokens(l, &addr, &a, 1000, 2 * DAY));
	limit_settle_tokens(l, &same, &b, 0);
	assert_false(limit_has_tokens(l, &addr, 1, 2 * DAY));
	limits_close(l);
}

/* Around midnight it may go to and fro, and for a moment be years ahead. */
static void
a_clock_that_is_wrong_gives_no_day_again(void **state)
{
	static const struct limit_conf conf = { .day_tokens = 1000 };
	struct limits *l = limits_open(&conf);
	const int64_t ahead = 4000 * DAY;
	struct addr addr = addr_of("192.0.2.1");
	struct limit_share first = { 0 }, second = { 0 }, late = { 0 };

	(void)state;
	assert_non_null(l);
	assert_true(limit_take_tokens(l, &addr, &first, 700, 2 * DAY - 1));
	assert_true(limit_take_tokens(l, &addr, &second, 300, 2 * DAY));
	for (int i = 0; i < 3; i++) {
		assert_false(limit_has_tokens(l, &addr, 1, 2 * DAY - 1));
		assert_false(
		    limit_take_tokens(l, &addr, &late, 1, 2 * DAY - 1));
		assert_false(limit_has_tokens(l, &addr, 701, 2 * DAY));
		assert_false(limit_take_tokens(l, &addr, &late, 701, 2 * DAY));
	}
	limit_settle_tokens(l, &addr, &first, 600);
	assert_false(limit_has_tokens(l, &addr, 101, 2 * DAY - 1));
	assert_true(limit_has_tokens(l, &addr, 100, 2 * DAY - 1));

	assert_true(limit_take_tokens(l, &addr, &late, 1000, ahead));
	assert_false(limit_has_tokens(l, &addr, 1, 2 * DAY));
	limit_settle_tokens(l, &addr, &late, 0);
	assert_true(limit_has_tokens(l, &addr, 700, 2 * DAY));
	assert_false(limit_has_tokens(l, &addr, 701, 2 * DAY));
	assert_true(limit_take_tokens(l, &addr, &late, 1000, 3 * DAY));
	assert_false(limit_has_tokens(l, &addr, 1, 3 * DAY));
	limits_close(l);
}

static void
a_network_has_the_tokens_of_four_clients(void **state)
{
	static const struct limit_conf conf = { .day_tokens = 1000 };
	struct limits *l = limits_open(&conf);
	struct limit_share share;
	struct addr addr;

	(void)state;
	assert_non_null(l);
	for (unsigned n = 0; n < LIMIT_NETWORK_TOKENS; n++) {
		addr = neighbour("2001:db8:1::", n);
		assert_true(limit_take_tokens(l, &addr, &share, 1000, DAY));
	}
	addr = neighbour("2001:db8:1::", 99);
	assert_false(limit_has_tokens(l, &addr, 1, DAY));
	assert_false(limit_take_tokens(l, &addr, &share, 1, DAY));
	limits_close(l);
}

static void
nothing_is_counted_without_a_limit(void **state)
{
	struct limits *l = open_limits(0, 60, 0, 0);
	struct addr addr = addr_of("192.0.2.1");

	(void)state;
	assert_int_equal(passed(l, &addr, LIMIT_NEW, 0, 1000), 1000);
	assert_false(limit_is_spent(l, &addr, LIMIT_NEW, 0));
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS), RC_OK);
		assert_int_equal(limit_begin(l, &addr, LIMIT_TURNS), RC_OK);
	}
	limit_end(l, &addr, LIMIT_SESSIONS);
	assert_int_equal(limit_clients(l), 0);
	limits_close(l);
}

static void
sessions_and_chats_are_given_back(void **state)
{
	struct limits *l = open_limits(5, 60, 3, 2);
	struct addr addr = addr_of("192.0.2.1");

	(void)state;
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 3; i++)
			assert_int_equal(
			    limit_begin(l, &addr, LIMIT_SESSIONS), RC_OK);
		for (int i = 0; i < 2; i++)
			assert_int_equal(
			    limit_begin(l, &addr, LIMIT_TURNS), RC_OK);
		assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS),
		    RC_TOO_MANY_SESSIONS);
		assert_int_equal(
		    limit_begin(l, &addr, LIMIT_TURNS), RC_TOO_MANY_TURNS);
		limit_end(l, &addr, LIMIT_TURNS);
		assert_int_equal(limit_begin(l, &addr, LIMIT_TURNS), RC_OK);
		for (int i = 0; i < 3; i++)
			limit_end(l, &addr, LIMIT_SESSIONS);
		for (int i = 0; i < 2; i++)
			limit_end(l, &addr, LIMIT_TURNS);
	}
	assert_int_equal(limit_clients(l), 1);
	limits_close(l);
}

static void
the_longest_idle_is_forgotten(void **state)
{
	const uint32_t many = 2 * LIMIT_MAX_IDLE;
	struct limits *l = open_limits(2, 60, 1, 1);
	struct addr busy = addr_of("192.0.2.1"), chats = addr_of("192.0.2.2");
	struct addr loyal = addr_of("192.0.2.3"), addr;

	(void)state;
	assert_int_equal(limit_begin(l, &busy, LIMIT_SESSIONS), RC_OK);
	assert_int_equal(limit_begin(l, &chats, LIMIT_TURNS), RC_OK);
	assert_int_equal(passed(l, &busy, LIMIT_NEW, 0, 3), 2);
	assert_int_equal(passed(l, &loyal, LIMIT_NEW, 0, 3), 2);
	for (uint32_t i = 0; i < many; i++) {
		addr = addr_number(i);
		assert_int_equal(passed(l, &addr, LIMIT_NEW, 0, 3), 2);
		if (i % 1024 == 0)
			assert_int_equal(passed(l, &loyal, LIMIT_NEW, 0, 1), 0);
	}
	assert_true(limit_clients(l) <= LIMIT_MAX_IDLE + 2);
	assert_true(limit_clients(l) > LIMIT_MAX_IDLE * 9 / 10);
	addr = addr_number(0);
	assert_false(limit_is_spent(l, &addr, LIMIT_NEW, 0));
	addr = addr_number(many - 1);
	assert_true(limit_is_spent(l, &addr, LIMIT_NEW, 0));
	assert_true(limit_is_spent(l, &busy, LIMIT_NEW, 0));
	assert_int_equal(
	    limit_begin(l, &busy, LIMIT_SESSIONS), RC_TOO_MANY_SESSIONS);
	assert_int_equal(
	    limit_begin(l, &chats, LIMIT_TURNS), RC_TOO_MANY_TURNS);
	limits_close(l);
}

/* More than may be idle are busy; afterwards most are forgotten. */
static void
who_is_busy_is_never_forgotten(void **state)
{
	const uint32_t many = 2 * LIMIT_MAX_IDLE;
	struct limits *l = open_limits(2, 60, 1, 0);
	struct addr addr;

	(void)state;
	for (uint32_t i = 0; i < many; i++) {
		addr = addr_number(i);
		assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS), RC_OK);
	}
	assert_int_equal(limit_clients(l), many);
	for (uint32_t i = 0; i < many; i++) {
		addr = addr_number(i);
		assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS),
		    RC_TOO_MANY_SESSIONS);
	}
	for (uint32_t i = 0; i < many; i++) {
		addr = addr_number(i);
		limit_end(l, &addr, LIMIT_SESSIONS);
	}
	assert_true(limit_clients(l) <= LIMIT_MAX_IDLE);
	limits_close(l);
}

/*
 * From many threads.
 */

struct race {
	struct limits *limits;
	struct addr addr;
	atomic_uint tokens, sessions, turns, too_many;
};

static void *
racer(void *arg)
{
	struct race *r = arg;
	struct addr other;
	int retry_s;

	for (uint32_t i = 0; i < 20000; i++) {
		if (limit_take(r->limits, &r->addr, LIMIT_NEW, i % 50,
			&retry_s) == RC_OK)
			atomic_fetch_add(&r->tokens, 1);
		if (limit_begin(r->limits, &r->addr, LIMIT_SESSIONS) == RC_OK)
			atomic_fetch_add(&r->sessions, 1);
		if (limit_begin(r->limits, &r->addr, LIMIT_TURNS) == RC_OK) {
			if (atomic_fetch_add(&r->turns, 1) >= 3)
				atomic_fetch_add(&r->too_many, 1);
			atomic_fetch_sub(&r->turns, 1);
			limit_end(r->limits, &r->addr, LIMIT_TURNS);
		}
		other = addr_number(i);
		limit_take(r->limits, &other, LIMIT_CHAT, i, &retry_s);
	}
	return NULL;
}

static void
threads_share_what_there_is(void **state)
{
	struct race r = { .limits = open_limits(100, 86400, 77, 3) };
	pthread_t threads[THREADS];

	(void)state;
	r.addr = addr_of("192.0.2.1");
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, racer, &r), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(r.tokens, 100);
	assert_int_equal(r.sessions, 77);
	assert_int_equal(r.too_many, 0);
	limits_close(r.limits);
}

static void
what_began_elsewhere_is_counted_over_the_limit(void **state)
{
	struct limits *l = open_limits(0, 1, 1, 1);
	struct addr addr = addr_of("192.0.2.1");

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(limit_adopt(l, &addr, LIMIT_SESSIONS), RC_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS),
		    RC_TOO_MANY_SESSIONS);
		limit_end(l, &addr, LIMIT_SESSIONS);
	}
	assert_int_equal(limit_begin(l, &addr, LIMIT_SESSIONS), RC_OK);
	limits_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_the_configured_number_gets_through),
		cmocka_unit_test(tokens_come_back_evenly),
		cmocka_unit_test(no_fraction_of_a_token_is_lost),
		cmocka_unit_test(retry_after_is_when_the_next_token_comes),
		cmocka_unit_test(time_may_go_back_a_little),
		cmocka_unit_test(kinds_and_clients_have_buckets_of_their_own),
		cmocka_unit_test(an_ipv6_network_is_one_client),
		cmocka_unit_test(a_network_may_do_what_twenty_clients_may),
		cmocka_unit_test(
		    a_network_may_have_the_sessions_of_twenty_clients),
		cmocka_unit_test(empty_sessions_are_the_first_to_be_refused),
		cmocka_unit_test(many_clients_of_a_network_displace_few_others),
		cmocka_unit_test(what_is_being_read_has_a_limit),
		cmocka_unit_test(a_client_has_so_many_tokens_a_day),
		cmocka_unit_test(a_clock_that_is_wrong_gives_no_day_again),
		cmocka_unit_test(a_network_has_the_tokens_of_four_clients),
		cmocka_unit_test(nothing_is_counted_without_a_limit),
		cmocka_unit_test(sessions_and_chats_are_given_back),
		cmocka_unit_test(
		    what_began_elsewhere_is_counted_over_the_limit),
		cmocka_unit_test(the_longest_idle_is_forgotten),
		cmocka_unit_test(who_is_busy_is_never_forgotten),
		cmocka_unit_test(threads_share_what_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
