/* The buckets of one limiter in another: what was spent stays spent. */
#include "limits/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define NOW         INT64_C(123456789)
#define MAX_PIECE   (64 * 1024)
#define MANY        100000
#define HEAD_SIZE   41
#define CLIENT_SIZE 52
#define LACKS       28 /* what is before them */

static struct limits *
open_limits(struct limit_rate rate)
{
	const struct limit_conf conf = {
		.rate = { [LIMIT_NEW] = rate,
		    [LIMIT_CHAT] = rate,
		    [LIMIT_GUESS] = LIMIT_GUESSES },
		.live = { [LIMIT_SESSIONS] = 100 },
	};
	struct limits *l = limits_open(&conf);

	assert_non_null(l);
	return l;
}

/* The nth of many, an IPv4 address in a network of its own. */
static struct addr
addr_number(uint32_t n)
{
	struct addr addr = { { [10] = 0xff, [11] = 0xff, [15] = 7 } };

	for (int i = 14; i > 11; i--, n >>= 8)
		addr.b[i] = (uint8_t)n;
	return addr;
}

/* How many of n tries get through. */
static unsigned
passed(struct limits *l, uint32_t client, enum limit_kind kind, int64_t now,
    unsigned n)
{
	struct addr addr = addr_number(client);
	unsigned ok = 0;
	int retry_s;

	for (unsigned i = 0; i < n; i++)
		ok += limit_take(l, &addr, kind, now, &retry_s) == RC_OK;
	return ok;
}

/* In a block of exactly its size, so that a sanitizer sees every step over. */
static bool
decodes(struct limits *l, const char *data, size_t n, int64_t now)
{
	char *copy = malloc(n == 0 ? 1 : n);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, data, n);
	ok = limits_decode(l, copy, n, now);
	free(copy);
	return ok;
}

/* All of one to another; how many pieces. */
static unsigned
move(struct limits *from, struct limits *to, int64_t now)
{
	struct buf piece;
	uint64_t place = 0;
	unsigned n = 0;

	buf_init(&piece, MAX_PIECE);
	while (limits_encode(from, &place, now, &piece)) {
		assert_false(piece.failed);
		assert_true(decodes(to, piece.data, piece.len, now));
		buf_clear(&piece);
		n++;
	}
	buf_free(&piece);
	return n;
}

static void
what_was_spent_stays_spent(void **state)
{
	struct limits *old = open_limits((struct limit_rate){ 20, 60 });
	struct limits *new = open_limits((struct limit_rate){ 20, 60 });

	(void)state;
	assert_int_equal(passed(old, 1, LIMIT_NEW, NOW, 25), 20);
	assert_int_equal(passed(old, 2, LIMIT_CHAT, NOW, 5), 5);
	assert_int_equal(passed(old, 3, LIMIT_GUESS, NOW, 40), 30);
	assert_int_equal(move(old, new, NOW), 1);
	assert_int_equal(limit_clients(new), 3);
	assert_int_equal(passed(new, 1, LIMIT_NEW, NOW, 5), 0);
	assert_int_equal(passed(new, 1, LIMIT_CHAT, NOW, 25), 20);
	assert_int_equal(passed(new, 2, LIMIT_CHAT, NOW, 25), 15);
	assert_int_equal(passed(new, 3, LIMIT_GUESS, NOW, 5), 0);
	/* tokens come back as they would have, to the millisecond */
	assert_int_equal(passed(new, 1, LIMIT_NEW, NOW + 2999, 5), 0);
	assert_int_equal(passed(new, 1, LIMIT_NEW, NOW + 3000, 5), 1);
	limits_close(old);
	limits_close(new);
}

