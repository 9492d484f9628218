/* What libfcgi makes of a collected request, and what it must never see. */
#include "server/fcgi_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (16 * 1024 * 1024)
#define S(text)  (text), sizeof(text) - 1

static struct parser *parser;

static void
reader_init(struct fcgi_reader *r)
{
	fcgi_reader_init(r, BODY_MAX, 1);
	r->id = 1;
	r->running = true;
}

static void
add_length(struct buf *b, size_t len)
{
	const uint8_t big[4] = { (uint8_t)(len >> 24 | 0x80),
		(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };

	if (len < 128)
		buf_addc(b, (char)len);
	else
		buf_add(b, big, sizeof(big));
}

static void
add_param(struct fcgi_reader *r, const char *name, const char *value)
{
	add_length(&r->params, strlen(name));
	add_length(&r->params, strlen(value));
	buf_adds(&r->params, name);
	buf_adds(&r->params, value);
	assert_false(r->params.failed);
}

/* Parse what must be a request; frees the reader. */
static struct cgi *
run_ok(struct fcgi_reader *r)
{
	bool bad = true;
	struct cgi *cgi = parser_run(parser, r, &bad);

	assert_false(bad);
	assert_non_null(cgi);
	assert_int_equal(cgi->body_len, r->body.len);
	if (r->body.len > 0)
		assert_memory_equal(cgi->body, r->body.data, r->body.len);
	assert_int_equal(cgi->body[cgi->body_len], '\0');
	fcgi_reader_free(r);
	return cgi;
}

static void
run_bad(const char *params, size_t len)
{
	struct fcgi_reader r;
	bool bad = false;

	reader_init(&r);
	buf_add(&r.params, params, len);
	assert_null(parser_run(parser, &r, &bad));
	assert_true(bad);
	fcgi_reader_free(&r);
}

static void
test_every_variable(void **state)
{
#define PAIR(name, text, twice) { text, "value of " text },
	static const struct {
		const char *name, *value;
	} vars[] = { CGI_LIST(PAIR) };
#undef PAIR
	struct fcgi_reader r;
	struct cgi *cgi;
	size_t i;

	(void)state;
	reader_init(&r);
	for (i = 0; i < CGI_COUNT; i++) {
		add_param(&r, "OTHER_VARIABLE", "x");
		add_param(&r, vars[i].name, vars[i].value);
	}
	cgi = run_ok(&r);
	for (i = 0; i < CGI_COUNT; i++)
		assert_string_equal(cgi->var[i], vars[i].value);
	assert_false(cgi->body_over);
	free(cgi);
}

static void
test_absent_and_empty(void **state)
{
	struct fcgi_reader r;
	struct cgi *cgi;
	size_t i;

	(void)state;
	reader_init(&r);
	cgi = run_ok(&r);
	for (i = 0; i < CGI_COUNT; i++)
		assert_string_equal(cgi->var[i], "");
	assert_string_equal(cgi->body, "");
	free(cgi);

	reader_init(&r);
	add_param(&r, "REQUEST_METHOD", "");
	add_param(&r, "REQUEST_URI_", "/wrong");
	add_param(&r, "REQUEST_UR", "/wrong");
	add_param(&r, "REQUEST_URI", "/right");
	cgi = run_ok(&r);
	assert_string_equal(cgi->var[CGI_REQUEST_METHOD], "");
	assert_string_equal(cgi->var[CGI_REQUEST_URI], "/right");
	free(cgi);
}

/* One that came twice: FIRST, DROP and REFUSE, with one value and with two. */
static void
test_what_comes_twice(void **state)
{
#define TWICE(name, text, twice) { text, twice },
	static const struct {
		const char *name;
		enum cgi_twice twice;
	} vars[] = { CGI_LIST(TWICE) };
#undef TWICE
	struct fcgi_reader r;
	struct cgi *cgi;
	size_t i, same;

	(void)state;
	for (i = 0; i < CGI_COUNT * 2; i++) {
		const char *name = vars[i / 2].name;
		const enum cgi_twice twice = vars[i / 2].twice;

		same = i % 2;
		print_message("# %s %zu\n", name, same);
		reader_init(&r);
		add_param(&r, "CONTENT_LENGTH", "0");
		add_param(&r, name, "0");
		add_param(&r, "REQUEST_URI_", "x");
		add_param(&r, name, same ? "0" : "1");
		cgi = run_ok(&r);
		assert_int_equal(
		    cgi->malformed, !same && twice == CGI_TWICE_REFUSE);
		assert_string_equal(
		    cgi->var[i / 2], twice == CGI_TWICE_DROP ? "" : "0");
		free(cgi);
	}
}

/* Whoever repeats it once more is not believed again. */
static void
test_what_comes_thrice(void **state)
{
	struct fcgi_reader r;
	struct cgi *cgi;

	(void)state;
	reader_init(&r);
	add_param(&r, "HTTP_X_FORWARDED_FOR", "203.0.113.9");
	add_param(&r, "HTTP_X_FORWARDED_FOR", "");
	add_param(&r, "HTTP_X_FORWARDED_FOR", "198.51.100.1");
	add_param(&r, "HTTP_X_FORWARDED_FOR", "198.51.100.1");
	add_param(&r, "REMOTE_ADDR", "192.0.2.1");
	cgi = run_ok(&r);
	assert_string_equal(cgi->var[CGI_X_FORWARDED_FOR], "");
	assert_string_equal(cgi->var[CGI_REMOTE_ADDR], "192.0.2.1");
	assert_false(cgi->malformed);
	free(cgi);
}

static void
test_content_length(void **state)
{
	static const struct {
		const char *said;
		size_t came;
		bool good;
	} rows[] = {
		{ "", 0, true },
		{ "", 5, true },
		{ "0", 0, true },
		{ "00", 0, true },
		{ "5", 5, true },
		{ "005", 5, true },
		{ "0", 5, false },
		{ "5", 0, false },
		{ "4", 5, false },
		{ "6", 5, false },
		{ "55", 5, false },
		{ "-1", 1, false },
		{ "-0", 0, false },
		{ "+5", 5, false },
		{ " 5", 5, false },
		{ "5 ", 5, false },
		{ "5,5", 5, false },
		{ "5.0", 5, false },
		{ "0x5", 5, false },
		{ "x", 0, false },
		{ "18446744073709551616", 0, false },
		{ "18446744073709551621", 5, false },
		{ "99999999999999999999999999999999", 5, false },
	};
	struct fcgi_reader r;
	struct cgi *cgi;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# %s %zu\n", rows[i].said, rows[i].came);
		reader_init(&r);
		add_param(&r, "CONTENT_LENGTH", rows[i].said);
		buf_add(&r.body, "abcdefgh", rows[i].came);
		r.body_came = rows[i].came;
		cgi = run_ok(&r);
		assert_int_equal(cgi->malformed, !rows[i].good);
		free(cgi);
	}
}

