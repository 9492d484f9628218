/* The words of a request, and how they change when they are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "chat/model/request.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TOKENS   QUIRK_COMPLETION_TOKENS
#define LIMIT    QUIRK_NO_LIMIT
#define USAGE    QUIRK_NO_USAGE
#define HEAT     QUIRK_NO_TEMPERATURE
#define SYSTEM   QUIRK_NO_SYSTEM

#define ASKS \
	"{\"model\":\"org/model:8b\",\"temperature\":0.70,\"stream\":true," \
	"\"messages\":["
#define PROMPT     "{\"role\":\"system\",\"content\":\"Sois \\\"bref\\\".\"}"
#define USAGE_TAIL "\"stream_options\":{\"include_usage\":true}}"
#define TAIL       ",\"max_tokens\":1024," USAGE_TAIL
#define USER(s)    "{\"role\":\"user\",\"content\":\"" s "\"}"
#define MODEL(s)   "{\"role\":\"assistant\",\"content\":\"" s "\"}"
#define JOINED(s) \
	"{\"role\":\"user\",\"content\":\"Sois \\\"bref\\\".\\n\\n" s "\"}"
#define PAIR(n)   "," USER("q" n) "," MODEL("a" n)
#define PAIR_SIZE 84

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

/* Questions q1, q2 ... and their answers. */
static struct history
pairs(int n)
{
	struct history h = { 0 };
	char q[16], a[16];

	for (int i = 1; i <= n; i++) {
		snprintf(q, sizeof(q), "q%d", i);
		snprintf(a, sizeof(a), "a%d", i);
		add_pair(&h, q, a);
	}
	return h;
}

static void
write_head(struct buf *head, unsigned quirks)
{
	buf_init(head, 4096);
	request_write_head(head, "org/model:8b", 0.7, "Sois \"bref\".", quirks);
}

static void
write_request(struct request *r, const struct history *h, const char *question,
    size_t n, size_t most, unsigned quirks)
{
	struct buf head;
	const struct request_parts parts = { &head, h, question, n, most,
		quirks };

	write_head(&head, quirks);
	request_write(r, &parts);
	buf_free(&head);
}

static void
reword(struct request *r, unsigned quirks)
{
	struct buf head;

	write_head(&head, quirks);
	request_reword(r, &head, quirks);
	buf_free(&head);
}

static void
assert_text(struct request *r, unsigned quirks, const char *expected)
{
	struct json *doc;

	for (int i = 0; i < 2; i++) {
		request_close(r, 1024, quirks);
		assert_string_equal(buf_string(&r->text), expected);
	}
	assert_int_equal(json_parse(r->text.data, r->text.len, &doc), RC_OK);
	json_free(doc);
}

static void
a_first_question_is_a_request(void **state)
{
	const struct history empty = { 0 };
	struct request r;

	(void)state;
	write_request(&r, &empty, "Bonjour!", 7, SIZE_MAX, 0);
	assert_text(&r, 0, ASKS PROMPT "," USER("Bonjour") "]" TAIL);
	assert_false(request_halve(&r));
	buf_wipe(&r.text);
	write_request(&r, &empty, "", 0, 0, 0);
	assert_text(&r, 0, ASKS PROMPT "," USER("") "]" TAIL);
	buf_wipe(&r.text);
}

