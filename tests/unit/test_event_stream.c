/* An upstream's events: however they are cut, the same ones come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "chat/model/event_stream.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BOM      "\xef\xbb\xbf"

/* A row's bytes, which may hold NULs. */
#define BYTES(s) (s), sizeof(s) - 1
#define TEN(s)   s s s s s s s s s s

/*
 * Each event is written as (data), an error with a ! before it and a document
 * with a #; end: what only the end delivers.
 */
static const struct {
	const char *in;
	size_t in_len;
	const char *out;
	size_t out_len;
	const char *end;
} rows[] = {
	/* nothing */
	{ BYTES(""), BYTES(""), "" },
	{ BYTES("\n\n\r\n\r"), BYTES(""), "" },
	{ BYTES("data"), BYTES(""), "()" },

	/* what ends a line */
	{ BYTES("data: a\n\ndata: b\n\n"), BYTES("(a)(b)"), "" },
	{ BYTES("data: a\r\n\r\ndata: b\r\n\r\n"), BYTES("(a)(b)"), "" },
	{ BYTES("data: a\r\rdata: b\r\r"), BYTES("(a)(b)"), "" },
	{ BYTES("data: a\r\n\ndata: b\n\r\n"), BYTES("(a)(b)"), "" },
	{ BYTES("data: a\n\rdata: b\r\n\r"), BYTES("(a)(b)"), "" },
	{ BYTES("data: a\ndata: b\r\ndata: c\rdata: d\n\n"),
	    BYTES("(a\nb\nc\nd)"), "" },
	{ BYTES("\n\ndata: a\n\n\n\n\ndata: b\n\n\n"), BYTES("(a)(b)"), "" },

	/* the field */
	{ BYTES("data:a\n\n"), BYTES("(a)"), "" },
	{ BYTES("data:  a \n\n"), BYTES("( a )"), "" },
	{ BYTES("data:\ta\n\n"), BYTES("(\ta)"), "" },
	{ BYTES("data:: a\n\n"), BYTES("(: a)"), "" },
	{ BYTES("data\n\n"), BYTES("()"), "" },
	{ BYTES("data:\n\n"), BYTES("()"), "" },
	{ BYTES("data\ndata\n\n"), BYTES("(\n)"), "" },
	{ BYTES("data: \ndata: a\ndata:\n\n"), BYTES("(\na\n)"), "" },
	{ BYTES("data: a\0b\n\n"), BYTES("(a\0b)"), "" },
	{ BYTES("data: \xff\xc3\n\n"), BYTES("(\xff\xc3)"), "" },
	{ BYTES("data: {\"content\":\"\\n\\ndata: x\"}\n\n"),
	    BYTES("({\"content\":\"\\n\\ndata: x\"})"), "" },

	/* other fields, and comments */
	{ BYTES(": ping\n\ndata: a\n\n:\n\n"), BYTES("(a)"), "" },
	{ BYTES("data: a\n: ping\ndata: b\n\n"), BYTES("(a\nb)"), "" },
	{ BYTES(":data: a\n\n"), BYTES(""), "" },
	{ BYTES("event: x\nid: 7\nretry: 10\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("event: x\n\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("dat: a\ndatas: b\nData: c\n data: d\n\n"), BYTES(""), "" },

	{ BYTES("id\nretry\n:\nevent\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("dat"
		"a: a\n: " TEN(TEN("-")) "\r\r\ndata: b\n\n"),
	    BYTES("(a)(b)"), "" },

	/* events that are named */
	{ BYTES("event: message\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("event: ping\ndata: x\n\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("data: x\nevent:heartbeat\n\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("event: keep-alive\n\nevent: keepalive\ndata: {}\n\n"),
	    BYTES(""), "" },
	{ BYTES("event: pings\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("event: ping\nevent: message\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("event: error\ndata: a\n\ndata: b\n\n"), BYTES("!(a)(b)"), "" },
	{ BYTES("data: a\r\ndata: b\r\nevent:error\r\n\r\n"), BYTES("!(a\nb)"),
	    "" },
	{ BYTES("event: error\n\n"), BYTES("!()"), "" },
	{ BYTES("event: Stream_Error\ndata: a\n\n"), BYTES("!(a)"), "" },
	{ BYTES("event: errors\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("event: error\ndata: a\n"), BYTES(""), "!(a)" },

	/* llama.cpp's field */
	{ BYTES("error: {\"code\":500}\n\ndata: [DONE]\n\n"),
	    BYTES("!({\"code\":500})([DONE])"), "" },
	{ BYTES("data: a\n\nerror:x\r\n\r\n"), BYTES("(a)!(x)"), "" },
	{ BYTES("error: x"), BYTES(""), "!(x)" },
	{ BYTES("errors: x\n\nerr: x\n\n"), BYTES(""), "" },

	/* no stream but a document */
	{ BYTES("{\"a\":1}"), BYTES(""), "#({\"a\":1})" },
	{ BYTES("{\n\n\"a\":\r\n1}\n\n"), BYTES(""),
	    "#({\n\n\"a\":\r\n1}\n\n)" },
	{ BYTES(BOM " \r\n\t[1]\n"), BYTES(""), "#([1]\n)" },
	{ BYTES("\n\n{}\n{}\n\ndata: a\n\n"), BYTES(""),
	    "#({}\n{}\n\ndata: a\n\n)" },
	{ BYTES(": ok\n\n{}\n\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES("<html>\n\n</html>\n"), BYTES(""), "" },

	/* a byte order mark, at the beginning only */
	{ BYTES(BOM "data: a\n\n"), BYTES("(a)"), "" },
	{ BYTES(BOM "\ndata: a\n\n"), BYTES("(a)"), "" },
	{ BYTES(BOM BOM "data: a\n\n"), BYTES(""), "" },
	{ BYTES("\n" BOM "data: a\n\n"), BYTES(""), "" },
	{ BYTES("data: a\n\n" BOM "data: b\n\n"), BYTES("(a)"), "" },
	{ BYTES("\xef\xbb"
		"data: a\n\n"),
	    BYTES(""), "" },
	{ BYTES("data: " BOM "a\n\n"), BYTES("(" BOM "a)"), "" },

	/* no end */
	{ BYTES("data: a\n\ndata: b\n"), BYTES("(a)"), "(b)" },
	{ BYTES("data: a\n\ndata: b"), BYTES("(a)"), "(b)" },
	{ BYTES("data: a\n\ndata: b\ndata: c\r"), BYTES("(a)"), "(b\nc)" },
	{ BYTES("data: a\r\n\r\ndata: [DONE]\r\n"), BYTES("(a)"), "([DONE])" },
	{ BYTES("data: a\n\ndat"), BYTES("(a)"), "" },
	{ BYTES("data: a\n\n: pi"), BYTES("(a)"), "" },
};

static bool
record(void *arg, enum event_kind kind, const char *data, size_t n)
{
	struct buf *out = arg;

	if (kind != EVENT_DATA)
		buf_addc(out, kind == EVENT_ERROR ? '!' : '#');
	buf_addc(out, '(');
	buf_add(out, data, n);
	buf_addc(out, ')');
	return true;
}

/* In a block of its exact size, so that a byte read past it is found. */
static bool
feed(struct event_stream *es, const char *s, size_t n, event_found_f *found,
    struct buf *out)
{
	char *copy = malloc(n + 1);
	bool more;

	assert_non_null(copy);
	memcpy(copy + 1, s, n);
	more = event_stream_feed(es, copy + 1, n, found, out);
	free(copy);
	return more;
}

/* A row, its first bytes apart and the rest in pieces of step bytes. */
static void
check_cut(size_t row, size_t first, size_t step)
{
	size_t len = rows[row].in_len, n, at;
	struct event_stream es;
	struct buf out;

	buf_init(&out, 1000);
	event_stream_init(&es);
	for (at = 0; at < len; at += n) {
		n = at == 0 && first > 0 ? first : step;
		if (n > len - at)
			n = len - at;
		assert_true(feed(&es, rows[row].in + at, n, record, &out));
	}
	if (out.len != rows[row].out_len ||
	    memcmp(buf_string(&out), rows[row].out, out.len) != 0)
		fail_msg("row %zu cut at %zu by %zu: %s", row, first, step,
		    buf_string(&out));
	buf_clear(&out);
	assert_true(event_stream_end(&es, record, &out));
	assert_string_equal(buf_string(&out), rows[row].end);
	event_stream_free(&es);
	buf_free(&out);
}

static void
cuts_make_no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t first = 0; first < rows[i].in_len; first++)
			check_cut(i, first, rows[i].in_len);
		for (size_t step = 1; step <= rows[i].in_len; step++)
			check_cut(i, 0, step);
	}
}

/* A stream whose event has a line of n bytes, then one of m. */
static bool
take_lines(size_t n, size_t m, size_t step)
{
	static char s[2 * EVENT_MAX + 100];
	struct event_stream es;
	struct buf out;
	bool more = true;
	size_t len, at;

	memset(s, 'x', sizeof(s));
	memcpy(s, "data:", 5);
	s[n] = '\n';
	len = n + 1;
	if (m > 0) {
		memcpy(s + len, "data:", 5);
		s[len + m] = '\n';
		len += m + 1;
	}
	s[len++] = '\n';
	buf_init(&out, EVENT_MAX + 2);
	event_stream_init(&es);
	for (at = 0; more && at < len; at += step)
		more = event_stream_feed(&es, s + at,
		    step < len - at ? step : len - at, record, &out);
	if (more)
		assert_int_equal(out.len, n - 5 + (m > 0 ? m - 4 : 0) + 2);
	event_stream_free(&es);
	buf_free(&out);
	return more;
}

static void
events_have_a_ceiling(void **state)
{
	static const struct {
		size_t first, second;
		bool fits;
	} lines[] = {
		{ EVENT_MAX, 0, true },
		{ EVENT_MAX + 1, 0, false },
		{ EVENT_MAX, 8, true },
		{ EVENT_MAX, 9, true },
		{ EVENT_MAX, 10, false },
		{ EVENT_MAX / 2, EVENT_MAX / 2 + 9, true },
		{ EVENT_MAX / 2, EVENT_MAX / 2 + 10, false },
		{ EVENT_MAX, EVENT_MAX, false },
	};
	static const size_t steps[] = { 1000, 4096, EVENT_MAX, 3 * EVENT_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++)
		for (size_t k = 0; k < COUNT(steps); k++)
			if (take_lines(lines[i].first, lines[i].second,
				steps[k]) != lines[i].fits)
				fail_msg("row %zu by %zu", i, steps[k]);
}

static void
a_line_without_end_has_one_too(void **state)
{
	static char s[4096];
	struct event_stream es;
	size_t taken = 0;

	(void)state;
	memset(s, 'x', sizeof(s));
	event_stream_init(&es);
	while (event_stream_feed(&es, s, sizeof(s), record, NULL)) {
		taken += sizeof(s);
		assert_true(taken <= EVENT_MAX);
	}
	assert_int_equal(taken, EVENT_MAX);
	event_stream_free(&es);
}

static void
a_comment_is_of_any_size(void **state)
{
	static char s[4096];
	struct event_stream es;
	struct buf out;

	(void)state;
	memset(s, ':', sizeof(s));
	buf_init(&out, 1000);
	event_stream_init(&es);
	for (size_t i = 0; i < 3 * EVENT_MAX_APART / sizeof(s); i++)
		assert_true(event_stream_feed(&es, s, sizeof(s), record, &out));
	assert_int_equal(es.line.cap, 0);
	assert_true(feed(&es, "\rdata: a\n\n", 10, record, &out));
	assert_string_equal(buf_string(&out), "(a)");
	event_stream_free(&es);
	buf_free(&out);
}

static void
a_document_has_a_ceiling(void **state)
{
	static char s[4096];
	struct event_stream es;
	size_t taken = 1;

	(void)state;
	memset(s, ' ', sizeof(s));
	event_stream_init(&es);
	assert_true(event_stream_feed(&es, "{", 1, record, NULL));
	while (event_stream_feed(&es, s, sizeof(s), record, NULL))
		taken += sizeof(s);
	assert_in_range(
	    taken, EVENT_MAX_DOCUMENT - sizeof(s), EVENT_MAX_DOCUMENT);
	event_stream_free(&es);
}

static void
what_was_freed_begins_anew(void **state)
{
	struct event_stream es;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	event_stream_init(&es);
	assert_true(feed(&es, "{", 1, record, &out));
	event_stream_free(&es);
	assert_true(feed(&es, "event: error\ndata: a", 20, record, &out));
	event_stream_free(&es);
	assert_true(feed(&es, BOM "data: a\n\n", 12, record, &out));
	assert_string_equal(buf_string(&out), "(a)");
	event_stream_free(&es);
	buf_free(&out);
}

static void
a_long_stream_of_short_events_is_taken(void **state)
{
	static const char s[] = "data: 0123456789abcdef\n\n: ping\n\n";
	struct event_stream es;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	event_stream_init(&es);
	for (size_t i = 0; i < 3 * EVENT_MAX / sizeof(s); i++) {
		buf_clear(&out);
		assert_true(feed(&es, s, sizeof(s) - 1, record, &out));
		assert_int_equal(out.len, 18);
	}
	event_stream_free(&es);
	buf_free(&out);
}

/* How many of these can be fed in a row until they are refused. */
static size_t
fed(const char *s, size_t max)
{
	struct event_stream es;
	struct buf out;
	size_t i = 0;

	buf_init(&out, 4 * EVENT_MAX_APART);
	event_stream_init(&es);
	while (i < max && feed(&es, s, strlen(s), record, &out))
		i++;
	event_stream_free(&es);
	buf_free(&out);
	return i;
}

static void
what_is_no_event_has_a_ceiling(void **state)
{
	static const char *const junk[] = { "nonsense\n", "\n", "\r\n",
		"event: x\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(junk); i++)
		assert_int_equal(fed(junk[i], EVENT_MAX_APART),
		    EVENT_MAX_APART / strlen(junk[i]));
	assert_int_equal(fed(": waiting\n", 200000), 200000);
	assert_int_equal(fed(": waiting\n\ndata: a\n\n", 200000), 200000);
}

static bool
record_one(void *arg, enum event_kind kind, const char *data, size_t n)
{
	record(arg, kind, data, n);
	return false;
}

static void
who_says_stop_gets_no_more(void **state)
{
	static const char s[] = "data: a\n\ndata: b\n\n";
	struct event_stream es;
	struct buf out;

	(void)state;
	for (size_t step = 1; step < sizeof(s); step++) {
		bool more = true;

		buf_init(&out, 100);
		event_stream_init(&es);
		for (size_t at = 0; more && at < sizeof(s) - 1; at += step) {
			size_t n = sizeof(s) - 1 - at;

			more = feed(
			    &es, s + at, n < step ? n : step, record_one, &out);
		}
		assert_false(more);
		assert_string_equal(buf_string(&out), "(a)");
		event_stream_free(&es);
		buf_free(&out);
	}
}

static void
the_end_passes_a_stop_on(void **state)
{
	struct event_stream es;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	event_stream_init(&es);
	assert_true(feed(&es, "data: a", 7, record_one, &out));
	assert_false(event_stream_end(&es, record_one, &out));
	assert_string_equal(buf_string(&out), "(a)");
	event_stream_free(&es);
	buf_free(&out);
}

static void
the_end_keeps_to_the_ceiling(void **state)
{
	static char s[EVENT_MAX];
	struct event_stream es;
	struct buf out;

	(void)state;
	memset(s, 'x', sizeof(s));
	memcpy(s, "data:", 5);
	buf_init(&out, 2 * EVENT_MAX);
	event_stream_init(&es);
	assert_true(feed(&es, s, sizeof(s), record, &out));
	assert_true(feed(&es, "\ndata:12345", 11, record, &out));
	assert_false(event_stream_end(&es, record, &out));
	assert_int_equal(out.len, 0);
	event_stream_free(&es);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_make_no_difference),
		cmocka_unit_test(events_have_a_ceiling),
		cmocka_unit_test(a_line_without_end_has_one_too),
		cmocka_unit_test(a_comment_is_of_any_size),
		cmocka_unit_test(a_document_has_a_ceiling),
		cmocka_unit_test(what_was_freed_begins_anew),
		cmocka_unit_test(a_long_stream_of_short_events_is_taken),
		cmocka_unit_test(what_is_no_event_has_a_ceiling),
		cmocka_unit_test(who_says_stop_gets_no_more),
		cmocka_unit_test(the_end_passes_a_stop_on),
		cmocka_unit_test(the_end_keeps_to_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
