/* What servers of language models say when they refuse, and what it means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "chat/model/refusal.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* In a block of its exact size, so that a byte read past it is found. */
static enum refusal
read_it(int status, const char *words)
{
	size_t n = strlen(words);
	char *copy = malloc(n + 1);
	enum refusal refusal;

	assert_non_null(copy);
	memcpy(copy + 1, words, n);
	refusal = refusal_read(status, copy + 1, n);
	free(copy);
	return refusal;
}

static const struct {
	int status;
	const char *words;
	enum refusal means;
} rows[] = {
	/* a status of HTTP counts for more than words */
	{ 503, "", REFUSAL_PASSING },
	{ 429, "{\"error\":{\"message\":\"invalid request\"}}",
	    REFUSAL_PASSING },
	{ 529,
	    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
	    "\"message\":\"Overloaded\"}}",
	    REFUSAL_PASSING },
	{ 400, "overloaded", REFUSAL_REQUEST },
	{ 401, "{\"error\":{\"code\":503}}", REFUSAL_REQUEST },
	{ 404, "context length", REFUSAL_REQUEST },
	{ 307, "", REFUSAL_REQUEST },

	/* a status that stands in the stream */
	{ 200, "{\"error\":{\"code\":429,\"message\":\"x\"}}",
	    REFUSAL_PASSING },
	{ 200, "{\"error\":{\"code\":\"429\",\"message\":\"x\"}}",
	    REFUSAL_PASSING },
	{ 200, "{\"code\":503,\"message\":\"x\"}", REFUSAL_PASSING },
	{ 200,
	    "{\"error\":{\"code\":502,\"message\":\"Provider returned "
	    "error\",\"metadata\":{\"raw\":\"x\"}}}",
	    REFUSAL_PASSING },
	{ 200, "{\"error\":{\"message\":\"x\",\"metadata\":{\"code\":500}}}",
	    REFUSAL_PASSING },
	{ 200, "{\"status\":\"503 Service Unavailable\"}", REFUSAL_PASSING },
	{ 200, "{\"status_code\":429,\"detail\":\"x\"}", REFUSAL_PASSING },
	{ 200, "{\"error\":{\"code\":400,\"message\":\"overloaded\"}}",
	    REFUSAL_REQUEST },
	{ 200, "{\"object\":\"error\",\"message\":\"x\",\"code\":400}",
	    REFUSAL_REQUEST },
	{ 200, "{\"error\":{\"code\":401,\"message\":\"x\"}}",
	    REFUSAL_REQUEST },
	{ 200, "[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}]",
	    REFUSAL_PASSING },

	/* names */
	{ 200,
	    "{\"error\":{\"type\":\"overloaded_error\","
	    "\"message\":\"x\"}}",
	    REFUSAL_PASSING },
	{ 200, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}",
	    REFUSAL_PASSING },
	{ 200, "{\"error\":{\"status\":\"UNAVAILABLE\"}}", REFUSAL_PASSING },
	{ 200, "{\"code\":\"ServiceUnavailable\"}", REFUSAL_PASSING },
	{ 200, "{\"code\":\"Throttling.RateQuota\"}", REFUSAL_PASSING },
	{ 200,
	    "{\"error\":{\"type\":\"server_error\",\"code\":null,"
	    "\"message\":\"The server had an error\"}}",
	    REFUSAL_PASSING },
	{ 200,
	    "{\"error\":{\"type\":\"invalid_request_error\","
	    "\"message\":\"try again\"}}",
	    REFUSAL_REQUEST },
	{ 200, "{\"error\":{\"code\":\"content_filter\"}}", REFUSAL_REQUEST },

	/* prose */
	{ 200, "{\"error\":{\"message\":\"Overloaded\"}}", REFUSAL_PASSING },
	{ 200, "{\"error\":\"The model is overloaded, try again later\"}",
	    REFUSAL_PASSING },
	{ 200, "{\"detail\":\"Too Many Requests\"}", REFUSAL_PASSING },
	{ 200, "upstream connect error: 503 Service Unavailable",
	    REFUSAL_PASSING },
	{ 200, "Loading model", REFUSAL_PASSING },
	{ 200, "{\"error\":\"boom\"}", REFUSAL_FAILURE },
	{ 200, "{\"error\":{\"code\":1,\"message\":\"boom\"}}",
	    REFUSAL_FAILURE },
	{ 200, "", REFUSAL_FAILURE },
	{ 200, "{", REFUSAL_FAILURE },
	{ 200, "{\"error\":{\"input\":\"overloaded\"}}", REFUSAL_FAILURE },

	/* too long, in the words of OpenAI, vLLM, llama.cpp, Anthropic,
	   Mistral, Groq, Google, DashScope, Azure, Ollama */
	{ 400,
	    "{\"error\":{\"message\":\"This model's maximum context length is "
	    "8192 tokens. However, your messages resulted in 9000 tokens.\","
	    "\"type\":\"invalid_request_error\",\"param\":\"messages\","
	    "\"code\":\"context_length_exceeded\"}}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"object\":\"error\",\"message\":\"This model's maximum "
	    "context length is 4096 tokens.\",\"code\":400}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"error\":{\"code\":400,\"message\":\"the request exceeds "
	    "the available context size\",\"type\":"
	    "\"exceed_context_size_error\",\"n_ctx\":4096}}",
	    REFUSAL_LENGTH },
	{ 500,
	    "{\"error\":{\"code\":500,\"message\":\"Context size has been "
	    "exceeded.\",\"type\":\"server_error\"}}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"type\":\"error\",\"error\":{\"type\":"
	    "\"invalid_request_error\",\"message\":\"prompt is too long: "
	    "210000 tokens > 200000 maximum\"}}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"message\":\"Prompt contains 40000 tokens, too large for "
	    "model with 32768 maximum context length\",\"type\":"
	    "\"invalid_request_error\"}",
	    REFUSAL_LENGTH },
	{ 413, "", REFUSAL_LENGTH },
	{ 413, "<title>413 Request Entity Too Large</title>", REFUSAL_LENGTH },
	{ 422,
	    "{\"error\":\"Input validation error: `inputs` tokens + "
	    "`max_new_tokens` must be <= 2048. Given: 2000 `inputs` tokens "
	    "and 1024 `max_new_tokens`\",\"error_type\":\"validation\"}",
	    REFUSAL_LENGTH },
	{ 422,
	    "{\"error\":\"Input validation error: `inputs` must have less "
	    "than 1024 tokens. Given: 2000\",\"error_type\":\"validation\"}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"error\":{\"message\":\"Invalid request: Your request "
	    "exceeded model token limit: 8192\",\"type\":"
	    "\"invalid_request_error\"}}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"error\":{\"code\":\"1261\",\"message\":\"Prompt exceeds "
	    "max length\"}}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"message\":\"The decoder prompt (length 9000) is longer than "
	    "the maximum model length of 8192.\",\"code\":400}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"detail\":\"Prompt has 5000 tokens, which exceeds the maximum "
	    "token limit of 4096\"}",
	    REFUSAL_LENGTH },
	{ 400,
	    "[{\"error\":{\"code\":400,\"message\":\"Request payload size "
	    "exceeds the limit: 20971520 bytes.\"}}]",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"errors\":[{\"code\":\"invalid_input_argument\",\"message\":"
	    "\"the number of input tokens 9000 cannot exceed the total tokens "
	    "limit 8192 for this model\"}]}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"error\":{\"message\":\"Invalid 'messages': array too long. "
	    "Expected an array with maximum length 16\",\"code\":"
	    "\"array_above_max_length\"}}",
	    REFUSAL_LENGTH },
	{ 200,
	    "{\"base_resp\":{\"status_code\":2013,\"status_msg\":"
	    "\"invalid params, context window exceeds limit\"}}",
	    REFUSAL_LENGTH },
	{ 400, "You exceeded your quota of tokens per minute",
	    REFUSAL_REQUEST },
	{ 400,
	    "max_tokens is too large: 1024. This model supports at most 512 "
	    "completion tokens",
	    REFUSAL_REQUEST },
	{ 400, "Input should be less than or equal to 1", REFUSAL_REQUEST },
	{ 413,
	    "{\"error\":{\"message\":\"Request too large for model `x` on "
	    "tokens per minute (TPM): Limit 6000, Requested 9000, please "
	    "reduce your message size and try again.\",\"type\":"
	    "\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
	    REFUSAL_LENGTH },
	{ 429,
	    "{\"error\":{\"message\":\"Request too large for gpt-4 on "
	    "tokens per min (TPM): Limit 10000, Requested 12000.\"}}",
	    REFUSAL_LENGTH },
	{ 429,
	    "{\"error\":{\"message\":\"would exceed 40,000 input tokens "
	    "per minute; reduce the length\"}}",
	    REFUSAL_PASSING },
	{ 400,
	    "{\"error\":{\"code\":400,\"message\":\"The input token count "
	    "(1200000) exceeds the maximum number of tokens allowed\","
	    "\"status\":\"INVALID_ARGUMENT\"}}",
	    REFUSAL_LENGTH },
	{ 400,
	    "{\"code\":\"InvalidParameter\",\"message\":\"Range of input "
	    "length should be [1, 30720]\"}",
	    REFUSAL_LENGTH },
	{ 200,
	    "{\"error\":{\"code\":400,\"message\":\"context length "
	    "exceeded\"}}",
	    REFUSAL_LENGTH },
	{ 200, "{\"error\":{\"code\":\"context_length_exceeded\"}}",
	    REFUSAL_LENGTH },
	{ 200, "{\"code\":\"ContextWindowExceededError\"}", REFUSAL_LENGTH },
};

