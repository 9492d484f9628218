/* The circuit breaker, with time as a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "chat/model/breaker.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define START    5000 /* the time at which the calls are made */

static struct addr
client(char letter)
{
	struct addr addr = { { (uint8_t)letter } };

	return addr;
}

static enum breaker_pass
allow_of(struct breaker *b, char letter, int64_t now, struct breaker_call *c)
{
	struct addr addr = client(letter);
	int64_t retry_ms = -1;
	enum breaker_pass pass = breaker_allow(b, &addr, now, c, &retry_ms);

	assert_int_equal(c->pass, pass);
	assert_int_equal(retry_ms == 0, pass != BREAKER_REFUSED);
	return pass;
}

static enum breaker_pass
allow(struct breaker *b, int64_t now, struct breaker_call *c)
{
	return allow_of(b, 'a', now, c);
}

static void
call(struct breaker *b, bool ok, int64_t now)
{
	struct breaker_call c;

	assert_int_equal(allow(b, now, &c), BREAKER_CALL);
	breaker_report(b, &c, ok, now);
}

/* The letters of calls: '.' went well, 'x' failed. */
static void
calls(struct breaker *b, const char *letters, int64_t now)
{
	for (; *letters != '\0'; letters++)
		call(b, *letters == '.', now);
}

static void
open_it(struct breaker *b)
{
	calls(b, "xxxxxxxxxxxxxxxxxxxx", START);
}

/* Refused for so long still. */
static void
assert_refused(struct breaker *b, int64_t now, int64_t wait)
{
	struct addr a = client('a');
	struct breaker_call c;
	int64_t retry_ms = -1;

	assert_int_equal(breaker_look(b, &a, now, &retry_ms), BREAKER_REFUSED);
	assert_int_equal(retry_ms, wait);
	retry_ms = -1;
	assert_int_equal(
	    breaker_allow(b, &a, now, &c, &retry_ms), BREAKER_REFUSED);
	assert_int_equal(retry_ms, wait);
}

static struct breaker_call
assert_trial(struct breaker *b, int64_t now)
{
	struct breaker_call c;
	int64_t retry_ms = -1;

	assert_int_equal(breaker_look(b, NULL, now, &retry_ms), BREAKER_TRIAL);
	assert_int_equal(retry_ms, 0);
	assert_int_equal(allow(b, now, &c), BREAKER_TRIAL);
	return c;
}

static void
half_of_the_last_twenty_open_it(void **state)
{
	static const struct {
		const char *letters; /* up to before the last */
		char last;
		bool opens;
	} rows[] = {
		{ "", 'x', false },
		{ "xxxxxxxxx", 'x', false },
		{ "xxxxxxxxxxxxxxxxxx", 'x', false },
		{ "xxxxxxxxxxxxxxxxxxx", 'x', true },
		{ "xxxxxxxxxxxxxxxxxxx", '.', true },
		{ "..........xxxxxxxxx", 'x', true },
		{ "..........xxxxxxxxx", '.', false },
		{ ".x.x.x.x.x.x.x.x.x.", 'x', true },
		{ ".x.x.x.x.x.x.x.x.x.", '.', false },
		{ "xxxxxxxxx..........", 'x', true },
		{ "xxxxxxxxx...........", 'x', false },
		{ "xxxxxxxxx....................", '.', false },
		{ "....................xxxxxxxxx", 'x', true },
		{ "....................xxxxxxxx", 'x', false },
		{ "xxxxxxxxx...........xxxxxxxxx", 'x', true },
		{ "x.x.x.x.x.x.x.x.x...x.x.x.x.x", '.', false },
	};
	struct breaker b;
	int64_t retry_ms;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		breaker_init(&b);
		calls(&b, rows[i].letters, START);
		call(&b, rows[i].last == '.', START);
		if ((breaker_look(&b, NULL, START, &retry_ms) ==
			BREAKER_REFUSED) != rows[i].opens)
			fail_msg("%s", rows[i].letters);
		breaker_destroy(&b);
	}
}

