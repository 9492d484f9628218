/* The sweeper, over a store that says what the test wants to see. */
#include "base/container.h"
#include "session/sweeper.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "capture.h"

#define SOON     1        /* ms between two sweeps */
#define NEVER    86400000 /* ms between two sweeps */
#define PATIENCE 60       /* seconds until a test gives up */

/* A store with so many expired sessions. */
struct fake {
	struct store store;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	pthread_cond_t changed;
	uint64_t expired;
	unsigned calls;
	unsigned looks;   /* calls that ask for none */
	unsigned largest; /* batch asked for */
	bool signals;     /* the thread takes SIGTERM */
};

static unsigned
fake_sweep(struct store *store, const struct store_now *now, unsigned max)
{
	struct fake *f = container_of(store, struct fake, store);
	unsigned n;
	sigset_t set;

	(void)now;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	pthread_mutex_lock(&f->mtx);
	n = f->expired < max ? (unsigned)f->expired : max;
	f->expired -= n;
	if (max == 0)
		f->looks++;
	else
		f->calls++;
	f->largest = max > f->largest ? max : f->largest;
	f->signals = f->signals || sigismember(&set, SIGTERM) == 0;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mtx);
	return n;
}

static const struct store_backend fake_backend = {
	.name = "fake",
	.sweep = fake_sweep,
};

static struct sweeper *
fake_start(struct fake *f, uint64_t expired, int64_t interval_ms)
{
	struct sweeper *sw;

	*f = (struct fake){ .store = { &fake_backend }, .expired = expired };
	pthread_mutex_init(&f->mtx, NULL);
	pthread_cond_init(&f->changed, NULL);
	assert_non_null(sw = sweeper_start(&f->store, interval_ms));
	return sw;
}

/* Until it was called so often and has no more than `left`. */
static void
fake_wait(struct fake *f, unsigned calls, unsigned looks, uint64_t left)
{
	struct timespec deadline;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += PATIENCE;
	pthread_mutex_lock(&f->mtx);
	while ((f->calls < calls || f->looks < looks || f->expired > left) &&
	       error == 0)
		error = pthread_cond_timedwait(&f->changed, &f->mtx, &deadline);
	pthread_mutex_unlock(&f->mtx);
	assert_int_equal(error, 0);
}

static void
fake_destroy(struct fake *f)
{
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->mtx);
}

static void
test_sweeps_again_and_again(void **state)
{
	struct fake f;
	struct sweeper *sw;

	(void)state;
	sw = fake_start(&f, 0, SOON);
	fake_wait(&f, 5, 0, 0);
	sweeper_stop(sw);
	assert_int_equal(f.largest, SWEEP_BATCH);
	assert_false(f.signals);
	fake_destroy(&f);
}

static void
test_waits_for_its_time(void **state)
{
	struct fake f;
	struct sweeper *sw;

	(void)state;
	sw = fake_start(&f, 100, NEVER);
	sweeper_stop(sw);
	assert_int_equal(f.calls, 0);
	fake_destroy(&f);
}

static void
test_looks_between_sweeps(void **state)
{
	struct fake f;
	struct sweeper *sw;

	(void)state;
	sw = fake_start(&f, 100, NEVER);
	fake_wait(&f, 0, 1, 100);
	sweeper_stop(sw);
	assert_int_equal(f.calls, 0);
	assert_int_equal(f.expired, 100);
	fake_destroy(&f);
}

static void
test_stops_within_a_sweep(void **state)
{
	struct fake f;
	struct sweeper *sw;

	(void)state;
	sw = fake_start(&f, UINT64_MAX, SOON);
	fake_wait(&f, 3, 0, UINT64_MAX);
	sweeper_stop(sw);
	assert_true(f.expired > 0);
	fake_destroy(&f);
}

/* Runs a sweeper until nothing is left, with standard error in a file. */
static void
sweep_logged(uint64_t expired, char *out, size_t size)
{
	struct fake f;
	struct sweeper *sw;

	capture_begin();
	sw = fake_start(&f, expired, SOON);
	fake_wait(&f, 5, 0, 0);
	sweeper_stop(sw);
	capture_end(out, size);
	fake_destroy(&f);
}

static const struct {
	uint64_t expired;
	const char *says; /* NULL: nothing */
} sweeps[] = {
	{ 0, NULL },
	{ 1, "removed=1 " },
	{ SWEEP_BATCH, "removed=64 " },
	{ 3 * SWEEP_BATCH + 7, "removed=199 " },
	{ 100000, "removed=100000 " },
};

static void
test_logs_one_line_a_sweep(void **state)
{
	char out[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(sweeps) / sizeof(sweeps[0]); i++) {
		sweep_logged(sweeps[i].expired, out, sizeof(out));
		if (sweeps[i].says == NULL) {
			assert_string_equal(out, "");
			continue;
		}
		assert_string_equal(out + strcspn(out, "\n"), "\n");
		assert_non_null(strstr(out, sweeps[i].says));
		assert_non_null(strstr(out, "ms="));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sweeps_again_and_again),
		cmocka_unit_test(test_waits_for_its_time),
		cmocka_unit_test(test_looks_between_sweeps),
		cmocka_unit_test(test_stops_within_a_sweep),
		cmocka_unit_test(test_logs_one_line_a_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
