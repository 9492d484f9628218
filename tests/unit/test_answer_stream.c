/* A reply from its bytes to the text: however they are cut, the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "chat/model/answer_stream.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BOM      "\xef\xbb\xbf"
#define BAD      "\xef\xbf\xbd" /* U+FFFD */

#define CHUNK(choice) "{\"choices\":[{\"index\":0," choice "}]}"
#define SAY(text)     CHUNK("\"delta\":{\"content\":\"" text "\"}")
#define END(reason)   CHUNK("\"delta\":{},\"finish_reason\":\"" reason "\"")
#define USAGE_MEMBER \
	"\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2," \
	"\"total_tokens\":9}"
#define USAGE   "{\"choices\":[]," USAGE_MEMBER "}"
#define E(data) "data: " data "\n\n"
#define STOP    E(END("stop"))
#define DONE    E("[DONE]")
#define ERR     "{\"error\":{\"message\":\"boom\"}}"
#define WHOLE(message) \
	"{\"object\":\"chat.completion\",\"choices\":[{\"message\":" message \
	",\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7," \
	"\"completion_tokens\":2}}"

/* The end: what why says of a failure, or of what is whole; WHY_NO_END. */
static const struct {
	const char *body;
	const char *text;
	enum why why;
	const char *said;
	bool usage;
} rows[] = {
	/* the plain form, and its line ends */
	{ E(SAY("Oui")) STOP DONE, "Oui", WHY_NONE, "", false },
	{ E(SAY("Oui")) E(SAY(", non")) STOP E(USAGE) DONE, "Oui, non",
	    WHY_NONE, "", true },
	{ "data: " SAY("Oui") "\r\n\r\ndata: [DONE]\r\n\r\n", "Oui", WHY_NONE,
	    "", false },
	{ "data: " SAY("Oui") "\r\rdata: [DONE]\r\r", "Oui", WHY_NONE, "",
	    false },
	{ BOM E(SAY("Oui")) DONE, "Oui", WHY_NONE, "", false },
	{ "data:" SAY("Oui") "\n\ndata:[DONE]\n\n", "Oui", WHY_NONE, "",
	    false },
	{ "data: {\"choices\":\ndata: [{\"delta\":\ndata: {\"content\":\"Oui\"}"
	  "}]}\n\ndata: [DONE]\n\n",
	    "Oui", WHY_NONE, "", false },
	{ "id: 1\nevent: message\nretry: 7\nid\ndata: " SAY("Oui") "\n\n" DONE,
	    "Oui", WHY_NONE, "", false },
	{ E(SAY("Oui")) "data: [DONE]", "Oui", WHY_NONE, "", false },
	{ E(SAY("Oui")) "data: " END("stop"), "Oui", WHY_NONE, "", false },

	/* what says nothing */
	{ "data:\n\ndata: \n\ndata\n\n" E(SAY("Oui")) "data:\n\n" STOP
						      "data: \n\n" DONE,
	    "Oui", WHY_NONE, "", false },
	{ "data:  \t \n\n" E(SAY("Oui")) "data:   [DONE] \t\n\n", "Oui",
	    WHY_NONE, "", false },
	{ ": OPENROUTER PROCESSING\n\n" E(SAY("Oui")) ":\n\n" STOP, "Oui",
	    WHY_NONE, "", false },
	{ "event: ping\ndata: 2026-01-01\n\n" E(SAY("Oui")) STOP, "Oui",
	    WHY_NONE, "", false },
	{ E("{\"choices\":[],\"prompt_filter_results\":[]}") E(SAY("Oui")) STOP,
	    "Oui", WHY_NONE, "", false },
	{ E("{}") E("{\"choices\":null}") E(CHUNK("\"delta\":null"))
		E(SAY("Oui")) STOP,
	    "Oui", WHY_NONE, "", false },

	/* usage, before and after the end */
	{ E(SAY("Oui")) STOP DONE E(USAGE), "Oui", WHY_NONE, "", true },
	{ E(USAGE) E(SAY("Oui")) STOP DONE, "Oui", WHY_NONE, "", true },
	{ E(SAY("Oui")) STOP DONE "data: }{\n\nerror: x\n\n" E(ERR)
		E(SAY("Non")) E(USAGE),
	    "Oui", WHY_NONE, "", true },
	{ E(CHUNK("\"delta\":{\"content\":\"Oui\"},\"finish_reason\":\"stop\""))
		E(CHUNK("\"delta\":{\"content\":\" !\"},"
			"\"finish_reason\":\"stop\"")),
	    "Oui !", WHY_NONE, "", false },

	/* failures */
	{ E(SAY("Oui")) E(ERR) DONE, "Oui", WHY_ERROR, ERR, false },
	{ E(SAY("Oui")) "error: " ERR "\n\n" DONE, "Oui", WHY_ERROR, ERR,
	    false },
	{ "error: " ERR "\n\n" DONE, "", WHY_ERROR, ERR, false },
	{ E(SAY("Oui")) "event: error\ndata: {\"code\":500,\"message\":\"x\"}"
			"\n\n",
	    "Oui", WHY_ERROR, "{\"code\":500,\"message\":\"x\"}", false },
	{ "event: error\ndata: overloaded\n\n", "", WHY_ERROR, "overloaded",
	    false },
	{ E(SAY("Oui")) "event: error\n\n", "Oui", WHY_ERROR, "", false },
	{ E(SAY("Oui")) E(END("error")) DONE, "Oui", WHY_ERROR, END("error"),
	    false },
	{ E(SAY("Oui")) E(END("network_error")) DONE, "Oui", WHY_ERROR,
	    END("network_error"), false },
	{ E("{\"code\":429,\"message\":\"x\"}"), "", WHY_ERROR,
	    "{\"code\":429,\"message\":\"x\"}", false },
	{ E(SAY("Oui")) E("<html>"), "Oui", WHY_NONSENSE, "<html>", false },
	{ E("null"), "", WHY_NONSENSE, "null", false },
	{ E("[1]") E(SAY("Oui")), "", WHY_NONSENSE, "[1]", false },

	{ E(SAY("Oui")) E(CHUNK("\"delta\":{},\"error\":{\"code\":502}")) DONE,
	    "Oui", WHY_ERROR, CHUNK("\"delta\":{},\"error\":{\"code\":502}"),
	    false },
	{ E("{\"errors\":[{\"code\":10000}],\"success\":false}") DONE, "",
	    WHY_ERROR, "{\"errors\":[{\"code\":10000}],\"success\":false}",
	    false },
	{ E("{\"errors\":[]}") E(SAY("Oui")) STOP, "Oui", WHY_NONE, "", false },
	{ E("{\"statusCode\":429,\"message\":\"x\"}"), "", WHY_ERROR,
	    "{\"statusCode\":429,\"message\":\"x\"}", false },
	{ E("{\"title\":\"Too Many Requests\",\"status\":429}"), "", WHY_ERROR,
	    "{\"title\":\"Too Many Requests\",\"status\":429}", false },
	{ E("{\"base_resp\":{\"status_code\":1002}}"), "", WHY_ERROR,
	    "{\"base_resp\":{\"status_code\":1002}}", false },
	{ E("{\"base_resp\":{\"status_code\":0}}") E(SAY("Oui")) STOP, "Oui",
	    WHY_NONE, "", false },
	{ E(SAY("Oui")) "event: Upstream_Error\ndata: {}\n\n", "Oui", WHY_ERROR,
	    "{}", false },

	/* words without a code are an error when nothing else comes */
	{ E("{\"message\":\"x\"}"), "", WHY_ERROR, "{\"message\":\"x\"}",
	    false },
	{ E("{\"message\":\"x\"}") DONE, "", WHY_ERROR, "{\"message\":\"x\"}",
	    false },
	{ E("{\"message\":\"x\"}") E(SAY("Oui")) STOP, "Oui", WHY_NONE, "",
	    false },

	/* nonsense, when the answer is over already */
	{ E(SAY("Oui")) STOP E("\"[DONE]\""), "Oui", WHY_NONE, "", false },

	/* events without empty lines between them */
	{ "data: " SAY("Oui") "\ndata: " SAY(" !\\ud83d") "\ndata: " SAY(
	      "\\ude00") "\ndata: [DONE]\n",
	    "Oui !😀", WHY_NONE, "", false },
	{ "data: " SAY("Oui") "\ndata: <html>\n\n", "Oui", WHY_NONSENSE,
	    "<html>", false },

	/* usage in other places and under other names */
	{ E(SAY("Oui")) E(
	      CHUNK("\"delta\":{},\"finish_reason\":\"stop\"," USAGE_MEMBER)),
	    "Oui", WHY_NONE, "", true },
	{ E(SAY("Oui")) E("{\"x_groq\":{" USAGE_MEMBER "}}") STOP, "Oui",
	    WHY_NONE, "", true },
	{ E(SAY("Oui")) E(USAGE) E("{\"choices\":[],\"usage\":{}}") STOP, "Oui",
	    WHY_NONE, "", true },

	/* an end that is none */
	{ E(SAY("Oui")), "Oui", WHY_NO_END, "", false },
	{ E(SAY("Oui")) E(END("")), "Oui", WHY_NO_END, "", false },
	{ E(SAY("Oui")) E(END("length")) E(USAGE) DONE, "Oui", WHY_LENGTH, "",
	    true },
	{ E(SAY("Oui")) E(END("length")) STOP, "Oui", WHY_LENGTH, "", false },
	{ E(SAY("Oui")) E(END("content_filter")) DONE, "Oui", WHY_FILTER, "",
	    false },

	/* no text */
	{ STOP DONE, "", WHY_EMPTY, "stop", false },
	{ DONE, "", WHY_EMPTY, "", false },
	{ E(SAY(" ")) E(SAY("\\n\\n")) STOP DONE, "", WHY_EMPTY, "stop",
	    false },
	{ E(END("length")) DONE, "", WHY_LENGTH, "length", false },
	{ E(END("SAFETY")), "", WHY_FILTER, "SAFETY", false },
	{ E(CHUNK("\"delta\":{\"tool_calls\":[{}]}")) E(END("tool_calls")), "",
	    WHY_ONLY_TOOLS, "tool_calls", false },
	{ E(CHUNK("\"delta\":{\"reasoning\":\"Hm\"}")) E(END("length")), "",
	    WHY_ONLY_THOUGHTS, "length", false },
	{ E(SAY("<think>")) E(SAY("Hm")) E(END("length")), "",
	    WHY_ONLY_THOUGHTS, "length", false },

	/* thoughts, in their places */
	{ E(SAY("<thi")) E(SAY("nk>Hm</think")) E(SAY(">\\n\\nOui")) STOP,
	    "Oui", WHY_NONE, "", false },
	{ E(CHUNK("\"delta\":{\"content\":[{\"type\":\"reasoning\","
		  "\"text\":\"Hm\"},{\"type\":\"text\",\"text\":\"Oui\"}]}"))
		STOP,
	    "Oui", WHY_NONE, "", false },
	{ E(CHUNK("\"delta\":{\"content\":null,\"reasoning_content\":\"Hm\"}"))
		E(SAY("Oui")) STOP,
	    "Oui", WHY_NONE, "", false },
	{ E(CHUNK("\"delta\":{\"refusal\":\"Je ne \"}"))
		E(CHUNK("\"delta\":{\"refusal\":\"peux pas\"}")) STOP,
	    "Je ne peux pas", WHY_NONE, "", false },

	/* halves */
	{ E(SAY("a\\ud83d")) E(SAY("\\ude00b")) STOP, "a😀b", WHY_NONE, "",
	    false },
	{ E(SAY("\\ud83d")) ": beat\n\ndata:\n\n" E(USAGE) E(SAY("\\ude00"))
		STOP,
	    "😀", WHY_NONE, "", true },
	{ E(SAY("a\\ud83d")) STOP, "a" BAD, WHY_NONE, "", false },
	{ E(SAY("a\\ud83d")), "a", WHY_NO_END, "", false },
	{ E(SAY("a\\ud83d")) E(END("length")), "a", WHY_LENGTH, "", false },

	/* one that does not stream */
	{ WHOLE("{\"role\":\"assistant\",\"content\":\"Oui\"}"), "Oui",
	    WHY_NONE, "", true },
	{ "\r\n {\n \"choices\": [\n\n {\"message\": {\"content\": \"Oui\"}}\n"
	  "]\n}\n\n",
	    "Oui", WHY_NONE, "", false },
	{ E(WHOLE("{\"content\":\"Oui\"}")) DONE, "Oui", WHY_NONE, "", true },
	{ E(CHUNK("\"message\":{\"content\":\"Oui\"}"))
		E(CHUNK("\"message\":{\"content\":\" !\"}")) STOP,
	    "Oui !", WHY_NONE, "", false },
	{ E(SAY("Oui")) E(WHOLE("{\"content\":\"Oui\"}")) DONE, "Oui", WHY_NONE,
	    "", true },
	{ WHOLE("{\"content\":\"<think>Hm</think> Oui\"}"), "Oui", WHY_NONE, "",
	    true },
	{ WHOLE("{\"content\":null,\"refusal\":\"Non\"}"), "Non", WHY_NONE, "",
	    true },
	{ WHOLE("{\"content\":\"\"}"), "", WHY_EMPTY, "stop", true },
	{ "{\"choices\":[{\"message\":{\"content\":\"Oui\"},"
	  "\"finish_reason\":\"length\"}]}",
	    "Oui", WHY_LENGTH, "", false },
	{ ERR, "", WHY_ERROR, ERR, false },
	{ "{\"error\":\"Unexpected endpoint or method.\"}", "", WHY_ERROR,
	    "{\"error\":\"Unexpected endpoint or method.\"}", false },

	/* no answer at all */
	{ "", "", WHY_NO_STREAM, "", false },
	{ "<html>\n\n<p>502</p>\n</html>", "", WHY_NO_STREAM,
	    "<html>\n\n<p>502</p>\n</html>", false },
	{ SAY("Oui") "\n" END("stop") "\n", "", WHY_NO_STREAM,
	    SAY("Oui") "\n" END("stop") "\n", false },
	{ "{\"message\":\"Welcome\"}", "", WHY_NO_STREAM,
	    "{\"message\":\"Welcome\"}", false },
	{ "[1]", "", WHY_NO_STREAM, "[1]", false },
	{ "{\"choices\":[{\"mess", "", WHY_NO_STREAM, "{\"choices\":[{\"mess",
	    false },
	{ ": ok\n\n", "", WHY_NO_STREAM, ": ok\n\n", false },
};