static void
time_does_not_forgive(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	for (int64_t i = 0; i < BREAKER_CALLS; i++)
		call(&b, false, START + i * 3600000);
	assert_refused(&b, START + 19 * 3600000, BREAKER_FIRST_MS);
	breaker_destroy(&b);
}

static void
open_it_says_for_how_long(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	open_it(&b);
	assert_refused(&b, START, 10000);
	assert_refused(&b, START + 1, 9999);
	assert_refused(&b, START + 9999, 1);
	assert_trial(&b, START + 10000);
	breaker_destroy(&b);
}

static void
one_call_tries(void **state)
{
	int64_t retry_ms;
	struct breaker b;

	(void)state;
	breaker_init(&b);
	open_it(&b);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    breaker_look(&b, NULL, START + 10000, &retry_ms),
		    BREAKER_TRIAL);
	assert_trial(&b, START + 10000);
	assert_refused(&b, START + 10000, 1);
	assert_refused(&b, START + 99999, 1);
	breaker_destroy(&b);
}

static void
a_trial_that_goes_well_closes_it(void **state)
{
	struct breaker_call trial;
	struct breaker b;

	(void)state;
	breaker_init(&b);
	open_it(&b);
	trial = assert_trial(&b, START + 10000);
	breaker_report(&b, &trial, true, START + 10500);
	calls(&b, "xxxxxxxxxxxxxxxxxxx", START + 10500);
	call(&b, false, START + 11000);
	assert_refused(&b, START + 11000, BREAKER_FIRST_MS);
	breaker_destroy(&b);
}

static void
a_trial_that_fails_doubles_the_time(void **state)
{
	static const int64_t waits[] = { 10000, 20000, 40000, 60000, 60000,
		60000 };
	struct breaker_call trial;
	int64_t now = START;
	struct breaker b;

	(void)state;
	breaker_init(&b);
	open_it(&b);
	for (size_t i = 0; i < COUNT(waits); i++) {
		assert_refused(&b, now, waits[i]);
		assert_refused(&b, now + waits[i] - 1, 1);
		now += waits[i] + 7;
		trial = assert_trial(&b, now);
		now += 300;
		breaker_report(&b, &trial, false, now);
	}
	assert_refused(&b, now, 60000);
	now += 60000;
	trial = assert_trial(&b, now);
	breaker_report(&b, &trial, true, now);
	calls(&b, "xxxxxxxxxxxxxxxxxxxx", now);
	assert_refused(&b, now, BREAKER_FIRST_MS);
	breaker_destroy(&b);
}

/* Not while it is open, nor while one tries, nor when it has closed again. */
static void
calls_from_before_it_opened_do_not_count(void **state)
{
	struct breaker_call late, trial;
	struct breaker b;

	(void)state;
	breaker_init(&b);
	assert_int_equal(allow(&b, START, &late), BREAKER_CALL);
	open_it(&b);
	for (int i = 0; i < 2 * BREAKER_CALLS; i++)
		breaker_report(&b, &late, i % 2 == 0, START + 5000);
	assert_refused(&b, START + 5000, 5000);
	trial = assert_trial(&b, START + 10000);
	for (int i = 0; i < 2 * BREAKER_CALLS; i++)
		breaker_report(&b, &late, i % 2 == 0, START + 10001);
	assert_refused(&b, START + 10001, 1);
	breaker_report(&b, &trial, true, START + 10002);
	for (int i = 0; i < 2 * BREAKER_CALLS; i++)
		breaker_report(&b, &late, false, START + 10003);
	calls(&b, "xxxxxxxxxxxxxxxxxxx", START + 10003);
	call(&b, true, START + 10003);
	assert_refused(&b, START + 10003, BREAKER_FIRST_MS);
	breaker_destroy(&b);
}

static void
a_refused_call_has_nothing_to_report(void **state)
{
	const struct breaker_call refused = { .pass = BREAKER_REFUSED };
	struct breaker b;

	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 2 * BREAKER_CALLS; i++)
		breaker_report(&b, &refused, false, START);
	call(&b, true, START);
	breaker_destroy(&b);
}