/* 7 in 60 s: one in 8571.43 ms; on the way there, and twice. */
static void
no_fraction_of_a_token_is_lost(void **state)
{
	struct limits *l[] = { open_limits((struct limit_rate){ 7, 60 }),
		open_limits((struct limit_rate){ 7, 60 }),
		open_limits((struct limit_rate){ 7, 60 }) };

	(void)state;
	assert_int_equal(passed(l[0], 1, LIMIT_NEW, NOW, 9), 7);
	move(l[0], l[1], NOW + 4001);
	move(l[1], l[2], NOW + 8570);
	assert_int_equal(passed(l[2], 1, LIMIT_NEW, NOW + 8571, 2), 0);
	assert_int_equal(passed(l[2], 1, LIMIT_NEW, NOW + 8572, 2), 1);
	for (size_t i = 0; i < COUNT(l); i++)
		limits_close(l[i]);
}

static void
full_buckets_do_not_go(void **state)
{
	struct limits *old = open_limits((struct limit_rate){ 20, 60 });
	struct limits *new = open_limits((struct limit_rate){ 20, 60 });
	struct addr addr = addr_number(2);

	(void)state;
	assert_int_equal(move(old, new, NOW), 0);
	passed(old, 1, LIMIT_NEW, NOW, 1);
	assert_int_equal(limit_begin(old, &addr, LIMIT_SESSIONS), RC_OK);
	assert_int_equal(move(old, new, NOW + 3000), 0);
	assert_int_equal(limit_clients(new), 0);
	limits_close(old);
	limits_close(new);
}

/* What is in a bucket of one size, in one of another. */
static void
other_rates_keep_the_tokens_that_fit(void **state)
{
	static const struct {
		struct limit_rate was, is;
		unsigned taken, left;
	} rows[] = {
		{ { 20, 60 }, { 30, 60 }, 20, 0 },
		{ { 20, 60 }, { 30, 60 }, 5, 15 },
		{ { 20, 60 }, { 10, 60 }, 5, 10 },
		{ { 20, 60 }, { 10, 60 }, 12, 8 },
		{ { 20, 60 }, { 20, 3600 }, 20, 0 },
		{ { 20, 3600 }, { 20, 60 }, 13, 7 },
		{ { 1000000, 86400 }, { 999999, 86399 }, 1000, 999000 },
		{ { 999999, 86399 }, { 1000000, 86400 }, 1, 999998 },
		{ { 1, 86400 }, { 1000000, 1 }, 1, 0 },
		{ { 7, 60 }, { 3, 11 }, 6, 1 },
		{ { 0, 0 }, { 20, 60 }, 0, 20 },
	};
	struct limits *old, *new;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		old = open_limits(rows[i].was);
		new = open_limits(rows[i].is);
		passed(old, 1, LIMIT_NEW, NOW, rows[i].taken);
		move(old, new, NOW);
		assert_int_equal(
		    passed(new, 1, LIMIT_NEW, NOW, rows[i].is.count),
		    rows[i].left);
		limits_close(old);
		limits_close(new);
	}
}

static void
without_a_limit_nothing_is_taken_in(void **state)
{
	struct limits *old = open_limits((struct limit_rate){ 20, 60 });
	struct limits *new = open_limits((struct limit_rate){ 0, 1 });

	(void)state;
	passed(old, 1, LIMIT_NEW, NOW, 20);
	assert_int_equal(move(old, new, NOW), 1);
	assert_int_equal(limit_clients(new), 0);
	assert_int_equal(passed(new, 1, LIMIT_NEW, NOW, 99), 99);
	assert_int_equal(move(new, old, NOW), 0);
	limits_close(old);
	limits_close(new);
}

/* Its clients take its share along, once however often they are told of. */
static void
a_network_takes_its_use_along(void **state)
{
	struct limits *old = open_limits((struct limit_rate){ 20, 60 });
	struct limits *new = open_limits((struct limit_rate){ 20, 60 });
	struct addr addr = { { 0x20, 1, 0xd, 0xb8 } };
	unsigned ok = 0;
	int retry_s;

	(void)state;
	for (addr.b[7] = 0; addr.b[7] < 15; addr.b[7]++)
		for (int i = 0; i < 20; i++)
			limit_take(old, &addr, LIMIT_NEW, NOW, &retry_s);
	move(old, new, NOW);
	move(old, new, NOW);
	for (; addr.b[7] < 60; addr.b[7]++)
		for (int i = 0; i < 20; i++)
			ok += limit_take(new, &addr, LIMIT_NEW, NOW,
				  &retry_s) == RC_OK;
	assert_int_equal(ok, 100);
	limits_close(old);
	limits_close(new);
}

