/* A session as bytes: what was written is read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/cited.h"
#include "session/session_wire.h"

#define OFFSET INT64_C(1700000000000) /* from monotonic to wall time */
#define MAX    65536

static const struct cost cost = { 412, INT64_C(1) << 40 };

/* Of an answer to a key the cost is known. */
static void
add_pair(struct session *s, const char *q, const char *a, enum rc why,
    const struct sid *key)
{
	const struct message question = {
		.role = ROLE_USER,
		.created_ms = 1000,
		.text = q,
		.len = strlen(q),
		.key = key,
	};
	const struct message answer = {
		.role = ROLE_ASSISTANT,
		.status = why == RC_OK ? MESSAGE_COMPLETE : MESSAGE_INTERRUPTED,
		.why = why,
		.created_ms = 1001,
		.text = a,
		.len = strlen(a),
		.cost = key != NULL ? &cost : NULL,
	};

	assert_int_equal(
	    history_add(&s->history, &question, &answer, &WINDOW_ALL), RC_OK);
}

static struct session
sample(void)
{
	static const struct sid key = { "a key of 16 byte" };
	struct session s = {
		.id = { "an id of 16 byte" },
		.creator = { "its creator addr" },
		.message_count = 42,
		.created_ms = 5,
		.active_ms = INT64_C(1) << 40,
		.held = true,
	};

	add_pair(&s, "Bonjour ?", "Voil\303\240", RC_OK, NULL);
	add_pair(&s, "", "x", RC_STOPPED, &key);
	add_pair(&s, "encore", "y", RC_UPSTREAM_TIMEOUT, NULL);
	add_pair(&s, "suite", "z", RC_LENGTH, NULL);
	return s;
}

static void
assert_same_history(const struct history *one, const struct history *two)
{
	struct message a, b;
	size_t at = 0, bt = 0;

	assert_int_equal(one->count, two->count);
	while (history_next(one, &at, &a)) {
		assert_true(history_next(two, &bt, &b));
		assert_int_equal(a.role, b.role);
		assert_int_equal(a.status, b.status);
		assert_int_equal(a.why, b.why);
		assert_true(a.created_ms == b.created_ms);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.text, b.text, a.len);
		assert_int_equal(a.key == NULL, b.key == NULL);
		if (a.key != NULL)
			assert_true(sid_equal(a.key, b.key));
		assert_int_equal(a.cost == NULL, b.cost == NULL);
		if (a.cost != NULL)
			assert_memory_equal(a.cost, b.cost, sizeof(*a.cost));
		assert_int_equal(a.cited_len, b.cited_len);
		if (a.cited_len > 0)
			assert_memory_equal(a.cited, b.cited, a.cited_len);
	}
	assert_false(history_next(two, &bt, &b));
}

/* With a pair whose answer says what it goes by, and what it cost. */
static struct session
sample_cited(void)
{
	static const struct sid key = { "one more of 16 b" };
	static const struct cited_source source = { 3, "Titre", "https://a.fr",
		"2026-11-12", 5, 12, 10 };
	const struct message question = {
		.role = ROLE_USER, .text = "q", .len = 1, .key = &key
	};
	struct message answer = {
		.role = ROLE_ASSISTANT, .text = "a [3]", .len = 5, .cost = &cost
	};
	struct session s = sample();
	struct buf cited;

	buf_init(&cited, CITED_MAX);
	cited_begin(&cited, GROUNDING_CITED, BY_MODEL);
	assert_true(cited_add(&cited, &source));
	answer.cited = cited.data;
	answer.cited_len = cited.len;
	assert_int_equal(
	    history_add(&s.history, &question, &answer, &WINDOW_ALL), RC_OK);
	buf_free(&cited);
	return s;
}

/* An older program reads sessions whose answers say nothing of it. */
static void
what_answers_go_by_comes_along(void **state)
{
	struct session s = sample_cited(), plain = sample(), got;
	struct buf b, older;

	(void)state;
	buf_init(&b, MAX);
	session_encode(&b, &s);
	assert_int_equal(b.data[0], 3);
	assert_int_equal(session_decode(&got, b.data, b.len, OFFSET), RC_OK);
	assert_same_history(&s.history, &got.history);
	history_free(&got.history);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(
		    session_decode(&got, b.data, n, OFFSET), RC_FIELD);
	buf_init(&older, MAX);
	session_encode(&older, &plain);
	assert_int_equal(older.data[0], 2);
	buf_free(&older);
	b.data[b.len - 5 - 34 + 1] = 9;
	assert_int_equal(session_decode(&got, b.data, b.len, OFFSET), RC_FIELD);
	history_free(&s.history);
	history_free(&plain.history);
	buf_free(&b);
}