static void
a_call_given_up_is_as_if_it_never_was(void **state)
{
	struct breaker_call c, trial;
	struct breaker b;

	(void)state;
	breaker_init(&b);
	calls(&b, "xxxxxxxxxxxxxxxxxxx", START);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(allow(&b, START, &c), BREAKER_CALL);
		breaker_forget(&b, &c);
	}
	call(&b, false, START);
	trial = assert_trial(&b, START + 10000);
	breaker_forget(&b, &c);
	assert_refused(&b, START + 10000, 1);
	breaker_forget(&b, &trial);
	trial = assert_trial(&b, START + 10001);
	breaker_report(&b, &trial, false, START + 10001);
	assert_refused(&b, START + 10001, 20000);
	breaker_destroy(&b);
}

/*
 * Whose calls they are. A row's letters are clients, in capitals where they
 * failed.
 */

static void
calls_of(struct breaker *b, const char *letters, int64_t now)
{
	struct breaker_call c;

	for (; *letters != '\0'; letters++) {
		assert_int_equal(allow_of(b, (char)(*letters | 0x20), now, &c),
		    BREAKER_CALL);
		breaker_report(b, &c, *letters >= 'a', now);
	}
}

/* Of a, b and z, who has not called. */
static void
assert_shut_for(struct breaker *b, const char *letters, int64_t now)
{
	static const char all[] = "abz";
	int64_t retry_ms;
	struct addr addr;

	for (size_t i = 0; all[i] != '\0'; i++) {
		addr = client(all[i]);
		if ((breaker_look(b, &addr, now, &retry_ms) !=
			BREAKER_REFUSED) != (strchr(letters, all[i]) == NULL))
			fail_msg("%c", all[i]);
	}
}

static void
one_visitor_is_not_everybody(void **state)
{
	static const struct {
		const char *letters, *shut;
	} rows[] = {
		{ "AAAAAAAAAAAAAAAAAAAA", "a" },
		{ "AAAAAAAAAAaaaaaaaaaa", "a" },
		{ "AAAAAAAAAAAAAAAAAAAb", "" },
		{ "bAAAAAAAAAAAAAAAAAAA", "" },
		{ "AAAAAAAAAAAAAAAAAAAB", "" },
		{ "ABABABABABABABABABAB", "" },
		{ "ABABABABcccccccccABA", "" },
		{ "AAAAAAAAAAAAAAAAAABC", "abz" },
		{ "ABCAbcAbcAbcAbcAABCA", "abz" },
		{ "AbcAbcAbcAbcAbcABCAb", "" },
		{ "ABCDEFGHIJKLMNOPQRST", "abz" },
		{ "bAAAAAAAAAAAAAAAAAAAA", "a" },
	};
	struct breaker b;
	int64_t retry_ms;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		breaker_init(&b);
		calls_of(&b, rows[i].letters, START);
		assert_shut_for(&b, rows[i].shut, START);
		assert_int_equal(
		    breaker_look(&b, NULL, START, &retry_ms) == BREAKER_REFUSED,
		    *rows[i].shut != '\0');
		breaker_destroy(&b);
	}
}

/* A line has 65536 networks of 64 bits, and more addresses. */
static void
a_network_of_ipv6_is_one_visitor(void **state)
{
	struct addr addr = { { 0x20, 1, 0xd, 0xb8, 0, 1 } };
	struct breaker_call c;
	struct breaker b;
	int64_t retry_ms;

	(void)state;
	breaker_init(&b);
	for (uint8_t i = 0; i < BREAKER_CALLS; i++) {
		addr.b[6] = addr.b[8] = i;
		assert_int_equal(breaker_allow(&b, &addr, START, &c, &retry_ms),
		    BREAKER_CALL);
		breaker_report(&b, &c, false, START);
	}
	addr.b[7] = 9;
	assert_int_equal(
	    breaker_look(&b, &addr, START, &retry_ms), BREAKER_REFUSED);
	addr.b[5] = 2;
	assert_int_equal(
	    breaker_look(&b, &addr, START, &retry_ms), BREAKER_CALL);
	breaker_destroy(&b);
}

