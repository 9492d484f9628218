/* The words of a chat completion, as several servers say them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "chat/model/completion.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEN(s)   s s s s s s s s s s
#define BAD      "\xef\xbf\xbd" /* U+FFFD */

/* A row's bytes, which may hold NULs. */
#define BYTES(s) (s), sizeof(s) - 1

/*
 * Chunks.
 */

/* In a block of its exact size, so that a byte read past it is found. */
static bool
read_chunk(struct completion_chunk *chunk, const char *data, size_t n)
{
	char *copy = malloc(n + 1);
	bool ok;

	assert_non_null(copy);
	memcpy(copy + 1, data, n);
	ok = completion_read(chunk, copy + 1, n);
	free(copy);
	return ok;
}

#define DELTA(content) \
	"{\"choices\":[{\"index\":0,\"delta\":{\"content\":" content "}}]}"

static void
text_is_found_and_clean(void **state)
{
	static const struct {
		const char *data;
		size_t n;
		const char *text;
	} rows[] = {
		{ BYTES(DELTA("\"Voici\"")), "Voici" },
		{ BYTES(DELTA("\"\"")), "" },
		{ BYTES(DELTA("null")), "" },
		{ BYTES(DELTA("7")), "" },
		{ BYTES(DELTA("{\"text\":\"x\"}")), "" },
		{ BYTES(DELTA("\"é€😀 \\u00e9\\ud83d\\ude00\\n\"")),
		    "é€😀 é😀\n" },
		{ BYTES(DELTA("\"\\n\\ndata: x</script>\"")),
		    "\n\ndata: x</script>" },
		{ BYTES(DELTA("\"a\\u0000b\"")), "a" BAD "b" },
		{ BYTES(DELTA("\"a\\ud800\"")), "a" BAD },
		{ BYTES(DELTA("\"\xe9t\xe9\"")), BAD "t" BAD },
		{ BYTES(DELTA("\"" TEN("\xff") TEN("\xff") TEN("\xff") "\"")),
		    TEN(BAD) TEN(BAD) TEN(BAD) },

		/* parts, as of models that think */
		{ BYTES(DELTA("[{\"type\":\"text\",\"text\":\"un \"},"
			      "{\"type\":\"text\",\"text\":\"deux\"}]")),
		    "un deux" },
		{ BYTES(DELTA("[{\"type\":\"thinking\",\"thinking\":[{\"type\":"
			      "\"text\",\"text\":\"Hm\"}]},"
			      "{\"type\":\"text\",\"text\":\"oui\\u0000\"}]")),
		    "oui" BAD },
		{ BYTES(DELTA("[]")), "" },
		{ BYTES(DELTA("[1,\"x\",{\"text\":2}]")), "" },

		/* no delta at all */
		{ BYTES("{}"), "" },
		{ BYTES("null"), "" },
		{ BYTES("[1]"), "" },
		{ BYTES("{\"choices\":null}"), "" },
		{ BYTES("{\"choices\":[]}"), "" },
		{ BYTES("{\"choices\":[null]}"), "" },
		{ BYTES("{\"choices\":[{}]}"), "" },
		{ BYTES("{\"choices\":[{\"delta\":{}}]}"), "" },
		{ BYTES("{\"choices\":{\"delta\":{\"content\":\"x\"}}}"), "" },
		{ BYTES("{\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}"),
		    "" },
		{ BYTES("{\"choices\":[{\"delta\":{\"reasoning_content\":"
			"\"Hm\"}}]}"),
		    "" },
	};
	struct completion_chunk chunk = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(read_chunk(&chunk, rows[i].data, rows[i].n));
		assert_string_equal(buf_string(&chunk.text), rows[i].text);
		assert_int_equal(chunk.text.len, strlen(rows[i].text));
		assert_false(chunk.finished);
		assert_false(chunk.done);
		assert_false(chunk.error);
		assert_false(chunk.has_usage);
		buf_free(&chunk.text);
	}
}

static void
the_end_is_seen(void **state)
{
	static const struct {
		const char *data;
		bool finished, done;
	} rows[] = {
		{ "[DONE]", false, true },
		{ DELTA("\"x\""), false, false },
		{ "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
		    true, false },
		{ "{\"choices\":[{\"delta\":{\"content\":\"x\"},"
		  "\"finish_reason\":\"length\"}]}",
		    true, false },
		{ "{\"choices\":[{\"finish_reason\":\"content_filter\"}]}",
		    true, false },
		{ "{\"choices\":[{\"delta\":{},\"finish_reason\":null}]}",
		    false, false },
		{ "{\"choices\":[{\"delta\":{},\"finish_reason\":\"\"}]}",
		    false, false },
		{ "{\"choices\":[{\"delta\":{},\"finish_reason\":0}]}", false,
		    false },
		{ "{\"choices\":[],\"finish_reason\":\"stop\"}", false, false },
	};
	struct completion_chunk chunk = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(
		    read_chunk(&chunk, rows[i].data, strlen(rows[i].data)));
		if (chunk.finished != rows[i].finished ||
		    chunk.done != rows[i].done)
			fail_msg("%s", rows[i].data);
		buf_free(&chunk.text);
	}
}

