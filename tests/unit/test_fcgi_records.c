/*
 * Streams of records against what the reader makes of them, written down as
 * text; each stream is read in one piece and cut at every byte.
 */
#include "server/fcgi_records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BODY_MAX 20
#define TEXT_MAX 4096
#define NO_TYPE  0 /* ends the records of a row */

enum type {
	BEGIN = 1,
	ABORT,
	END,
	PARAMS,
	STDIN,
	STDOUT,
	STDERR,
	DATA,
	VALUES,
	RESULT,
	UNKNOWN,
	FUTURE = 77,
};

struct record {
	int type;
	unsigned id;
	const char *content; /* len bytes */
	uint16_t len;
	uint8_t pad;
	uint8_t version;
};

#define S(text)           (text), sizeof(text) - 1
#define R(type, id, text) PADDED(type, id, text, 0)
#define PADDED(type, id, text, pad) \
	{ \
		type, id, S(text), pad, 1 \
	}
#define VERSIONED(type, id, text, version) \
	{ \
		type, id, S(text), 0, version \
	}
#define RESPONDER       "\0\1\0\0\0\0\0\0"
#define RESPONDER_KEEP  "\0\1\1\0\0\0\0\0"
#define AUTHORIZER      "\0\2\0\0\0\0\0\0"
#define AUTHORIZER_KEEP "\0\2\1\0\0\0\0\0"
#define FAR_ROLE_KEEP   "\1\1\1\0\0\0\0\0"

struct row {
	const char *name;
	struct record records[10];
	bool slow; /* a request is answered at the end */
	const char *expected;
};