static void
a_session_comes_as_it_went(void **state)
{
	struct session s = sample(), got;
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	session_encode(&b, &s);
	assert_false(b.failed);
	assert_int_equal(session_decode(&got, b.data, b.len, OFFSET), RC_OK);
	assert_true(sid_equal(&got.id, &s.id));
	assert_true(addr_equal(&got.creator, &s.creator));
	assert_int_equal(got.message_count, 42);
	assert_int_equal(got.created_ms, 5);
	assert_true(got.active_ms == s.active_ms);
	assert_true(got.held);
	assert_same_history(&s.history, &got.history);
	history_free(&got.history);
	history_free(&s.history);
	buf_free(&b);
}

static void
an_empty_session_comes_as_it_went(void **state)
{
	struct session s = { .id = { "0123456789abcdef" } }, got;
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	session_encode(&b, &s);
	assert_int_equal(session_decode(&got, b.data, b.len, OFFSET), RC_OK);
	assert_int_equal(got.history.count, 0);
	assert_null(got.history.block);
	assert_false(got.held);
	buf_free(&b);
}

/* In a block of exactly its size, so that a sanitizer sees every step over. */
static bool
decodes(const char *data, size_t n)
{
	struct session got;
	char *copy = malloc(n == 0 ? 1 : n);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, data, n);
	ok = session_decode(&got, copy, n, OFFSET) == RC_OK;
	if (ok)
		history_free(&got.history);
	free(copy);
	return ok;
}

static void
no_cut_is_a_session(void **state)
{
	struct session s = sample();
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	session_encode(&b, &s);
	for (size_t n = 0; n < b.len; n++)
		assert_false(decodes(b.data, n));
	buf_addc(&b, 'x');
	assert_false(decodes(b.data, b.len));
	history_free(&s.history);
	buf_free(&b);
}

/* Whatever a byte becomes, nothing breaks; some changes must be refused. */
static void
changed_bytes_do_no_harm(void **state)
{
	static const struct {
		size_t at;
		char value;
	} refused[] = {
		{ 0, 0 }, { 0, 4 },      /* the format */
		{ 42, -1 },              /* created before 1970 */
		{ 50, -1 },              /* active before 1970 */
		{ 50, 1 }, { 66, -1 },   /* times that no machine reaches */
		{ 58, 1 }, { 61, 5 },    /* the number of messages */
		{ 62, 1 }, { 63, 2 },    /* the first one's role, status */
		{ 65, -1 }, { 74, 127 }, /* lengths */
	};
	struct session s = sample();
	struct buf b;
	char before;

	(void)state;
	buf_init(&b, MAX);
	session_encode(&b, &s);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		before = b.data[refused[i].at];
		b.data[refused[i].at] = refused[i].value;
		assert_false(decodes(b.data, b.len));
		b.data[refused[i].at] = before;
	}
	for (size_t at = 0; at < b.len; at++) {
		before = b.data[at];
		for (int value = 0; value < 256; value += 15) {
			b.data[at] = (char)value;
			decodes(b.data, b.len);
		}
		b.data[at] = before;
	}
	assert_true(decodes(b.data, b.len));
	history_free(&s.history);
	buf_free(&b);
}

static void
an_unknown_code_becomes_unavailable(void **state)
{
	struct session s = { .message_count = 2 }, got;
	struct message m;
	struct buf b;
	size_t pos = 0;
	char *code;

	(void)state;
	add_pair(&s, "q", "a", RC_STOPPED, NULL);
	buf_init(&b, MAX);
	session_encode(&b, &s);
	code = memmem(b.data, b.len, "stopped", 7);
	assert_non_null(code);
	memcpy(code, "unheard", 7);
	assert_int_equal(session_decode(&got, b.data, b.len, OFFSET), RC_OK);
	assert_true(history_next(&got.history, &pos, &m));
	assert_true(history_next(&got.history, &pos, &m));
	assert_int_equal(m.why, RC_UNAVAILABLE);
	history_free(&got.history);
	history_free(&s.history);
	buf_free(&b);
}

/* What a program wrote whose times were monotonic. */
static void
an_older_format_is_read(void **state)
{
	struct session s = sample(), got;
	struct message m;
	struct buf b;
	size_t pos = 0;

	(void)state;
	buf_init(&b, MAX);
	session_encode(&b, &s);
	b.data[0] = 1;
	assert_int_equal(session_decode(&got, b.data, b.len, OFFSET), RC_OK);
	assert_true(got.created_ms == s.created_ms + OFFSET);
	assert_true(got.active_ms == s.active_ms + OFFSET);
	assert_true(history_next(&got.history, &pos, &m));
	assert_true(m.created_ms == 1000 + OFFSET);
	history_free(&got.history);
	history_free(&s.history);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_comes_as_it_went),
		cmocka_unit_test(what_answers_go_by_comes_along),
		cmocka_unit_test(an_empty_session_comes_as_it_went),
		cmocka_unit_test(no_cut_is_a_session),
		cmocka_unit_test(changed_bytes_do_no_harm),
		cmocka_unit_test(an_unknown_code_becomes_unavailable),
		cmocka_unit_test(an_older_format_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
