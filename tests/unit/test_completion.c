/* The words of a chat completion, as several servers say them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "chat/model/completion.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BOTH     (QUIRK_COMPLETION_TOKENS | QUIRK_NO_USAGE)
#define TEN(s)   s s s s s s s s s s
#define BAD      "\xef\xbf\xbd" /* U+FFFD */

/* A row's bytes, which may hold NULs. */
#define BYTES(s) (s), sizeof(s) - 1

/*
 * The request.
 */

static void
add_pair(struct history *h, const char *question, const char *answer)
{
	const struct message q = {
		.role = ROLE_USER, .text = question, .len = strlen(question)
	};
	const struct message a = { .role = ROLE_ASSISTANT,
		.status = MESSAGE_INTERRUPTED,
		.text = answer,
		.len = strlen(answer) };

	assert_int_equal(history_add(h, &q, &a, &WINDOW_ALL), RC_OK);
}

static void
assert_json(const struct buf *b)
{
	struct json *doc;

	assert_int_equal(json_parse(b->data, b->len, &doc), RC_OK);
	json_free(doc);
}

#define TAIL ",\"max_tokens\":1024,\"stream_options\":{\"include_usage\":true}}"

static void
assert_request(const struct history *h, const char *question, size_t n,
    const char *messages)
{
	char expected[1024];
	struct buf b;

	snprintf(expected, sizeof(expected),
	    "{\"model\":\"org/model:8b\",\"temperature\":0.70,\"stream\":true,"
	    "\"messages\":["
	    "{\"role\":\"system\",\"content\":\"Sois \\\"bref\\\".\\n\"},"
	    "%s]" TAIL,
	    messages);
	buf_init(&b, 4096);
	completion_head(&b, "org/model:8b", 0.7, "Sois \"bref\".\n");
	completion_write(&b, h, question, n);
	completion_tail(&b, 1024, 0);
	assert_string_equal(buf_string(&b), expected);
	assert_json(&b);
	buf_free(&b);
}

static void
a_first_question_is_a_request(void **state)
{
	const struct history empty = { 0 };

	(void)state;
	assert_request(&empty, "Bonjour!", 7,
	    "{\"role\":\"user\",\"content\":\"Bonjour\"}");
	assert_request(&empty, "", 0, "{\"role\":\"user\",\"content\":\"\"}");
}

static void
a_conversation_is_a_request(void **state)
{
	struct history h = { 0 };

	(void)state;
	add_pair(&h, "Un café ?", "À 2 €.");
	add_pair(&h, "Et un thé\t?", "Le thé est");
	assert_request(&h, "C'est \"cher\" ? \\o/", 18,
	    "{\"role\":\"user\",\"content\":\"Un café ?\"},"
	    "{\"role\":\"assistant\",\"content\":\"À 2 €.\"},"
	    "{\"role\":\"user\",\"content\":\"Et un thé\\t?\"},"
	    "{\"role\":\"assistant\",\"content\":\"Le thé est\"},"
	    "{\"role\":\"user\",\"content\":\"C'est \\\"cher\\\" ? \\\\o/\"}");
	history_free(&h);
}

static void
temperatures_are_written_whole(void **state)
{
	static const struct {
		double temperature;
		const char *written;
	} rows[] = {
		{ 0, "0.00" },
		{ 0.01, "0.01" },
		{ 0.7, "0.70" },
		{ 1, "1.00" },
		{ 1.29, "1.29" },
		{ 2, "2.00" },
	};
	char expected[200];
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_clear(&b);
		completion_head(&b, "m", rows[i].temperature, "");
		snprintf(expected, sizeof(expected),
		    "{\"model\":\"m\",\"temperature\":%s,\"stream\":true,"
		    "\"messages\":[{\"role\":\"system\",\"content\":\"\"}",
		    rows[i].written);
		assert_string_equal(buf_string(&b), expected);
	}
	buf_free(&b);
}

static void
the_tail_can_be_written_anew(void **state)
{
	static const struct {
		unsigned quirks;
		const char *tail;
	} rows[] = {
		{ 0, TAIL },
		{ QUIRK_COMPLETION_TOKENS,
		    ",\"max_completion_tokens\":1024,"
		    "\"stream_options\":{\"include_usage\":true}}" },
		{ QUIRK_NO_USAGE, ",\"max_tokens\":1024}" },
		{ BOTH, ",\"max_completion_tokens\":1024}" },
		{ 0, TAIL },
	};
	const struct history empty = { 0 };
	struct buf b;
	size_t at;

	(void)state;
	buf_init(&b, 4096);
	completion_head(&b, "m", 1, "x");
	completion_write(&b, &empty, "?", 1);
	at = b.len;
	for (size_t i = 0; i < COUNT(rows); i++) {
		b.len = at;
		completion_tail(&b, 1024, rows[i].quirks);
		assert_string_equal(buf_string(&b) + at, rows[i].tail);
		assert_json(&b);
	}
	buf_free(&b);
}