static const struct row rows[] = {
	{ "a request without a body",
	    { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, "abc"), R(PARAMS, 1, ""),
		R(STDIN, 1, "") },
	    false, "request 1 params=abc body= idle" },
	{ "in pieces, padded, kept",
	    { PADDED(BEGIN, 258, RESPONDER_KEEP, 3),
		PADDED(PARAMS, 258, "ab", 6), PADDED(PARAMS, 258, "c", 255),
		PADDED(PARAMS, 258, "", 8), PADDED(STDIN, 258, "he", 1),
		R(STDIN, 258, "llo"), PADDED(STDIN, 258, "", 7) },
	    false, "request 258 keep params=abc body=hello idle" },
	{ "no parameters at all",
	    { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, ""), R(STDIN, 1, "") },
	    false, "request 1 params= body= idle" },
	{ "one after the other",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, "a"), R(PARAMS, 1, ""),
		R(STDIN, 1, ""), R(BEGIN, 1, RESPONDER), R(PARAMS, 1, "b"),
		R(PARAMS, 1, ""), R(STDIN, 1, "x"), R(STDIN, 1, "") },
	    false,
	    "request 1 keep params=a body= request 1 params=b body=x idle" },
	{ "a body at the limit, and an odd one behind it",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, ""),
		R(STDIN, 1, "0123456789"), R(STDIN, 1, "0123456789"),
		R(STDIN, 1, "") },
	    false, "request 1 keep params= body=01234567890123456789 idle" },
	{ "a body over the limit",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, ""),
		R(STDIN, 1, "0123456789"), R(STDIN, 1, "01234567890"),
		R(STDIN, 1, "more"), R(STDIN, 1, ""), R(BEGIN, 1, RESPONDER) },
	    false, "request 1 keep params= body= over waiting" },
	{ "half a request", { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, "abc") },
	    false, "waiting" },

	{ "aborted while it runs",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, ""), R(STDIN, 1, ""),
		PADDED(ABORT, 1, "", 8) },
	    true, "request 1 keep params= body= abort idle" },
	{ "aborted too late",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, ""), R(STDIN, 1, ""),
		R(ABORT, 1, "") },
	    false, "request 1 keep params= body= idle" },
	{ "aborted before it was complete, kept",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, "a"), R(PARAMS, 1, ""),
		R(STDIN, 1, "b"), R(ABORT, 1, ""), R(STDIN, 1, "c"),
		R(BEGIN, 2, RESPONDER), R(PARAMS, 2, "d"), R(PARAMS, 2, ""),
		R(STDIN, 2, "") },
	    false,
	    "request 2 params=d body= idle "
	    "3/1:00-00-00-00-00-00-00-00-" },
	{ "aborted before it was complete",
	    { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, "a"), R(ABORT, 1, "") },
	    false, "close 3/1:00-00-00-00-00-00-00-00-" },

	{ "another role, kept: its records are dropped",
	    { R(BEGIN, 1, AUTHORIZER_KEEP), R(PARAMS, 1, "a"), R(STDIN, 1, "x"),
		R(BEGIN, 1, RESPONDER), R(PARAMS, 1, "b"), R(PARAMS, 1, ""),
		R(STDIN, 1, "") },
	    false,
	    "request 1 params=b body= idle 3/1:00-00-00-00-03-00-00-00-" },
	{ "another role", { R(BEGIN, 9, AUTHORIZER), R(PARAMS, 9, "a") }, false,
	    "close 3/9:00-00-00-00-03-00-00-00-" },
	{ "a role over 255", { R(BEGIN, 9, FAR_ROLE_KEEP) }, false,
	    "idle 3/9:00-00-00-00-03-00-00-00-" },
	{ "a second request while one is collected",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, "a"),
		R(BEGIN, 2, RESPONDER), R(PARAMS, 2, "b"), R(PARAMS, 2, ""),
		R(STDIN, 2, ""), R(ABORT, 2, ""), R(PARAMS, 1, ""),
		R(STDIN, 1, "") },
	    false,
	    "request 1 keep params=a body= idle "
	    "3/2:00-00-00-00-01-00-00-00-" },
	{ "a second request while one runs",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, "a"), R(PARAMS, 1, ""),
		R(STDIN, 1, ""), R(BEGIN, 2, RESPONDER), R(PARAMS, 2, "b") },
	    true,
	    "request 1 keep params=a body= running 1+0 "
	    "3/2:00-00-00-00-01-00-00-00-" },
	{ "more of a request that runs",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, "a"), R(PARAMS, 1, ""),
		R(STDIN, 1, ""), R(STDIN, 1, "x"), R(PARAMS, 1, "y"),
		R(DATA, 1, "z"), R(STDIN, 1, "") },
	    true, "request 1 keep params=a body= running 1+0" },
	{ "records of nobody's request",
	    { R(STDIN, 5, "abc"), R(PARAMS, 5, ""), PADDED(ABORT, 6, "", 9),
		R(FUTURE, 7, "x") },
	    false, "idle" },

	{ "values asked for",
	    { PADDED(VALUES, 0, "\16\0FCGI_MAX_CONNS\15\0FCGI_MAX_REQS", 5),
		R(VALUES, 0, "\17\0FCGI_MPXS_CONNS") },
	    false,
	    "idle 10/0:0e-03-FCGI_MAX_CONNS777"
	    "0d-03-FCGI_MAX_REQS777 10/0:0f-01-FCGI_MPXS_CONNS0" },
	{ "an odd question: twice, unknown, with a value, a long length",
	    { R(VALUES, 0,
		"\15\2FCGI_MAX_REQSxx\1\0A"
		"\200\0\0\15\200\0\0\0FCGI_MAX_REQS") },
	    false, "idle 10/0:0d-03-FCGI_MAX_REQS777" },
	{ "nothing asked for", { R(VALUES, 0, "") }, false, "idle 10/0:" },
	{ "values of a cut pair", { R(VALUES, 0, "\16\0FCGI") }, false,
	    "broken" },
	{ "values of a huge pair",
	    { R(VALUES, 0, "\377\377\377\377\377\377\377\377FCGI") }, false,
	    "broken" },
	{ "a management record of another type",
	    { PADDED(FUTURE, 0, "abc", 5), R(BEGIN, 0, RESPONDER),
		R(UNKNOWN, 0, "") },
	    false,
	    "idle 11/0:M00-00-00-00-00-00-00- "
	    "11/0:01-00-00-00-00-00-00-00- "
	    "11/0:0b-00-00-00-00-00-00-00-" },
	{ "management amid a request",
	    { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, "a"), R(VALUES, 0, ""),
		R(PARAMS, 1, "b"), R(PARAMS, 1, ""), R(STDIN, 1, "x"),
		R(FUTURE, 0, "q"), R(STDIN, 1, "y"), R(STDIN, 1, "") },
	    false,
	    "request 1 params=ab body=xy idle 10/0: "
	    "11/0:M00-00-00-00-00-00-00-" },
	{ "management while one runs",
	    { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, ""), R(STDIN, 1, ""),
		R(VALUES, 0, "") },
	    true, "request 1 params= body= running 0+0 10/0:" },

	{ "version 0", { VERSIONED(BEGIN, 1, RESPONDER, 0) }, false, "broken" },
	{ "version 2", { VERSIONED(BEGIN, 1, RESPONDER, 2) }, false, "broken" },
	{ "a short begin", { R(BEGIN, 1, "\0\1\0\0\0\0\0") }, false, "broken" },
	{ "an empty begin", { R(BEGIN, 1, "") }, false, "broken" },
	{ "a long begin", { R(BEGIN, 1, "\0\1\0\0\0\0\0\0\0") }, false,
	    "broken" },
	{ "begun twice", { R(BEGIN, 1, RESPONDER), R(BEGIN, 1, RESPONDER) },
	    false, "broken" },
	{ "begun again while it runs",
	    { R(BEGIN, 1, RESPONDER_KEEP), R(PARAMS, 1, ""), R(STDIN, 1, ""),
		R(BEGIN, 1, RESPONDER) },
	    true, "request 1 keep params= body= broken" },
	{ "a body before the end of the parameters",
	    { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, "a"), R(STDIN, 1, "") },
	    false, "broken" },
	{ "parameters after their end",
	    { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, ""), R(PARAMS, 1, "a") },
	    false, "broken" },
	{ "parameters ended twice",
	    { R(BEGIN, 1, RESPONDER), R(PARAMS, 1, ""), R(PARAMS, 1, "") },
	    false, "broken" },
	{ "data of a filter", { R(BEGIN, 1, RESPONDER), R(DATA, 1, "") }, false,
	    "broken" },
	{ "output from the web server",
	    { R(BEGIN, 1, RESPONDER), R(STDOUT, 1, "a") }, false, "broken" },
	{ "a type that does not exist",
	    { R(BEGIN, 1, RESPONDER), R(FUTURE, 1, "a") }, false, "broken" },
};

