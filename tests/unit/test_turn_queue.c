/* The line before a session: order, signals, and mails that cross a leaving. */
#include "base/container.h"
#include "chat/turn_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#define PEOPLE 8

struct person {
	struct ticket ticket;
	bool waits;
	unsigned signals;
	int calls;
	int released;
};

struct world {
	struct turn_queue *line;
	struct loop *loops[2];
	struct sid a, b;
	struct person people[PEOPLE];
};

static void
hear(struct ticket *ticket, unsigned signals)
{
	struct person *p = container_of(ticket, struct person, ticket);

	p->signals |= signals;
	p->calls++;
}

static void
release(struct ticket *ticket)
{
	container_of(ticket, struct person, ticket)->released++;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_non_null(w->line = turn_queue_new());
	assert_non_null(w->loops[0] = loop_new(0));
	assert_non_null(w->loops[1] = loop_new(1));
	memset(w->a.b, 0xaa, sizeof(w->a.b));
	memset(w->b.b, 0xbb, sizeof(w->b.b));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	turn_queue_free(w->line);
	loop_free(w->loops[0]);
	loop_free(w->loops[1]);
	free(w);
	return 0;
}

static const struct ticket_events events = { hear, release };

/* Every other one is on the other loop. */
static enum rc
enter(struct world *w, int i, const struct sid *sid)
{
	struct person *p = &w->people[i];

	return turn_queue_enter(
	    w->line, &p->ticket, w->loops[i % 2], sid, &events, &p->waits);
}

static bool
leave(struct world *w, int i)
{
	return turn_queue_leave(w->line, &w->people[i].ticket);
}

static void
open_mail(struct world *w)
{
	loop_turn(w->loops[0], 0);
	loop_turn(w->loops[1], 0);
}

static unsigned
heard(struct world *w, int i)
{
	unsigned signals = w->people[i].signals;

	w->people[i].signals = 0;
	return signals;
}

static void
test_one_runs_the_others_wait(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i <= TURN_QUEUE_MAX_WAITING; i++) {
		assert_int_equal(enter(w, i, &w->a), RC_OK);
		assert_int_equal(w->people[i].waits, i > 0);
	}
	assert_int_equal(enter(w, i, &w->a), RC_BUSY);
	assert_false(w->people[i].waits);

	for (i = 0; i <= TURN_QUEUE_MAX_WAITING; i++) {
		assert_true(leave(w, i));
		open_mail(w);
		assert_int_equal(w->people[i].calls, i > 0);
		if (i < TURN_QUEUE_MAX_WAITING)
			assert_int_equal(heard(w, i + 1), TURN_QUEUE_GO);
	}
	assert_int_equal(enter(w, 0, &w->a), RC_OK);
	assert_false(w->people[0].waits);
	assert_true(leave(w, 0));
}

static void
test_sessions_do_not_meet(void **state)
{
	struct world *w = *state;

	assert_int_equal(enter(w, 0, &w->a), RC_OK);
	assert_int_equal(enter(w, 1, &w->b), RC_OK);
	assert_false(w->people[1].waits);
	assert_true(leave(w, 0));
	assert_true(turn_queue_tell(w->line, &w->b, TURN_QUEUE_STOP));
	open_mail(w);
	assert_int_equal(heard(w, 0), 0);
	assert_int_equal(heard(w, 1), TURN_QUEUE_STOP);
	assert_true(leave(w, 1));
}

/* All of one list of one shard: only the ids tell them apart. */
static void
test_sessions_of_one_list(void **state)
{
	struct world *w = *state;
	struct sid sids[PEOPLE];
	uint64_t key;
	int i, n = 1;

	sids[0] = w->a;
	key = sid_key(&w->a) % 4096;
	for (uint32_t k = 0; n < 3; k++) {
		sids[n] = w->b;
		memcpy(sids[n].b, &k, sizeof(k));
		n += sid_key(&sids[n]) % 4096 == key;
	}
	for (i = 0; i < 3; i++) {
		assert_int_equal(enter(w, i, &sids[i]), RC_OK);
		assert_false(w->people[i].waits);
		assert_int_equal(enter(w, i + 3, &sids[i]), RC_OK);
		assert_true(w->people[i + 3].waits);
	}
	assert_true(leave(w, 1));
	open_mail(w);
	assert_int_equal(heard(w, 3), 0);
	assert_int_equal(heard(w, 4), TURN_QUEUE_GO);
	assert_int_equal(heard(w, 5), 0);
	for (i = 3; i < 6; i++)
		assert_true(leave(w, i));
	assert_true(leave(w, 2));
	assert_true(leave(w, 0));
}

static void
test_leaving_while_waiting(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(enter(w, i, &w->a), RC_OK);
	assert_true(leave(w, 1));
	open_mail(w);
	assert_int_equal(heard(w, 2), 0);
	assert_true(leave(w, 0));
	open_mail(w);
	assert_int_equal(heard(w, 2), TURN_QUEUE_GO);
	assert_true(leave(w, 2));
}

