/* The doubly linked list, and the way from a member to its struct. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct thing {
	int n;
	struct list node;
};

static int
number_of(const struct list *l)
{
	struct list *node, *next;
	int all = 0;

	LIST_EACH(node, next, l)
		all = 10 * all + container_of(node, struct thing, node)->n;
	return all;
}

static void
nodes_come_in_order(void **state)
{
	struct thing a = { .n = 1 }, b = { .n = 2 }, c = { .n = 3 };
	struct list l;

	(void)state;
	list_init(&l);
	assert_true(list_is_empty(&l));
	assert_null(list_take_first(&l));
	list_add_last(&l, &b.node);
	list_add_last(&l, &c.node);
	list_add_first(&l, &a.node);
	assert_int_equal(number_of(&l), 123);
	assert_ptr_equal(list_take_first(&l), &a.node);
	assert_true(list_is_empty(&a.node));
	list_insert(&c.node, &a.node);
	assert_int_equal(number_of(&l), 213);
}

static void
a_node_can_be_removed_any_time(void **state)
{
	struct thing a = { .n = 1 }, b = { .n = 2 }, c = { .n = 3 };
	struct list l, *node, *next;

	(void)state;
	list_init(&l);
	list_init(&a.node);
	list_remove(&a.node);
	list_add_last(&l, &a.node);
	list_add_last(&l, &b.node);
	list_add_last(&l, &c.node);
	list_remove(&b.node);
	list_remove(&b.node);
	assert_int_equal(number_of(&l), 13);
	LIST_EACH(node, next, &l)
		list_remove(node);
	assert_true(list_is_empty(&l));
}

static void
a_list_moves_as_a_whole(void **state)
{
	struct thing a = { .n = 1 }, b = { .n = 2 }, c = { .n = 3 };
	struct list from, to;

	(void)state;
	list_init(&from);
	list_move(&to, &from);
	assert_true(list_is_empty(&to));
	list_add_last(&from, &a.node);
	list_add_last(&from, &b.node);
	list_move(&to, &from);
	assert_true(list_is_empty(&from));
	list_add_last(&to, &c.node);
	assert_int_equal(number_of(&to), 123);
	list_remove(&a.node);
	assert_int_equal(number_of(&to), 23);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_come_in_order),
		cmocka_unit_test(a_node_can_be_removed_any_time),
		cmocka_unit_test(a_list_moves_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