/* What is over the limit was dropped, but it has come. */
static void
test_content_length_of_what_is_too_long(void **state)
{
	struct fcgi_reader r;
	struct cgi *cgi;

	(void)state;
	for (int i = 0; i < 2; i++) {
		reader_init(&r);
		add_param(&r, "CONTENT_LENGTH", "1000000");
		r.body_over = true;
		r.body_came = i == 0 ? 1000000 : 999999;
		cgi = run_ok(&r);
		assert_true(cgi->body_over);
		assert_int_equal(cgi->malformed, i == 1);
		free(cgi);
	}
}

static void
test_a_body_of_any_bytes(void **state)
{
	struct fcgi_reader r;
	struct cgi *cgi;

	(void)state;
	reader_init(&r);
	add_param(&r, "REQUEST_METHOD", "POST");
	buf_add(&r.body, S("a\0b\377\0"));
	cgi = run_ok(&r);
	assert_int_equal(cgi->body_len, 5);
	free(cgi);
}

static void
test_a_body_over_the_limit(void **state)
{
	struct fcgi_reader r;
	struct cgi *cgi;

	(void)state;
	reader_init(&r);
	r.body_over = true;
	cgi = run_ok(&r);
	assert_true(cgi->body_over);
	assert_int_equal(cgi->body_len, 0);
	free(cgi);
}

/* Around libfcgi's buffer of 8192 bytes and the largest record. */
static void
test_long_bodies_and_values(void **state)
{
	static const size_t sizes[] = { 127, 128, 8100, 8191, 8192, 8193, 16384,
		65000, 65494, 65535, 65536, 131070, 300000, BODY_MAX };
	char *fill = malloc(BODY_MAX + 1);
	struct fcgi_reader r;
	struct cgi *cgi;
	size_t i, k, value;

	(void)state;
	assert_non_null(fill);
	for (k = 0; k < BODY_MAX; k++)
		fill[k] = (char)('!' + k % 89);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		value = sizes[i] < 65494 ? sizes[i] : 65494;
		reader_init(&r);
		buf_add(&r.body, fill, sizes[i]);
		add_param(&r, "HTTP_X_REQUEST_ID", "id");
		add_length(&r.params, strlen("REQUEST_URI"));
		add_length(&r.params, value);
		buf_adds(&r.params, "REQUEST_URI");
		buf_add(&r.params, fill, value);
		assert_false(r.params.failed);
		cgi = run_ok(&r);
		assert_int_equal(strlen(cgi->var[CGI_REQUEST_URI]), value);
		assert_memory_equal(cgi->var[CGI_REQUEST_URI], fill, value);
		assert_string_equal(cgi->var[CGI_X_REQUEST_ID], "id");
		free(cgi);
	}
	free(fill);
}