static void
test_tell(void **state)
{
	struct world *w = *state;
	int i;

	assert_false(turn_queue_tell(w->line, &w->a, TURN_QUEUE_STOP));
	assert_false(turn_queue_tell(w->line, &w->a, TURN_QUEUE_DELETED));
	for (i = 0; i < 3; i++)
		assert_int_equal(enter(w, i, &w->a), RC_OK);

	assert_true(turn_queue_tell(w->line, &w->a, TURN_QUEUE_STOP));
	open_mail(w);
	assert_int_equal(heard(w, 0), TURN_QUEUE_STOP);
	assert_int_equal(heard(w, 1), 0);
	assert_int_equal(heard(w, 2), 0);

	assert_true(turn_queue_tell(w->line, &w->a, TURN_QUEUE_DELETED));
	open_mail(w);
	for (i = 0; i < 3; i++)
		assert_int_equal(heard(w, i), TURN_QUEUE_DELETED);
	for (i = 2; i >= 0; i--)
		assert_true(leave(w, i));
	assert_false(turn_queue_tell(w->line, &w->a, TURN_QUEUE_STOP));
}

static void
test_signals_add_up_in_one_mail(void **state)
{
	struct world *w = *state;

	assert_int_equal(enter(w, 0, &w->a), RC_OK);
	assert_int_equal(enter(w, 1, &w->a), RC_OK);
	assert_true(leave(w, 0));
	assert_true(turn_queue_tell(w->line, &w->a, TURN_QUEUE_STOP));
	assert_true(turn_queue_tell(w->line, &w->a, TURN_QUEUE_DELETED));
	open_mail(w);
	assert_int_equal(
	    heard(w, 1), TURN_QUEUE_GO | TURN_QUEUE_STOP | TURN_QUEUE_DELETED);
	assert_int_equal(w->people[1].calls, 1);
	assert_true(leave(w, 1));
}

static void
test_mail_crosses_a_leaving(void **state)
{
	struct world *w = *state;

	assert_int_equal(enter(w, 0, &w->a), RC_OK);
	assert_int_equal(enter(w, 1, &w->a), RC_OK);
	assert_int_equal(enter(w, 2, &w->a), RC_OK);
	assert_true(leave(w, 0));

	/* it was told to go, leaves without knowing, and the next one goes */
	assert_false(leave(w, 1));
	assert_int_equal(w->people[1].released, 0);
	open_mail(w);
	assert_int_equal(w->people[1].released, 1);
	assert_int_equal(w->people[1].calls, 0);
	assert_int_equal(heard(w, 2), TURN_QUEUE_GO);

	assert_true(turn_queue_tell(w->line, &w->a, TURN_QUEUE_STOP));
	assert_false(leave(w, 2));
	assert_false(turn_queue_tell(w->line, &w->a, TURN_QUEUE_STOP));
	open_mail(w);
	assert_int_equal(w->people[2].released, 1);
	assert_int_equal(w->people[2].calls, 1);
}

/*
 * Threads.
 */

#define THREADS (1 + TURN_QUEUE_MAX_WAITING)
#define ROUNDS  300

struct runner {
	struct loop *loop;
	struct turn_queue *line;
	struct sid sid;
	atomic_int *inside;
	atomic_int *errors;
	pthread_t thread;
	unsigned index;
};

struct visit {
	struct ticket ticket;
	bool go;
	int *freed;
};

static void
visit_hear(struct ticket *ticket, unsigned signals)
{
	if (signals & TURN_QUEUE_GO)
		container_of(ticket, struct visit, ticket)->go = true;
}

static void
visit_free(struct ticket *ticket)
{
	struct visit *v = container_of(ticket, struct visit, ticket);

	++*v->freed;
	free(v);
}

static const struct ticket_events visit_events = { visit_hear, visit_free };

/* Enter, wait for the turn (or, now and then, not), leave, many times. */
static void *
runner_main(void *arg)
{
	struct runner *r = arg;
	struct visit *v;
	int freed = 0, mailed = 0;
	bool waits;

	for (int i = 0; i < ROUNDS; i++) {
		if ((v = calloc(1, sizeof(*v))) == NULL)
			abort();
		if (turn_queue_enter(r->line, &v->ticket, r->loop, &r->sid,
			&visit_events, &waits) != RC_OK)
			abort();
		v->freed = &freed;
		v->go = !waits;
		while (!v->go && (i + (int)r->index) % 5 != 0)
			loop_turn(r->loop, -1);
		if (v->go) {
			if (atomic_fetch_add(r->inside, 1) != 0)
				atomic_fetch_add(r->errors, 1);
			turn_queue_tell(r->line, &r->sid,
			    i % 3 == 0 ? TURN_QUEUE_DELETED : TURN_QUEUE_STOP);
			atomic_fetch_sub(r->inside, 1);
		}
		if (turn_queue_leave(r->line, &v->ticket))
			free(v);
		else
			mailed++;
	}
	while (freed < mailed)
		loop_turn(r->loop, -1);
	return NULL;
}

