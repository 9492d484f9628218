/* The conversation's block: what is kept, what is dropped, what is copied. */
#include "session/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The source is taken in whole, so that its free can be watched. */
static void watched_free(void *);
#define free watched_free
#include "../../app/session/history.c"
#undef free

static const void *watched; /* a block */
static size_t watched_size;
static int seen;
static int dirty; /* bytes that were not overwritten */

static void
watched_free(void *p)
{
	const char *bytes = p;

	if (p != NULL && p == watched) {
		seen++;
		for (size_t i = 0; i < watched_size; i++)
			dirty += bytes[HISTORY_HEAD + i] != 0;
		watched = NULL;
	}
	free(p);
}

#define HEAD 16 /* bytes of a message beside its text */

static struct message
message(enum role role, const char *text)
{
	return (struct message){
		.role = role,
		.text = text,
		.len = strlen(text),
	};
}

static void
add(struct history *h, const char *question, const char *answer,
    struct window limit)
{
	const struct message q = message(ROLE_USER, question);
	const struct message a = message(ROLE_ASSISTANT, answer);

	assert_int_equal(history_add(h, &q, &a, &limit), RC_OK);
}

/* The texts, each with a comma behind it. */
static const char *
texts(const struct history *h)
{
	static char out[256];
	struct message m;
	size_t pos = 0, n = 0;

	out[0] = '\0';
	while (history_next(h, &pos, &m)) {
		n += (size_t)snprintf(
		    out + n, sizeof(out) - n, "%.*s,", (int)m.len, m.text);
		assert_true(n < sizeof(out));
	}
	return out;
}

static void
test_empty(void **state)
{
	struct history h = { 0 }, copy;
	struct message m;
	size_t pos = 0;

	(void)state;
	assert_false(history_next(&h, &pos, &m));
	assert_int_equal(history_copy(&copy, &h, &WINDOW_ALL), RC_OK);
	assert_null(copy.block);
	assert_int_equal(copy.count, 0);
	history_free(&copy);
	history_free(&h);
}

static void
test_members_survive(void **state)
{
	const struct message q = { ROLE_USER, MESSAGE_COMPLETE, 17, "Où ?", 5,
		RC_OK, NULL, NULL, NULL, 0 };
	const struct message a = { ROLE_ASSISTANT, MESSAGE_INTERRUPTED,
		INT64_MAX, "", 0, RC_OK, NULL, NULL, NULL, 0 };
	struct history h = { 0 };
	struct message m = { .len = 0 };
	size_t pos = 0;

	(void)state;
	assert_int_equal(history_add(&h, &q, &a, &WINDOW_ALL), RC_OK);
	assert_true(history_next(&h, &pos, &m));
	assert_int_equal(m.role, ROLE_USER);
	assert_int_equal(m.status, MESSAGE_COMPLETE);
	assert_int_equal(m.created_ms, 17);
	assert_int_equal(m.len, 5);
	assert_memory_equal(m.text, "Où ?", 5);
	assert_true(history_next(&h, &pos, &m));
	assert_int_equal(m.role, ROLE_ASSISTANT);
	assert_int_equal(m.status, MESSAGE_INTERRUPTED);
	assert_true(m.created_ms == INT64_MAX);
	assert_int_equal(m.len, 0);
	assert_false(history_next(&h, &pos, &m));
	history_free(&h);
	assert_null(h.block);
	assert_int_equal(h.size, 0);
	assert_int_equal(h.count, 0);
}

/* It stands before its text, wherever that begins. */
static void
test_keys_survive(void **state)
{
	static const size_t lengths[] = { 0, 1, 2, 3, 5, 8, 100 };
	struct sid key = { { 0 } };
	struct message q = message(ROLE_USER, "question");
	const struct message a = message(ROLE_ASSISTANT, "answer");
	struct history h = { 0 }, copy;
	struct message m = { .len = 0 };
	size_t i, n = sizeof(lengths) / sizeof(lengths[0]), pos = 0;
	char text[100];

	(void)state;
	memset(text, 'x', sizeof(text));
	q.text = text;
	for (i = 0; i < n; i++) {
		key.b[0] = (uint8_t)i;
		key.b[15] = (uint8_t)(255 - i);
		q.len = lengths[i];
		q.key = i % 2 == 0 ? &key : NULL;
		assert_int_equal(history_add(&h, &q, &a, &WINDOW_ALL), RC_OK);
	}
	memset(&key, 0xee, sizeof(key));
	assert_int_equal(history_copy(&copy, &h, &WINDOW_ALL), RC_OK);
	history_free(&h);
	for (i = 0; i < n; i++) {
		assert_true(history_next(&copy, &pos, &m));
		assert_int_equal(m.key != NULL, i % 2 == 0);
		if (m.key != NULL) {
			assert_int_equal(m.key->b[0], i);
			assert_int_equal(m.key->b[15], 255 - i);
		}
		assert_int_equal(m.len, lengths[i]);
		assert_memory_equal(m.text, text, m.len);
		assert_true(history_next(&copy, &pos, &m));
		assert_null(m.key);
		assert_memory_equal(m.text, "answer", 6);
	}
	history_free(&copy);
}

