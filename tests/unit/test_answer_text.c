/* What of a model's text is its answer, in pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "chat/model/answer_text.h"

#define NBSP     "\xc2\xa0"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *in, *out;
	bool thought;
} rows[] = {
	{ "", "", false },
	{ "Oui", "Oui", false },
	{ "Oui <think>non</think>", "Oui <think>non</think>", false },
	{ "Oui\n", "Oui\n", false },

	/* white space */
	{ " ", "", false },
	{ " \n\t" NBSP "\n", "", false },
	{ " Oui ", " Oui ", false },
	{ "\n" NBSP "\nOui", "\n" NBSP "\nOui", false },

	/* thoughts */
	{ "<think>Hm</think>Oui", "Oui", true },
	{ "<think>\nHm <b> </thin </think>\n\nOui", "Oui", true },
	{ "\n <think></think>Oui", "Oui", true },
	{ "<THINK>Hm</Think>Oui", "Oui", true },
	{ "<reasoning>Hm</reasoning>Oui", "Oui", true },
	{ "<seed:think>Hm</seed:think>Oui", "Oui", true },
	{ "<|begin_of_thought|>Hm<|end_of_thought|>Oui", "Oui", true },
	{ "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant"
	  "<|channel|>final<|message|>Oui",
	    "Oui", true },
	{ "<|channel|>final", "<|channel|>final", false },
	{ "<think>a</think><think>b</think> Oui", "Oui", true },
	{ "<thinking>Hm</think></thinking>Oui", "Oui", true },
	{ "<thought>Hm</thought>Oui", "Oui", true },
	{ "[THINK]Hm[[/THINK]Oui", "Oui", true },
	{ "<think>Hm <</think>Oui", "Oui", true },
	{ "<think>Hm</think>\n\n", "", true },
	{ "<think>Hm", "", true },
	{ "<think>Hm</think>Oui <think>x</think>", "Oui <think>x</think>",
	    true },
	{ "<think>é€😀</think>é€😀", "é€😀", true },

	/* what only looks like one */
	{ "<", "<", false },
	{ " <thin", " <thin", false },
	{ "<thinks>x", "<thinks>x", false },
	{ "<b>x</b>", "<b>x</b>", false },
	{ "[THE]", "[THE]", false },
	{ "< think>x", "< think>x", false },
	{ "\n\n<t é", "\n\n<t é", false },
};

static void
record(void *arg, const char *text, size_t n)
{
	assert_true(n > 0);
	assert_true(text_is_utf8(text, n));
	buf_add(arg, text, n);
}

/* How long the next piece is that is cut between characters. */
static size_t
piece(const char *s, size_t n, size_t step)
{
	size_t len = step;

	if (len >= n)
		return n;
	while (len < n && ((unsigned char)s[len] & 0xc0) == 0x80)
		len++;
	return len;
}

static void
check_cut(size_t row, size_t first, size_t step)
{
	const char *s = rows[row].in;
	size_t left = strlen(s), n;
	struct answer_text t;
	struct buf out;
	char *copy;

	buf_init(&out, 1000);
	answer_text_init(&t);
	for (; left > 0; s += n, left -= n) {
		n = piece(s, left, s == rows[row].in ? first : step);
		assert_non_null(copy = malloc(n));
		memcpy(copy, s, n);
		assert_true(answer_text_add(&t, copy, n, record, &out));
		free(copy);
	}
	answer_text_end(&t, record, &out);
	if (strcmp(buf_string(&out), rows[row].out) != 0)
		fail_msg("\"%s\" cut at %zu by %zu: \"%s\"", rows[row].in,
		    first, step, out.data);
	assert_int_equal(t.thought, rows[row].thought);
	answer_text_free(&t);
	buf_free(&out);
}

static void
cuts_make_no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t first = 1; first <= strlen(rows[i].in) + 1; first++)
			for (size_t step = 1; step <= 12; step++)
				check_cut(i, first, step);
}

static void
what_is_an_answer_already_is_passed_on(void **state)
{
	static const char text[] = "Oui";
	struct answer_text t;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	answer_text_init(&t);
	assert_true(answer_text_add(&t, text, 3, record, &out));
	assert_true(answer_text_add(&t, " ", 1, record, &out));
	assert_string_equal(buf_string(&out), "Oui ");
	assert_int_equal(t.held.cap, 0);
	answer_text_free(&t);
	buf_free(&out);
}

static void
white_space_has_a_ceiling(void **state)
{
	static char blanks[4096];
	struct answer_text t;
	size_t taken = 0;

	(void)state;
	memset(blanks, '\n', sizeof(blanks));
	answer_text_init(&t);
	while (answer_text_add(&t, blanks, sizeof(blanks), record, NULL))
		taken += sizeof(blanks);
	assert_int_equal(taken, ANSWER_TEXT_MAX_HELD);
	answer_text_free(&t);
	for (size_t i = 0; i < 100; i++) {
		assert_true(
		    answer_text_add(&t, "<think>Hm</think>", 17, record, NULL));
		assert_true(
		    answer_text_add(&t, blanks, sizeof(blanks), record, NULL));
	}
	answer_text_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_make_no_difference),
		cmocka_unit_test(what_is_an_answer_already_is_passed_on),
		cmocka_unit_test(white_space_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
