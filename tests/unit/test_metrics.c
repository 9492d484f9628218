/* The cells: what was counted, by whom, and what a reader sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/rc.h"
#include "log/metrics.h"

#define THREADS 4
#define EACH    100000 /* that a thread counts */

static struct metrics_all all;
static struct metrics *metrics;

static int
setup(void **state)
{
	(void)state;
	metrics_all_init(&all);
	if ((metrics = metrics_new()) == NULL)
		return -1;
	metrics_join(&all, metrics);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	metrics_leave(&all, metrics);
	metrics_free(metrics);
	metrics_all_destroy(&all);
	return 0;
}

static uint64_t
cell(unsigned i)
{
	static struct metrics_sum sum;

	metrics_sum(&all, &sum);
	return sum.cell[i];
}

static uint64_t
cells(unsigned from, unsigned to)
{
	uint64_t n = 0;

	while (from < to)
		n += cell(from++);
	return n;
}

static void
nothing_was_counted_at_first(void **state)
{
	(void)state;
	assert_int_equal(cells(0, METRICS_CELLS), 0);
}

static void
a_row_is_its_own(void **state)
{
	(void)state;
	metrics_count(metrics, METRIC_LIMITED, LIMITED_BUDGET);
	metrics_count(metrics, METRIC_LIMITED, LIMITED_BUDGET);
	metrics_count(metrics, METRIC_SUSPICIOUS, SUSPICIOUS_ID);
	metrics_add(metrics, METRIC_TOKENS, TOKENS_OUT, 700);
	assert_int_equal(cell(METRIC_LIMITED + LIMITED_BUDGET), 2);
	assert_int_equal(cell(METRIC_SUSPICIOUS + SUSPICIOUS_ID), 1);
	assert_int_equal(cell(METRIC_TOKENS + TOKENS_OUT), 700);
	assert_int_equal(cells(0, METRICS_CELLS), 703);
}

/* No metric's cells reach into another's. */
static void
metrics_lie_side_by_side(void **state)
{
#define EDGES(metric, type, labels, name, help) metric, metric##_LAST,
	static const unsigned edges[] = { METRICS_LIST(EDGES) };
#undef EDGES
	unsigned i, next = 0;

	(void)state;
	for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i += 2) {
		assert_int_equal(edges[i], next);
		assert_true(edges[i + 1] >= edges[i]);
		next = edges[i + 1] + 1;
	}
	assert_int_equal(next, METRICS_CELLS);
}

static void
a_gauge_may_fall_on_another_loop(void **state)
{
	struct metrics *other = metrics_new();

	(void)state;
	assert_non_null(other);
	metrics_join(&all, other);
	metrics_add(metrics, METRIC_TURNS, 0, 3);
	metrics_add(other, METRIC_TURNS, 0, -2);
	assert_int_equal(cell(METRIC_TURNS), 1);
	metrics_leave(&all, other);
	assert_int_equal(cell(METRIC_TURNS), 3);
	metrics_free(other);
}

static void
a_bound_belongs_to_its_cell(void **state)
{
	const unsigned over = METRIC_LOOP_LAG + METRICS_BOUNDS;
	int64_t sum = 0;
	unsigned i;

	(void)state;
	for (i = 0; i < METRICS_BOUNDS; i++) {
		metrics_observe(metrics, METRIC_LOOP_LAG, 0, metrics_bounds[i]);
		sum += metrics_bounds[i];
		assert_int_equal(cell(METRIC_LOOP_LAG + i), 1);
		if (i > 0)
			assert_true(metrics_bounds[i] > metrics_bounds[i - 1]);
	}
	metrics_observe(metrics, METRIC_LOOP_LAG, 0,
	    metrics_bounds[METRICS_BOUNDS - 1] + 1);
	sum += metrics_bounds[METRICS_BOUNDS - 1] + 1;
	assert_int_equal(cell(over), 1);
	assert_int_equal(cell(METRIC_LOOP_LAG_LAST), sum);
	metrics_observe(metrics, METRIC_LOOP_LAG, 0, -5);
	assert_int_equal(cell(METRIC_LOOP_LAG), 2);
	assert_int_equal(cell(METRIC_LOOP_LAG_LAST), sum);
}

