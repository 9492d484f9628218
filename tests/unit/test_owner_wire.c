/* The frames between owners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner/owner_wire.h"

static void
a_frame_comes_as_it_went(void **state)
{
	struct wire_frame frame;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_add(&b, WIRE_REFUSED, "why", 3);
	wire_add(&b, WIRE_LOCK, NULL, 0);
	assert_int_equal(wire_take(b.data, b.len, &frame), WIRE_FRAME);
	assert_int_equal(frame.type, WIRE_REFUSED);
	assert_int_equal(frame.fds, 0);
	assert_int_equal(frame.len, 3);
	assert_memory_equal(frame.data, "why", 3);
	buf_consume(&b, WIRE_HEAD + 3);
	assert_int_equal(wire_take(b.data, b.len, &frame), WIRE_FRAME);
	assert_int_equal(frame.type, WIRE_LOCK);
	assert_int_equal(frame.fds, 1);
	assert_int_equal(frame.len, 0);
	assert_int_equal(b.len, WIRE_HEAD);
	buf_free(&b);
}

static void
every_cut_of_a_frame_needs_more(void **state)
{
	struct wire_frame frame;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_add(&b, WIRE_STATUS, "0123456789abcdef", 16);
	for (size_t n = 0; n < b.len; n++) {
		char *cut = malloc(n + 1);

		assert_non_null(cut);
		memcpy(cut, b.data, n);
		assert_int_equal(wire_take(cut, n, &frame), WIRE_MORE);
		free(cut);
	}
	buf_free(&b);
}

static void
what_is_no_frame_is_broken(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "GET / HT", 8 }, { "C", 1 }, { "X", 1 },
		{ "CO\2\2\0\0\0\0", 8 },          /* another version */
		{ "CO\1\0\0\0\0\0", 8 },          /* no type */
		{ "CO\1\377\0\0\0\0", 8 },        /* an unknown one */
		{ "CO\1\5\0\0\0\1", 8 },          /* ACCEPTED has no text */
		{ "CO\1\2\0\0\4\1", 8 },          /* over its limit */
		{ "CO\1\15\377\377\377\377", 8 }, /* far over it */
	};
	struct wire_frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(wire_take(rows[i].bytes, rows[i].len, &frame),
		    rows[i].bytes[0] == 'C' && rows[i].len == 1 ? WIRE_MORE
								: WIRE_BROKEN);
}

static void
too_long_a_frame_is_not_sent(void **state)
{
	static const char text[WIRE_MAX_TEXT + 1];
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	wire_add(&b, WIRE_REFUSED, text, sizeof(text));
	assert_true(b.failed);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
a_hello_comes_as_it_went(void **state)
{
	const struct wire_hello hello = { 0x0102030405060708, UINT64_MAX - 1 };
	char text[WIRE_HELLO_SIZE];
	struct wire_hello got;

	(void)state;
	wire_hello_put(text, &hello);
	assert_memory_equal(text, "\1\2\3\4\5\6\7\10", 8);
	assert_true(wire_hello_get(&got, text, sizeof(text)));
	assert_true(got.program == hello.program);
	assert_true(got.conf == hello.conf);
	assert_false(wire_hello_get(&got, text, sizeof(text) - 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_comes_as_it_went),
		cmocka_unit_test(every_cut_of_a_frame_needs_more),
		cmocka_unit_test(what_is_no_frame_is_broken),
		cmocka_unit_test(too_long_a_frame_is_not_sent),
		cmocka_unit_test(a_hello_comes_as_it_went),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
