/*
 * What a visitor gets to see of what a model says, at whatever bytes its
 * answer is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chat/grounding/cite_filter.h"

#define SITE "https://site.fr/rappel"
#define MAX  (1 << 20)

static const struct cite_url urls[] = {
	{ SITE, sizeof(SITE) - 1 },
	{ "https://site.fr/b", 17 },
	{ "", 0 },
};
static const struct cite_conf plain_conf = { urls, 3, CITE_MARKERS, false };

/* Filter a text in two pieces, cut at a byte. */
static void
run(struct cite_filter *f, const struct cite_conf *conf, const char *text,
    size_t n, size_t cut, struct buf *out)
{
	buf_init(out, MAX);
	cite_filter_init(f, conf);
	cite_filter_add(f, text, cut, out);
	cite_filter_add(f, text + cut, n - cut, out);
	assert_true(f->held.len < CITE_HELD_MAX);
	cite_filter_end(f, out);
	cite_filter_free(f);
	assert_false(out->failed);
}

static void
expect_conf(const struct cite_conf *conf, const char *text, const char *want)
{
	size_t n = strlen(text);
	struct cite_filter f;
	struct buf out;

	for (size_t cut = 0; cut <= n; cut++) {
		run(&f, conf, text, n, cut, &out);
		assert_string_equal(n > 0 ? buf_string(&out) : "", want);
		buf_free(&out);
	}
	buf_init(&out, MAX);
	cite_filter_init(&f, conf);
	for (size_t i = 0; i < n; i++)
		cite_filter_add(&f, text + i, 1, &out);
	cite_filter_end(&f, &out);
	cite_filter_free(&f);
	assert_string_equal(n > 0 ? buf_string(&out) : "", want);
	buf_free(&out);
}

static void
expect(const char *text, const char *want)
{
	expect_conf(&plain_conf, text, want);
}

static void
markers_become_one_form(void **state)
{
	(void)state;
	expect("Un rappel [1].", "Un rappel [1].");
	expect("a [1, 3] b", "a [1][3] b");
	expect("a [1][2] b", "a [1][2] b");
	expect("a [1-3] b", "a [1][2][3] b");
	expect("a 【1】 b", "a [1] b");
	expect("a 【2†source】.", "a [2].");
	expect("a [Source 1] b", "a [1] b");
	expect("a [Sources 1 et 2] b", "a [1][2] b");
	expect("a [^1] b", "a [1] b");
	expect("a [1](" SITE ") b", "a [1] b");
	expect("a [1](https://evil.com) b", "a [1] b");
}

static void
unknown_numbers_are_taken_out(void **state)
{
	(void)state;
	expect("Un rappel [4].", "Un rappel.");
	expect("Un rappel [0], [12] et [999].", "Un rappel, et.");
	expect("a [1, 7] b", "a [1] b");
	expect("a【9】b", "ab");
	expect("[[9]7]", "[7 ]");
	expect("\\[9]", "\\[9 ]");
}

static void
ends_within_a_marker(void **state)
{
	(void)state;
	expect("fin [1", "fin [1");
	expect("fin [", "fin [");
	expect("fin [1]", "fin [1]");
	expect("fin [12", "fin [12");
	expect("fin \xe3\x80\x90", "fin \xe3\x80\x90");
}

