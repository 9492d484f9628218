/* What the local responder says, and in which pieces. */
#include "chat/local/local_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "articles/article_lines.h"
#include "base/text.h"

struct world {
	struct local_search search;
	struct history history;
	struct local_answer draft;
};

static const struct index_limits limits = { 100, 1 << 30, 1 << 20, NULL };
static const struct search_conf conf = { 0.8, 0.3, { 0.1, 30 }, { 0.5, 180 } };

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err err;

	assert_non_null(w);
	w->search = (struct local_search){
		.index = article_lines_read(NULL, &limits, &err),
		.conf = &conf,
		.today = 20400,
	};
	assert_non_null(w->search.index);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	local_answer_free(&w->draft);
	index_unref(w->search.index);
	history_free(&w->history);
	free(w);
	return 0;
}

static void
remember(struct world *w, const char *question, const char *answer)
{
	const struct message q = {
		.role = ROLE_USER, .text = question, .len = strlen(question)
	};
	const struct message a = {
		.role = ROLE_ASSISTANT, .text = answer, .len = strlen(answer)
	};

	assert_int_equal(history_add(&w->history, &q, &a, &WINDOW_ALL), RC_OK);
}

static void
assert_pieces(const struct local_answer *d)
{
	size_t from = 0;

	for (size_t i = 0; i < d->pieces; i++) {
		assert_true(d->ends[i] > from);
		assert_true(
		    text_is_utf8(d->text.data + from, d->ends[i] - from));
		from = d->ends[i];
	}
	assert_int_equal(from, d->text.len);
}

/* A whole turn, which enters the history. */
static const char *
converse_in(struct world *w, const char *question, enum lang lang)
{
	const struct prompt prompt = {
		.history = &w->history,
		.question = question,
		.len = strlen(question),
		.lang = lang,
		.request_id = "r",
	};
	const char *text;

	local_answer_free(&w->draft);
	assert_true(local_answer_write(&w->draft, &w->search, &prompt));
	assert_pieces(&w->draft);
	assert_non_null(text = buf_string(&w->draft.text));
	remember(w, question, text);
	return text;
}

static const char *
converse(struct world *w, const char *question)
{
	return converse_in(w, question, LANG_FR);
}

static bool
has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static int
count(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

#define SMARTPHONES "(https://exemple.invalid/smartphones/"

static void
test_a_list_of_articles(void **state)
{
	struct world *w = *state;
	const char *text = converse(
	    w, "Quelles sont les dernières actualités sur les smartphones?");

	assert_int_equal(count(text, "\n- **["), 3);
	assert_true(has(text,
	    "\n- **[Bien choisir son smartphone (exemple)]" SMARTPHONES
	    "bien-choisir)** (28 octobre 2025) : "));
	assert_true(has(text, "stockage"));
	assert_true(has(text, "Aucun modèle de langage n'est connecté"));
	assert_int_equal(w->draft.pieces, 5);
}

static void
test_languages(void **state)
{
	struct world *w = *state;
	const char *text = converse_in(w, "mutuelle", LANG_EN);

	assert_true(has(text, "Here is what I found:\n\n- **["));
	assert_true(has(text, ")** (9 September 2025): "));
	assert_true(has(text, "No language model is connected"));
	text = converse(w, "vol annulé");
	assert_true(has(text, "(1er juillet 2025)"));
}

/* The links of an answer, one by one, are not in those before. */
static void
assert_new_links(const char *text, const char *before)
{
	char link[128];
	const char *p = text;
	size_t n;

	while ((p = strstr(p, "](")) != NULL) {
		n = strcspn(p, ")");
		assert_true(n < sizeof(link));
		memcpy(link, p, n);
		link[n] = '\0';
		assert_false(has(before, link));
		p += n;
	}
}

static void
test_following_up(void **state)
{
	struct world *w = *state;
	char *before = strdup(converse(w, "prix"));
	const char *text = converse(w, "Et après ?");

	assert_non_null(before);
	assert_int_equal(count(before, "\n- **["), 3);
	assert_true(has(text, "Voici la suite"));
	assert_true(count(text, "\n- **[") >= 1);
	assert_new_links(text, before);

	/* nothing is left: what was said, instead */
	text = converse(w, "Encore");
	assert_true(has(text, "pas d'autre article"));
	assert_true(has(text, "\n> prix\n"));
	assert_int_equal(count(text, "\n- **["), 0);

	/* a question with words of its own may show it again */
	text = converse(w, "prix");
	assert_int_equal(count(text, "\n- **["), 3);
	free(before);
}

static void
test_nothing_in_particular(void **state)
{
	struct world *w = *state;
	char *before = strdup(converse(w, "Bonjour !"));
	const char *text;

	assert_non_null(before);
	assert_true(has(before, "Voici les articles les plus récents"));
	assert_true(has(before, "sms-et-telephone"));
	assert_int_equal(count(before, "\n- **["), 3);
	text = converse(w, "Et après ?");
	assert_int_equal(count(text, "\n- **["), 3);
	assert_new_links(text, before);
	free(before);
}

static void
test_what_the_visitor_said(void **state)
{
	static const char *const questions[] = { "Où j’étais ?",
		"Quel est mon nom ?", "Comment je m'appelle ?",
		"Comment je m’appelle ?", "Qui suis-je ?", "What is my name?",
		"Who am I?", "xyzzy", "Quel est mon prix ?" };
	struct world *w = *state;
	const char *text;
	size_t i;

	text = converse(w, "Je m'appelle Jean et je cherche un smartphone");
	assert_true(has(text, SMARTPHONES));
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		text = converse(w, questions[i]);
		if (!has(text, "\n> Je m'appelle Jean et je cherche"))
			fail_msg("%s: %s", questions[i], text);
		assert_int_equal(count(text, "\n- **["), 0);
		assert_true(has(text, "Aucun modèle de langage"));
	}
	text = converse(w, "Où j’étais ?");
	assert_true(has(text, "Je ne sais de vous que"));

	/* one's own things that articles are about */
	text = converse(w, "Comment résilier mon abonnement ?");
	assert_true(has(text, "resilier-en-ligne"));
	text = converse(w, "Comment comparer les prix ?");
	assert_int_equal(count(text, "\n- **["), 3);
}