/* What an answer cost takes 16 bytes more; one that is not known, none. */
static void
test_costs_survive(void **state)
{
	const struct message q = message(ROLE_USER, "q");
	struct cost cost = { 3, INT64_MAX };
	struct message a = message(ROLE_ASSISTANT, "a"), m = { .len = 0 };
	struct history h = { 0 };
	size_t pos = 0;

	(void)state;
	assert_int_equal(history_add(&h, &q, &a, &WINDOW_ALL), RC_OK);
	a.cost = &cost;
	assert_int_equal(history_add(&h, &q, &a, &WINDOW_ALL), RC_OK);
	assert_int_equal(h.size, 4 + 4 * HEAD + sizeof(cost));
	for (int i = 0; i < 4; i++) {
		assert_true(history_next(&h, &pos, &m));
		assert_int_equal(m.cost != NULL, i == 3);
		assert_null(m.key);
		assert_memory_equal(m.text, i % 2 == 0 ? "q" : "a", 1);
	}
	assert_memory_equal(m.cost, &cost, sizeof(cost));
	assert_false(history_next(&h, &pos, &m));
	history_free(&h);
}

static void
test_why_survives(void **state)
{
	const struct message q = message(ROLE_USER, "q");
	struct message a = message(ROLE_ASSISTANT, "a");
	struct history h = { 0 };
	struct message m = { .len = 0 };
	size_t pos;
	int why;

	(void)state;
	for (why = 0; why < RC_COUNT; why++) {
		a.why = (enum rc)why;
		assert_int_equal(history_add(&h, &q, &a, &WINDOW_NONE), RC_OK);
		pos = 0;
		assert_true(history_next(&h, &pos, &m));
		assert_int_equal(m.why, RC_OK);
		assert_true(history_next(&h, &pos, &m));
		assert_int_equal(m.why, why);
	}
	history_free(&h);
}

static void
test_key_stays_when_older_pairs_go(void **state)
{
	const struct sid key = { { 1, 2, 3 } };
	const struct message a = message(ROLE_ASSISTANT, "answer");
	struct message q = message(ROLE_USER, "question"), m = { .len = 0 };
	struct history h = { 0 };
	size_t pos = 0;

	(void)state;
	add(&h, "old", "pair", WINDOW_ALL);
	q.key = &key;
	assert_int_equal(history_add(&h, &q, &a, &WINDOW_ALL), RC_OK);
	add(&h, "new", "pair", ((struct window){ 4, UINT64_MAX }));
	assert_string_equal(texts(&h), "question,answer,new,pair,");
	assert_true(history_next(&h, &pos, &m));
	assert_non_null(m.key);
	assert_true(m.key->b[0] == 1 && m.key->b[2] == 3);
	history_free(&h);
}

/* A key costs its 16 bytes and nothing of the window. */
static void
test_keys_take_no_window(void **state)
{
	const struct sid key = { { 1 } };
	const struct message a = message(ROLE_ASSISTANT, "aa");
	const struct window exact = { 4, 8 }, less_by_one = { 4, 7 };
	struct message q = message(ROLE_USER, "qq");
	struct history h = { 0 }, copy;

	(void)state;
	q.key = &key;
	assert_int_equal(history_add(&h, &q, &a, &exact), RC_OK);
	assert_int_equal(history_add(&h, &q, &a, &exact), RC_OK);
	assert_int_equal(h.count, 4);
	assert_int_equal(h.size, 8 + 4 * HEAD + 2 * sizeof(key));
	assert_int_equal(history_copy(&copy, &h, &exact), RC_OK);
	assert_int_equal(copy.count, 4);
	history_free(&copy);
	assert_int_equal(history_copy(&copy, &h, &less_by_one), RC_OK);
	assert_int_equal(copy.count, 2);
	history_free(&copy);
	history_free(&h);
}

static const struct {
	struct window window;
	const char *left;
} windows[] = {
	{ { UINT64_MAX, UINT64_MAX }, "a,bb,ccc,dddd,eeeee,ffffff," },
	{ { 6, 21 }, "a,bb,ccc,dddd,eeeee,ffffff," },
	{ { 6, 20 }, "ccc,dddd,eeeee,ffffff," },
	{ { 5, 21 }, "ccc,dddd,eeeee,ffffff," },
	{ { 4, 21 }, "ccc,dddd,eeeee,ffffff," },
	{ { 4, 18 }, "ccc,dddd,eeeee,ffffff," },
	{ { 4, 17 }, "eeeee,ffffff," },
	{ { 3, 21 }, "eeeee,ffffff," },
	{ { 2, 11 }, "eeeee,ffffff," },
	{ { 2, 10 }, "" },
	{ { 1, 21 }, "" },
	{ { 0, 21 }, "" },
	{ { 6, 0 }, "" },
	{ { 0, 0 }, "" },
};