static void
add_record(struct buf *b, const struct record *rec)
{
	const uint8_t head[8] = { rec->version, (uint8_t)rec->type,
		(uint8_t)(rec->id >> 8), (uint8_t)rec->id,
		(uint8_t)(rec->len >> 8), (uint8_t)rec->len, rec->pad, 0xee };
	size_t i;

	buf_add(b, head, sizeof(head));
	buf_add(b, rec->content, rec->len);
	for (i = 0; i < rec->pad; i++)
		buf_addc(b, '\5');
	assert_false(b->failed);
}

static unsigned
byte(const struct buf *b, size_t i)
{
	assert_true(i < b->len);
	return (uint8_t)b->data[i];
}

/* Records as text: type/id:content, bytes that are no text in hexadecimal. */
static void
write_records(struct buf *out, const struct buf *b)
{
	size_t i = 0, end;

	while (i < b->len) {
		assert_int_equal(byte(b, i), 1);
		buf_addf(out, " %u/%u:", byte(b, i + 1),
		    byte(b, i + 2) << 8 | byte(b, i + 3));
		end = i + 8 + (byte(b, i + 4) << 8 | byte(b, i + 5));
		assert_int_equal(byte(b, i + 6), 0);
		for (i += 8; i < end; i++)
			if (byte(b, i) >= ' ' && byte(b, i) < 0x7f)
				buf_addc(out, b->data[i]);
			else
				buf_addf(out, "%02x-", byte(b, i));
	}
}

