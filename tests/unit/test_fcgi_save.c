/* A request that is cut anywhere and goes on in another reader. */
#include "server/fcgi_save.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define BODY_MAX 300
#define STREAM   4096

struct stream {
	uint8_t bytes[STREAM];
	size_t len;
};

static void
add(struct stream *s, unsigned type, unsigned id, const char *text, size_t n,
    unsigned pad)
{
	const uint8_t head[8] = { 1, (uint8_t)type, 0, (uint8_t)id,
		(uint8_t)(n >> 8), (uint8_t)n, (uint8_t)pad };

	memcpy(s->bytes + s->len, head, 8);
	memcpy(s->bytes + s->len + 8, text, n);
	s->len += 8 + n + pad;
}

/* Read up to the end of a request, or of the bytes; how many were used. */
static size_t
read_on(struct fcgi_reader *r, const void *p, size_t n, bool *whole)
{
	size_t used, all = 0;
	enum fcgi_event event;

	*whole = false;
	do {
		event = fcgi_read(r, (const char *)p + all, n - all, &used);
		assert_int_not_equal(event, FCGI_BROKEN);
		all += used;
		*whole = event == FCGI_REQUEST;
	} while (all < n && !*whole);
	return all;
}

static void
check_equal(const struct fcgi_reader *a, const struct fcgi_reader *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->keep, b->keep);
	assert_int_equal(a->body_over, b->body_over);
	assert_int_equal(a->body_came, b->body_came);
	assert_int_equal(a->params.len, b->params.len);
	assert_memory_equal(a->params.data, b->params.data, a->params.len);
	assert_int_equal(a->body.len, b->body.len);
	if (a->body.len > 0)
		assert_memory_equal(a->body.data, b->body.data, a->body.len);
}

/* At every place at once, and once more in the second reader. */
static void
check_cut(const struct stream *s, size_t cut, size_t again,
    const struct fcgi_reader *want)
{
	struct fcgi_reader r[3];
	const size_t ends[3] = { cut, again, s->len };
	struct buf saved;
	size_t at = 0;
	bool whole;

	for (unsigned i = 0; i < 3; i++) {
		fcgi_reader_init(&r[i], BODY_MAX, 10);
		if (i > 0) {
			buf_init(&saved, 1 << 20);
			fcgi_save(&saved, &r[i - 1]);
			assert_false(saved.failed);
			read_on(&r[i], saved.data, saved.len, &whole);
			assert_false(whole);
			buf_free(&saved);
		}
		at += read_on(&r[i], s->bytes + at, ends[i] - at, &whole);
		assert_int_equal(at, ends[i]);
		assert_int_equal(whole, i == 2);
	}
	check_equal(&r[2], want);
	for (unsigned i = 0; i < 3; i++)
		fcgi_reader_free(&r[i]);
}

static void
check_cuts(const struct stream *s)
{
	struct fcgi_reader want;
	bool whole;

	fcgi_reader_init(&want, BODY_MAX, 10);
	assert_int_equal(read_on(&want, s->bytes, s->len, &whole), s->len);
	assert_true(whole);
	for (size_t cut = 0; cut < s->len; cut++)
		for (size_t again = cut; again < s->len; again += 7)
			check_cut(s, cut, again, &want);
	fcgi_reader_free(&want);
}

static void
fill(struct stream *s, bool keep, size_t body, unsigned pad)
{
	char begin[8] = { 0, 1, keep ? 1 : 0 }, text[400];

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	add(s, 9, 0, "\016\0FCGI_MAX_CONNS", 16, pad);
	add(s, 1, 7, begin, 8, pad);
	add(s, 4, 7, "\3\5abcdefgh", 10, pad);
	add(s, 5, 9, "of another", 10, pad);
	add(s, 4, 7, "\1\1xy", 4, 0);
	add(s, 4, 7, "", 0, pad);
	add(s, 42, 0, "unknown", 7, pad);
	for (size_t at = 0; at < body; at += 50)
		add(s, 5, 7, text + at, body - at < 50 ? body - at : 50, pad);
	add(s, 5, 7, "", 0, pad);
}

static void
a_request_goes_on_wherever_it_was_cut(void **state)
{
	struct stream s;

	(void)state;
	fill(&s, true, 120, 5);
	check_cuts(&s);
	fill(&s, false, 75, 0);
	check_cuts(&s);
	fill(&s, false, 0, 1);
	check_cuts(&s);
}

static void
a_body_over_its_limit_stays_so(void **state)
{
	struct stream s;

	(void)state;
	fill(&s, true, BODY_MAX + 60, 3);
	check_cuts(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_goes_on_wherever_it_was_cut),
		cmocka_unit_test(a_body_over_its_limit_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
