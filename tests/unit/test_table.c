/* The table of buckets: all that is in it is found, however it grows. */
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MANY 100

struct thing {
	uint64_t key;
	struct table_item item;
};

static uint64_t
thing_hash(struct table_item *item, const void *arg)
{
	const uint64_t *mask = arg;

	return container_of(item, struct thing, item)->key & *mask;
}

static const uint64_t all_bits = UINT64_MAX, one_bucket = 0;

static struct thing *
find(const struct table *t, uint64_t key, const uint64_t *mask)
{
	struct table_item *item = table_first(t, key & *mask);

	while (
	    item != NULL && container_of(item, struct thing, item)->key != key)
		item = item->next;
	return item == NULL ? NULL : container_of(item, struct thing, item);
}

/* Many come and every second one goes, with buckets enough or only one. */
static void
come_and_go(const uint64_t *mask)
{
	struct thing things[MANY];
	struct table_item *left;
	struct table t;
	size_t n = 0;

	assert_true(table_open(&t, 2, thing_hash, mask));
	for (uint64_t i = 0; i < MANY; i++) {
		things[i].key = i;
		table_add(&t, &things[i].item, i & *mask);
	}
	assert_int_equal(t.count, MANY);
	assert_int_equal(t.size, 128);
	for (uint64_t i = 0; i < MANY; i += 2)
		table_remove(&t, &things[i].item, i & *mask);
	for (uint64_t i = 0; i < MANY; i++)
		assert_ptr_equal(
		    find(&t, i, mask), i % 2 == 0 ? NULL : &things[i]);
	for (left = table_close(&t); left != NULL; left = left->next)
		n++;
	assert_int_equal(n, MANY / 2);
}

static void
all_are_found_while_it_grows(void **state)
{
	(void)state;
	come_and_go(&all_bits);
}

static void
a_bucket_may_hold_all(void **state)
{
	(void)state;
	come_and_go(&one_bucket);
}

static void
an_end_may_come_before_the_beginning(void **state)
{
	struct table t = { 0 };

	(void)state;
	assert_null(table_close(&t));
	assert_true(table_open(&t, 1, thing_hash, &all_bits));
	assert_null(table_first(&t, 5));
	assert_null(table_close(&t));
	assert_null(table_close(&t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_found_while_it_grows),
		cmocka_unit_test(a_bucket_may_hold_all),
		cmocka_unit_test(an_end_may_come_before_the_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