static void
test_threads(void **state)
{
	struct world *w = *state;
	struct runner runners[THREADS];
	atomic_int inside = 0, errors = 0;
	unsigned i;

	for (i = 0; i < THREADS; i++) {
		runners[i] = (struct runner){
			.loop = loop_new(i),
			.line = w->line,
			.sid = w->a,
			.inside = &inside,
			.errors = &errors,
			.index = i,
		};
		assert_non_null(runners[i].loop);
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&runners[i].thread, NULL,
				     runner_main, &runners[i]),
		    0);
	for (i = 0; i < THREADS; i++)
		pthread_join(runners[i].thread, NULL);
	for (i = 0; i < THREADS; i++)
		loop_free(runners[i].loop);
	assert_int_equal(errors, 0);
	assert_false(turn_queue_tell(w->line, &w->a, TURN_QUEUE_STOP));
}

static void
who_stands_is_seen(void **state)
{
	struct world *w = *state;

	assert_false(turn_queue_view(w->line, &w->a).runs);
	enter(w, 0, &w->a);
	enter(w, 1, &w->a);
	assert_true(turn_queue_view(w->line, &w->a).runs);
	assert_false(turn_queue_view(w->line, &w->b).runs);
	assert_true(leave(w, 0));
	assert_true(turn_queue_view(w->line, &w->a).runs);
	open_mail(w);
	assert_true(leave(w, 1));
	assert_false(turn_queue_view(w->line, &w->a).runs);
}

static void
one_that_ended_leaves_when_it_is_told(void **state)
{
	struct world *w = *state;
	struct person *p = w->people;

	enter(w, 0, &w->a);
	enter(w, 1, &w->a);
	enter(w, 2, &w->b);
	assert_false(turn_queue_tell(w->line, &w->a, TURN_QUEUE_OVER));
	assert_false(turn_queue_end(w->line, &p[2].ticket));
	assert_false(turn_queue_view(w->line, &w->b).runs);
	turn_queue_part(w->line, true);
	assert_true(turn_queue_view(w->line, &w->a).runs);
	assert_true(turn_queue_end(w->line, &p[0].ticket));
	assert_false(turn_queue_view(w->line, &w->a).runs);
	assert_true(turn_queue_view(w->line, &w->a).kept);
	assert_true(turn_queue_view(w->line, &w->a).waits);

	assert_true(turn_queue_tell(w->line, &w->a, TURN_QUEUE_OVER));
	assert_false(turn_queue_tell(w->line, &w->a, TURN_QUEUE_OVER));
	assert_false(turn_queue_view(w->line, &w->a).kept);
	open_mail(w);
	assert_int_equal(p[0].signals, TURN_QUEUE_OVER);
	assert_int_equal(p[0].calls, 1);
	assert_true(leave(w, 0));
	open_mail(w);
	assert_int_equal(p[1].signals, TURN_QUEUE_GO);
	assert_true(turn_queue_view(w->line, &w->a).runs);
	assert_false(turn_queue_view(w->line, &w->a).waits);
	assert_true(leave(w, 1));
	assert_true(leave(w, 2));
}

static void
all_that_are_kept_are_let_go(void **state)
{
	struct world *w = *state;
	struct person *p = w->people;

	enter(w, 0, &w->a);
	enter(w, 1, &w->b);
	enter(w, 2, &w->a);
	turn_queue_part(w->line, true);
	assert_true(turn_queue_end(w->line, &p[0].ticket));
	assert_true(turn_queue_end(w->line, &p[1].ticket));
	turn_queue_part(w->line, false);
	open_mail(w);
	assert_int_equal(p[0].signals, TURN_QUEUE_OVER);
	assert_int_equal(p[1].signals, TURN_QUEUE_OVER);
	assert_int_equal(p[2].signals, 0);
	assert_true(leave(w, 0));
	open_mail(w);
	assert_false(turn_queue_end(w->line, &p[2].ticket));
	assert_true(leave(w, 1));
	assert_true(leave(w, 2));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_stands_is_seen),
		TEST(one_that_ended_leaves_when_it_is_told),
		TEST(all_that_are_kept_are_let_go),
		TEST(test_one_runs_the_others_wait),
		TEST(test_sessions_do_not_meet),
		TEST(test_sessions_of_one_list),
		TEST(test_leaving_while_waiting),
		TEST(test_tell),
		TEST(test_signals_add_up_in_one_mail),
		TEST(test_mail_crosses_a_leaving),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
