/* The local responder: giving out an answer in pieces, and giving it up. */
#include "chat/responder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "articles/articles.h"
#include "base/buf.h"
#include "base/text.h"

#define TURNS 40 /* of the loop, more than an answer has pieces */

struct world {
	struct articles *articles;
	struct loop *loop;
	struct responder *responder;
	struct history history;
	struct answer *answer;
	struct buf text;
	int deltas, dones;
};

static const struct articles_conf conf = {
	.limits = { 100, 1 << 30, 1 << 20, NULL },
	.search = { 0.8, 0.3, { 0.1, 30 }, { 0.5, 180 } },
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err err;

	assert_non_null(w);
	w->articles = articles_open(&conf, &err);
	assert_non_null(w->articles);
	assert_non_null(w->loop = loop_new(0));
	w->responder = responder_local_open(w->articles, w->loop);
	assert_non_null(w->responder);
	buf_init(&w->text, 1 << 20);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	responder_close(w->responder);
	articles_close(w->articles);
	loop_free(w->loop);
	history_free(&w->history);
	buf_free(&w->text);
	free(w);
	return 0;
}

static void
on_delta(void *arg, const char *text, size_t len)
{
	struct world *w = arg;

	assert_int_equal(w->dones, 0);
	assert_true(len > 0);
	assert_true(text_is_utf8(text, len));
	w->deltas++;
	buf_add(&w->text, text, len);
}

static void
on_done(void *arg, enum rc rc, const struct usage *usage)
{
	struct world *w = arg;

	assert_int_equal(rc, RC_OK);
	assert_int_equal(usage->prompt_tokens, -1);
	w->dones++;
}

static void
start(struct world *w, const char *question)
{
	static const struct answer_events events = { .delta = on_delta,
		.done = on_done };
	const struct prompt prompt = {
		.history = &w->history,
		.question = question,
		.len = strlen(question),
		.lang = LANG_FR,
		.request_id = "r",
	};

	buf_clear(&w->text);
	w->deltas = w->dones = 0;
	assert_int_equal(
	    responder_start(w->responder, &prompt, &events, w, &w->answer),
	    RC_OK);
	assert_int_equal(w->deltas + w->dones, 0);
}

#define SMARTPHONES "(https://exemple.invalid/smartphones/"

static void
test_one_piece_a_turn(void **state)
{
	struct world *w = *state;
	int i;

	start(w, "smartphones");
	for (i = 1; i <= 5; i++) {
		loop_turn(w->loop, 0);
		assert_int_equal(w->deltas, i);
		assert_int_equal(w->dones, 0);
	}
	loop_turn(w->loop, 0);
	assert_int_equal(w->dones, 1);
	assert_int_equal(w->deltas, 5);
	assert_memory_equal(w->text.data, "Voici ", 6);
	assert_non_null(strstr(buf_string(&w->text), SMARTPHONES));
	assert_memory_equal(w->text.data + w->text.len - 2, "*\n", 2);
}

static void
test_cancel(void **state)
{
	struct world *w = *state;
	int turns, i;

	for (turns = 0; turns < 6; turns++) {
		start(w, "smartphones");
		for (i = 0; i < turns; i++)
			loop_turn(w->loop, 0);
		responder_cancel(w->responder, w->answer);
		for (i = 0; i < TURNS; i++)
			loop_turn(w->loop, 0);
		assert_int_equal(w->deltas, turns);
		assert_int_equal(w->dones, 0);
	}
}

static void
test_two_at_a_time(void **state)
{
	struct world *w = *state;
	struct answer *first;
	int i;

	start(w, "smartphones");
	first = w->answer;
	start(w, "mutuelle");
	responder_cancel(w->responder, first);
	for (i = 0; i < TURNS; i++)
		loop_turn(w->loop, 0);
	assert_int_equal(w->dones, 1);
	assert_null(strstr(buf_string(&w->text), SMARTPHONES));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_piece_a_turn),
		TEST(test_cancel),
		TEST(test_two_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
