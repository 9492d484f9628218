/* A history as JSON, whatever pieces it comes in. */
#include "routes/history_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define MAX_JSON (4 * 1024 * 1024)

static void
add(struct session *s, const char *question, const char *answer, size_t len,
    enum message_status status)
{
	const struct message q = {
		.role = ROLE_USER, .text = question, .len = strlen(question)
	};
	const struct message a = { .role = ROLE_ASSISTANT,
		.status = status,
		.why = status == MESSAGE_COMPLETE ? RC_OK : RC_LENGTH,
		.text = answer,
		.len = len };

	assert_int_equal(history_add(&s->history, &q, &a, &WINDOW_ALL), RC_OK);
	s->message_count += 2;
}

/* All the pieces in one; how many there were. */
static unsigned
write_all(const struct session *s, struct buf *all)
{
	struct history_json json;
	struct buf piece;
	unsigned n = 1;

	buf_init(all, MAX_JSON);
	buf_init(&piece, HISTORY_JSON_PIECE + HISTORY_JSON_MORE);
	history_json_init(&json, s);
	for (; history_json_next(&json, &piece); n++) {
		assert_true(piece.len >= HISTORY_JSON_PIECE);
		buf_add(all, piece.data, piece.len);
		buf_clear(&piece);
	}
	assert_false(piece.failed);
	buf_add(all, piece.data, piece.len);
	buf_free(&piece);
	history_json_free(&json);
	return n;
}

static void
a_short_one_is_one_piece(void **state)
{
	struct session s = { .message_count = 0 };
	struct buf all;

	(void)state;
	assert_int_equal(write_all(&s, &all), 1);
	assert_string_equal(buf_string(&all),
	    "{\"session_id\":\"00000000-0000-0000-0000-000000000000\","
	    "\"message_count\":0,\"messages\":[]}");
	buf_free(&all);
	add(&s, "a\"b", "c", 1, MESSAGE_COMPLETE);
	add(&s, "d", "", 0, MESSAGE_INTERRUPTED);
	assert_int_equal(write_all(&s, &all), 1);
	assert_string_equal(buf_string(&all),
	    "{\"session_id\":\"00000000-0000-0000-0000-000000000000\","
	    "\"message_count\":4,\"messages\":["
	    "{\"role\":\"user\",\"content\":\"a\\\"b\","
	    "\"created_at\":\"1970-01-01T00:00:00\"},"
	    "{\"role\":\"assistant\",\"content\":\"c\","
	    "\"created_at\":\"1970-01-01T00:00:00\"},"
	    "{\"role\":\"user\",\"content\":\"d\","
	    "\"created_at\":\"1970-01-01T00:00:00\"},"
	    "{\"role\":\"assistant\",\"content\":\"\","
	    "\"created_at\":\"1970-01-01T00:00:00\","
	    "\"status\":\"interrupted\",\"code\":\"length\"}]}");
	buf_free(&all);
	history_free(&s.history);
}

/* Texts of every length around a slice's, of characters of every size. */
static void
pieces_make_one_document(void **state)
{
	static const char *const letters[] = { "a", "\x01", "\"", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	static char text[3 * 2048 + 64];
	struct session s = { .message_count = 0 };
	const struct json *list, *content;
	struct json *doc;
	struct buf all;
	size_t len, n;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		n = strlen(letters[i % 6]);
		for (len = 0; len + n <= 2030 * (1 + i % 3) + i; len += n)
			memcpy(text + len, letters[i % 6], n);
		add(&s, "?", text, len, MESSAGE_COMPLETE);
	}
	assert_true(write_all(&s, &all) > 5);
	assert_int_equal(json_parse(all.data, all.len, &doc), RC_OK);
	list = json_get(doc, "messages");
	for (unsigned i = 0; i < 60; i++) {
		content = json_get(json_at(list, 2 * i + 1), "content");
		n = strlen(letters[i % 6]);
		assert_non_null(json_text(content, &len));
		assert_int_equal(len, (2030 * (1 + i % 3) + i) / n * n);
		assert_memory_equal(
		    json_text(content, &len), letters[i % 6], n);
	}
	assert_null(json_at(list, 120));
	json_free(doc);
	buf_free(&all);
	history_free(&s.history);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_one_is_one_piece),
		cmocka_unit_test(pieces_make_one_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
