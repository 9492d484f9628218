/* What was spent in one owner counts in the next, and with wrong bytes not. */
#include "handover/spent_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define MAX_PIECE (64 * 1024)

/* An owner, as far as limits go. */
struct place {
	struct handover_env env;
	struct metrics_all all;
	struct metrics *metrics;
	struct budget budget;
	uint64_t at;
};

static void
place_open(struct place *p, int64_t per_day)
{
	static const struct limit_conf conf = {
		.rate = { [LIMIT_NEW] = { 20, 60 }, [LIMIT_CHAT] = { 20, 60 } },
	};

	memset(p, 0, sizeof(*p));
	p->env.prompt_growth = 50;
	metrics_all_init(&p->all);
	assert_non_null(p->metrics = metrics_new());
	metrics_join(&p->all, p->metrics);
	budget_init(&p->budget, per_day);
	assert_non_null(p->env.limits = limits_open(&conf));
	p->env.metrics = &p->all;
	p->env.budget = &p->budget;
}

static void
place_close(struct place *p)
{
	metrics_leave(&p->all, p->metrics);
	metrics_free(p->metrics);
	metrics_all_destroy(&p->all);
	budget_destroy(&p->budget);
	limits_close(p->env.limits);
}

static bool
adopts(struct place *p, const char *data, size_t n)
{
	char *copy = malloc(n == 0 ? 1 : n);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, data, n);
	ok = spent_adopt(&p->env, copy, n, clock_mono_ms());
	free(copy);
	return ok;
}

/* All that there is to tell now; how many pieces. */
static unsigned
move(struct place *from, struct place *to)
{
	struct buf piece;
	unsigned n = 0;

	buf_init(&piece, MAX_PIECE);
	while (spent_encode(&from->env, &from->at, &piece)) {
		assert_true(adopts(to, piece.data, piece.len));
		buf_clear(&piece);
		n++;
	}
	buf_free(&piece);
	return n;
}

static struct budget_share
take(struct place *p, int64_t tokens)
{
	struct budget_share share = { 0 };

	assert_true(budget_take(&p->budget, &share, tokens, clock_wall_ms()));
	return share;
}

static bool
has(struct place *p, int64_t tokens)
{
	return budget_has(&p->budget, tokens, clock_wall_ms());
}

static void
tokens_and_clients_go_over(void **state)
{
	struct addr addr = { { [15] = 1 } };
	struct place old, new;
	int retry_s;

	(void)state;
	place_open(&old, 1000);
	place_open(&new, 1000);
	take(&old, 600);
	for (int i = 0; i < 20; i++)
		limit_take(old.env.limits, &addr, LIMIT_NEW, clock_mono_ms(),
		    &retry_s);
	assert_int_equal(move(&old, &new), 2);
	assert_true(has(&new, 400));
	assert_false(has(&new, 401));
	assert_int_equal(limit_clients(new.env.limits), 1);
	assert_int_equal(move(&old, &new), 0);
	place_close(&old);
	place_close(&new);
}

/* Each has as much as the largest call and a growth of 50, until it is over. */
static void
turns_that_run_on_stay_within_the_day(void **state)
{
	struct budget_share share;
	struct place old, new;

	(void)state;
	place_open(&old, 1000);
	place_open(&new, 1000);
	metrics_add(old.metrics, METRIC_TURNS, 0, 2);
	share = take(&old, 100);
	assert_int_equal(move(&old, &new), 1);
	assert_true(has(&new, 600) && !has(&new, 601));
	assert_true(has(&old, 300) && !has(&old, 301));
	budget_settle(&old.budget, &share, 30);
	metrics_add(old.metrics, METRIC_TURNS, 0, -1);
	move(&old, &new);
	assert_true(has(&new, 820) && !has(&new, 821));
	share = take(&old, 150);
	metrics_add(old.metrics, METRIC_TURNS, 0, -1);
	budget_settle(&old.budget, &share, 70);
	move(&old, &new);
	assert_true(has(&new, 900) && !has(&new, 901));
	assert_false(has(&old, 1));
	place_close(&old);
	place_close(&new);
}

static void
what_was_not_taken_is_kept(void **state)
{
	struct place old, new;

	(void)state;
	place_open(&old, 1000);
	place_open(&new, 1000);
	take(&old, 100);
	move(&old, &new);
	assert_false(has(&old, 1));
	spent_keep(&old.env);
	assert_true(has(&old, 900) && !has(&old, 901));
	place_close(&new);
	place_open(&new, 1000);
	old.at = 0;
	move(&old, &new);
	assert_true(has(&new, 900) && !has(&new, 901));
	place_close(&old);
	place_close(&new);
}

/* Whatever is told, and however often: a sum is no less than nothing. */
static void
wrong_bytes_are_refused(void **state)
{
	struct place old, new;
	struct buf piece;
	char before;

	(void)state;
	place_open(&old, 1000);
	place_open(&new, 1000);
	take(&old, 600);
	buf_init(&piece, MAX_PIECE);
	assert_true(spent_encode(&old.env, &old.at, &piece));
	assert_int_equal(piece.len, 26);
	for (size_t n = 0; n < piece.len; n++)
		assert_false(adopts(&new, piece.data, n));
	for (size_t at = 0; at < piece.len; at += at == 0 ? 1 : 8) {
		before = piece.data[at];
		piece.data[at] = 0x77;
		assert_false(adopts(&new, piece.data, piece.len));
		piece.data[at] = before;
		at += at == 1;
	}
	assert_true(has(&new, 1000));
	buf_addc(&piece, 'x');
	assert_false(adopts(&new, piece.data, piece.len));
	buf_free(&piece);
	place_close(&old);
	place_close(&new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_and_clients_go_over),
		cmocka_unit_test(turns_that_run_on_stay_within_the_day),
		cmocka_unit_test(what_was_not_taken_is_kept),
		cmocka_unit_test(wrong_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