static void
record(void *arg, const char *text, size_t n)
{
	assert_true(n > 0);
	assert_true(text_is_utf8(text, n));
	buf_add(arg, text, n);
}

static bool
feed(struct answer_stream *as, const char *s, size_t n)
{
	char *copy = malloc(n);
	bool more;

	assert_non_null(copy);
	memcpy(copy, s, n);
	more = answer_stream_feed(as, copy, n);
	free(copy);
	return more;
}

/* As an attempt does with a reply that is complete. */
static enum why
end(struct answer_stream *as)
{
	answer_stream_end(as);
	if (as->why != WHY_NONE)
		return as->why;
	if (as->finished)
		return answer_stream_whole(as);
	return as->event ? WHY_NO_END : WHY_NO_STREAM;
}

static void
check_cut(size_t row, size_t first, size_t step)
{
	size_t len = strlen(rows[row].body), at, n;
	struct chunk chunk = { 0 };
	struct answer_stream as;
	bool more = true;
	struct buf out;
	enum why why;

	buf_init(&out, 1000);
	answer_stream_init(&as, &chunk, record, &out);
	for (at = 0; more && at < len; at += n) {
		n = at == 0 ? first : step;
		if (n > len - at)
			n = len - at;
		more = feed(&as, rows[row].body + at, n);
	}
	assert_int_equal(more, as.why == WHY_NONE);
	why = end(&as);
	if (strcmp(buf_string(&out), rows[row].text) != 0 ||
	    why != rows[row].why ||
	    strcmp(buf_string(&as.said), rows[row].said) != 0)
		fail_msg("%s\ncut at %zu by %zu: \"%s\" %s \"%s\"",
		    rows[row].body, first, step, out.data, why_word(why),
		    as.said.data);
	assert_int_equal(as.begun, out.len > 0);
	assert_int_equal(as.usage.prompt_tokens, rows[row].usage ? 7 : -1);
	answer_stream_free(&as);
	buf_free(&chunk.text);
	buf_free(&out);
}