static void
tokens_of_the_day_stay_used(void **state)
{
	static const struct limit_conf conf = { .day_tokens = 1000 };
	struct limits *old = limits_open(&conf), *new = limits_open(&conf);
	struct addr addr = addr_number(1);
	struct limit_share share = { 0 };

	(void)state;
	assert_non_null(old);
	assert_non_null(new);
	assert_true(limit_take_tokens(old, &addr, &share, 700, NOW));
	assert_true(limit_take_tokens(new, &addr, &share, 200, NOW));
	assert_int_equal(move(old, new, NOW), 1);
	assert_int_equal(move(old, new, NOW), 1);
	assert_true(limit_has_tokens(new, &addr, 300, NOW));
	assert_false(limit_has_tokens(new, &addr, 301, NOW));
	limits_close(old);
	limits_close(new);
}

/* Who comes while pieces do loses nothing either. */
static void
the_emptier_bucket_counts(void **state)
{
	struct limits *old = open_limits((struct limit_rate){ 20, 60 });
	struct limits *new = open_limits((struct limit_rate){ 20, 60 });

	(void)state;
	passed(old, 1, LIMIT_NEW, NOW, 3);
	passed(new, 1, LIMIT_NEW, NOW, 15);
	passed(old, 2, LIMIT_NEW, NOW, 15);
	passed(new, 2, LIMIT_NEW, NOW, 3);
	move(old, new, NOW);
	move(old, new, NOW);
	assert_int_equal(passed(new, 1, LIMIT_NEW, NOW, 20), 5);
	assert_int_equal(passed(new, 2, LIMIT_NEW, NOW, 20), 5);
	limits_close(old);
	limits_close(new);
}

static void
a_great_table_goes_in_small_pieces(void **state)
{
	struct limits *old = open_limits((struct limit_rate){ 20, 60 });
	struct limits *new = open_limits((struct limit_rate){ 20, 60 });
	unsigned spent = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		passed(old, i, LIMIT_NEW, NOW, 20);
	assert_in_range(move(old, new, NOW), MANY * CLIENT_SIZE / MAX_PIECE,
	    MANY * CLIENT_SIZE / 4096);
	for (uint32_t i = 0; i < MANY; i++)
		spent += passed(new, i, LIMIT_NEW, NOW, 1) == 0;
	assert_int_equal(spent, MANY);
	limits_close(old);
	limits_close(new);
}

/* The one that comes between two pieces makes the table grow. */
static void
a_table_that_grows_meanwhile_loses_none(void **state)
{
	struct limits *old = open_limits((struct limit_rate){ 20, 60 });
	struct limits *new = open_limits((struct limit_rate){ 20, 60 });
	struct buf piece;
	uint64_t place = 0;
	uint32_t more = 2000;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++)
		passed(old, i, LIMIT_NEW, NOW, 20);
	buf_init(&piece, MAX_PIECE);
	while (limits_encode(old, &place, NOW, &piece)) {
		assert_true(decodes(new, piece.data, piece.len, NOW));
		buf_clear(&piece);
		for (uint32_t end = more + 20000; more < end && end < 60000;
		     more++)
			passed(old, more, LIMIT_NEW, NOW, 1);
	}
	assert_int_equal(more, 42000);
	for (uint32_t i = 0; i < 2000; i++)
		assert_int_equal(passed(new, i, LIMIT_NEW, NOW, 1), 0);
	buf_free(&piece);
	limits_close(old);
	limits_close(new);
}

/*
 * Wrong bytes.
 */

static void
a_sample(struct buf *piece)
{
	struct limits *l = open_limits((struct limit_rate){ 20, 60 });
	uint64_t place = 0;

	for (uint32_t i = 0; i < 3; i++)
		passed(l, i, LIMIT_NEW, NOW, 20);
	buf_init(piece, MAX_PIECE);
	assert_true(limits_encode(l, &place, NOW, piece));
	assert_int_equal(piece->len, HEAD_SIZE + 3 * CLIENT_SIZE);
	limits_close(l);
}