static void
write_request(struct buf *out, const struct fcgi_reader *r)
{
	buf_addf(out, "request %u%s params=%.*s body=%.*s%s ", r->id,
	    r->keep ? " keep" : "", (int)r->params.len,
	    r->params.len > 0 ? r->params.data : "", (int)r->body.len,
	    r->body.len > 0 ? r->body.data : "", r->body_over ? " over" : "");
}

/* Read some bytes; false at the end of the connection. */
static bool
read_some(
    struct fcgi_reader *r, struct buf *out, const char *p, size_t n, bool slow)
{
	size_t used, off;

	for (off = 0; off < n; off += used) {
		switch (fcgi_read(r, p + off, n - off, &used)) {
		case FCGI_MORE:
			assert_int_equal(used, n - off);
			break;
		case FCGI_REQUEST:
			write_request(out, r);
			if (!slow)
				fcgi_next(r);
			break;
		case FCGI_ABORT:
			buf_adds(out, "abort ");
			fcgi_next(r);
			break;
		case FCGI_CLOSE:
			buf_adds(out, "close");
			return false;
		case FCGI_BROKEN:
			buf_adds(out, "broken");
			return false;
		}
		assert_true(used > 0 && used <= n - off);
	}
	return true;
}

/* Read a stream in pieces: one of `first` bytes, then of `rest` each. */
static void
read_pieces(
    const struct row *row, const struct buf *in, size_t first, size_t rest)
{
	struct fcgi_reader r;
	struct buf out;
	size_t off = 0, n = first;
	bool open = true;

	fcgi_reader_init(&r, BODY_MAX, 777);
	buf_init(&out, TEXT_MAX);
	for (; open && off < in->len; off += n, n = rest) {
		if (n > in->len - off)
			n = in->len - off;
		open = read_some(&r, &out, in->data + off, n, row->slow);
	}
	if (open && r.running)
		buf_addf(&out, "running %zu+%zu", r.params.len, r.body.len);
	else if (open)
		buf_adds(&out, fcgi_idle(&r) ? "idle" : "waiting");
	write_records(&out, &r.replies);
	if (strcmp(buf_string(&out), row->expected) != 0)
		fail_msg("%s, in pieces of %zu and %zu bytes:\n%s\nnot\n%s",
		    row->name, first, rest, out.data, row->expected);
	buf_free(&out);
	fcgi_reader_free(&r);
}

static void
test_streams_cut_anywhere(void **state)
{
	const struct record *rec;
	struct buf in;
	size_t i, cut;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_init(&in, TEXT_MAX);
		for (rec = rows[i].records;
		     rec < rows[i].records + 10 && rec->type != NO_TYPE; rec++)
			add_record(&in, rec);
		for (cut = 1; cut <= in.len; cut++)
			read_pieces(&rows[i], &in, cut, in.len);
		read_pieces(&rows[i], &in, 1, 1);
		read_pieces(&rows[i], &in, 3, 3);
		buf_free(&in);
	}
}

static enum fcgi_event
read_record(struct fcgi_reader *r, const struct record *rec)
{
	enum fcgi_event ev;
	struct buf in;
	size_t used;

	buf_init(&in, 70000);
	add_record(&in, rec);
	ev = fcgi_read(r, in.data, in.len, &used);
	buf_free(&in);
	return ev;
}

