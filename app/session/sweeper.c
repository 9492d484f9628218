/*
 * The sweeper: expired sessions are never served, but their memory comes free
 * only when somebody comes for it, and no loop should.
 *
 * What is freed stays with the process, for the sessions to come: malloc_trim
 * would stop every loop that allocates for as long as it takes, 50 to 160 ms
 * after a million sessions.
 */
#include "session/sweeper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "log/log.h"

#define TICK_US  1000000 /* between two looks at what has expired */
#define PAUSE_US 100     /* between two batches: the loops' turn at malloc */

struct sweeper {
	/* immutable after sweeper_start() */
	struct store *store;
	int64_t interval_us;
	pthread_t thread;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	pthread_cond_t wake;
	bool stop;
};

/* False: it is to end. */
static bool
sweeper_wait(struct sweeper *sw, int64_t until_us)
{
	struct timespec ts = {
		.tv_sec = until_us / 1000000,
		.tv_nsec = until_us % 1000000 * 1000,
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
	const struct store_now now = store_now_at(clock_mono_ms());
	int64_t began_us = clock_mono_us();
	uint64_t total = 0;
	unsigned n;

	do {
		n = store_sweep(sw->store, &now, SWEEP_BATCH);
		total += n;
	} while (
	    n == SWEEP_BATCH && sweeper_wait(sw, clock_mono_us() + PAUSE_US));
	if (total > 0)
		log_info("sweep", LOG_INT("removed", total),
		    LOG_US("duration_ms", clock_mono_us() - began_us));
}

/* Count what has expired meanwhile. */
static void
sweeper_look(struct sweeper *sw)
{
	const struct store_now now = store_now_at(clock_mono_ms());

	store_sweep(sw->store, &now, 0);
}

static void *
sweeper_main(void *arg)
{
	struct sweeper *sw = arg;
	int64_t now = clock_mono_us(), due = now + sw->interval_us;

	while (sweeper_wait(sw, due < now + TICK_US ? due : now + TICK_US)) {
		now = clock_mono_us();
		if (now < due) {
			sweeper_look(sw);
			continue;
		}
		sweeper_sweep(sw);
		now = clock_mono_us();
		due = now + sw->interval_us;
	}
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
	sw->store = store;
	sw->interval_us = interval_ms * 1000;
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
