/* A shard of the sessions: what is found, in what order it ends, the count. */
#include "session/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TTL  1000
#define MANY 500
#define ALL  1000000 /* steps, or sessions */

static int
setup(void **state)
{
	struct shard *sh = aligned_alloc(_Alignof(struct shard), sizeof(*sh));

	assert_non_null(sh);
	memset(sh, 0, sizeof(*sh));
	assert_true(shard_init(sh, TTL));
	*state = sh;
	return 0;
}

static unsigned
free_all(struct list *all)
{
	struct list *node;
	unsigned n;

	for (n = 0; (node = list_take_first(all)) != NULL; n++)
		free(container_of(node, struct shard_entry, node));
	return n;
}

static unsigned
close_shard(struct shard *sh)
{
	struct list all;

	list_init(&all);
	shard_close(sh, &all);
	return free_all(&all);
}

static int
teardown(void **state)
{
	close_shard(*state);
	free(*state);
	return 0;
}

/* The nth of a shard: what sid_key makes of it has the same low bits. */
static struct sid
sid_of(unsigned n)
{
	const uint64_t half = (uint64_t)n * SHARDS;
	struct sid sid = { { 0 } };

	memcpy(sid.b, &half, sizeof(half));
	return sid;
}

static struct shard_entry *
add(struct shard *sh, unsigned n, int64_t now)
{
	struct shard_entry *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->sid = sid_of(n);
	e->created_ms = e->active_ms = now;
	shard_add_locked(sh, e);
	return e;
}

static struct shard_entry *
find(struct shard *sh, unsigned n, int64_t now)
{
	const struct sid sid = sid_of(n);

	return shard_find_locked(sh, &sid, now);
}

static size_t
live(struct shard *sh, int64_t now)
{
	assert_true(shard_settle_locked(sh, now, ALL));
	return shard_live_locked(sh);
}

/* How many were taken out; all that is left stays to be found. */
static unsigned
reap(struct shard *sh, int64_t now, unsigned max)
{
	struct list dead;
	unsigned n;

	list_init(&dead);
	n = shard_reap_locked(sh, now, max, &dead);
	assert_int_equal(free_all(&dead), n);
	return n;
}

static void
all_are_found_while_it_grows(void **state)
{
	struct shard *sh = *state;
	struct shard_entry *added[MANY];
	const size_t buckets = sh->table.size;

	for (unsigned i = 0; i < MANY; i++)
		added[i] = add(sh, i, 0);
	assert_true(sh->table.size > buckets);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(find(sh, i, 0), added[i]);
	assert_null(find(sh, MANY, 0));
	assert_int_equal(live(sh, 0), MANY);
}

static void
what_was_removed_is_the_callers(void **state)
{
	struct shard *sh = *state;
	struct shard_entry *e[3];

	for (unsigned i = 0; i < 3; i++)
		e[i] = add(sh, i, i);
	shard_hold_locked(sh, e[2], 3);
	shard_remove_locked(sh, e[1]);
	shard_remove_locked(sh, e[2]);
	free(e[1]);
	free(e[2]);
	assert_ptr_equal(find(sh, 0, 3), e[0]);
	assert_null(find(sh, 1, 3));
	assert_null(find(sh, 2, 3));
	assert_int_equal(live(sh, 3), 1);
}

static void
an_expired_one_is_not_found(void **state)
{
	struct shard *sh = *state;
	struct shard_entry *e = add(sh, 1, 0);

	assert_ptr_equal(find(sh, 1, TTL - 1), e);
	assert_null(find(sh, 1, TTL));
}

static void
a_held_one_does_not_expire(void **state)
{
	struct shard *sh = *state;
	struct shard_entry *e = add(sh, 1, 0);

	shard_hold_locked(sh, e, 0);
	shard_hold_locked(sh, e, 10);
	shard_release_locked(sh, e, 20);
	assert_ptr_equal(find(sh, 1, 100 * TTL), e);
	assert_int_equal(reap(sh, 100 * TTL, ALL), 0);
	assert_int_equal(live(sh, 100 * TTL), 1);

	shard_release_locked(sh, e, 100 * TTL);
	assert_ptr_equal(find(sh, 1, 101 * TTL - 1), e);
	assert_null(find(sh, 1, 101 * TTL));
	assert_int_equal(reap(sh, 101 * TTL, ALL), 1);
}

