/* The words that a search is made of: which count, and how they are written. */
#include "articles/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void
test_count(void **state)
{
	static const struct {
		const char *text;
		int words;
	} rows[] = {
		{ "Et après ?", 0 },
		{ "apre\xcc\x80s", 0 },
		{ "ENCORE", 0 },
		{ "La suite, les autres !", 0 },
		{ "Bonjour", 0 },
		{ "Et plus ?", 0 },
		{ "Who am I?", 0 },
		{ "Qui suis-je ?", 0 },
		{ "", 0 },
		{ "« … » – ’ ! \xc2\xa0 € 😀", 0 },
		{ "a b 1", 0 },
		{ "y yours", 0 },
		{ "l’assurance", 1 },
		{ "Quel est mon nom ?", 1 },
		{ "What is my name?", 1 },
		{ "un lave-linge, une mutuelle", 3 },
		{ "日本", 1 },
		{ "forêt 2025", 2 },
	};
	char many[400] = "";
	size_t i;

	(void)state;
	for (i = 0; i < LEN(rows); i++) {
		if (tokens_count(rows[i].text, strlen(rows[i].text), 99) !=
		    rows[i].words)
			fail_msg("%s", rows[i].text);
	}
	for (i = 0; i < 100; i++)
		memcpy(many + 4 * i, "gaz ", 4);
	assert_int_equal(tokens_count(many, sizeof(many), 32), 32);
}

/* The words of a text that mean something, each with a blank behind it. */
static const char *
all(char out[256], const char *text, size_t len)
{
	const char *p = text;
	struct token t;
	size_t n = 0;

	out[0] = '\0';
	while (tokens_next(&t, &p, text + len)) {
		assert_int_equal(strlen(t.text), t.len);
		if (t.kind != WORD_PLAIN)
			continue;
		n += (size_t)snprintf(out + n, 256 - n, "%s ", t.text);
		assert_true(n < 256);
	}
	assert_ptr_equal(p, text + len);
	return out;
}

static void
test_folding(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} rows[] = {
		{ "Du GAZ", "gaz " },
		{ "FORÊTS l’énergie", "forets energie " },
		{ "l'énergie d'hier qu'on lorsqu’elle", "energie hier " },
		{ "fore\xcc\x82t", "foret " },
		{ "ñandú Ÿves œuvre ŒUVRE ex æquo Straße",
		    "nandu yves oeuvre oeuvre ex aequo strasse " },
		{ "Łódź Šibenik Ķegums", "lodz sibenik kegums " },
		{ "日本 Δέλτα ЖУК Ёлка", "日本 δέλτα жук ёлка " },
		{ "gaz\xff"
		  "fioul \xc3",
		    "gaz fioul " },
		{ "« gaz », x « fioul »", "gaz fioul " },
	};
	char out[256];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(rows); i++)
		assert_string_equal(
		    all(out, rows[i].text, strlen(rows[i].text)),
		    rows[i].words);
}

/* A long word is cut between two characters. */
static void
test_long_word(void **state)
{
	char text[200] = "a";
	const char *p = text;
	struct token t;
	size_t i;

	(void)state;
	for (i = 1; i + 1 < 100; i += 2)
		memcpy(text + i, "ω", 2);
	assert_true(tokens_next(&t, &p, text + i));
	assert_int_equal(t.len, TOKEN_BYTES - 1);
	assert_memory_equal(t.text, text, t.len);
	assert_false(tokens_next(&t, &p, text + i));
}

/* The lists of words are in order, or a word would not be found. */
static void
test_stop_words(void **state)
{
	static const struct {
		const char *text;
		enum word_kind kind;
	} rows[] = {
		{ "about", WORD_STOP },
		{ "yours", WORD_STOP },
		{ "de", WORD_STOP },
		{ "hui", WORD_STOP },
		{ "lorsqu", WORD_STOP },
		{ "actu", WORD_NEWS },
		{ "aujourd", WORD_NEWS },
		{ "dernieres", WORD_NEWS },
		{ "nouveautes", WORD_NEWS },
		{ "today", WORD_NEWS },
		{ "smartphone", WORD_PLAIN },
		{ "zut", WORD_PLAIN },
		{ "", WORD_PLAIN },
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(rows); i++)
		assert_int_equal(stop_word(rows[i].text), rows[i].kind);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_long_word),
		cmocka_unit_test(test_stop_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
