/* The past of a conversation in a grounded prompt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chat/grounding/past.h"
#include "session/cited.h"

static void
add(struct history *h, const char *question, const char *answer, bool cites)
{
	const char cited[] = { GROUNDING_CITED, BY_MODEL };
	const struct message q = {
		.role = ROLE_USER, .text = question, .len = strlen(question)
	};
	const struct message a = { .role = ROLE_ASSISTANT,
		.text = answer,
		.len = strlen(answer),
		.cited = cites ? cited : NULL,
		.cited_len = cites ? sizeof(cited) : 0 };

	assert_int_equal(history_add(h, &q, &a, &WINDOW_ALL), RC_OK);
}

static void
expect(const struct history *h, size_t n, const char *const *texts)
{
	struct message m;
	size_t pos = 0;

	assert_int_equal(h->count, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(history_next(h, &pos, &m));
		assert_int_equal(m.len, strlen(texts[i]));
		assert_memory_equal(m.text, texts[i], m.len);
	}
}

static void
numbers_of_sources_are_taken_out(void **state)
{
	static const char *const want[] = { "q1 [1]", "un, deux.", "q2",
		"a[1] reste" };
	struct history h = { 0 }, past;

	(void)state;
	add(&h, "q1 [1]", "un [1], deux [2][3].", true);
	add(&h, "q2", "a[1] reste", false);
	assert_int_equal(past_make(&past, &h, 1000), RC_OK);
	expect(&past, 4, want);
	history_free(&past);
	history_free(&h);
}

static void
the_newest_pairs_stay(void **state)
{
	static const char *const want[] = { "q2", "deux", "q3", "trois" };
	struct history h = { 0 }, past;

	(void)state;
	add(&h, "q1", "un", false);
	add(&h, "q2", "deux", false);
	add(&h, "q3", "trois", false);
	assert_int_equal(past_make(&past, &h, 14), RC_OK);
	expect(&past, 4, want);
	assert_int_equal(past_size(&past), 13);
	history_free(&past);
	assert_int_equal(past_make(&past, &h, 0), RC_OK);
	expect(&past, 2, want + 2);
	history_free(&past);
	history_free(&h);
}

static void
nothing_has_no_past(void **state)
{
	struct history h = { 0 }, past;

	(void)state;
	assert_int_equal(past_make(&past, &h, 0), RC_OK);
	assert_int_equal(past.count, 0);
	history_free(&past);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_sources_are_taken_out),
		cmocka_unit_test(the_newest_pairs_stay),
		cmocka_unit_test(nothing_has_no_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
