/* The cells' sums as Prometheus reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "log/metrics_text.h"

static struct metrics_sum sum;
static struct buf text;

static const struct metrics_names names = {
	.route = { "none", "/health", "/session/{id}" },
	.method = { "GET", "HEAD", "POST", "DELETE", "OPTIONS", "other" },
};

static int
setup(void **state)
{
	(void)state;
	memset(&sum, 0, sizeof(sum));
	buf_init(&text, METRICS_TEXT_MAX);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_free(&text);
	return 0;
}

static const char *
written(void)
{
	buf_clear(&text);
	metrics_text(&text, &sum, &names);
	assert_false(text.failed);
	return buf_string(&text);
}

/* How many lines begin so. */
static unsigned
lines(const char *begin)
{
	const char *p = written();
	unsigned n = 0;

	for (; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		n += strncmp(p, begin, strlen(begin)) == 0;
	}
	return n;
}

/* A whole line. */
static void
assert_line(const char *line)
{
	const char *p = written();
	size_t n = strlen(line);

	while ((p = strstr(p, line)) != NULL) {
		if ((p == text.data || p[-1] == '\n') && p[n] == '\n')
			return;
		p += n;
	}
	fail_msg("not written: %s\nbut:\n%s", line, text.data);
}

static void
every_metric_has_help_and_type(void **state)
{
#define ONE(metric, type, labels, name, help) +1
	const unsigned all = METRICS_LIST(ONE);
#undef ONE

	(void)state;
	assert_int_equal(lines("# HELP causerie_"), all);
	assert_int_equal(lines("# TYPE causerie_"), all);
	assert_line("# HELP causerie_sessions Live sessions.");
	assert_line("# TYPE causerie_sessions gauge");
	assert_line("# TYPE causerie_http_requests_total counter");
	assert_line("# TYPE causerie_loop_lag_seconds histogram");
}

static void
what_has_no_route_is_there_from_the_start(void **state)
{
	(void)state;
	assert_line("causerie_turns_in_flight 0");
	assert_line("causerie_limited_total{kind=\"budget_exhausted\"} 0");
	assert_line("causerie_suspicious_total{kind=\"malformed_id\"} 0");
	assert_line("causerie_upstream_requests_total{outcome=\"ok\"} 0");
	assert_line("causerie_tokens_total{direction=\"out\"} 0");
	assert_line("causerie_upstream_first_token_seconds_count 0");
	assert_int_equal(lines("causerie_http_"), 0);
}

static void
a_counter_is_in_its_row(void **state)
{
	(void)state;
	sum.cell[METRIC_LIMITED + LIMITED_SESSIONS] = 7;
	sum.cell[METRIC_TOKENS + TOKENS_IN] = 1234567890123;
	assert_line("causerie_limited_total{kind=\"too_many_sessions\"} 7");
	assert_line("causerie_limited_total{kind=\"too_many_turns\"} 0");
	assert_line("causerie_tokens_total{direction=\"in\"} 1234567890123");
}

static void
a_request_is_told_by_route_method_and_status(void **state)
{
	struct metrics_all all;
	struct metrics *m = metrics_new();

	(void)state;
	assert_non_null(m);
	metrics_all_init(&all);
	metrics_join(&all, m);
	metrics_request(m, 0, 5, 0, 10);
	metrics_request(m, 1, 0, 200, 10);
	metrics_request(m, 1, 0, 200, 10);
	metrics_request(m, 2, 3, 404, 10);
	metrics_request(m, 2, 3, 299, 10);
	metrics_sum(&all, &sum);
	metrics_leave(&all, m);
	metrics_all_destroy(&all);
	metrics_free(m);
	assert_int_equal(lines("causerie_http_requests_total{"), 4);
#define ROW "causerie_http_requests_total"
	assert_line(
	    ROW "{route=\"none\",method=\"other\",status=\"aborted\"} 1");
	assert_line(ROW "{route=\"/health\",method=\"GET\",status=\"200\"} 2");
	assert_line(
	    ROW "{route=\"/session/{id}\",method=\"DELETE\",status=\"404\"} 1");
	assert_line(ROW "{route=\"/session/{id}\",method=\"DELETE\","
			"status=\"other\"} 1");
#undef ROW
	assert_line(
	    "causerie_http_request_duration_seconds_count{route=\"none\"} 1");
}

static void
a_histogram_adds_up(void **state)
{
#define NAME "causerie_http_request_duration_seconds"
	uint64_t *cell = sum.cell + METRIC_REQUEST_SECONDS +
	                 1 * CELLS_HISTOGRAM;

	(void)state;
	cell[0] = 3;
	cell[2] = 2;
	cell[METRICS_BOUNDS] = 4;
	cell[CELLS_HISTOGRAM - 1] = 481002003;
	assert_int_equal(lines(NAME), METRICS_BOUNDS + 3);
	assert_line(NAME "_bucket{route=\"/health\",le=\"0.0001\"} 3");
	assert_line(NAME "_bucket{route=\"/health\",le=\"0.0005\"} 3");
	assert_line(NAME "_bucket{route=\"/health\",le=\"0.001\"} 5");
	assert_line(NAME "_bucket{route=\"/health\",le=\"120\"} 5");
	assert_line(NAME "_bucket{route=\"/health\",le=\"+Inf\"} 9");
	assert_line(NAME "_sum{route=\"/health\"} 481.002003");
	assert_line(NAME "_count{route=\"/health\"} 9");
#undef NAME
	sum.cell[METRIC_LOOP_LAG] = 1;
	assert_line("causerie_loop_lag_seconds_bucket{le=\"0.0001\"} 1");
	assert_line("causerie_loop_lag_seconds_sum 0.000000");
}

static void
the_version_is_a_label(void **state)
{
	(void)state;
	sum.cell[METRIC_BUILD] = 1;
	assert_line("causerie_build_info{version=\"" PACKAGE_VERSION "\"} 1");
}

/* A path and a method in every row, as long as those of the route table. */
static void
all_rows_fit(void **state)
{
	struct metrics_names full;
	size_t i;

	(void)state;
	for (i = 0; i < METRICS_ROUTES; i++)
		full.route[i] = "/session/{id}/messages/and/more";
	for (i = 0; i < METRICS_METHODS; i++)
		full.method[i] = "OPTIONS";
	for (i = 0; i < METRICS_CELLS; i++)
		sum.cell[i] = INT64_MAX / METRICS_BOUNDS / 2;
	metrics_text(&text, &sum, &full);
	assert_false(text.failed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_metric_has_help_and_type),
		TEST(what_has_no_route_is_there_from_the_start),
		TEST(a_counter_is_in_its_row),
		TEST(a_request_is_told_by_route_method_and_status),
		TEST(a_histogram_adds_up),
		TEST(the_version_is_a_label),
		TEST(all_rows_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
