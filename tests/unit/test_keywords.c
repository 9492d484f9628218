/* The words that a search is made of: which count, and how they are written. */
#include "articles/keywords.h"

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
		if (keywords_count(rows[i].text, strlen(rows[i].text)) !=
		    rows[i].words)
			fail_msg("%s", rows[i].text);
	}
	for (i = 0; i < 100; i++)
		memcpy(many + 4 * i, "gaz ", 4);
	assert_int_equal(keywords_count(many, sizeof(many)), KEYWORDS_MAX);
}

/* The keywords of a text, each with a blank behind it. */
static const char *
all(char out[256], const char *text, size_t len)
{
	const char *p = text;
	struct keyword w;
	size_t n = 0;

	out[0] = '\0';
	while (keywords_next(&w, &p, text + len)) {
		assert_int_equal(strlen(w.text), w.len);
		n += (size_t)snprintf(out + n, 256 - n, "%s ", w.text);
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
		{ "fore\xcc\x82t", "foret " },
		{ "ñandú Ÿ œuvre", "nandu Ÿ œuvre " },
		{ "日本 Δέλτα", "日本 Δέλτα " },
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

/* A long word is cut between two characters; all its letters count. */
static void
test_long_word(void **state)
{
	char text[200] = "a";
	const char *p = text;
	struct keyword w;
	size_t i;

	(void)state;
	for (i = 1; i + 1 < 100; i += 2)
		memcpy(text + i, "œ", 2);
	assert_true(keywords_next(&w, &p, text + i));
	assert_int_equal(w.len, KEYWORD_BYTES - 1);
	assert_memory_equal(w.text, text, w.len);
	assert_int_equal(w.letters, 1 + 49);
	assert_false(keywords_next(&w, &p, text + i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_long_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