static void
a_refusal_is_what_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (read_it(rows[i].status, rows[i].words) != rows[i].means)
			fail_msg("%d %s", rows[i].status, rows[i].words);
}

static void
what_is_cut_off_is_read_as_far_as_it_goes(void **state)
{
	static const char words[] =
	    "{\"error\":{\"code\":429,\"message\":\"Rate limit reached for";

	(void)state;
	assert_int_equal(read_it(200, words), REFUSAL_PASSING);
}

static void
what_is_nested_without_end_is_not_followed(void **state)
{
	static char words[1000];

	(void)state;
	memset(words, '[', sizeof(words) - 1);
	assert_int_equal(read_it(200, words), REFUSAL_FAILURE);
	for (size_t i = 0; i + 5 < sizeof(words); i += 5)
		memcpy(words + i, "{\"a\":", 5);
	assert_int_equal(read_it(200, words), REFUSAL_FAILURE);
}

static void
a_status_is_found(void **state)
{
	static const struct {
		const char *words;
		int status;
	} said[] = {
		{ "{\"error\":{\"code\":429}}", 429 },
		{ "{\"code\":\"503\"}", 503 },
		{ "{\"status\":\"404 Not Found\"}", 404 },
		{ "{\"code\":200,\"error\":{\"code\":400}}", 400 },
		{ "{\"code\":\"4290\"}", 0 },
		{ "{\"code\":600}", 0 },
		{ "{\"code\":1e2}", 0 },
		{ "{\"message\":429}", 0 },
		{ "429", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(said); i++)
		if (refusal_status(said[i].words, strlen(said[i].words)) !=
		    said[i].status)
			fail_msg("%s", said[i].words);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_is_what_it_says),
		cmocka_unit_test(what_is_cut_off_is_read_as_far_as_it_goes),
		cmocka_unit_test(what_is_nested_without_end_is_not_followed),
		cmocka_unit_test(a_status_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
