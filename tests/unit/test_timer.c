/* The heap against a model that looks at every timer. */
#include "loop/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT  300
#define ROUNDS 20000

struct model {
	struct timers heap;
	struct timer timer[COUNT];
	int64_t at[COUNT]; /* INT64_MAX: not set */
	int64_t last;      /* when the one before had to fire */
	unsigned fired;
	uint64_t seed;
};

static unsigned
model_random(struct model *m, unsigned below)
{
	m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(m->seed >> 33) % below;
}

static int64_t
model_earliest(const struct model *m)
{
	int64_t at = INT64_MAX;
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (m->at[i] < at)
			at = m->at[i];
	return at;
}

static void
model_fire(struct timer *t, void *arg)
{
	struct model *m = arg;
	size_t i = (size_t)(t - m->timer);

	assert_false(t->set);
	assert_int_equal(m->at[i], model_earliest(m));
	assert_true(m->at[i] >= m->last);
	m->last = m->at[i];
	m->at[i] = INT64_MAX;
	m->fired++;
}

static void
model_step(struct model *m, int64_t now)
{
	size_t i = model_random(m, COUNT);

	switch (model_random(m, 8)) {
	case 0:
		timers_clear(&m->heap, &m->timer[i]);
		m->at[i] = INT64_MAX;
		break;
	case 1:
		m->last = INT64_MIN;
		timers_run(&m->heap, now, UINT32_MAX);
		assert_true(model_earliest(m) > now);
		break;
	default:
		m->at[i] = now - 5 + model_random(m, 200);
		timers_set(&m->heap, &m->timer[i], m->at[i]);
	}
	assert_int_equal(timers_next(&m->heap), model_earliest(m));
	assert_int_equal(m->timer[i].set, m->at[i] != INT64_MAX);
}

static void
test_like_the_model(void **state)
{
	struct model m = { .seed = 1, .last = INT64_MIN };
	int64_t now;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT; i++) {
		timer_init(&m.timer[i], model_fire, &m);
		m.at[i] = INT64_MAX;
	}
	for (now = 0; now < ROUNDS; now++)
		model_step(&m, now);
	assert_true(m.fired > ROUNDS / 4);
	for (i = 0; i < COUNT; i++)
		timers_clear(&m.heap, &m.timer[i]);
	assert_int_equal(timers_next(&m.heap), INT64_MAX);
}

struct pair {
	struct timers *heap;
	struct timer a, b;
	unsigned fired_a, fired_b;
};

static void
fire_again(struct timer *t, void *arg)
{
	struct pair *p = arg;

	p->fired_a++;
	timers_set(p->heap, t, 0);
}

static void
fire_b(struct timer *t, void *arg)
{
	struct pair *p = arg;

	(void)t;
	p->fired_b++;
}

static void
fire_clears_b(struct timer *t, void *arg)
{
	struct pair *p = arg;

	(void)t;
	p->fired_a++;
	timers_clear(p->heap, &p->b);
}

static void
test_at_most_max_are_fired(void **state)
{
	struct timers heap = { NULL };
	struct pair p = { .heap = &heap };

	(void)state;
	timer_init(&p.a, fire_again, &p);
	timers_set(&heap, &p.a, 0);
	timers_run(&heap, 100, 10);
	assert_int_equal(p.fired_a, 10);
	assert_true(p.a.set);
}

static void
test_firing_may_clear_another(void **state)
{
	struct timers heap = { NULL };
	struct pair p = { .heap = &heap };

	(void)state;
	timer_init(&p.a, fire_clears_b, &p);
	timer_init(&p.b, fire_b, &p);
	timers_set(&heap, &p.a, 1);
	timers_set(&heap, &p.b, 2);
	timers_run(&heap, 100, 10);
	assert_int_equal(p.fired_a, 1);
	assert_int_equal(p.fired_b, 0);
	assert_int_equal(timers_next(&heap), INT64_MAX);
}

static void
test_fires_at_its_time_not_before(void **state)
{
	struct timers heap = { NULL };
	struct pair p = { .heap = &heap };

	(void)state;
	timer_init(&p.b, fire_b, &p);
	timers_clear(&heap, &p.b);
	timers_set(&heap, &p.b, 50);
	timers_set(&heap, &p.b, 70);
	assert_int_equal(timers_next(&heap), 70);
	timers_run(&heap, 69, 10);
	assert_int_equal(p.fired_b, 0);
	timers_run(&heap, 70, 10);
	timers_run(&heap, 70, 10);
	assert_int_equal(p.fired_b, 1);
}

/* A heap that was never sorted is one level of siblings: no recursion. */
static void
test_a_hundred_thousand(void **state)
{
	const unsigned n = 100000;
	struct timers heap = { NULL };
	struct pair p = { .heap = &heap };
	struct timer *t = calloc(n, sizeof(*t));
	unsigned i;

	(void)state;
	assert_non_null(t);
	for (i = 0; i < n; i++) {
		timer_init(&t[i], fire_b, &p);
		timers_set(&heap, &t[i], i);
	}
	timers_run(&heap, n, UINT32_MAX);
	assert_int_equal(p.fired_b, n);
	free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_the_model),
		cmocka_unit_test(test_at_most_max_are_fired),
		cmocka_unit_test(test_firing_may_clear_another),
		cmocka_unit_test(test_fires_at_its_time_not_before),
		cmocka_unit_test(test_a_hundred_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