static void
test_first_message_that_finds_nothing(void **state)
{
	struct world *w = *state;
	const char *text = converse(w, "xyzzy");

	assert_true(has(text, "aucun article sur cette question.\n"));
	assert_int_equal(w->draft.pieces, 2);
	assert_int_equal(count(text, "\n> "), 0);
	assert_true(has(text, "Aucun modèle de langage"));
}

static void
test_a_long_conversation(void **state)
{
	struct world *w = *state;
	char question[32];
	const char *text;
	int i;

	for (i = 1; i <= 30; i++) {
		snprintf(question, sizeof(question), "message%d", i);
		remember(w, question, "réponse");
	}
	text = converse(w, "xyzzy");
	assert_int_equal(count(text, "\n> "), 10);
	assert_true(has(text, "\n> message1\n"));
	assert_false(has(text, "\n> message21\n"));
	assert_true(has(text, "\n> message22\n"));
	assert_true(has(text, "\n> message30\n"));
	assert_false(has(text, "réponse\n"));
}

static void
test_quotes_are_plain(void **state)
{
	static const struct {
		const char *said;
		const char *quoted;
	} rows[] = {
		{ "un\ndeux\r\n\ttrois", "\n> un deux trois\n" },
		{ "**gras** _i_ `c`",
		    "\n> \\*\\*gras\\*\\* \\_i\\_ \\`c\\`\n" },
		{ "[a](javascript:b)", "\n> \\[a\\](javascript:b)\n" },
		{ "<b>&amp;", "\n> \\<b\\>\\&amp;\n" },
		{ "# titre", "\n> \\# titre\n" },
		{ "- point - trait", "\n> \\- point - trait\n" },
		{ "\n\n> cité", "\n> \\> cité\n" },
		{ "fin\\", "\n> fin\\\\\n" },
	};
	struct world *w = *state;
	const char *text;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remember(w, rows[i].said, "réponse");
		text = converse(w, "xyzzy");
		if (!has(text, rows[i].quoted))
			fail_msg("%s: %s", rows[i].said, text);
	}
}

static void
test_long_quotes_are_cut(void **state)
{
	struct world *w = *state;
	char *said = calloc(1, 16384);
	const char *text;

	assert_non_null(said);
	for (size_t i = 0; i + 2 < 16384; i += 2)
		memcpy(said + i, "é", 2);
	remember(w, said, "réponse");
	text = converse(w, "xyzzy");
	assert_true(has(text, "éé…\n"));
	assert_true(strlen(text) < 2000);
	free(said);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_list_of_articles),
		TEST(test_languages),
		TEST(test_following_up),
		TEST(test_nothing_in_particular),
		TEST(test_what_the_visitor_said),
		TEST(test_first_message_that_finds_nothing),
		TEST(test_a_long_conversation),
		TEST(test_quotes_are_plain),
		TEST(test_long_quotes_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
