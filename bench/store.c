/*
 * What a million sessions weigh, and how long an operation waits while they
 * are all swept at once. Prints a table; ends with 1 when a limit is exceeded.
 */
#include "session/store.h"
#include "base/container.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"
#include "session/sweeper.h"

#define SESSIONS 1000000
#define QUESTION 40      /* bytes */
#define ANSWER   200     /* bytes */
#define BUFFER   4096    /* bytes */
#define TTL      1800000 /* ms */
#define PERIOD   100     /* us between two operations */
#define SAMPLES  1000000 /* 100 s of them */
#define BASELINE 20000   /* measured without a sweep */

#define MAX_BYTES 512   /* a session, beside its text */
#define MAX_US    20000 /* an operation at p99.9 */

static const struct addr nobody;

struct bench {
	struct store *store;
	struct store_port *port;
	int64_t now; /* ms */

	/* the last answer */
	enum rc rc;
	struct sid id;
	uint64_t count;
};

struct samples {
	double *us;
	size_t n;
};

/* The store as the sweeper sees it, so that the end of a sweep is seen. */
struct watched {
	struct store store;
	struct store *inner;
	uint64_t removed;
	atomic_bool done;
};

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "bench/store: %s\n", what);
	exit(1);
}

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double
resident_bytes(void)
{
	unsigned long size, resident;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%lu %lu", &size, &resident) != 2)
		fail("cannot read /proc/self/statm");
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double
peak_bytes(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)ru.ru_maxrss * 1024;
}

static void
answered(void *arg, enum rc rc, struct session *s)
{
	struct bench *b = arg;

	b->rc = rc;
	if (s != NULL)
		b->id = s->id;
}

static void
counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct bench *b = arg;

	b->rc = rc;
	b->count = totals->sessions;
}

/* A session with one short turn in it. */
static void
make_session(struct bench *b)
{
	static const char text[ANSWER] = { 'a' };
	const struct store_now now = store_now_at(b->now);
	const struct message q = { ROLE_USER, MESSAGE_COMPLETE, now.wall_ms,
		text, QUESTION, RC_OK, NULL, NULL, NULL, 0 };
	const struct message a = { ROLE_ASSISTANT, MESSAGE_COMPLETE,
		now.wall_ms, text, ANSWER, RC_OK, NULL, NULL, NULL, 0 };
	struct hold hold = { { { 1 } }, 0 };
	struct sid id;
	const struct store_pair pair = { &id, &hold, &q, &a, now };

	store_create(b->port, &nobody, &hold, &now, answered, b);
	if (b->rc != RC_OK)
		fail(rc_text(b->rc, LANG_EN));
	id = b->id;
	store_append(b->port, &pair, answered, b);
	if (b->rc != RC_OK)
		fail(rc_text(b->rc, LANG_EN));
}

/* In an order of last activity that is not the order in memory. */
static void
shuffle(struct bench *b, struct sid *ids)
{
	const struct store_now now = store_now_at(b->now);
	const struct hold hold = { { { 1 } }, 2 };
	struct sid id;
	size_t j;

	for (size_t i = SESSIONS - 1; i > 0; i--) {
		j = (size_t)random() % (i + 1);
		id = ids[i];
		ids[i] = ids[j];
		ids[j] = id;
	}
	for (size_t i = 0; i < SESSIONS; i++)
		store_release(b->port, &ids[i], &hold, &now, answered, b);
}

static void
fill(struct bench *b, bool shuffled)
{
	struct sid *ids = calloc(SESSIONS, sizeof(*ids));

	if (ids == NULL)
		fail("out of memory");
	for (size_t i = 0; i < SESSIONS; i++) {
		make_session(b);
		ids[i] = b->id;
	}
	if (shuffled)
		shuffle(b, ids);
	free(ids);
}

/* What a loop does for a visitor, with a buffer as a request takes. */
static void
operate(struct bench *b)
{
	struct sid *buffer = malloc(BUFFER);
	const struct store_ask ask = {
		.sid = buffer,
		.window = &WINDOW_ALL,
		.now = store_now_at(b->now),
	};

	if (buffer == NULL)
		fail("out of memory");
	make_session(b);
	*buffer = b->id;
	store_load(b->port, &ask, answered, b);
	store_delete(b->port, buffer, NULL, &ask.now, answered, b);
	free(buffer);
}

/*
 * Operations fall due at a steady pace, whether or not the one before is done:
 * what one waits for holds up those behind it, as in a loop.
 */
static void
measure(struct bench *b, struct samples *s, size_t n, atomic_bool *done)
{
	double due = now_us();

	for (s->n = 0; s->n < n && !(done != NULL && atomic_load(done));) {
		due += PERIOD;
		while (now_us() < due)
			;
		operate(b);
		s->us[s->n++] = now_us() - due;
	}
}