static void
a_conversation_is_a_request(void **state)
{
	static const char first[] = "," USER("Un café ?");
	static const char second[] = "," USER("Et un thé\\t?");
	static const char last[] = "," USER("C'est \\\"cher\\\" ? \\\\o/");
	char expected[1024];
	struct history h = { 0 };
	struct request r;

	(void)state;
	add_pair(&h, "Un café ?", "À 2 €.");
	add_pair(&h, "Et un thé\t?", "Le thé est");
	write_request(&r, &h, "C'est \"cher\" ? \\o/", 18, SIZE_MAX, 0);
	snprintf(expected, sizeof(expected), "%s%s,%s%s,%s%s]%s", ASKS PROMPT,
	    first, MODEL("À 2 €."), second, MODEL("Le thé est"), last, TAIL);
	assert_text(&r, 0, expected);
	buf_wipe(&r.text);
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
		request_write_head(&b, "m", rows[i].temperature, "", 0);
		snprintf(expected, sizeof(expected),
		    "{\"model\":\"m\",\"temperature\":%s,\"stream\":true,"
		    "\"messages\":[{\"role\":\"system\",\"content\":\"\"}",
		    rows[i].written);
		assert_string_equal(buf_string(&b), expected);
	}
	buf_free(&b);
}

static void
the_end_can_be_written_anew(void **state)
{
	static const struct {
		unsigned quirks;
		const char *tail;
	} rows[] = {
		{ 0, TAIL },
		{ TOKENS, ",\"max_completion_tokens\":1024,"
			  "\"stream_options\":{\"include_usage\":true}}" },
		{ USAGE, ",\"max_tokens\":1024}" },
		{ TOKENS | USAGE, ",\"max_completion_tokens\":1024}" },
		{ LIMIT, ",\"stream_options\":{\"include_usage\":true}}" },
		{ TOKENS | LIMIT | USAGE, "}" },
		{ 0, TAIL },
	};
	const struct history empty = { 0 };
	struct request r;
	char expected[512];

	(void)state;
	write_request(&r, &empty, "?", 1, SIZE_MAX, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(expected, sizeof(expected), "%s]%s",
		    ASKS PROMPT "," USER("?"), rows[i].tail);
		assert_text(&r, rows[i].quirks, expected);
	}
	buf_wipe(&r.text);
}

/*
 * In other words.
 */

#define COOL "{\"model\":\"org/model:8b\",\"stream\":true,\"messages\":["

static void
the_head_can_be_written_anew(void **state)
{
	struct history h = pairs(2);
	struct request r;

	(void)state;
	write_request(&r, &h, "?", 1, SIZE_MAX, 0);
	reword(&r, HEAT);
	assert_text(
	    &r, HEAT, COOL PROMPT PAIR("1") PAIR("2") "," USER("?") "]" TAIL);
	reword(&r, HEAT | SYSTEM);
	assert_text(&r, HEAT | SYSTEM,
	    COOL JOINED("q1") "," MODEL("a1") PAIR("2") "," USER("?") "]" TAIL);
	assert_true(request_halve(&r));
	reword(&r, HEAT | SYSTEM);
	assert_text(&r, HEAT | SYSTEM,
	    COOL JOINED("q2") "," MODEL("a2") "," USER("?") "]" TAIL);
	reword(&r, SYSTEM);
	assert_text(&r, SYSTEM,
	    ASKS JOINED("q2") "," MODEL("a2") "," USER("?") "]" TAIL);
	assert_true(request_halve(&r));
	reword(&r, SYSTEM);
	assert_text(&r, SYSTEM, ASKS JOINED("?") "]" TAIL);
	buf_wipe(&r.text);

	write_request(&r, &h, "?", 1, SIZE_MAX, SYSTEM);
	assert_text(&r, SYSTEM,
	    ASKS JOINED("q1") "," MODEL("a1") PAIR("2") "," USER("?") "]" TAIL);
	assert_true(request_halve(&r));
	assert_true(request_halve(&r));
	reword(&r, SYSTEM);
	assert_text(&r, SYSTEM, ASKS JOINED("?") "]" TAIL);
	buf_wipe(&r.text);
	history_free(&h);
}