/*
 * Refusals, by what the servers say or said.
 */

static void
a_refused_field_is_given_up(void **state)
{
	static const struct {
		const char *says;
		unsigned before, after;
	} rows[] = {
		/* OpenAI, a reasoning model */
		{ "{\"error\":{\"message\":\"Unsupported parameter: "
		  "'max_tokens' is not supported with this model. Use "
		  "'max_completion_tokens' instead.\",\"type\":"
		  "\"invalid_request_error\",\"param\":\"max_tokens\","
		  "\"code\":\"unsupported_parameter\"}}",
		    0, QUIRK_COMPLETION_TOKENS },
		{ "{\"error\":{\"message\":\"Unsupported parameter: "
		  "'max_tokens' is not supported with this model. Use "
		  "'max_completion_tokens' instead.\"}}",
		    QUIRK_NO_USAGE, BOTH },

		/* Mistral */
		{ "{\"object\":\"error\",\"message\":{\"detail\":[{\"type\":"
		  "\"extra_forbidden\",\"loc\":[\"body\","
		  "\"max_completion_tokens\"],\"msg\":\"Extra inputs are not "
		  "permitted\",\"input\":1024}]},\"type\":"
		  "\"invalid_request_error\",\"param\":null,\"code\":null}",
		    QUIRK_COMPLETION_TOKENS, 0 },
		{ "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":"
		  "[\"body\",\"stream_options\"],\"msg\":\"Extra inputs are "
		  "not permitted\",\"input\":{\"include_usage\":true}}]}",
		    0, QUIRK_NO_USAGE },
		{ "{\"detail\":[{\"loc\":[\"body\",\"stream_options\"]}]}",
		    QUIRK_COMPLETION_TOKENS, BOTH },

		/* Groq */
		{ "{\"error\":{\"message\":\"property 'stream_options' is "
		  "unsupported\",\"type\":\"invalid_request_error\"}}",
		    0, QUIRK_NO_USAGE },
		{ "{\"error\":{\"message\":\"property "
		  "'max_completion_tokens' is unsupported\"}}",
		    BOTH, QUIRK_NO_USAGE },

		/* two at once: one after the other */
		{ "unknown fields: max_tokens, stream_options", 0,
		    QUIRK_NO_USAGE },
		{ "unknown fields: max_tokens, stream_options", QUIRK_NO_USAGE,
		    BOTH },

		/* what we did not send, or is about something else */
		{ "stream_options", QUIRK_NO_USAGE, QUIRK_NO_USAGE },
		{ "use max_completion_tokens", 0, 0 },
		{ "use max_tokens", QUIRK_COMPLETION_TOKENS,
		    QUIRK_COMPLETION_TOKENS },
		{ "{\"error\":{\"message\":\"The model `x` does not exist\"}}",
		    0, 0 },
		{ "", 0, 0 },
		{ "", BOTH, BOTH },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (completion_quirks(rows[i].before, rows[i].says,
			strlen(rows[i].says)) != rows[i].after)
			fail_msg("%s", rows[i].says);
}

static void
a_refusal_need_not_be_a_string(void **state)
{
	char *copy = malloc(9);

	(void)state;
	assert_non_null(copy);
	memcpy(copy, "max_token", 9);
	assert_int_equal(completion_quirks(0, copy, 9), 0);
	free(copy);
	assert_int_equal(
	    completion_quirks(0, "\0max_tokens", 11), QUIRK_COMPLETION_TOKENS);
}

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
		cmocka_unit_test(a_first_question_is_a_request),
		cmocka_unit_test(a_conversation_is_a_request),
		cmocka_unit_test(temperatures_are_written_whole),
		cmocka_unit_test(the_tail_can_be_written_anew),
		cmocka_unit_test(a_refused_field_is_given_up),
		cmocka_unit_test(a_refusal_need_not_be_a_string),
		cmocka_unit_test(text_is_found_and_clean),
		cmocka_unit_test(the_end_is_seen),
		cmocka_unit_test(errors_have_many_forms),
		cmocka_unit_test(usage_comes_with_or_without_choices),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