static void
test_copy_takes_newest_whole_pairs(void **state)
{
	struct history h = { 0 }, copy;

	(void)state;
	add(&h, "a", "bb", WINDOW_ALL);
	add(&h, "ccc", "dddd", WINDOW_ALL);
	add(&h, "eeeee", "ffffff", WINDOW_ALL);
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		assert_int_equal(
		    history_copy(&copy, &h, &windows[i].window), RC_OK);
		assert_string_equal(texts(&copy), windows[i].left);
		assert_int_equal(copy.size - copy.count * HEAD + copy.count,
		    strlen(windows[i].left));
		history_free(&copy);
	}
	assert_string_equal(texts(&h), windows[0].left);
	history_free(&h);
}

static const struct {
	struct window limit;
	const char *left;
} limits[] = {
	{ { 6, 21 }, "a,bb,ccc,dddd,eeeee,ffffff," },
	{ { 6, 20 }, "ccc,dddd,eeeee,ffffff," },
	{ { 5, 21 }, "ccc,dddd,eeeee,ffffff," },
	{ { 2, 21 }, "eeeee,ffffff," },
	{ { 6, 17 }, "eeeee,ffffff," },
	{ { 6, 11 }, "eeeee,ffffff," },
	{ { 6, 1 }, "eeeee,ffffff," }, /* the new pair always stays */
	{ { 1, 21 }, "eeeee,ffffff," },
	{ { 0, 0 }, "eeeee,ffffff," },
};

static void
test_add_drops_oldest_pairs(void **state)
{
	struct history h = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		add(&h, "a", "bb", WINDOW_ALL);
		add(&h, "ccc", "dddd", WINDOW_ALL);
		add(&h, "eeeee", "ffffff", limits[i].limit);
		assert_string_equal(texts(&h), limits[i].left);
		history_free(&h);
	}
}

static void
test_block_has_exact_size(void **state)
{
	struct history h = { 0 };

	(void)state;
	add(&h, "question", "answer", WINDOW_ALL);
	assert_int_equal(h.size, 14 + 2 * HEAD);
	add(&h, "q", "a", WINDOW_ALL);
	assert_int_equal(h.size, 16 + 4 * HEAD);
	assert_int_equal(h.count, 4);
	history_free(&h);
}

static void
test_too_long_changes_nothing(void **state)
{
	const struct message q = message(ROLE_USER, "q");
	struct message a = message(ROLE_ASSISTANT, "a");
	struct history h = { 0 };

	(void)state;
	add(&h, "old", "pair", WINDOW_ALL);
	a.len = (size_t)UINT32_MAX + 1;
	assert_int_equal(history_add(&h, &q, &a, &WINDOW_NONE), RC_NOMEM);
	assert_string_equal(texts(&h), "old,pair,");
	history_free(&h);
}

static void
watch(const struct history *h)
{
	watched = h->block - HISTORY_HEAD;
	watched_size = h->size;
	seen = 0;
	dirty = 0;
}

static void
test_old_text_is_overwritten(void **state)
{
	struct history h = { 0 };

	(void)state;
	add(&h, "secret", "secret", WINDOW_ALL);
	watch(&h);
	add(&h, "more", "more", WINDOW_ALL);
	assert_int_equal(seen, 1);
	assert_int_equal(dirty, 0);
	watch(&h);
	history_free(&h);
	assert_int_equal(seen, 1);
	assert_int_equal(dirty, 0);
}

/* What an answer goes by is kept with it, counts, and leaves with it. */
static void
what_it_goes_by_counts(void **state)
{
	static const char cited[] = "what it goes by";
	const struct message q = message(ROLE_USER, "q");
	struct message a = message(ROLE_ASSISTANT, "a"), m;
	const struct window limit = { 100, 2 * (2 + sizeof(cited)) };
	struct history h = { 0 };
	size_t pos = 0;

	(void)state;
	a.cited = cited;
	a.cited_len = sizeof(cited);
	for (int i = 0; i < 3; i++)
		assert_int_equal(history_add(&h, &q, &a, &limit), RC_OK);
	assert_int_equal(h.count, 4);
	while (history_next(&h, &pos, &m)) {
		if (m.role == ROLE_USER) {
			assert_null(m.cited);
			continue;
		}
		assert_int_equal(m.cited_len, sizeof(cited));
		assert_memory_equal(m.cited, cited, sizeof(cited));
		assert_memory_equal(m.text, "a", 1);
	}
	history_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(what_it_goes_by_counts),
		cmocka_unit_test(test_members_survive),
		cmocka_unit_test(test_keys_survive),
		cmocka_unit_test(test_costs_survive),
		cmocka_unit_test(test_why_survives),
		cmocka_unit_test(test_key_stays_when_older_pairs_go),
		cmocka_unit_test(test_keys_take_no_window),
		cmocka_unit_test(test_copy_takes_newest_whole_pairs),
		cmocka_unit_test(test_add_drops_oldest_pairs),
		cmocka_unit_test(test_block_has_exact_size),
		cmocka_unit_test(test_too_long_changes_nothing),
		cmocka_unit_test(test_old_text_is_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