/* It is shut for a, who was alone, and then the others meet failures, too. */
static void
it_may_open_for_more(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	open_it(&b);
	calls_of(&b, "bbbbbbbbbbbbbbbbbbbbbb", START + 1);
	assert_shut_for(&b, "a", START + 1);
	calls_of(&b, "BCDBCDBCD", START + 2);
	assert_shut_for(&b, "a", START + 2);
	calls_of(&b, "B", START + 2);
	assert_shut_for(&b, "abz", START + 2 + 19999);
	breaker_destroy(&b);
}

/* His trial may fail for what he asks: the next one need not wait for it. */
static void
a_trial_in_vain_is_its_own_clients(void **state)
{
	struct breaker_call trial;
	struct breaker b;

	(void)state;
	breaker_init(&b);
	calls_of(&b, "ABCDABCDABCDABCDABCD", START);
	assert_shut_for(&b, "abz", START + 9999);
	trial = assert_trial(&b, START + 10000);
	breaker_report(&b, &trial, false, START + 10000);
	assert_shut_for(&b, "a", START + 10000 + 19999);
	assert_int_equal(
	    allow_of(&b, 'b', START + 10001, &trial), BREAKER_TRIAL);
	breaker_report(&b, &trial, false, START + 10001);
	assert_shut_for(&b, "ab", START + 10000 + 19999);
	assert_int_equal(
	    allow_of(&b, 'z', START + 10002, &trial), BREAKER_TRIAL);
	breaker_report(&b, &trial, false, START + 10002);
	assert_shut_for(&b, "abz", START + 10000 + 19999);
	assert_int_equal(
	    allow_of(&b, 'y', START + 30000, &trial), BREAKER_TRIAL);
	breaker_report(&b, &trial, true, START + 30000);
	assert_shut_for(&b, "", START + 30000);
	breaker_destroy(&b);
}

#define THREADS 4
#define ROUNDS  50000

struct crowd {
	struct breaker b;
	atomic_int trying;
	atomic_int errors;
};

/* Ask for the trial and give it back; nobody else has it meanwhile. */
static void *
crowd_main(void *arg)
{
	struct crowd *c = arg;
	struct addr a = client('a');
	struct breaker_call trial;
	int64_t retry_ms;

	for (int i = 0; i < ROUNDS; i++) {
		if (breaker_allow(&c->b, &a, START + 10000, &trial,
			&retry_ms) != BREAKER_TRIAL)
			continue;
		if (atomic_fetch_add_explicit(
			&c->trying, 1, memory_order_relaxed) != 0)
			atomic_fetch_add(&c->errors, 1);
		atomic_fetch_sub_explicit(&c->trying, 1, memory_order_relaxed);
		breaker_forget(&c->b, &trial);
	}
	return NULL;
}

static void
of_many_threads_one_tries(void **state)
{
	pthread_t threads[THREADS];
	struct crowd c = { 0 };

	(void)state;
	breaker_init(&c.b);
	open_it(&c.b);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, crowd_main, &c), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&c.errors), 0);
	assert_trial(&c.b, START + 10000);
	breaker_destroy(&c.b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_of_the_last_twenty_open_it),
		cmocka_unit_test(time_does_not_forgive),
		cmocka_unit_test(open_it_says_for_how_long),
		cmocka_unit_test(one_call_tries),
		cmocka_unit_test(a_trial_that_goes_well_closes_it),
		cmocka_unit_test(a_trial_that_fails_doubles_the_time),
		cmocka_unit_test(calls_from_before_it_opened_do_not_count),
		cmocka_unit_test(a_refused_call_has_nothing_to_report),
		cmocka_unit_test(a_call_given_up_is_as_if_it_never_was),
		cmocka_unit_test(one_visitor_is_not_everybody),
		cmocka_unit_test(a_network_of_ipv6_is_one_visitor),
		cmocka_unit_test(it_may_open_for_more),
		cmocka_unit_test(a_trial_in_vain_is_its_own_clients),
		cmocka_unit_test(of_many_threads_one_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