static void
begin(struct fcgi_reader *r)
{
	fcgi_reader_init(r, 100000, 1);
	assert_int_equal(
	    read_record(r, &(struct record)R(BEGIN, 1, RESPONDER)), FCGI_MORE);
}

static void
test_parameters_have_a_ceiling(void **state)
{
	const char *block = calloc(1, 65535);
	const struct record most = { PARAMS, 1, block, 65535, 0, 1 };
	const struct record one = R(PARAMS, 1, "x");
	const struct record end = R(PARAMS, 1, "");
	const struct record finish = R(STDIN, 1, "");
	struct fcgi_reader r;
	size_t used;

	(void)state;
	begin(&r);
	assert_int_equal(read_record(&r, &most), FCGI_MORE);
	assert_int_equal(read_record(&r, &one), FCGI_MORE);
	assert_int_equal(read_record(&r, &end), FCGI_MORE);
	assert_int_equal(read_record(&r, &finish), FCGI_REQUEST);
	assert_int_equal(r.params.len, FCGI_MAX_PARAMS);
	fcgi_reader_free(&r);

	begin(&r);
	assert_int_equal(read_record(&r, &most), FCGI_MORE);
	assert_int_equal(read_record(&r, &one), FCGI_MORE);
	assert_int_equal(
	    fcgi_read(&r, "\1\4\0\1\0\1\0", 8, &used), FCGI_BROKEN);
	fcgi_reader_free(&r);
	free((void *)(uintptr_t)block);
}

static void
test_many_records_of_one_byte(void **state)
{
	const struct record param = R(PARAMS, 1, "p");
	const struct record params_end = R(PARAMS, 1, "");
	const struct record body = R(STDIN, 1, "b");
	const struct record body_end = R(STDIN, 1, "");
	struct fcgi_reader r;
	int i;

	(void)state;
	begin(&r);
	for (i = 0; i < FCGI_MAX_PARAMS; i++)
		assert_int_equal(read_record(&r, &param), FCGI_MORE);
	assert_int_equal(read_record(&r, &params_end), FCGI_MORE);
	for (i = 0; i < 100000; i++)
		assert_int_equal(read_record(&r, &body), FCGI_MORE);
	assert_int_equal(read_record(&r, &body_end), FCGI_REQUEST);
	assert_int_equal(r.params.len, FCGI_MAX_PARAMS);
	assert_int_equal(r.body.len, 100000);
	assert_false(r.body_over);
	fcgi_reader_free(&r);
}

static void
test_replies_have_a_ceiling(void **state)
{
	const struct record odd = R(FUTURE, 0, "");
	struct fcgi_reader r;
	int i;

	(void)state;
	begin(&r);
	for (i = 0; i < FCGI_MAX_REPLIES / 16; i++)
		assert_int_equal(read_record(&r, &odd), FCGI_MORE);
	assert_int_equal(read_record(&r, &odd), FCGI_BROKEN);
	fcgi_reader_free(&r);

	begin(&r);
	for (i = 0; i < FCGI_MAX_REPLIES; i++) {
		assert_int_equal(read_record(&r, &odd), FCGI_MORE);
		buf_clear(&r.replies);
	}
	fcgi_reader_free(&r);
}

static void
test_a_question_has_a_ceiling(void **state)
{
	static const char block[1025];
	const struct record most = { VALUES, 0, block, 1024, 0, 1 };
	struct fcgi_reader r;
	size_t used;

	(void)state;
	begin(&r);
	assert_int_equal(read_record(&r, &most), FCGI_MORE);
	assert_int_equal(
	    fcgi_read(&r, "\1\11\0\0\4\1\0", 8, &used), FCGI_BROKEN);
	fcgi_reader_free(&r);
}