static void
errors_have_many_forms(void **state)
{
	static const struct {
		const char *data;
		bool error;
	} rows[] = {
		{ "{\"error\":{\"message\":\"overloaded\",\"code\":503}}",
		    true },
		{ "{\"error\":{\"message\":{\"detail\":\"x\"}}}", true },
		{ "{\"error\":\"overloaded\"}", true },
		{ "{\"error\":[]}", true },
		{ "{\"object\":\"error\",\"message\":\"x\",\"code\":400}",
		    true },
		{ "{\"choices\":[{\"delta\":{\"content\":\"\"},"
		  "\"finish_reason\":\"error\"}],\"error\":{\"code\":502}}",
		    true },
		{ "{\"error\":null,\"choices\":[]}", false },
		{ "{\"object\":\"chat.completion.chunk\",\"choices\":[]}",
		    false },
		{ "{\"object\":\"errors\"}", false },
		{ "{\"object\":{}}", false },
		{ "{\"message\":\"error\"}", false },
		{ DELTA("\"error\""), false },
	};
	struct completion_chunk chunk = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(
		    read_chunk(&chunk, rows[i].data, strlen(rows[i].data)));
		if (chunk.error != rows[i].error)
			fail_msg("%s", rows[i].data);
		buf_free(&chunk.text);
	}
}

static void
usage_comes_with_or_without_choices(void **state)
{
	static const struct {
		const char *data;
		bool has;
		int64_t prompt, completion, total;
	} rows[] = {
		{ "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,"
		  "\"completion_tokens\":34,\"total_tokens\":46,"
		  "\"completion_tokens_details\":{\"reasoning_tokens\":5}}}",
		    true, 12, 34, 46 },
		{ "{\"choices\":[{\"delta\":{\"content\":\"\"},"
		  "\"finish_reason\":\"stop\"}],\"usage\":"
		  "{\"prompt_tokens\":0,\"completion_tokens\":1}}",
		    true, 0, 1, -1 },
		{ "{\"choices\":[],\"usage\":{\"prompt_tokens\":12}}", true, 12,
		    -1, -1 },
		{ "{\"choices\":[],\"usage\":{\"prompt_tokens\":\"12\","
		  "\"completion_tokens\":1.5}}",
		    true, -1, -1, -1 },
		{ "{\"usage\":{\"prompt_tokens\":-5,"
		  "\"completion_tokens\":2147483647}}",
		    true, -1, 2147483647, -1 },
		{ "{\"usage\":{\"prompt_tokens\":9223372036854775807,"
		  "\"completion_tokens\":2147483648}}",
		    true, -1, -1, -1 },
		{ "{\"choices\":[],\"usage\":null}", false, -1, -1, -1 },
		{ "{\"choices\":[],\"usage\":[12,34]}", false, -1, -1, -1 },
		{ DELTA("\"x\""), false, -1, -1, -1 },
		{ "[DONE]", false, -1, -1, -1 },
	};
	struct completion_chunk chunk = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(
		    read_chunk(&chunk, rows[i].data, strlen(rows[i].data)));
		if (chunk.has_usage != rows[i].has ||
		    chunk.usage.prompt_tokens != rows[i].prompt ||
		    chunk.usage.completion_tokens != rows[i].completion ||
		    chunk.usage.total_tokens != rows[i].total)
			fail_msg("%s", rows[i].data);
		buf_free(&chunk.text);
	}
}

static void
nonsense_is_refused(void **state)
{
	static const struct {
		const char *data;
		size_t n;
	} rows[] = {
		{ BYTES("") },
		{ BYTES("[DONE") },
		{ BYTES("[DONE]]") },
		{ BYTES("done") },
		{ BYTES("<html>502 Bad Gateway</html>") },
		{ BYTES("{\"choices\":[{\"delta\":{\"content\":\"Voi") },
		{ BYTES(DELTA("\"a\0b\"")) },
		{ BYTES("{} {}") },
		{ BYTES("\xff\xfe") },
	};
	struct completion_chunk chunk = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (read_chunk(&chunk, rows[i].data, rows[i].n))
			fail_msg("%s", rows[i].data);
		assert_int_equal(chunk.text.len, 0);
		buf_free(&chunk.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_found_and_clean),
		cmocka_unit_test(the_end_is_seen),
		cmocka_unit_test(errors_have_many_forms),
		cmocka_unit_test(usage_comes_with_or_without_choices),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