static void
cuts_make_no_difference(void **state)
{
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		len = strlen(rows[i].body) + 1;
		for (size_t first = 1; first <= len; first++)
			check_cut(i, first, len);
		for (size_t step = 1; step <= 20; step++)
			check_cut(i, step, step);
	}
}

/* When there is nothing more to wait for. */
static void
it_is_over_with_its_usage(void **state)
{
	static const struct {
		const char *body;
		bool finished, over;
	} ends[] = {
		{ E(SAY("Oui")), false, false },
		{ E(SAY("Oui")) STOP, true, false },
		{ E(SAY("Oui")) DONE, true, true },
		{ E(SAY("Oui")) STOP E(USAGE), true, true },
		{ E(SAY("Oui")) E(USAGE) STOP, true, false },
		{ E(USAGE) E(SAY("Oui")), false, false },
		{ E(SAY("Oui")) STOP E(USAGE) E(SAY(" !")), true, false },
		{ E(SAY("Oui")) STOP ": beat\n\ndata:\n\n", true, false },
	};
	struct chunk chunk = { 0 };
	struct answer_stream as;
	struct buf out;

	(void)state;
	for (size_t i = 0; i < COUNT(ends); i++) {
		buf_init(&out, 1000);
		answer_stream_init(&as, &chunk, record, &out);
		assert_true(feed(&as, ends[i].body, strlen(ends[i].body)));
		if (as.finished != ends[i].finished || as.over != ends[i].over)
			fail_msg("%s", ends[i].body);
		answer_stream_free(&as);
		buf_free(&out);
	}
	buf_free(&chunk.text);
}

