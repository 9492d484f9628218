/* What a log line of a failure may not show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/model/redact.h"

#define DEADLINE 5 /* seconds, of a machine that is busy */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct buf
said_of(const char *text)
{
	struct buf b;

	buf_init(&b, 8192);
	buf_adds(&b, text);
	return b;
}

static void
assert_said(struct buf *said, const char *expected)
{
	assert_string_equal(said->len > 0 ? buf_string(said) : "", expected);
	buf_free(said);
}

static void
a_secret_is_hidden(void **state)
{
	static const struct {
		const char *secret, *said, *shown;
	} rows[] = {
		{ "sk-canary-51f0", "", "" },
		{ NULL, "nothing", "nothing" },
		{ "", "nothing", "nothing" },
		{ "sk-canary-51f0", "bad key", "bad key" },
		{ "sk-canary-51f0", "key sk-canary-51f0!",
		    "key **************!" },
		{ "sk-canary-51f0", "sk-canary-51f0sk-canary-51f0",
		    "****************************" },
		/* cut off, masked by the server, a piece of it */
		{ "sk-canary-51f0", "a key: sk-c", "a key: ****" },
		{ "sk-canary-51f0", "a key: s", "a key: *" },
		{ "sk-canary-51f0", "sk-can...1f0", "******...1f0" },
		{ "sk-canary-51f0", "is ANARY_51", "is ********" },
		/* in escapes */
		{ "sk-\"a\\b\"cdefg", "{\"k\":\"sk-\\\"a\\\\b\\\"cdefg\"}",
		    "{\"k\":\"****************\"}" },
		{ "canary", "\\u0063\\u0061nary", "****************" },
		{ "canary", "\\\\u0063\\\\u0061nary", "******************" },
		{ "sk-a/b+c=d", "sk-a%2Fb%2Bc%3Dd, sk-a%252Fb%252bc%253dd",
		    "****************, **********************" },
		{ "sk-a&b<c'd\"e", "sk-a&amp;b&lt;c&#39;d&quot;e",
		    "****************************" },
		{ "sk-a&b", "sk-a&#x26;b sk-a&amp;#38;b",
		    "*********** **************" },
		{ "a/b", "a\\/b a%2fb b/a.", "**** ***** b/a." },
		{ "k", "{\"key\": \"\\u006b\"}", "{\"*ey\": \"******\"}" },
		{ ".*+?^${}()|[]\\", ".*+?^${}()|[]\\\\ .*+?^${}()|[]",
		    "**************\\ *************" },
		/* of nothing but asterisks, or marks */
		{ "********", "a ******** b", "a ******** b" },
		{ "********", "***", "***" },
		{ "*", "* * *", "* * *" },
		{ "-._~", "a -._~ b -._", "a **** b ***" },
	};
	struct buf said;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		said = said_of(rows[i].said);
		redact_secret(&said, rows[i].secret);
		assert_said(&said, rows[i].shown);
	}
}

#define MESSAGES(s) \
	"\"messages\":[{\"role\":\"system\",\"content\":\"Sois aimable.\"}," \
	"{\"role\":\"user\",\"content\":\"" s "\"}"

