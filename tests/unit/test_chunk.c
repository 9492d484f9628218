/* What a chunk of a completion says, as several servers say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "chat/model/chunk.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEN(s)   s s s s s s s s s s
#define BAD      "\xef\xbf\xbd" /* U+FFFD */

/* A row's bytes, which may hold NULs. */
#define BYTES(s) (s), sizeof(s) - 1

/* In a block of its exact size, so that a byte read past it is found. */
static bool
read_chunk(struct chunk *chunk, const char *data, size_t n)
{
	struct chunk_half half = { .len = 0 };
	char *copy = malloc(n + 1);
	bool ok;

	assert_non_null(copy);
	memcpy(copy + 1, data, n);
	ok = chunk_read(chunk, &half, copy + 1, n);
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
		{ BYTES(DELTA("{\"text\":\"x\"}")), "x" },
		{ BYTES(DELTA("{\"type\":\"text\",\"text\":\"x\"}")), "x" },
		{ BYTES(DELTA("{\"value\":\"x\"}")), "" },
		{ BYTES(DELTA("true")), "" },
		{ BYTES(DELTA("\"é€😀 \\u00e9\\ud83d\\ude00\\n\"")),
		    "é€😀 é😀\n" },
		{ BYTES(DELTA("\"\\n\\ndata: x</script>\"")),
		    "\n\ndata: x</script>" },
		{ BYTES(DELTA("\"a\\u0000b\"")), "a" BAD "b" },
		{ BYTES(DELTA("\"a\\ud800b\"")), "a" BAD "b" },
		{ BYTES(DELTA("\"a\\ud800\"")), "a" },
		{ BYTES(DELTA("\"\xe9t\xe9.\"")), BAD "t" BAD "." },
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
		{ BYTES(DELTA("[1,\"x\",{\"text\":2}]")), "x" },

		{ BYTES(DELTA("[{\"type\":\"reasoning\",\"text\":\"Hm\"},"
			      "{\"text\":\"Hm\",\"type\":\"thinking\"},"
			      "{\"type\":\"redacted_thinking\",\"text\":"
			      "\"Hm\"},{\"text\":\"oui\"}]")),
		    "oui" },
		{ BYTES(DELTA("[{\"type\":\"output_text\",\"text\":\"oui\"},"
			      "{\"type\":\"image_url\",\"text\":\"x\"},"
			      "{\"type\":null,\"text\":\"x\"}]")),
		    "oui" },
		{ BYTES(DELTA("{\"type\":\"thinking\",\"text\":\"Hm\"}")), "" },

		/* what is said in a refusal */
		{ BYTES("{\"choices\":[{\"delta\":{\"refusal\":\"Non\"}}]}"),
		    "Non" },
		{ BYTES(
		      "{\"choices\":[{\"delta\":{\"content\":null,\"refusal\":"
		      "\"Non\"}}]}"),
		    "Non" },
		{ BYTES("{\"choices\":[{\"delta\":{\"refusal\":\" b\","
			"\"content\":\"a\"}}]}"),
		    "a b" },
		{ BYTES("{\"choices\":[{\"delta\":{\"refusal\":null,"
			"\"content\":\"a\"}}]}"),
		    "a" },
		{ BYTES(DELTA("[{\"type\":\"refusal\",\"refusal\":\"Non\"}]")),
		    "Non" },

		/* a message in the place of a delta, or beside it */
		{ BYTES("{\"choices\":[{\"message\":{\"role\":\"assistant\","
			"\"content\":\"Oui\"}}]}"),
		    "Oui" },
		{ BYTES(
		      "{\"choices\":[{\"delta\":null,\"message\":{"
		      "\"content\":[{\"type\":\"text\",\"text\":\"Oui\"}]}}]}"),
		    "Oui" },
		{ BYTES("{\"choices\":[{\"message\":{\"content\":\"Oui, non\"},"
			"\"delta\":{\"content\":\"non\"}}]}"),
		    "non" },
		{ BYTES("{\"choices\":[{\"delta\":{},\"message\":{"
			"\"content\":\"Oui\"}}]}"),
		    "" },

		/* more than one choice */
		{ BYTES("{\"choices\":[{\"delta\":{\"content\":\"a\"}},"
			"{\"delta\":{\"content\":\"b\"}}]}"),
		    "a" },

		/* of a name that comes twice the last counts */
		{ BYTES("{\"choices\":[{\"delta\":{\"content\":\"a\","
			"\"content\":\"b\"}}]}"),
		    "b" },

		/* no delta at all */
		{ BYTES(""), "" },
		{ BYTES(" \t"), "" },
		{ BYTES("\n"), "" },
		{ BYTES("{}"), "" },
		{ BYTES("{\"choices\":[{\"delta\":null}]}"), "" },
		{ BYTES("{\"choices\":[],\"prompt_filter_results\":[{"
			"\"prompt_index\":0,\"content_filter_results\":{"
			"\"hate\":{\"filtered\":false}}}]}"),
		    "" },
		{ BYTES("{\"choices\":[{\"content_filter_offsets\":{},"
			"\"finish_reason\":null,\"index\":0}]}"),
		    "" },
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
	struct chunk chunk = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(read_chunk(&chunk, rows[i].data, rows[i].n));
		assert_string_equal(buf_string(&chunk.text), rows[i].text);
		assert_int_equal(chunk.text.len, strlen(rows[i].text));
		assert_int_equal(chunk.finish, FINISH_NONE);
		assert_false(chunk.done);
		assert_false(chunk.error);
		assert_false(chunk.has_usage);
		buf_free(&chunk.text);
	}
}