static void
a_history_is_halved_down_to_none(void **state)
{
	static const struct {
		int pairs, left[5];
	} rows[] = {
		{ 1, { 0 } },
		{ 2, { 1, 0 } },
		{ 3, { 1, 0 } },
		{ 5, { 2, 1, 0 } },
		{ 8, { 4, 2, 1, 0 } },
		{ 9, { 4, 2, 1, 0 } },
	};
	char first[64];
	struct history h;
	struct request r;
	int left;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		h = pairs(rows[i].pairs);
		write_request(&r, &h, "?", 1, SIZE_MAX, 0);
		assert_int_equal(
		    request_size(&r), 41 + rows[i].pairs * PAIR_SIZE);
		for (int k = 0; k == 0 || rows[i].left[k - 1] > 0; k++) {
			left = rows[i].left[k];
			assert_true(request_halve(&r));
			if (k % 2 == 0)
				reword(&r, 0);
			assert_int_equal(
			    request_size(&r), 41 + left * PAIR_SIZE);
			snprintf(first, sizeof(first), "},{%s\"%s%d\"",
			    "\"role\":\"user\",\"content\":", "q",
			    rows[i].pairs - left + 1);
			reword(&r, 0);
			request_close(&r, 1024, 0);
			assert_true(left == 0 ||
				    strstr(buf_string(&r.text), first) != NULL);
		}
		assert_false(request_halve(&r));
		assert_text(&r, 0, ASKS PROMPT "," USER("?") "]" TAIL);
		buf_wipe(&r.text);
		history_free(&h);
	}
}

static void
a_history_is_cut_to_a_size(void **state)
{
	struct history h = pairs(5);
	struct request r;

	(void)state;
	for (int left = 0; left <= 5; left++) {
		write_request(&r, &h, "?", 1, 41u + 84 * (unsigned)left, 0);
		assert_int_equal(request_size(&r), 41 + left * PAIR_SIZE);
		buf_wipe(&r.text);
		write_request(&r, &h, "?", 1, 40u + 84 * (unsigned)left, 0);
		assert_int_equal(request_size(&r),
		    41 + (left > 0 ? left - 1 : 0) * PAIR_SIZE);
		buf_wipe(&r.text);
	}
	write_request(&r, &h, "?", 1, 41 + 2 * PAIR_SIZE, 0);
	assert_text(
	    &r, 0, ASKS PROMPT PAIR("4") PAIR("5") "," USER("?") "]" TAIL);
	assert_true(request_halve(&r));
	reword(&r, 0);
	assert_text(&r, 0, ASKS PROMPT PAIR("5") "," USER("?") "]" TAIL);
	buf_wipe(&r.text);
	history_free(&h);
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
		    0, TOKENS },
		{ "{\"error\":{\"message\":\"Unsupported parameter: "
		  "'max_tokens' is not supported with this model. Use "
		  "'max_completion_tokens' instead.\"}}",
		    USAGE, TOKENS | USAGE },

		/* Mistral */
		{ "{\"object\":\"error\",\"message\":{\"detail\":[{\"type\":"
		  "\"extra_forbidden\",\"loc\":[\"body\","
		  "\"max_completion_tokens\"],\"msg\":\"Extra inputs are not "
		  "permitted\",\"input\":1024}]},\"type\":"
		  "\"invalid_request_error\",\"param\":null,\"code\":null}",
		    TOKENS, 0 },
		{ "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":"
		  "[\"body\",\"stream_options\"],\"msg\":\"Extra inputs are "
		  "not permitted\",\"input\":{\"include_usage\":true}}]}",
		    0, USAGE },
		{ "{\"detail\":[{\"loc\":[\"body\",\"stream_options\"]}]}",
		    TOKENS, TOKENS | USAGE },

		/* Groq */
		{ "{\"error\":{\"message\":\"property 'stream_options' is "
		  "unsupported\",\"type\":\"invalid_request_error\"}}",
		    0, USAGE },
		{ "{\"error\":{\"message\":\"property "
		  "'max_completion_tokens' is unsupported\"}}",
		    TOKENS | USAGE, USAGE },

		/* two at once: one after the other */
		{ "unknown fields: max_tokens, stream_options", 0, USAGE },
		{ "unknown fields: max_tokens, stream_options", USAGE,
		    TOKENS | USAGE },

		/* what we did not send, or is about something else */
		{ "stream_options", USAGE, USAGE },
		{ "use max_completion_tokens", 0, 0 },
		{ "use max_tokens", TOKENS, TOKENS },
		{ "{\"error\":{\"message\":\"The model `x` does not exist\"}}",
		    0, 0 },
		{ "", 0, 0 },
		{ "", TOKENS | USAGE, TOKENS | USAGE },
		{ "{\"error\":{\"message\":\"Unsupported value: 'temperature' "
		  "does not support 0.7 with this model. Only the default (1) "
		  "value is supported.\",\"param\":\"temperature\"}}",
		    0, HEAT },
		{ "Unsupported parameter: 'temperature'", HEAT, HEAT },
		{ "max_tokens", LIMIT, LIMIT },

		/* templates that know no system, and OpenAI's o1-mini */
		{ "{\"object\":\"error\",\"message\":\"System role not "
		  "supported\",\"type\":\"BadRequestError\",\"code\":400}",
		    0, SYSTEM },
		{ "Conversation roles must alternate user/assistant/user/"
		  "assistant/...",
		    USAGE, SYSTEM | USAGE },
		{ "Unsupported value: 'messages[0].role' does not support "
		  "'system' with this model.",
		    0, SYSTEM },
		{ "System role not supported", SYSTEM, SYSTEM },
		{ "the file system is full", 0, 0 },
		{ "Developer instruction is not enabled for models/gemma", 0,
		    SYSTEM },
		{ "This model doesn't support system messages.", 0, SYSTEM },
		{ "Only user and assistant roles are supported!", 0, SYSTEM },
		{ "First message must be from user", 0, SYSTEM },

		/* a name as other languages write it */
		{ "Unknown name \"streamOptions\"", 0, USAGE },
		{ "Unknown parameter: 'include_usage'.", 0, USAGE },
		{ "extraneous key [maxTokens] is not permitted", 0, TOKENS },
		{ "max-tokens", 0, TOKENS },
		{ "maxCompletionTokens", TOKENS, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (request_give_up(rows[i].before, rows[i].before,
			rows[i].says, strlen(rows[i].says)) != rows[i].after)
			fail_msg("%s", rows[i].says);
}