/* The end of a record that began during the request before. */
static void
test_answered_amid_a_record(void **state)
{
	const char next[] = "\1\1\0\1\0\10\2\0\0\1\1\0\0\0\0\0xx"
			    "\1\4\0\1\0\0\0\0\1\5\0\1\0\0\0\0";
	const struct record params = R(PARAMS, 1, "");
	const struct record body = R(STDIN, 1, "");
	struct fcgi_reader r;
	size_t used, cut, n = sizeof(next) - 1;

	(void)state;
	for (cut = 1; cut < 18; cut++) {
		begin(&r);
		read_record(&r, &params);
		assert_int_equal(read_record(&r, &body), FCGI_REQUEST);
		assert_int_equal(fcgi_read(&r, next, cut, &used), FCGI_MORE);
		fcgi_next(&r);
		assert_false(fcgi_idle(&r));
		assert_int_equal(
		    fcgi_read(&r, next + cut, n - cut, &used), FCGI_REQUEST);
		assert_int_equal(used, n - cut);
		assert_true(r.keep);
		fcgi_reader_free(&r);
	}
}

static void
test_stdout_in_records(void **state)
{
	static const struct {
		size_t n;
		size_t records;
	} cases[] = { { 0, 0 }, { 1, 1 }, { 65535, 1 }, { 65536, 2 },
		{ 200000, 4 } };
	char *data = malloc(200000);
	struct buf out;
	size_t i, k, off, at, len;

	(void)state;
	assert_non_null(data);
	for (k = 0; k < 200000; k++)
		data[k] = (char)(k * 31 >> 3);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_init(&out, 300000);
		fcgi_add_stdout(&out, 0x1234, data, cases[i].n);
		assert_false(out.failed);
		for (k = off = at = 0; at < out.len; k++, at += 8 + len) {
			len = byte(&out, at + 4) << 8 | byte(&out, at + 5);
			assert_true(len > 0);
			assert_memory_equal(out.data + at, "\1\6\x12\x34", 4);
			assert_memory_equal(out.data + at + 8, data + off, len);
			off += len;
		}
		assert_int_equal(k, cases[i].records);
		assert_int_equal(off, cases[i].n);
		buf_free(&out);
	}
	free(data);
}

static void
test_end(void **state)
{
	struct buf out, text;

	(void)state;
	buf_init(&out, 100);
	buf_init(&text, 100);
	fcgi_add_stdout(&out, 7, "hi", 2);
	fcgi_add_end(&out, 7);
	write_records(&text, &out);
	assert_string_equal(
	    buf_string(&text), " 6/7:hi 6/7: 3/7:00-00-00-00-00-00-00-00-");
	buf_free(&out);
	buf_free(&text);
}

static void
test_a_request_that_we_wrote(void **state)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 150000 };
	char *data = calloc(1, 150000);
	struct fcgi_reader r;
	struct buf out;
	size_t i, used;

	(void)state;
	assert_non_null(data);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		buf_init(&out, 200000);
		fcgi_add_request(&out, &(struct fcgi_request){ .id = 3,
					   .keep = i % 2 == 0,
					   .params = "\1\1ab",
					   .params_len = 4,
					   .body = data,
					   .body_len = sizes[i] });
		fcgi_reader_init(&r, 150000, 1);
		assert_int_equal(
		    fcgi_read(&r, out.data, out.len, &used), FCGI_REQUEST);
		assert_int_equal(used, out.len);
		assert_int_equal(r.id, 3);
		assert_int_equal(r.keep, i % 2 == 0);
		assert_int_equal(r.params.len, 4);
		assert_int_equal(r.body.len, sizes[i]);
		fcgi_reader_free(&r);
		buf_free(&out);
	}
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_cut_anywhere),
		cmocka_unit_test(test_parameters_have_a_ceiling),
		cmocka_unit_test(test_many_records_of_one_byte),
		cmocka_unit_test(test_replies_have_a_ceiling),
		cmocka_unit_test(test_a_question_has_a_ceiling),
		cmocka_unit_test(test_answered_amid_a_record),
		cmocka_unit_test(test_stdout_in_records),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_a_request_that_we_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