static void
test_parameters_as_long_as_may_be(void **state)
{
	const size_t value = FCGI_MAX_PARAMS - 1 - 4 - strlen("HTTP_ACCEPT");
	struct fcgi_reader r;
	struct cgi *cgi;
	size_t i;

	(void)state;
	reader_init(&r);
	add_length(&r.params, strlen("HTTP_ACCEPT"));
	add_length(&r.params, value);
	buf_adds(&r.params, "HTTP_ACCEPT");
	for (i = 0; i < value; i++)
		buf_addc(&r.params, 'v');
	assert_false(r.params.failed);
	assert_int_equal(r.params.len, FCGI_MAX_PARAMS);
	cgi = run_ok(&r);
	assert_int_equal(strlen(cgi->var[CGI_ACCEPT]), value);
	free(cgi);
}

/*
 * The parser's memory still holds a long request when a short one is written
 * over its beginning: whatever stands behind the short one's end, at any
 * distance, is not taken for a part of it.
 */
static void
test_stale_bytes_are_not_read(void **state)
{
	static const char stale[] = "\1\5\0\1\0\10\0\0EVILEVIL";
	static const char stale_begin[] = "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0";
	struct fcgi_reader r;
	struct cgi *cgi;
	size_t len, k;

	(void)state;
	for (len = 0; len < 40; len++) {
		reader_init(&r);
		add_param(&r, "REQUEST_METHOD", "LONG");
		add_param(&r, "REQUEST_URI", "/long");
		for (k = 0; k < 2000; k++)
			buf_add(
			    &r.body, len % 2 == 0 ? stale : stale_begin, 16);
		free(run_ok(&r));

		reader_init(&r);
		add_param(&r, "REQUEST_METHOD", "SHORT");
		for (k = 0; k < len; k++)
			buf_addc(&r.body, 's');
		cgi = run_ok(&r);
		assert_string_equal(cgi->var[CGI_REQUEST_METHOD], "SHORT");
		assert_string_equal(cgi->var[CGI_REQUEST_URI], "");
		assert_int_equal(cgi->body_len, len);
		free(cgi);
	}
}

static void
test_hostile_parameters(void **state)
{
	struct fcgi_reader r;
	struct cgi *cgi;

	(void)state;
	run_bad(S("\16\377\377\377\376REQUEST_METHOD"));
	run_bad(S("\377\377\377\376\377\377\377\376AB"));
	run_bad(S("\377\377\377\377\0A"));
	run_bad(S("\16\4REQUEST_METHODGE"));
	run_bad(S("\16\3REQUEST_METHODGET\1"));
	run_bad(S("\16\4REQUEST_METHODG\0ET"));

	reader_init(&r);
	buf_add(&r.params, S("\17\3REQUEST_METHOD\0PUT"));
	add_param(&r, "REQUEST_METHOD", "GET");
	cgi = run_ok(&r);
	assert_string_equal(cgi->var[CGI_REQUEST_METHOD], "GET");
	free(cgi);
}

/* Id 0 is none: libfcgi gives up. */
static void
test_libfcgi_refuses(void **state)
{
	struct fcgi_reader r;
	bool bad = false;

	(void)state;
	reader_init(&r);
	r.id = 0;
	assert_null(parser_run(parser, &r, &bad));
	assert_true(bad);
	fcgi_reader_free(&r);

	reader_init(&r);
	free(run_ok(&r));
}

static int
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
test_no_descriptor_is_left(void **state)
{
	int before = count_descriptors(), i;
	struct fcgi_reader r;

	(void)state;
	for (i = 0; i < 100; i++) {
		reader_init(&r);
		add_param(&r, "REQUEST_METHOD", "GET");
		free(run_ok(&r));
		test_libfcgi_refuses(NULL);
	}
	assert_int_equal(count_descriptors(), before);
}

static void
test_sigpipe_is_ignored(void **state)
{
	struct sigaction sa;

	(void)state;
	assert_int_equal(sigaction(SIGPIPE, NULL, &sa), 0);
	assert_true(sa.sa_handler == SIG_IGN);
}

static int
setup(void **state)
{
	(void)state;
	return parser_init() && (parser = parser_new()) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	parser_free(parser);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_variable),
		cmocka_unit_test(test_absent_and_empty),
		cmocka_unit_test(test_what_comes_twice),
		cmocka_unit_test(test_what_comes_thrice),
		cmocka_unit_test(test_content_length),
		cmocka_unit_test(test_content_length_of_what_is_too_long),
		cmocka_unit_test(test_a_body_of_any_bytes),
		cmocka_unit_test(test_a_body_over_the_limit),
		cmocka_unit_test(test_long_bodies_and_values),
		cmocka_unit_test(test_parameters_as_long_as_may_be),
		cmocka_unit_test(test_stale_bytes_are_not_read),
		cmocka_unit_test(test_hostile_parameters),
		cmocka_unit_test(test_libfcgi_refuses),
		cmocka_unit_test(test_no_descriptor_is_left),
		cmocka_unit_test(test_sigpipe_is_ignored),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
