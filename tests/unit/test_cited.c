/* What an answer goes by, as bytes, and what others may not be taken for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/cited.h"

static const struct cited_source one = { 1, "Rappel", "https://a.fr/é",
	"2026-11-12", 6, 15, 10 };

static void
make(struct buf *b, unsigned sources)
{
	struct cited_source s = one;

	buf_init(b, CITED_MAX);
	cited_begin(b, GROUNDING_CITED, BY_MODEL);
	for (s.n = 1; s.n <= sources; s.n++)
		assert_true(cited_add(b, &s));
}

static void
what_was_written_is_read(void **state)
{
	struct cited_source s;
	struct buf b;
	size_t pos = 0;

	(void)state;
	make(&b, 2);
	assert_true(cited_valid(b.data, b.len));
	assert_int_equal(cited_grounding(b.data, b.len), GROUNDING_CITED);
	assert_int_equal(cited_by(b.data, b.len), BY_MODEL);
	for (unsigned n = 1; n <= 2; n++) {
		assert_true(cited_next(b.data, b.len, &pos, &s));
		assert_int_equal(s.n, n);
		assert_int_equal(s.title_len, one.title_len);
		assert_memory_equal(s.title, one.title, one.title_len);
		assert_memory_equal(s.url, one.url, one.url_len);
		assert_memory_equal(s.date, one.date, one.date_len);
	}
	assert_false(cited_next(b.data, b.len, &pos, &s));
	buf_free(&b);
}

static void
nothing_says_nothing(void **state)
{
	struct cited_source s;
	size_t pos = 0;

	(void)state;
	assert_int_equal(cited_grounding(NULL, 0), GROUNDING_UNSAID);
	assert_int_equal(cited_by(NULL, 0), BY_UNSAID);
	assert_false(cited_next(NULL, 0, &pos, &s));
	assert_null(cited_grounding_name(GROUNDING_UNSAID));
	assert_null(cited_by_name(BY_UNSAID));
}

static void
there_is_room_for_so_many(void **state)
{
	struct cited_source s = one;
	struct buf b;
	unsigned n = 0;
	char title[400];

	(void)state;
	memset(title, 'x', sizeof(title));
	s.title = title;
	s.title_len = sizeof(title);
	buf_init(&b, CITED_MAX);
	cited_begin(&b, GROUNDING_CITED, BY_MODEL);
	while (cited_add(&b, &s))
		n++;
	assert_in_range(n, 8, 20);
	assert_false(b.failed);
	assert_true(cited_valid(b.data, b.len));
	buf_free(&b);
}

/* In memory of exactly its size, so that reading on is seen. */
static void
other_bytes_are_refused(void **state)
{
	struct buf b;
	char *copy;

	(void)state;
	make(&b, 3);
	for (size_t n = 0; n < b.len; n++) {
		copy = malloc(n + 1);
		memcpy(copy, b.data, n);
		if (cited_valid(copy, n))
			assert_true(n == 2 || (n - 2) % ((b.len - 2) / 3) == 0);
		free(copy);
	}
	copy = malloc(b.len);
	for (size_t at = 0; at < b.len; at++) {
		memcpy(copy, b.data, b.len);
		copy[at] = (char)0xff;
		if (at < 5)
			assert_false(cited_valid(copy, b.len) && at != 2);
	}
	free(copy);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(nothing_says_nothing),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(other_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