static void
what_was_asked_is_hidden(void **state)
{
	static const struct {
		const char *messages, *said, *shown;
	} rows[] = {
		{ MESSAGES("Où est Léa ?"), "too many requests",
		    "too many requests" },
		{ MESSAGES("Où est Léa ?"), "bad: Où est Léa ?",
		    "bad: ************ ?" },
		{ MESSAGES("Où est Léa ?"), "bad: O\\u00f9 est L\\u00e9a ?",
		    "bad: ******************** ?" },
		{ MESSAGES("Où est Léa ?"), "bad: O\\\\u00f9 EST L\\\\u00E9A?",
		    "bad: **********************?" },
		{ MESSAGES("mot \\\"secret\\\" ici"),
		    "['mot', 'secret', 'ici']", "['********************']" },
		{ MESSAGES("mot \\\"secret\\\" ici"), "tsecretic",
		    "*********" },
		{ MESSAGES("Où est Léa ?"), "OÙ EST LÉA", "************" },
		{ MESSAGES("un\\ndeux\\ttrois"), "un deux trois",
		    "*************" },
		{ MESSAGES("un\\ndeux\\ttrois"), "un\\\\ndeux\\\\ttrois",
		    "*****************" },
		{ MESSAGES("le \\ud83d\\ude00 rit"), "le \xf0\x9f\x98\x80 rit",
		    "***********" },
		{ MESSAGES("le \xf0\x9f\x98\x80 rit"), "le \\ud83d\\ude00 rit",
		    "*******************" },
		{ MESSAGES("x"), "prompt 7: sois aimable. x",
		    "prompt 7: ************. x" },
		/* in other escapes */
		{ MESSAGES("prénom: Zoé"), "m=pr%C3%A9nom%3A%20Zo%C3%A9&n=1",
		    "m=*************************&n=1" },
		{ MESSAGES("prénom: Zoé"), "m=pr%25c3%25a9nom+Zo%25c3%25a9.",
		    "m=****************************." },
		{ MESSAGES("prénom: Zoé"), "<p>pr&eacute;nom: Zo&#233;</p>",
		    "<p>***********************</p>" },
		{ MESSAGES("prénom: Zoé"),
		    "<p>pr&amp;#xE9;nom: Zo&amp;eacute;</p>",
		    "<p>*******************************</p>" },
		{ MESSAGES("prénom: Zoé"), "b'pr\\xc3\\xa9nom: Zo\\xe9'",
		    "b'*********************'" },
		{ MESSAGES("de 100% & plus"), "de 100%25 &amp; plus",
		    "********************" },
		{ MESSAGES("le \\ud83d\\ude00 rit"), "le \\U0001f600 rit",
		    "*****************" },
		{ MESSAGES("abcdefgh"), "%", "%" },
		{ MESSAGES("abcdefgh"), "%4", "%4" },
		{ MESSAGES("abcdefgh"), "%25", "%25" },
		{ MESSAGES("abcdefgh"), "a&#;b&#x;c&#99999999;d&;e&",
		    "a&#;b&#x;c&#99999999;d&;e&" },
		/* words by themselves, but of those that failures have */
		{ MESSAGES("Je suis Lili Dupont, le code est 4711"),
		    "invalid name: Dupont (code 4711)",
		    "invalid name: ****** (code ****)" },
		{ MESSAGES("Lili et Tom"), "Lilia, Tomas: tom and \\nLILI",
		    "Lilia, Tomas: *** and \\n****" },
		/* shorter than a piece, but all of it */
		{ MESSAGES("Lili !"), "I may not say Lili here",
		    "I may not say **** here" },
		{ MESSAGES("a"), "a cat", "a cat" },
		{ MESSAGES(""), "a cat", "a cat" },
		/* odd ends of escapes */
		{ MESSAGES("abcdefgh"), "\\", "\\" },
		{ MESSAGES("abcdefgh"), "\\u", "\\u" },
		{ MESSAGES("abcdefgh"), "\\u00", "\\u00" },
		{ MESSAGES("abcdefgh"), "\\ud83d\\u", "\\ud83d\\u" },
		{ MESSAGES("abcdefgh"), "abcdefg\\u0068\\ud83d",
		    "*************\\ud83d" },
		{ "", "a cat", "a cat" },
	};
	struct buf said;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		said = said_of(rows[i].said);
		redact_asked(&said, rows[i].messages, strlen(rows[i].messages));
		assert_said(&said, rows[i].shown);
	}
}

/* Wherever it stands, however long the rest is. */
static void
a_piece_of_much_is_hidden(void **state)
{
	static const char piece[] = "numero 8214 rue";
	size_t n = 100000;
	char *asked = malloc(n);
	struct buf said;

	(void)state;
	assert_non_null(asked);
	for (size_t i = 0; i < n; i++)
		asked[i] = (char)('a' + (i * i / 7 + i) % 26);
	for (size_t at = 0; at + sizeof(piece) < n; at += 9973) {
		memcpy(asked + at, piece, sizeof(piece) - 1);
		said = said_of("<numero 8214 rue>");
		redact_asked(&said, asked, n);
		assert_said(&said, "<***************>");
	}
	buf_init(&said, 8192);
	buf_add(&said, asked, 4000);
	redact_asked(&said, asked, n);
	assert_int_equal(said.len, REDACT_MAX);
	for (size_t i = 0; i < said.len; i++)
		assert_int_equal(said.data[i], '*');
	buf_free(&said);
	free(asked);
}

/* However often one letter comes, on either side. */
static void
what_repeats_itself_takes_no_time(void **state)
{
	const size_t n = 4 * 1024 * 1024;
	char *asked = malloc(n);
	struct buf said;

	(void)state;
	assert_non_null(asked);
	memset(asked, 'a', n);
	for (int i = 0; i < 2; i++) {
		buf_init(&said, REDACT_MAX);
		buf_add(&said, asked, REDACT_MAX);
		alarm(DEADLINE);
		if (i == 0)
			redact_asked(&said, asked, n);
		else
			redact_secret(&said, asked + n - 5000);
		alarm(0);
		assert_int_equal(strspn(buf_string(&said), "*"), REDACT_MAX);
		buf_free(&said);
		asked[n - 1] = '\0';
	}
	free(asked);
}

static void
words_of_failures_are_shown(void **state)
{
	struct buf said = said_of("{\"error\":{\"code\":503,\"message\":"
				  "\"Overloaded, dear L\xc3\xa9"
				  "a 12 5031\"}}");

	(void)state;
	redact_unknown(&said);
	assert_said(&said, "{\"error\":{\"code\":503,\"message\":"
			   "\"Overloaded, **** **** ** ****\"}}");
	said = said_of("");
	redact_unknown(&said);
	assert_said(&said, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_hidden),
		cmocka_unit_test(what_was_asked_is_hidden),
		cmocka_unit_test(a_piece_of_much_is_hidden),
		cmocka_unit_test(what_repeats_itself_takes_no_time),
		cmocka_unit_test(words_of_failures_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