static void
no_cut_is_a_piece(void **state)
{
	struct limits *l = open_limits((struct limit_rate){ 20, 60 });
	struct buf piece;

	(void)state;
	a_sample(&piece);
	for (size_t n = 0; n < piece.len; n++)
		if (n < HEAD_SIZE || (n - HEAD_SIZE) % CLIENT_SIZE != 0)
			assert_false(decodes(l, piece.data, n, NOW));
	assert_int_equal(limit_clients(l), 0);
	buf_addc(&piece, 'x');
	assert_false(decodes(l, piece.data, piece.len, NOW));
	buf_free(&piece);
	limits_close(l);
}

/* Whatever a byte becomes: refused, with nothing taken in, or harmless. */
static void
changed_bytes_do_no_harm(void **state)
{
	static const struct {
		size_t at;
		char value;
	} refused[] = {
		{ 0, 0 }, { 0, 2 }, { 0, 3 }, { 0, 5 }, /* other kinds */
		{ 1, -1 }, { 1, 1 },            /* times that no machine has */
		{ 9, 1 }, { 13, 1 }, { 16, 0 }, /* a rate over its range */
		{ 12, 0 },                      /* its buckets hold nothing */
		{ HEAD_SIZE + LACKS, 1 },       /* more missing than it holds */
		{ HEAD_SIZE + 2 * CLIENT_SIZE + LACKS, 1 },
		{ HEAD_SIZE + 2 * CLIENT_SIZE + LACKS + 12, -1 },
		{ HEAD_SIZE + 20, -1 }, /* tokens that nobody has */
	};
	struct buf piece;
	struct limits *l;
	char before;

	(void)state;
	a_sample(&piece);
	l = open_limits((struct limit_rate){ 20, 60 });
	for (size_t i = 0; i < COUNT(refused); i++) {
		before = piece.data[refused[i].at];
		piece.data[refused[i].at] = refused[i].value;
		assert_false(decodes(l, piece.data, piece.len, NOW));
		assert_int_equal(limit_clients(l), 0);
		piece.data[refused[i].at] = before;
	}
	for (size_t at = 0; at < piece.len; at++) {
		before = piece.data[at];
		for (int value = 0; value < 256; value += 15) {
			piece.data[at] = (char)value;
			decodes(l, piece.data, piece.len, NOW);
		}
		piece.data[at] = before;
	}
	/* nobody has to wait for longer than a whole period */
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(passed(l, i, LIMIT_NEW, NOW + 60000, 21), 20);
	buf_free(&piece);
	limits_close(l);
}

static void
a_clock_ahead_of_ours_is_ours(void **state)
{
	struct limits *l = open_limits((struct limit_rate){ 20, 60 });
	struct buf piece;

	(void)state;
	a_sample(&piece);
	assert_true(decodes(l, piece.data, piece.len, NOW - 1000000));
	assert_int_equal(
	    passed(l, 1, LIMIT_NEW, NOW - 1000000 + 60000, 21), 20);
	buf_free(&piece);
	limits_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_spent_stays_spent),
		cmocka_unit_test(no_fraction_of_a_token_is_lost),
		cmocka_unit_test(full_buckets_do_not_go),
		cmocka_unit_test(other_rates_keep_the_tokens_that_fit),
		cmocka_unit_test(without_a_limit_nothing_is_taken_in),
		cmocka_unit_test(a_network_takes_its_use_along),
		cmocka_unit_test(tokens_of_the_day_stay_used),
		cmocka_unit_test(the_emptier_bucket_counts),
		cmocka_unit_test(a_great_table_goes_in_small_pieces),
		cmocka_unit_test(a_table_that_grows_meanwhile_loses_none),
		cmocka_unit_test(no_cut_is_a_piece),
		cmocka_unit_test(changed_bytes_do_no_harm),
		cmocka_unit_test(a_clock_ahead_of_ours_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
