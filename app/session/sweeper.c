/*
 * The sweeper: expired sessions are never served, but their memory comes free
 * only when somebody comes for it, and no loop should.
 *
 * malloc keeps what is freed, and whoever makes it tidy up blocks the others
 * meanwhile. Without fastbins there is never much to tidy up, neither for a
 * loop by chance nor for malloc_trim, which is then done with 100 MB in 10 ms.
 */
#include "session/sweeper.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define SWEEP_TRIM 65536 /* removed in one sweep: give memory back */

struct sweeper {
	/* immutable after sweeper_start() */
	struct store *store;
	int64_t interval_ms;
	pthread_t thread;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	pthread_cond_t wake;
	bool stop;
};

static bool
sweeper_stopped(struct sweeper *sw)
{
	bool stop;

	pthread_mutex_lock(&sw->mtx);
	stop = sw->stop;
	pthread_mutex_unlock(&sw->mtx);
	return stop;
}

/* Until the next sweep is due; false: it is to end. */
static bool
sweeper_wait(struct sweeper *sw)
{
	int64_t due = clock_mono_ms() + sw->interval_ms;
	struct timespec ts = {
		.tv_sec = due / 1000,
		.tv_nsec = due % 1000 * 1000000,
	};
	bool stop;

	pthread_mutex_lock(&sw->mtx);
	while (!sw->stop &&
	       pthread_cond_timedwait(&sw->wake, &sw->mtx, &ts) != ETIMEDOUT)
		;
	stop = sw->stop;
	pthread_mutex_unlock(&sw->mtx);
	return !stop;
}

static void
sweeper_sweep(struct sweeper *sw)
{
	int64_t began_us = clock_mono_us(), now = clock_mono_ms();
	uint64_t total = 0;
	unsigned n;

	do {
		n = store_sweep(sw->store, now, SWEEP_BATCH);
		total += n;
	} while (n == SWEEP_BATCH && !sweeper_stopped(sw));
	if (total >= SWEEP_TRIM)
		malloc_trim(0);
	if (total > 0)
		log_info("sweep", LOG_INT("removed", total),
		    LOG_US("ms", clock_mono_us() - began_us));
}

static void *
sweeper_main(void *arg)
{
	struct sweeper *sw = arg;

	while (sweeper_wait(sw))
		sweeper_sweep(sw);
	return NULL;
}

/* Signals are main's. */
static int
sweeper_spawn(struct sweeper *sw)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&sw->thread, NULL, sweeper_main, sw);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

static void
sweeper_free(struct sweeper *sw)
{
	pthread_cond_destroy(&sw->wake);
	pthread_mutex_destroy(&sw->mtx);
	free(sw);
}

struct sweeper *
sweeper_start(struct store *store, int64_t interval_ms)
{
	struct sweeper *sw;
	pthread_condattr_t attr;
	int error;

	if ((sw = calloc(1, sizeof(*sw))) == NULL)
		return NULL;
	mallopt(M_MXFAST, 0);
	sw->store = store;
	sw->interval_ms = interval_ms;
	pthread_mutex_init(&sw->mtx, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sw->wake, &attr);
	pthread_condattr_destroy(&attr);
	if ((error = sweeper_spawn(sw)) != 0) {
		sweeper_free(sw);
		errno = error;
		return NULL;
	}
	return sw;
}

void
sweeper_stop(struct sweeper *sw)
{
	pthread_mutex_lock(&sw->mtx);
	sw->stop = true;
	pthread_cond_signal(&sw->wake);
	pthread_mutex_unlock(&sw->mtx);
	pthread_join(sw->thread, NULL);
	sweeper_free(sw);
}
