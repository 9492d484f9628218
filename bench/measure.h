/*
 * What the clients of the benchmarks share: durations and their quantiles,
 * turns that fall due at a rate, and numbers from the command line.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Say what failed, with errno, and exit. */
void fail(const char *what) __attribute__((noreturn));

/* A whole number from min to max. */
bool number_read(long *out, const char *text, long min, long max);

/* Durations in us. All zero at first. */
struct samples {
	uint32_t	*us;
	size_t		 n;
	size_t		 cap;
};

void samples_add(struct samples *, int64_t us);

/* Print " NAME_p50_us=N NAME_p99_us=N NAME_max_us=N"; -1 without samples. */
void samples_print(struct samples *, const char *name);
void samples_free(struct samples *);

/* When turns are due. */
struct pace {
	int	 fd;		/* readable when the next one is due */
	long	 rate;		/* a second; 0: all at once */
	int64_t	 start;		/* us, monotonic */
};

void pace_open(struct pace *, long rate);

/* When turn i of 0, 1, 2 ... is due; without a rate that is now. */
int64_t pace_due(const struct pace *, long i, int64_t now);

/* Make the descriptor readable when turn i is due. */
void pace_arm(const struct pace *, long i);

#endif
