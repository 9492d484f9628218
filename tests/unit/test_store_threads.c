/*
 * The store under several threads at once, mostly for the thread sanitizer:
 * sessions that live a millisecond, every operation, a sweeper between them.
 * STRESS_THREADS and STRESS_OPERATIONS ask for more than the everyday numbers.
 */
#include "session/store.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "log/log.h"
#include "session/sweeper.h"

#define THREADS     4
#define OPERATIONS  80000 /* of all threads together */
#define MAX_THREADS 1000
#define SHARED      32   /* sessions that all threads know */
#define ROOM        1000 /* max_sessions where it matters */

static const struct addr nobody;

struct shared {
	struct store *store;
	struct store_port *port; /* the threads': it needs no loop */
	long threads;
	long steps;       /* of each */
	atomic_llong now; /* ms: moved by every operation */
	atomic_ulong created;
	atomic_ulong refused;
	atomic_ulong broken; /* answers that cannot be */

	/* guarded by mtx */
	pthread_mutex_t mtx;
	struct sid ids[SHARED];
};

struct worker {
	struct shared *shared;
	uint64_t seed;
	struct sid id; /* what the last answer was about */
	enum rc rc;
	pthread_t thread;
};

static struct store_now
at(int64_t ms)
{
	return (struct store_now){ ms, ms };
}

static unsigned
dice(struct worker *w, unsigned sides)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(w->seed >> 33) % sides;
}

/* Every text is a run of one letter, so a torn one shows. */
static bool
is_whole(const struct history *h)
{
	struct message m;
	size_t pos = 0;

	while (history_next(h, &pos, &m)) {
		for (size_t i = 0; i < m.len; i++) {
			if (m.text[i] != m.text[0])
				return false;
		}
	}
	return true;
}

static void
answered(void *arg, enum rc rc, struct session *s)
{
	struct worker *w = arg;

	w->rc = rc;
	if (rc != RC_OK && rc != RC_NOSESSION && rc != RC_CAPACITY &&
	    rc != RC_LOST)
		atomic_fetch_add(&w->shared->broken, 1);
	if (s == NULL)
		return;
	w->id = s->id;
	if (!is_whole(&s->history) || s->history.count > 8)
		atomic_fetch_add(&w->shared->broken, 1);
}

static void
counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct worker *w = arg;

	if (rc != RC_OK || totals->sessions > ROOM)
		atomic_fetch_add(&w->shared->broken, 1);
}

static struct sid
pick(struct worker *w, const struct sid *put)
{
	struct shared *sh = w->shared;
	unsigned i = dice(w, SHARED);
	struct sid id;

	pthread_mutex_lock(&sh->mtx);
	if (put != NULL)
		sh->ids[i] = *put;
	id = sh->ids[i];
	pthread_mutex_unlock(&sh->mtx);
	return id;
}

/* A turn: hold, then append or let go, unless it was deleted meanwhile. */
static void
take_turn(struct worker *w, const struct sid *id, int64_t now)
{
	struct store_port *port = w->shared->port;
	char text[64];
	const struct message q = { ROLE_USER, MESSAGE_COMPLETE, now, text,
		dice(w, sizeof(text)), RC_OK, NULL, NULL, NULL, 0 };
	const struct message a = { ROLE_ASSISTANT, MESSAGE_COMPLETE, now, text,
		dice(w, sizeof(text)), RC_OK, NULL, NULL, NULL, 0 };

	struct hold hold = { { { 1 } }, 0 };
	const struct store_ask ask = {
		.sid = id, .window = &WINDOW_ALL, .hold = &hold, .now = at(now)
	};
	const struct store_pair pair = { id, &hold, &q, &a, at(now + 3) };

	memset(text, (int)('a' + dice(w, 26)), sizeof(text));
	store_load(port, &ask, answered, w);
	if (w->rc != RC_OK)
		return;
	if (dice(w, 4) > 0)
		store_append(port, &pair, answered, w);
	else
		store_release(port, id, &hold, &pair.now, answered, w);
}

