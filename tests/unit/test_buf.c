#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wiped.h"

static void
assert_bytes(const struct buf *b, const char *expected)
{
	assert_false(b->failed);
	assert_int_equal(b->len, strlen(expected));
	if (b->len > 0)
		assert_memory_equal(b->data, expected, b->len);
}

static void
empty_allocates_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_null(b.data);
	buf_add(&b, NULL, 0);
	buf_consume(&b, 0);
	assert_null(b.data);
	assert_bytes(&b, "");
	buf_free(&b);
}

static void
additions_stand_in_order(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_add(&b, "ab\0", 2);
	buf_addc(&b, 'c');
	buf_adds(&b, "de");
	buf_adds(&b, "");
	buf_addf(&b, "%d-%s", 42, "x");
	assert_bytes(&b, "abcde42-x");
	assert_string_equal(buf_string(&b), "abcde42-x");
	assert_int_equal(b.len, 9);
	buf_free(&b);
}

static void
it_grows_without_losing_bytes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < 1 << 20; i++)
		buf_addc(&b, (char)(i * 31));
	assert_false(b.failed);
	assert_int_equal(b.len, 1 << 20);
	for (unsigned i = 0; i < 1 << 20; i++)
		assert_true(b.data[i] == (char)(i * 31));
	buf_free(&b);
}

static void
long_formats_fit(void **state)
{
	char text[1000];
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (size_t n = 120; n < 140; n++) {
		buf_init(&b, 2000);
		text[n] = '\0';
		buf_addf(&b, "%s", text);
		assert_bytes(&b, text);
		buf_addf(&b, "%s", text);
		assert_int_equal(b.len, 2 * n);
		buf_free(&b);
		text[n] = 'x';
	}
}

/* One function per way to add one byte too many. */
static void
over_add(struct buf *b)
{
	buf_add(b, "12", 2);
}

static void
over_addc(struct buf *b)
{
	buf_addc(b, '1');
	buf_addc(b, '2');
}

static void
over_adds(struct buf *b)
{
	buf_adds(b, "12");
}

static void
over_addf(struct buf *b)
{
	buf_addf(b, "%d", 12);
}

static void
over_reserve(struct buf *b)
{
	assert_null(buf_reserve(b, 2));
	buf_commit(b, 2);
}

static void
over_reserve_all(struct buf *b)
{
	assert_null(buf_reserve(b, SIZE_MAX));
}

static void
a_failure_sticks(void **state)
{
	void (*const over[])(struct buf *) = { over_add, over_addc, over_adds,
		over_addf, over_reserve, over_reserve_all };
	struct buf b;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		buf_init(&b, 4);
		buf_adds(&b, "abc");
		assert_false(b.failed);
		over[i](&b);
		assert_true(b.failed);
		len = b.len;
		assert_in_range(len, 3, 4);
		buf_addc(&b, 'd');
		buf_adds(&b, "");
		buf_addf(&b, "%s", "");
		assert_null(buf_reserve(&b, 0));
		assert_null(buf_string(&b));
		assert_true(b.failed);
		assert_int_equal(b.len, len);
		buf_clear(&b);
		assert_false(b.failed);
		buf_adds(&b, "wxyz");
		assert_bytes(&b, "wxyz");
		buf_free(&b);
	}
}

static void
the_ceiling_itself_is_allowed(void **state)
{
	struct buf b;

	(void)state;
	for (size_t max = 0; max < 600; max++) {
		buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			buf_addc(&b, 'a');
		assert_false(b.failed);
		assert_int_equal(strlen(buf_string(&b)), max);
		assert_true(b.cap <= max + 1);
		buf_addc(&b, 'a');
		assert_true(b.failed);
		buf_free(&b);
	}
}

static void
memory_that_is_not_there_is_a_failure(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_adds(&b, "kept");
	assert_null(buf_reserve(&b, SIZE_MAX / 2 + 1));
	assert_true(b.failed);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "kept", 4);
	buf_clear(&b);
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	buf_free(&b);
}