static void
harmless_text_stays(void **state)
{
	static const char *const texts[] = {
		"",
		"Bonjour, comment ça va ?\n\n- un\n- deux\n",
		"Le prix (TTC) est de 12,50 € : voir [note] et [x] ou [2024].",
		"# Titre\r\n\r\n| a | b |\r\n|---|---|\r\n| 1 | 2 |\r\n",
		"Une liste:\n1. [ ] faire\n2. [x] fait\n",
		"Voir " SITE " ou <" SITE ">, [le rappel](" SITE ").",
		"(" SITE ") et « " SITE " », **" SITE "**.",
		"a < b && c > d ! [sic] ~ environ ~~barré~~",
		"E = a/b ; 10/12/2025 ; et/ou ; 12:30 ; whose html http wow",
		"`a[9]` et ``b ` [7](x)`` fin",
		"```c\nint a[9] = { 0 }; // https://evil.com\n```\nfin",
		"~~~\n[x](https://evil.com)\n~~~\n",
		"  ```\n  a[9]\n  ```\n",
		"日本語のテキスト、「引用」。",
		"a\\*b\\[c\\] \\\\",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect(texts[i], texts[i]);
}

static void
foreign_links_become_text(void **state)
{
	(void)state;
	expect("[ici](https://evil.com/x)", "ici");
	expect("a [ici](//evil.com) b", "a ici b");
	expect("[ici](<https://evil.com> \"t\")", "ici");
	expect("[ici](javascript:alert(1))", "ici");
	expect("[ici](" SITE "@evil.com)", "ici");
	expect("[a [b](https://evil.com) c](" SITE ")", "[a b c](" SITE ")");
	expect("<https://evil.com/x>", "evil.com/x");
	expect("https://evil.com.", "evil.com.");
	expect("HTTPS://evil.com", "evil.com");
	expect("www.evil.com", "evil.com");
	expect("https://www.evil.com", "evil.com");
	expect(SITE ".evil.com", "site.fr/rappel.evil.com");
	expect(SITE "@evil.com", "site.fr/rappel@evil.com");
	expect(
	    "<a href=\"https://evil.com\">x</a>", "<a href=\"evil.com\">x</a>");
	expect("<img src=//evil.com/p.png>", "<img src=evil.com/p.png>");
}

static void
pictures_become_text(void **state)
{
	(void)state;
	expect("![photo](https://evil.com/p.png?q=1)", "photo");
	expect("![photo](" SITE ")", "photo");
	expect("a ![](https://evil.com/p.png) b", "a  b");
	expect("![9][x](" SITE ")", "! [x](" SITE ")");
	expect("Super![1]", "Super![1]");
}

static void
nothing_defines_a_reference(void **state)
{
	(void)state;
	expect("[a]: https://evil.com", "[a] : evil.com");
	expect("> [a]: //evil.com", "> [a] : evil.com");
	expect("[1]: Rappel", "[1] : Rappel");
	expect("voir [a]: oui", "voir [a]: oui");
}

static void
what_is_left_makes_nothing_new(void **state)
{
	(void)state;
	expect("hthttps://tps://evil.com", "https:/ /evil.com");
	expect("[ww](https://a.b)w.evil.com", "www .evil.com");
	expect("[a]\\[9](https://evil.com)", "[a]\\[9 ] (evil.com)");
	expect(
	    "`a`[9]``[x](https://evil.com)``", "`a` ``[x](https://evil.com)``");
	expect(SITE "<xy:@evil.com>", SITE " @evil.com");
	expect(SITE "[9]x", SITE " x");
	expect(
	    "\\https://`[x](https://evil.com)`", "\\ `[x](https://evil.com)`");
}

/* What looks like code, but is none for a reader of Markdown. */
static void
no_code_no_peace(void **state)
{
	(void)state;
	expect("`a\nb` [x](https://evil.com) `", "`a\nb` x `");
	expect("- ```\n[x](https://evil.com)\n", "- ```\nx\n");
	expect("a\n    ```\n[x](https://evil.com)\n", "a\n    ```\nx\n");
	expect("- a\n\n  ```\n[x](https://evil.com)\n", "- a\n\n  ```\nx\n");
	expect("``` a`b\n[x](https://evil.com)\n", "``` a`b\nx\n");
	expect("```\na\n```\n[x](https://evil.com)", "```\na\n```\nx");
	expect("```\na\n```` \n[x](https://evil.com)", "```\na\n```` \nx");
	expect("\\`[x](https://evil.com)`", "\\`x`");
	expect("[a` ](u) ` [x](https://evil.com) `", "[a` ](u) ` x `");
	expect("> ```\n> a\n\n```\n[x](https://evil.com)\n```\n",
	    "> ```\n> a\n\n```\nx\n```\n");
}

static void
a_paragraph_ends_doubt(void **state)
{
	(void)state;
	expect("l` a\n\n`a[9]`", "l` a\n\n`a[9]`");
	expect("l` a\r\n`a[9]`", "l` a\r\n`a`");
}

static void
counts_what_it_does(void **state)
{
	static const char text[] = "[1][2][9] ![a](b) [c](d) https://e.f";
	struct cite_filter f;
	struct buf out;

	(void)state;
	run(&f, &plain_conf, text, sizeof(text) - 1, 0, &out);
	assert_int_equal(f.cited, 3);
	assert_int_equal(f.known, 2);
	assert_int_equal(f.unknown, 1);
	assert_int_equal(f.pictures, 1);
	assert_int_equal(f.links, 2);
	buf_free(&out);
}

static void
other_forms_of_citations(void **state)
{
	const struct cite_conf links = { urls, 3, CITE_LINKS, false };
	const struct cite_conf off = { urls, 3, CITE_OFF, false };

	(void)state;
	expect_conf(&links, "a [1, 3].", "a [1](" SITE ")[3].");
	expect_conf(&off, "a [1] b.", "a b.");
}

static void
any_link_may_stay(void **state)
{
	const struct cite_conf any = { urls, 3, CITE_MARKERS, true };

	(void)state;
	expect_conf(&any, "[a](https://b.c \"t\") https://d.e <https://f.g>",
	    "[a](https://b.c \"t\") https://d.e <https://f.g>");
	expect_conf(&any, "![a](https://b.c) [9]", "a");
}

/* However long, it is given out: what is too long is nothing special. */
static void
long_things_are_let_go(void **state)
{
	static char text[20000];
	struct cite_filter f;
	struct buf out, all;
	size_t at = 0;

	(void)state;
	memcpy(text, "[a](https://evil.com/", 21);
	memset(text + 21, 'x', sizeof(text) - 22);
	text[sizeof(text) - 2] = ')';
	run(&f, &plain_conf, text, sizeof(text) - 1, 0, &all);
	assert_null(memmem(all.data, all.len, "](", 2));
	assert_null(memmem(all.data, all.len, "://", 3));
	for (; at < sizeof(text) - 1; at += 97) {
		run(&f, &plain_conf, text, sizeof(text) - 1, at, &out);
		assert_int_equal(out.len, all.len);
		assert_memory_equal(out.data, all.data, all.len);
		buf_free(&out);
	}
	buf_free(&all);
}

static void
a_megabyte_without_a_blank(void **state)
{
	static char text[MAX / 2];
	struct cite_filter f;
	struct buf out;

	(void)state;
	memset(text, 'w', sizeof(text));
	run(&f, &plain_conf, text, sizeof(text), 100, &out);
	assert_int_equal(out.len, sizeof(text));
	buf_free(&out);
	memset(text, '[', sizeof(text));
	run(&f, &plain_conf, text, sizeof(text), 100, &out);
	assert_int_equal(out.len, sizeof(text));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markers_become_one_form),
		cmocka_unit_test(unknown_numbers_are_taken_out),
		cmocka_unit_test(ends_within_a_marker),
		cmocka_unit_test(harmless_text_stays),
		cmocka_unit_test(foreign_links_become_text),
		cmocka_unit_test(pictures_become_text),
		cmocka_unit_test(nothing_defines_a_reference),
		cmocka_unit_test(what_is_left_makes_nothing_new),
		cmocka_unit_test(no_code_no_peace),
		cmocka_unit_test(a_paragraph_ends_doubt),
		cmocka_unit_test(counts_what_it_does),
		cmocka_unit_test(other_forms_of_citations),
		cmocka_unit_test(any_link_may_stay),
		cmocka_unit_test(long_things_are_let_go),
		cmocka_unit_test(a_megabyte_without_a_blank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