static void
to_release_what_is_not_held_is_activity(void **state)
{
	struct shard *sh = *state;
	struct shard_entry *e = add(sh, 1, 0);

	shard_release_locked(sh, e, 10);
	assert_ptr_equal(find(sh, 1, TTL + 9), e);
	assert_null(find(sh, 1, TTL + 10));
}

static void
the_longest_idle_go_first(void **state)
{
	struct shard *sh = *state;

	add(sh, 1, 20);
	add(sh, 2, 10); /* by a loop whose clock was read earlier */
	add(sh, 3, 30);
	shard_release_locked(sh, find(sh, 1, 30), 40);
	assert_int_equal(reap(sh, TTL + 9, ALL), 0);
	assert_int_equal(reap(sh, TTL + 30, 1), 1);
	assert_ptr_equal(sh->active.next, &find(sh, 3, TTL)->node);
	assert_int_equal(reap(sh, TTL + 30, ALL), 1);
	assert_ptr_equal(sh->active.next, &find(sh, 1, TTL)->node);
	assert_ptr_equal(sh->active.next, sh->active.prev);
}

static void
the_mark_goes_both_ways(void **state)
{
	struct shard *sh = *state;

	for (unsigned i = 0; i < 10; i++)
		add(sh, i, i);
	assert_int_equal(live(sh, TTL + 3), 6);
	assert_int_equal(live(sh, TTL + 9), 0);
	assert_int_equal(live(sh, TTL + 6), 3);
	assert_int_equal(live(sh, 0), 10);
}

static void
the_mark_goes_in_steps(void **state)
{
	struct shard *sh = *state;

	for (unsigned i = 0; i < 10; i++)
		add(sh, i, i);
	assert_false(shard_settle_locked(sh, TTL + 9, 4));
	assert_int_equal(shard_live_locked(sh), 6);
	assert_false(shard_settle_locked(sh, TTL + 9, 4));
	assert_true(shard_settle_locked(sh, TTL + 9, 4));
	assert_int_equal(shard_live_locked(sh), 0);
}

/* Whatever comes and goes around the mark is counted once. */
static void
the_mark_survives_changes(void **state)
{
	struct shard *sh = *state;
	struct shard_entry *e[6];

	for (unsigned i = 0; i < 6; i++)
		e[i] = add(sh, i, i);
	assert_int_equal(live(sh, TTL + 2), 3);
	shard_hold_locked(sh, e[3], TTL + 2); /* the mark's own */
	shard_hold_locked(sh, e[1], TTL + 2); /* one before it */
	shard_hold_locked(sh, e[1], TTL + 2);
	assert_int_equal(live(sh, TTL + 2), 4);
	add(sh, 6, 1); /* before it, expired */
	assert_int_equal(live(sh, TTL + 2), 4);
	shard_release_locked(sh, e[1], TTL + 3);
	shard_release_locked(sh, e[1], TTL + 3);
	shard_remove_locked(sh, e[0]);
	free(e[0]);
	assert_int_equal(live(sh, TTL + 2), 4);
	assert_int_equal(reap(sh, TTL + 2, ALL), 2);
	assert_int_equal(live(sh, TTL + 2), 4);
}

static void
the_end_returns_all(void **state)
{
	struct shard sh = { 0 };

	(void)state;
	assert_int_equal(close_shard(&sh), 0);
	assert_true(shard_init(&sh, TTL));
	for (unsigned i = 0; i < MANY; i++)
		add(&sh, i, i);
	shard_hold_locked(&sh, find(&sh, 0, 0), 0);
	assert_int_equal(close_shard(&sh), MANY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_SHARD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		WITH_SHARD(all_are_found_while_it_grows),
		WITH_SHARD(what_was_removed_is_the_callers),
		WITH_SHARD(an_expired_one_is_not_found),
		WITH_SHARD(a_held_one_does_not_expire),
		WITH_SHARD(to_release_what_is_not_held_is_activity),
		WITH_SHARD(the_longest_idle_go_first),
		WITH_SHARD(the_mark_goes_both_ways),
		WITH_SHARD(the_mark_goes_in_steps),
		WITH_SHARD(the_mark_survives_changes),
		cmocka_unit_test(the_end_returns_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
