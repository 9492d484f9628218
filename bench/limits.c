/*
 * What CPU a decision of the limiter takes, and what it keeps of ten million
 * addresses. Prints a table; ends with 1 when a limit is exceeded.
 */
#include "limits/limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DECISIONS 10000000
#define SLOTS     (2 * LIMIT_MAX_IDLE) /* of the plain table */
#define ROUNDS    3                    /* the best one counts */

#define MAX_NS 200
/* A client, with malloc's and the table's share, and a network. */
#define MAX_BYTES (LIMIT_MAX_IDLE * 128 + LIMIT_NETWORKS * 64)

typedef void run_f(void *);

/* The plain table: no lock, no key, no memory of its own. */
struct plain {
	struct addr *slots;
	uint64_t hits;
};

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "bench/limits: %s\n", what);
	exit(1);
}

static double
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
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

/* The nth address: odd multipliers make every one another. */
static struct addr
address(uint32_t n)
{
	struct addr addr = { { [10] = 0xff, [11] = 0xff } };
	uint32_t mixed = n * UINT32_C(2654435761);

	memcpy(addr.b + 12, &mixed, sizeof(mixed));
	return addr;
}

/* Nanoseconds of one decision. */
static double
measure(run_f *run, void *arg)
{
	double best = 1e18, began, ns;

	for (int i = 0; i < ROUNDS; i++) {
		began = cpu_ns();
		run(arg);
		ns = (cpu_ns() - began) / DECISIONS;
		if (ns < best)
			best = ns;
	}
	return best;
}

static struct addr *
plain_slot(const struct plain *p, const struct addr *addr)
{
	static const struct addr none;
	uint32_t tail;
	size_t at;

	memcpy(&tail, addr->b + 12, sizeof(tail));
	at = (tail * UINT32_C(0x9e3779b1)) >> 7;
	for (at %= SLOTS; !addr_equal(&p->slots[at], &none) &&
			  !addr_equal(&p->slots[at], addr);
	     at = (at + 1) % SLOTS)
		;
	return &p->slots[at];
}

static void
plain_lookups(void *arg)
{
	struct plain *p = arg;
	struct addr addr;

	for (uint32_t i = 0; i < DECISIONS; i++) {
		addr = address(i % LIMIT_MAX_IDLE);
		p->hits += addr_equal(plain_slot(p, &addr), &addr);
	}
}

static double
plain_measure(void)
{
	struct plain p = { calloc(SLOTS, sizeof(*p.slots)), 0 };
	struct addr addr;
	double ns;

	if (p.slots == NULL)
		fail("no memory");
	for (uint32_t i = 0; i < LIMIT_MAX_IDLE; i++) {
		addr = address(i);
		*plain_slot(&p, &addr) = addr;
	}
	ns = measure(plain_lookups, &p);
	if (p.hits != (uint64_t)ROUNDS * DECISIONS)
		fail("the plain table lost an address");
	free(p.slots);
	return ns;
}

static void
take_from(struct limits *l, uint32_t addresses)
{
	struct addr addr;
	int retry_s;

	for (uint32_t i = 0; i < DECISIONS; i++) {
		addr = address(i % addresses);
		limit_take(l, &addr, LIMIT_CHAT, i / 1000, &retry_s);
	}
}

static void
one_address(void *arg)
{
	take_from(arg, 1);
}

static void
known_addresses(void *arg)
{
	take_from(arg, LIMIT_MAX_IDLE / 2);
}

static void
all_addresses(void *arg)
{
	take_from(arg, DECISIONS);
}

int
main(void)
{
	static const struct {
		const char *what;
		run_f *run;
	} rows[] = {
		{ "one address, hammering", one_address },
		{ "65,536 addresses in turn", known_addresses },
		{ "10,000,000 addresses in turn", all_addresses },
	};
	const struct limit_conf conf = { .rate = {
					     [LIMIT_CHAT] = { 30, 60 } } };
	double before = resident_bytes(), plain, ns, grown;
	struct limits *l = limits_open(&conf);
	bool good = true;

	if (l == NULL)
		fail("no memory");
	plain = plain_measure();
	printf("| decision | ns | ratio |\n|---|--:|--:|\n");
	printf("| a lookup in a plain table | %.0f | 1.0 |\n", plain);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ns = measure(rows[i].run, l);
		good = good && ns <= MAX_NS;
		printf("| %s | %.0f | %.1f |\n", rows[i].what, ns, ns / plain);
	}
	grown = resident_bytes() - before;
	printf("\n%zu addresses are known then, in %.1f MiB.\n",
	    limit_clients(l), grown / 1048576);
	good = good && limit_clients(l) <= LIMIT_MAX_IDLE && grown <= MAX_BYTES;
	printf("The limits are %d ns and %.1f MiB: %s.\n", MAX_NS,
	    (double)MAX_BYTES / 1048576, good ? "kept" : "EXCEEDED");
	limits_close(l);
	return good ? 0 : 1;
}
