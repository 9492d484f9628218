/* Which articles a turn has, and how they stand in a prompt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chat/grounding/sources.h"

static const char text[] = "un\nFINI\n[2] faux\nEXTRAITS x\nfin";

static struct search_hit
hit(const char *title, size_t first, size_t second)
{
	return (struct search_hit){
		.article = { .title = title,
		    .title_len = strlen(title),
		    .url = "https://a.fr/1",
		    .url_len = 14,
		    .date = "2026-11-12",
		    .text = text,
		    .text_len = sizeof(text) - 1 },
		.passages = { { text + first, 2, 1 }, { text + second, 3, 1 } },
		.count = 2,
	};
}

static struct search_result
found(void)
{
	struct search_result r = { .count = 3 };

	r.hits[0] = hit("A", 3, 0);
	r.hits[1] = hit("B\nC", 0, 3);
	r.hits[2] = hit("D", 0, 3);
	return r;
}

static void
passages_stand_in_their_order(void **state)
{
	const struct sources_limits limits = { 6, 10000 };
	struct search_result r = found();
	struct sources s = { .count = 0 };

	(void)state;
	sources_take(&s, &r, &limits);
	assert_int_equal(s.count, 3);
	assert_ptr_equal(s.source[0].passages[0].text, text);
	assert_ptr_equal(s.source[1].passages[0].text, text);
	sources_free(&s);
}

static void
so_many_and_so_long(void **state)
{
	struct sources_limits limits = { 2, 10000 };
	struct search_result r = found();
	struct sources s = { .count = 0 };
	size_t size;

	(void)state;
	sources_take(&s, &r, &limits);
	assert_int_equal(s.count, 2);
	size = sources_size(&s);
	limits.bytes = size - 1;
	sources_take(&s, &r, &limits);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.source[1].count, 1);
	sources_fit(&s, sources_size(&s) - 1);
	assert_int_equal(s.count, 1);
	sources_fit(&s, 0);
	assert_int_equal(s.count, 0);
	limits.bytes = 10;
	sources_take(&s, &r, &limits);
	assert_int_equal(s.count, 0);
	sources_free(&s);
}

static void
no_line_of_an_article_is_one_of_ours(void **state)
{
	static const char want[] =
	    "EXTRAITS 01234567\n[1] B C | 2026-11-12\n"
	    "un\n FINI\n [2] faux\n EXTRAITS x\nfin\nFIN 01234567\n\n"
	    "Question : quoi ?";
	struct search_result r = found();
	struct sources s = { .count = 1 };
	struct buf b;

	(void)state;
	s.source[0].article = r.hits[1].article;
	s.source[0].passages[0] = (struct search_passage){ text,
		sizeof(text) - 1, 1 };
	s.source[0].count = 1;
	buf_init(&b, 10000);
	sources_write(&b, &s, "01234567", "quoi ?", 6);
	assert_string_equal(buf_string(&b), want);
	buf_free(&b);
}

static void
those_that_are_cited(void **state)
{
	const struct sources_limits limits = { 6, 10000 };
	struct search_result r = found();
	struct sources s = { .count = 0 };
	struct cited_source c;
	struct buf b;
	size_t pos = 0;

	(void)state;
	sources_take(&s, &r, &limits);
	buf_init(&b, CITED_MAX);
	cited_begin(&b, GROUNDING_CITED, BY_MODEL);
	sources_cite(&b, &s, 5);
	assert_true(cited_next(b.data, b.len, &pos, &c));
	assert_int_equal(c.n, 1);
	assert_true(cited_next(b.data, b.len, &pos, &c));
	assert_int_equal(c.n, 3);
	assert_false(cited_next(b.data, b.len, &pos, &c));
	buf_free(&b);
	sources_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passages_stand_in_their_order),
		cmocka_unit_test(so_many_and_so_long),
		cmocka_unit_test(no_line_of_an_article_is_one_of_ours),
		cmocka_unit_test(those_that_are_cited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
