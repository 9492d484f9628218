/*
 * Counting without waiting: a cell has one writer, so a relaxed load and store
 * are enough, and a reader sees each cell as it was a moment ago.
 */
#include "log/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

#define STATUS_MIN 200
#define STATUS_END 600

struct metrics {
	_Alignas(CACHE_LINE) _Atomic uint64_t cell[METRICS_CELLS];

	/* guarded by the mutex of those it joined */
	_Alignas(CACHE_LINE) struct metrics *next;
};

const int64_t metrics_bounds[METRICS_BOUNDS] = {
	100,
	500,
	1000,
	2500,
	5000,
	10000,
	25000,
	50000,
	100000,
	250000,
	500000,
	1000000,
	2500000,
	5000000,
	10000000,
	30000000,
	60000000,
	120000000,
};

struct metrics *
metrics_new(void)
{
	struct metrics *m;

	if ((m = aligned_alloc(CACHE_LINE, sizeof(*m))) != NULL)
		memset(m, 0, sizeof(*m));
	return m;
}

void
metrics_free(struct metrics *m)
{
	free(m);
}

static void
cell_add(struct metrics *m, unsigned cell, uint64_t n)
{
	uint64_t old = atomic_load_explicit(
	    &m->cell[cell], memory_order_relaxed);

	atomic_store_explicit(&m->cell[cell], old + n, memory_order_relaxed);
}

void
metrics_count(struct metrics *m, enum metric metric, unsigned row)
{
	cell_add(m, metric + row, 1);
}

void
metrics_add(struct metrics *m, enum metric metric, unsigned row, int64_t n)
{
	cell_add(m, metric + row, (uint64_t)n);
}

void
metrics_observe(struct metrics *m, enum metric metric, unsigned row, int64_t us)
{
	unsigned first = metric + row * CELLS_HISTOGRAM;
	unsigned i = 0;

	while (i < METRICS_BOUNDS && us > metrics_bounds[i])
		i++;
	cell_add(m, first + i, 1);
	if (us > 0)
		cell_add(m, first + CELLS_HISTOGRAM - 1, (uint64_t)us);
}

static unsigned
status_row(int status)
{
#define STATUS_ROW(number) [number - STATUS_MIN] = STATUS_ROW_##number + 1,
	static const uint8_t rows[STATUS_END - STATUS_MIN] = { METRICS_STATUSES(
	    STATUS_ROW) };
#undef STATUS_ROW
	unsigned row = 0;

	if (status == 0)
		return STATUS_ROW_ABORTED;
	if (status >= STATUS_MIN && status < STATUS_END)
		row = rows[status - STATUS_MIN];
	return row == 0 ? STATUS_ROW_OTHER : row - 1;
}

void
metrics_request(
    struct metrics *m, unsigned route, unsigned method, int status, int64_t us)
{
	unsigned row = (route * METRICS_METHODS + method) * ROWS_STATUS;

	metrics_count(m, METRIC_REQUESTS, row + status_row(status));
	metrics_observe(m, METRIC_REQUEST_SECONDS, route, us);
}

void
metrics_all_init(struct metrics_all *all)
{
	pthread_mutex_init(&all->mtx, NULL);
	all->first = NULL;
}

void
metrics_all_destroy(struct metrics_all *all)
{
	pthread_mutex_destroy(&all->mtx);
}

void
metrics_join(struct metrics_all *all, struct metrics *m)
{
	pthread_mutex_lock(&all->mtx);
	m->next = all->first;
	all->first = m;
	pthread_mutex_unlock(&all->mtx);
}

void
metrics_leave(struct metrics_all *all, struct metrics *m)
{
	struct metrics **at;

	pthread_mutex_lock(&all->mtx);
	for (at = &all->first; *at != NULL && *at != m; at = &(*at)->next)
		;
	if (*at != NULL)
		*at = m->next;
	pthread_mutex_unlock(&all->mtx);
}

void
metrics_sum(struct metrics_all *all, struct metrics_sum *sum)
{
	const struct metrics *m;
	size_t i;

	memset(sum, 0, sizeof(*sum));
	pthread_mutex_lock(&all->mtx);
	for (m = all->first; m != NULL; m = m->next) {
		for (i = 0; i < METRICS_CELLS; i++)
			sum->cell[i] += atomic_load_explicit(
			    &m->cell[i], memory_order_relaxed);
	}
	pthread_mutex_unlock(&all->mtx);
}