static void
another_reply_begins_anew(void **state)
{
	static const char error[] = E(SAY("<think>\\ud83d")) ERR
	    "\n\nerror:x\n";
	static const char good[] = E(SAY("Oui")) STOP;
	struct chunk chunk = { 0 };
	struct answer_stream as;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	answer_stream_init(&as, &chunk, record, &out);
	assert_false(feed(&as, error, strlen(error)));
	answer_stream_stop(&as);
	assert_string_equal(buf_string(&as.said), "x");
	answer_stream_again(&as);
	assert_int_equal(as.said.len, 0);
	assert_true(feed(&as, good, strlen(good)));
	assert_int_equal(end(&as), WHY_NONE);
	assert_string_equal(buf_string(&out), "Oui");
	answer_stream_free(&as);
	buf_free(&chunk.text);
	buf_free(&out);
}

static void
what_is_said_has_a_ceiling(void **state)
{
	struct chunk chunk = { 0 };
	struct answer_stream as;

	(void)state;
	answer_stream_init(&as, &chunk, record, NULL);
	for (size_t i = 0; i < ANSWER_STREAM_MAX_SAID; i++)
		answer_stream_say(&as, "xyz", 3);
	assert_int_equal(as.said.len, ANSWER_STREAM_MAX_SAID);
	assert_non_null(buf_string(&as.said));
	answer_stream_free(&as);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_make_no_difference),
		cmocka_unit_test(it_is_over_with_its_usage),
		cmocka_unit_test(another_reply_begins_anew),
		cmocka_unit_test(what_is_said_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