static void
a_limit_is_given_up_under_either_name(void **state)
{
	static const char says[] = "max_tokens, max_completion_tokens";
	const size_t n = sizeof(says) - 1;

	(void)state;
	assert_int_equal(request_give_up(0, 0, says, n), TOKENS);
	assert_int_equal(request_give_up(TOKENS, 0, says, n), TOKENS | LIMIT);
	assert_int_equal(request_give_up(TOKENS, TOKENS, says, n), 0);
	assert_int_equal(request_give_up(0, TOKENS, says, n), LIMIT);
	assert_int_equal(request_give_up(LIMIT, TOKENS, says, n), LIMIT);
}

static void
a_refusal_need_not_be_a_string(void **state)
{
	char *copy = malloc(9);

	(void)state;
	assert_non_null(copy);
	memcpy(copy, "max_token", 9);
	assert_int_equal(request_give_up(0, 0, copy, 9), 0);
	free(copy);
	assert_int_equal(request_give_up(0, 0, "\0max_tokens", 11), TOKENS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_question_is_a_request),
		cmocka_unit_test(a_conversation_is_a_request),
		cmocka_unit_test(temperatures_are_written_whole),
		cmocka_unit_test(the_end_can_be_written_anew),
		cmocka_unit_test(the_head_can_be_written_anew),
		cmocka_unit_test(a_history_is_halved_down_to_none),
		cmocka_unit_test(a_history_is_cut_to_a_size),
		cmocka_unit_test(a_refused_field_is_given_up),
		cmocka_unit_test(a_limit_is_given_up_under_either_name),
		cmocka_unit_test(a_refusal_need_not_be_a_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