static void
step(struct worker *w)
{
	struct shared *sh = w->shared;
	int64_t now = atomic_fetch_add(&sh->now, dice(w, 64) == 0);
	const struct store_now then = at(now);
	struct sid id = pick(w, NULL);
	const struct store_ask ask = {
		.sid = &id, .window = &WINDOW_ALL, .now = then
	};

	switch (dice(w, 8)) {
	case 0:
	case 1:
		store_create(sh->port, &nobody, NULL, &then, answered, w);
		if (w->rc == RC_OK)
			pick(w, &w->id);
		break;
	case 2:
		store_delete(sh->port, &id, NULL, &then, answered, w);
		break;
	case 3:
		store_count(sh->port, &then, counted, w);
		break;
	case 4:
		store_sweep(sh->store, &then, 1 + dice(w, 16));
		break;
	case 5:
		store_load(sh->port, &ask, answered, w);
		break;
	default:
		take_turn(w, &id, now);
		break;
	}
}

static void *
mix(void *arg)
{
	const struct worker *w = arg;

	for (long i = 0; i < w->shared->steps; i++)
		step(arg);
	return NULL;
}

static void *
fill(void *arg)
{
	const struct store_now then = at(0);
	struct worker *w = arg;
	struct hold hold = { { { 1 } }, 0 };

	for (int i = 0; i < ROOM; i++) {
		store_create(w->shared->port, &nobody,
		    dice(w, 2) ? &hold : NULL, &then, answered, w);
		atomic_fetch_add(
		    w->rc == RC_OK ? &w->shared->created : &w->shared->refused,
		    1);
	}
	return NULL;
}

/* A number from the environment, or the everyday one. */
static long
number(const char *name, long everyday, long max)
{
	const char *text = getenv(name);
	long n = text != NULL ? strtol(text, NULL, 10) : everyday;

	assert_in_range(n, 1, max);
	return n;
}

static void
shared_init(struct shared *sh, int64_t ttl_ms)
{
	const struct store_limits limits = {
		.ttl_ms = ttl_ms,
		.max_sessions = ROOM,
		.memory = UINT64_C(1) << 30,
		.session_messages = 8,
		.session_bytes = 4096,
	};

	memset(sh, 0, sizeof(*sh));
	sh->threads = number("STRESS_THREADS", THREADS, MAX_THREADS);
	sh->steps = number("STRESS_OPERATIONS", OPERATIONS, LONG_MAX) /
	            sh->threads;
	atomic_init(&sh->now, clock_mono_ms());
	pthread_mutex_init(&sh->mtx, NULL);
	sh->store = store_memory_open(&limits);
	assert_non_null(sh->store);
	sh->port = store_join(sh->store, NULL, NULL, NULL);
	assert_non_null(sh->port);
}

static void
run(struct shared *sh, void *(*what)(void *))
{
	struct worker workers[MAX_THREADS];

	for (long i = 0; i < sh->threads; i++) {
		workers[i] = (struct worker){ .shared = sh,
			.seed = (uint64_t)i };
		assert_int_equal(
		    pthread_create(&workers[i].thread, NULL, what, &workers[i]),
		    0);
	}
	for (long i = 0; i < sh->threads; i++)
		pthread_join(workers[i].thread, NULL);
}

static void
test_everything_at_once(void **state)
{
	struct shared sh;
	struct sweeper *sw;

	(void)state;
	shared_init(&sh, 1);
	sw = sweeper_start(sh.store, 1);
	assert_non_null(sw);
	run(&sh, mix);
	sweeper_stop(sw);
	assert_int_equal(atomic_load(&sh.broken), 0);
	store_part(sh.port);
	store_close(sh.store);
	pthread_mutex_destroy(&sh.mtx);
}

static void
test_creates_never_pass_the_limit(void **state)
{
	struct shared sh;

	(void)state;
	shared_init(&sh, 1);
	run(&sh, fill);
	assert_int_equal(atomic_load(&sh.created), ROOM);
	assert_int_equal(atomic_load(&sh.refused), (sh.threads - 1) * ROOM);
	assert_int_equal(atomic_load(&sh.broken), 0);
	store_part(sh.port);
	store_close(sh.store);
	pthread_mutex_destroy(&sh.mtx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_at_once),
		cmocka_unit_test(test_creates_never_pass_the_limit),
	};

	log_set_level(LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