#define END(reason) \
	"{\"choices\":[{\"delta\":{},\"finish_reason\":" reason "}]}"

static void
the_end_is_seen(void **state)
{
	static const struct {
		const char *data;
		enum finish finish;
		bool done;
	} rows[] = {
		{ "[DONE]", FINISH_NONE, true },
		{ " [DONE] ", FINISH_NONE, true },
		{ "\t[DONE]\n", FINISH_NONE, true },
		{ DELTA("\"x\""), FINISH_NONE, false },
		{ END("\"stop\""), FINISH_STOP, false },
		{ END("\"length\""), FINISH_LENGTH, false },
		{ END("\"network_error\""), FINISH_ERROR, false },
		{ "{\"choices\":[{\"delta\":{\"content\":\"x\"},"
		  "\"finish_reason\":\"length\"}]}",
		    FINISH_LENGTH, false },
		{ "{\"choices\":[{\"finish_reason\":\"content_filter\"}]}",
		    FINISH_FILTER, false },
		{ END("null"), FINISH_NONE, false },
		{ END("\"\""), FINISH_NONE, false },
		{ END("0"), FINISH_NONE, false },
		{ "{\"choices\":[],\"finish_reason\":\"stop\"}", FINISH_NONE,
		    false },
	};
	struct chunk chunk = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(
		    read_chunk(&chunk, rows[i].data, strlen(rows[i].data)));
		if (chunk.finish != rows[i].finish ||
		    chunk.done != rows[i].done)
			fail_msg("%s", rows[i].data);
		buf_free(&chunk.text);
	}
}

static void
thoughts_and_tools_are_seen(void **state)
{
#define WITH(member) "{\"choices\":[{\"delta\":{" member "}}]}"
	static const struct {
		const char *data;
		bool thought, tools;
	} rows[] = {
		{ WITH("\"reasoning_content\":\"Hm\""), true, false },
		{ WITH("\"reasoning\":\"Hm\""), true, false },
		{ WITH("\"thinking\":\"Hm\""), true, false },
		{ WITH("\"reasoning\":\"\""), false, false },
		{ WITH("\"reasoning\":null"), false, false },
		{ DELTA("[{\"type\":\"thinking\",\"thinking\":[]}]"), true,
		    false },
		{ DELTA("[{\"type\":\"text\",\"text\":\"x\"}]"), false, false },
		{ WITH("\"tool_calls\":[{\"id\":\"x\"}]"), false, true },
		{ WITH("\"function_call\":{\"name\":\"x\"}"), false, true },
		{ WITH("\"tool_calls\":null"), false, false },
	};
	struct chunk chunk = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(
		    read_chunk(&chunk, rows[i].data, strlen(rows[i].data)));
		if (chunk.thought != rows[i].thought ||
		    chunk.tools != rows[i].tools)
			fail_msg("%s", rows[i].data);
		buf_free(&chunk.text);
	}
}

/* Contents of one answer, one after the other, and what becomes of them. */
static const struct {
	const char *contents[4];
	const char *text, *end;
} halves[] = {
	{ { "\"\\ud83d\"", "\"\\ude00\"" }, "😀", "" },
	{ { "\"a\\ud83d\"", "\"\\ude00b\"" }, "a😀b", "" },
	{ { "\"\\ud83d\"", "null", "\"\"", "\"\\ude00\"" }, "😀", "" },
	{ { "\"\\uD83D\"", "[{\"text\":\"\\uDE00\"}]" }, "😀", "" },
	{ { "[{\"text\":\"\\ud83d\"},{\"text\":\"\\ude00\"}]" }, "😀", "" },
	{ { "\"\\ud83d\"", "\"\\ude00\\ud83d\"", "\"\\ude01\"" }, "😀😁", "" },
	{ { "\"\\ud83d\"", "\"x\"" }, BAD "x", "" },
	{ { "\"\\ud83d\"", "\"\\ud83d\"", "\"\\ude00\"" }, BAD "😀", "" },
	{ { "\"\\ud83d\"" }, "", BAD },
	{ { "\"\\ude00\"", "\"x\"" }, BAD "x", "" },
	{ { "\"\\\\ud83d\"", "\"\\ude00\"" }, "\\ud83d" BAD, "" },
	{ { "\"\\\\\\ud83d\"", "\"\\ude00\"" }, "\\😀", "" },
	{ { "\"d83d\"", "\"\\ude00\"" }, "d83d" BAD, "" },

	/* the bytes of UTF-8, likewise */
	{ { "\"\xf0\"", "\"\x9f\x98\"", "\"\x80\"" }, "😀", "" },
	{ { "\"a\xc3\"", "\"\xa9t\xc3\xa9\"" }, "aété", "" },
	{ { "\"\xe2\x82\"", "\"x\"" }, BAD "x", "" },
	{ { "\"\xe2\x82\"" }, "", BAD },
};