static unsigned
request_cell(unsigned route, unsigned method, unsigned status)
{
	return METRIC_REQUESTS +
	       (route * METRICS_METHODS + method) * ROWS_STATUS + status;
}

static void
a_request_is_counted_and_timed(void **state)
{
	const unsigned route = METRICS_ROUTES - 1;
	const unsigned method = METRICS_METHODS - 1;

	(void)state;
	metrics_request(metrics, route, method, 504, 700);
	assert_int_equal(cell(request_cell(route, method, STATUS_ROW_504)), 1);
	assert_int_equal(cell(METRIC_REQUEST_SECONDS_LAST), 700);
	assert_int_equal(cells(0, METRICS_CELLS), 702);
}

static void
a_status_without_a_row_is_another(void **state)
{
	(void)state;
	metrics_request(metrics, 0, 0, 0, 0);
	assert_int_equal(cell(request_cell(0, 0, STATUS_ROW_ABORTED)), 1);
	metrics_request(metrics, 0, 0, 200, 0);
	assert_int_equal(cell(request_cell(0, 0, STATUS_ROW_200)), 1);
	metrics_request(metrics, 0, 0, -1, 0);
	metrics_request(metrics, 0, 0, 199, 0);
	metrics_request(metrics, 0, 0, 201, 0);
	metrics_request(metrics, 0, 0, 599, 0);
	metrics_request(metrics, 0, 0, 600, 0);
	assert_int_equal(cell(request_cell(0, 0, STATUS_ROW_OTHER)), 5);
}

static void
every_problem_has_a_row(void **state)
{
	int rc;

	(void)state;
	for (rc = RC_OK; rc < RC_COUNT; rc++)
		metrics_request(metrics, 0, 0, rc_status((enum rc)rc), 0);
	assert_int_equal(cell(request_cell(0, 0, STATUS_ROW_OTHER)), 0);
}

struct counter {
	pthread_t thread;
	struct metrics *metrics;
	atomic_bool *go;
	atomic_int *running;
};

static void *
counter_main(void *arg)
{
	struct counter *c = arg;

	metrics_join(&all, c->metrics);
	while (!atomic_load(c->go))
		;
	for (int i = 0; i < EACH; i++)
		metrics_request(c->metrics, 1, 2, 200, 1);
	atomic_fetch_sub(c->running, 1);
	return NULL;
}

static void
a_reader_never_sees_fewer_than_before(void **state)
{
	const unsigned row = request_cell(1, 2, STATUS_ROW_200);
	struct counter counters[THREADS];
	atomic_bool go = false;
	atomic_int running = THREADS;
	uint64_t n = 0, seen;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		counters[i].go = &go;
		counters[i].running = &running;
		assert_non_null(counters[i].metrics = metrics_new());
		assert_int_equal(pthread_create(&counters[i].thread, NULL,
				     counter_main, &counters[i]),
		    0);
	}
	atomic_store(&go, true);
	do {
		seen = cell(row);
		assert_true(seen >= n);
		n = seen;
	} while (atomic_load(&running) > 0);
	assert_int_equal(cell(row), THREADS * EACH);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(counters[i].thread, NULL), 0);
		metrics_leave(&all, counters[i].metrics);
		metrics_free(counters[i].metrics);
	}
	assert_int_equal(cell(row), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_was_counted_at_first),
		TEST(a_row_is_its_own),
		TEST(metrics_lie_side_by_side),
		TEST(a_gauge_may_fall_on_another_loop),
		TEST(a_bound_belongs_to_its_cell),
		TEST(a_request_is_counted_and_timed),
		TEST(a_status_without_a_row_is_another),
		TEST(every_problem_has_a_row),
		TEST(a_reader_never_sees_fewer_than_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