static void
reserved_room_counts_when_committed(void **state)
{
	struct buf b;
	char *room;

	(void)state;
	buf_init(&b, 1000);
	room = buf_reserve(&b, 500);
	assert_non_null(room);
	memset(room, 'r', 500);
	assert_int_equal(b.len, 0);
	buf_commit(&b, 3);
	assert_bytes(&b, "rrr");
	assert_non_null(buf_reserve(&b, 997));
	assert_null(buf_reserve(&b, 998));
	buf_free(&b);
}

static void
consuming_takes_from_the_front(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_adds(&b, "abcdefghij");
	buf_consume(&b, 4);
	assert_bytes(&b, "efghij");
	buf_adds(&b, "klmn");
	assert_bytes(&b, "efghijklmn");
	buf_consume(&b, 10);
	assert_bytes(&b, "");
	buf_free(&b);
}

static void
clearing_keeps_the_memory(void **state)
{
	struct buf b;
	char *data;

	(void)state;
	buf_init(&b, 100);
	buf_adds(&b, "text");
	data = b.data;
	buf_clear(&b);
	assert_ptr_equal(b.data, data);
	assert_bytes(&b, "");
	buf_free(&b);
	assert_null(b.data);
	buf_adds(&b, "again");
	assert_bytes(&b, "again");
	buf_free(&b);
}

static void
wiping_takes_all_that_was_ever_used(void **state)
{
	struct buf b;
	const void *data;
	size_t cap;

	(void)state;
	wiped_forget();
	buf_init(&b, 1000);
	buf_wipe(&b);
	assert_null(wiped_last()->at);
	buf_adds(&b, "a secret that is to be gone");
	buf_consume(&b, 20);
	data = b.data;
	cap = b.cap;
	buf_wipe(&b);
	assert_ptr_equal(wiped_last()->at, data);
	assert_int_equal(wiped_last()->len, cap);
	assert_true(cap >= 27);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 1000);
}

static void
numbers_are_written_in_decimal(void **state)
{
	static const struct {
		int64_t number;
		const char *text;
	} rows[] = { { 0, "0" }, { 7, "7" }, { -1, "-1" },
		{ 1234567890, "1234567890" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" } };
	struct buf b;

	(void)state;
	buf_init(&b, 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		buf_addn(&b, rows[i].number);
		assert_string_equal(buf_string(&b), rows[i].text);
	}
	buf_free(&b);
}

/* Where it moves, is cleared and is freed. */
static void
what_is_guarded_is_overwritten(void **state)
{
	struct buf b;
	const char *first;

	(void)state;
	buf_init(&b, 100000);
	buf_guard(&b);
	wiped_forget();
	buf_adds(&b, "Bonjour");
	first = b.data;
	assert_null(wiped_last()->at);
	assert_non_null(buf_reserve(&b, 10000));
	assert_memory_equal(wiped_last()->text, "Bonjour", 7);
	assert_ptr_equal(wiped_last()->at, first);
	assert_memory_equal(b.data, "Bonjour", 7);
	wiped_forget();
	buf_clear(&b);
	assert_ptr_equal(wiped_last()->at, b.data);
	assert_int_equal(wiped_last()->len, 7);
	wiped_forget();
	buf_free(&b);
	assert_true(wiped_last()->len > 10000);
	assert_true(b.secret);
	assert_null(b.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_written_in_decimal),
		cmocka_unit_test(empty_allocates_nothing),
		cmocka_unit_test(additions_stand_in_order),
		cmocka_unit_test(it_grows_without_losing_bytes),
		cmocka_unit_test(long_formats_fit),
		cmocka_unit_test(a_failure_sticks),
		cmocka_unit_test(the_ceiling_itself_is_allowed),
		cmocka_unit_test(memory_that_is_not_there_is_a_failure),
		cmocka_unit_test(reserved_room_counts_when_committed),
		cmocka_unit_test(consuming_takes_from_the_front),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(wiping_takes_all_that_was_ever_used),
		cmocka_unit_test(what_is_guarded_is_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