static void
halves_become_one_character(void **state)
{
	struct chunk_half half;
	struct chunk chunk = { 0 };
	struct buf data, text;

	(void)state;
	for (size_t i = 0; i < COUNT(halves); i++) {
		half.len = 0;
		buf_init(&text, 1000);
		for (size_t k = 0; k < 4 && halves[i].contents[k] != NULL;
		     k++) {
			buf_init(&data, 1000);
			buf_addf(&data,
			    "{\"choices\":[{\"delta\":{\"content\":%s}}]}",
			    halves[i].contents[k]);
			assert_true(
			    chunk_read(&chunk, &half, data.data, data.len));
			buf_add(&text, chunk.text.data, chunk.text.len);
			buf_free(&data);
		}
		assert_string_equal(buf_string(&text), halves[i].text);
		chunk_end(&chunk, &half);
		assert_string_equal(buf_string(&chunk.text), halves[i].end);
		assert_int_equal(half.len, 0);
		buf_free(&text);
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
		{ "{\"error\":[]}", false },
		{ "{\"object\":\"error\",\"message\":\"x\",\"code\":400}",
		    true },
		{ "{\"choices\":[{\"delta\":{\"content\":\"\"},"
		  "\"finish_reason\":\"error\"}],\"error\":{\"code\":502}}",
		    true },
		{ "{\"type\":\"error\",\"message\":\"x\"}", true },
		{ "{\"code\":429,\"message\":\"x\"}", true },
		{ "{\"code\":\"InvalidParameter\",\"message\":\"x\"}", true },
		{ "{\"status\":503,\"msg\":\"x\"}", true },
		{ "{\"error_code\":336003,\"error_msg\":\"x\"}", true },
		{ "{\"detail\":\"Not Found\"}", true },
		{ "{\"detail\":[{\"msg\":\"x\"}]}", true },
		{ "{\"error\":true}", true },
		{ "{\"error\":429}", true },
		{ "{\"error\":null,\"choices\":[]}", false },
		{ "{\"error\":\"\",\"choices\":[]}", false },
		{ "{\"error\":false,\"choices\":[]}", false },
		{ "{\"error_code\":0,\"choices\":[]}", false },
		{ "{\"code\":200,\"message\":\"ok\"}", false },
		{ "{\"code\":0,\"msg\":\"success\",\"choices\":[]}", false },
		{ "{\"code\":429,\"message\":\"x\",\"choices\":[]}", false },
		{ "{\"type\":\"ping\"}", false },
		{ "{\"object\":\"chat.completion.chunk\",\"choices\":[]}",
		    false },
		{ "{\"object\":\"errors\"}", false },
		{ "{\"object\":{}}", false },
		{ "{\"message\":\"error\"}", false },
		{ DELTA("\"error\""), false },
	};
	struct chunk chunk = { 0 };

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
		    true, 12, -1, -1 },
		{ "{\"usage\":{\"prompt_tokens\":\"0\",\"completion_tokens\":"
		  "\"2147483648\",\"total_tokens\":\"99999999999999999999\"}}",
		    true, 0, -1, -1 },
		{ "{\"usage\":{\"prompt_tokens\":\"\",\"completion_tokens\":"
		  "\"1x\",\"total_tokens\":\"-1\"}}",
		    false, -1, -1, -1 },
		{ "{\"usage\":{\"prompt_tokens\":-5,"
		  "\"completion_tokens\":2147483647}}",
		    true, -1, 2147483647, -1 },
		{ "{\"usage\":{\"prompt_tokens\":9223372036854775807,"
		  "\"completion_tokens\":2147483648}}",
		    false, -1, -1, -1 },
		{ "{\"choices\":[],\"usage\":null}", false, -1, -1, -1 },
		{ "{\"choices\":[],\"usage\":[12,34]}", false, -1, -1, -1 },
		{ DELTA("\"x\""), false, -1, -1, -1 },
		{ "[DONE]", false, -1, -1, -1 },
	};
	struct chunk chunk = { 0 };

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
		{ BYTES("null") },
		{ BYTES("[1]") },
		{ BYTES("\"x\"") },
		{ BYTES("7") },
		{ BYTES("[DONE") },
		{ BYTES("[DONE]]") },
		{ BYTES("done") },
		{ BYTES("<html>502 Bad Gateway</html>") },
		{ BYTES("{\"choices\":[{\"delta\":{\"content\":\"Voi") },
		{ BYTES(DELTA("\"a\0b\"")) },
		{ BYTES("{} {}") },
		{ BYTES("\xff\xfe") },
	};
	struct chunk chunk = { 0 };

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
		cmocka_unit_test(thoughts_and_tools_are_seen),
		cmocka_unit_test(halves_become_one_character),
		cmocka_unit_test(errors_have_many_forms),
		cmocka_unit_test(usage_comes_with_or_without_choices),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