static unsigned
watched_sweep(struct store *store, const struct store_now *now, unsigned max)
{
	struct watched *w = container_of(store, struct watched, store);
	unsigned n = store_sweep(w->inner, now, max);

	w->removed += n;
	if (n == 0 && w->removed >= SESSIONS)
		atomic_store(&w->done, true);
	return n;
}

static const struct store_backend watched_backend = {
	.name = "watched",
	.sweep = watched_sweep,
};

static void
measure_sweep(struct bench *b, struct samples *s)
{
	struct watched w = { .store = { &watched_backend }, .inner = b->store };
	struct sweeper *sw = sweeper_start(&w.store, 1);

	if (sw == NULL)
		fail("no thread");
	measure(b, s, SAMPLES, &w.done);
	sweeper_stop(sw);
	if (!atomic_load(&w.done))
		fail("the sweep does not end");
}

static int
ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One row; whether it is within the limit. */
static bool
row(const char *what, struct samples *s)
{
	const double at[] = { 0.5, 0.99, 0.999 };
	double us;

	qsort(s->us, s->n, sizeof(*s->us), ascending);
	printf("| %s | %zu |", what, s->n);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		printf(" %.3f |", s->us[(size_t)((double)s->n * at[i])] / 1e3);
	us = s->us[(size_t)((double)s->n * 0.999)];
	printf(" %.3f | %.0f |\n", s->us[s->n - 1] / 1e3, MAX_US / 1e3);
	return us <= MAX_US;
}

struct result {
	bool shuffled;
	bool good;
};

static bool
run(struct bench *b, struct samples *s, bool shuffled)
{
	double empty = resident_bytes(), full, bytes;
	struct store_now now;
	bool good;

	b->now = clock_mono_ms() - 2 * TTL;
	fill(b, shuffled);
	full = resident_bytes();
	bytes = (full - empty) / SESSIONS - QUESTION - ANSWER;
	b->now += 2 * TTL;
	now = store_now_at(b->now);
	store_sweep(b->store, &now, 0);
	store_count(b->port, &now, counted, b);
	if (b->count != 0)
		fail("expired sessions are counted");

	printf("\n%d sessions, a turn of %d bytes in each, expiring %s\n\n",
	    SESSIONS, QUESTION + ANSWER,
	    shuffled ? "in any order" : "in the order of their creation");
	printf("| memory | | limit |\n|---|--:|--:|\n");
	printf("| bytes per session beside its text | %.0f | %d |\n", bytes,
	    MAX_BYTES);
	printf("| resident, full (MB) | %.0f | |\n", full / 1e6);
	measure(b, s, BASELINE, NULL);
	printf("\n| operation, ms | n | p50 | p99 | p99.9 | max | limit at "
	       "p99.9 |\n|---|--:|--:|--:|--:|--:|--:|\n");
	row("without a sweep", s);
	measure_sweep(b, s);
	good = row("while all are swept", s);
	printf("\n| after it | |\n|---|--:|\n");
	printf("| resident, swept (MB) | %.0f |\n", resident_bytes() / 1e6);
	printf("| peak (MB) | %.0f |\n", peak_bytes() / 1e6);
	return good && bytes <= MAX_BYTES;
}

/* On a thread of its own, as the loops are: its memory is its own arena's. */
static void *
bench_main(void *arg)
{
	struct result *result = arg;
	const struct store_limits limits = {
		.ttl_ms = TTL,
		.max_sessions = 2 * SESSIONS,
		.memory = UINT64_C(4) << 30,
		.session_messages = 200,
		.session_bytes = 256 * 1024,
	};
	struct bench b = { .store = store_memory_open(&limits) };
	struct samples s = { .us = calloc(SAMPLES, sizeof(double)) };

	if (b.store == NULL || s.us == NULL ||
	    (b.port = store_join(b.store, NULL, NULL, NULL)) == NULL)
		fail("out of memory");
	result->good = run(&b, &s, result->shuffled);
	store_part(b.port);
	store_close(b.store);
	free(s.us);
	return NULL;
}

/* Each in a process of its own, so that they find the same memory. */
static bool
bench_fork(bool shuffled)
{
	struct result result = { .shuffled = shuffled };
	pthread_t thread;
	int status;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		if (pthread_create(&thread, NULL, bench_main, &result) != 0)
			fail("no thread");
		pthread_join(thread, NULL);
		exit(result.good ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int
main(void)
{
	bool good;

	log_set_level(LOG_LEVEL_WARN);
	good = bench_fork(false);
	good = bench_fork(true) && good;
	return good ? 0 : 1;
}
