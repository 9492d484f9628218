#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "limits/suspicion.h"
#include "log/log.h"

#include "addr_of.h"
#include "capture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MINUTE   SUSPICION_MS

/* The client of a number. */
static struct addr
client(unsigned n)
{
	char text[32];

	snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16 & 0xff,
	    n >> 8 & 0xff, n & 0xff);
	return addr_of(text);
}

static int64_t
note(struct suspicions *all, const char *address, enum metrics_suspicious kind,
    int64_t now)
{
	struct addr addr = addr_of(address);

	return suspicions_note(all, &addr, kind, now);
}

static int
setup(void **state)
{
	struct suspicions *all = suspicions_open();

	assert_non_null(all);
	*state = all;
	return 0;
}

static int
teardown(void **state)
{
	suspicions_close(*state);
	return 0;
}

static void
problems_have_kinds(void **state)
{
	static const struct {
		enum rc rc;
		enum metrics_suspicious kind;
	} rows[] = {
		{ RC_SESSION_ID, SUSPICIOUS_ID },
		{ RC_NOSESSION, SUSPICIOUS_GUESSING },
		{ RC_RATE, SUSPICIOUS_RATE },
		{ RC_TOO_MANY_SESSIONS, SUSPICIOUS_RATE },
		{ RC_TOO_MANY_TURNS, SUSPICIOUS_RATE },
		{ RC_ORIGIN, SUSPICIOUS_ORIGIN },
		{ RC_BODY_SIZE, SUSPICIOUS_OVERSIZE },
		{ RC_MESSAGE_SIZE, SUSPICIOUS_OVERSIZE },
		{ RC_JSON, SUSPICIOUS_JSON },
		{ RC_OK, ROWS_SUSPICIOUS },
		{ RC_NOTFOUND, ROWS_SUSPICIOUS },
		{ RC_BUDGET, ROWS_SUSPICIOUS },
		{ RC_UPSTREAM, ROWS_SUSPICIOUS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(suspicion_of(rows[i].rc), rows[i].kind);
}

static void
a_client_a_kind_and_a_minute_make_one_line(void **state)
{
	struct suspicions *all = *state;

	assert_int_equal(note(all, "192.0.2.1", SUSPICIOUS_ID, 5), 1);
	assert_int_equal(note(all, "192.0.2.1", SUSPICIOUS_ID, 6), 0);
	assert_int_equal(note(all, "192.0.2.1", SUSPICIOUS_JSON, 7), 1);
	assert_int_equal(note(all, "192.0.2.2", SUSPICIOUS_ID, 8), 1);
	assert_int_equal(note(all, "192.0.2.1", SUSPICIOUS_ID, 4 + MINUTE), 0);
	assert_int_equal(note(all, "192.0.2.1", SUSPICIOUS_ID, 5 + MINUTE), 3);
	assert_int_equal(note(all, "192.0.2.1", SUSPICIOUS_ID, 6 + MINUTE), 0);
}

/* A visitor of IPv6 has a network of 64 bits to choose addresses from. */
static void
a_network_of_ipv6_is_one_client(void **state)
{
	struct suspicions *all = *state;

	assert_int_equal(note(all, "2001:db8::1", SUSPICIOUS_RATE, 0), 1);
	assert_int_equal(note(all, "2001:db8::2", SUSPICIOUS_RATE, 0), 0);
	assert_int_equal(note(all, "2001:db8:0:1::1", SUSPICIOUS_RATE, 0), 1);
}

static void
what_was_counted_is_told_when_nothing_follows(void **state)
{
	struct suspicions *all = *state;
	struct addr one = addr_of("192.0.2.1");
	struct suspicion due;
	size_t at = 0;

	note(all, "192.0.2.1", SUSPICIOUS_ORIGIN, 0);
	note(all, "192.0.2.2", SUSPICIOUS_ORIGIN, 0);
	note(all, "192.0.2.1", SUSPICIOUS_ORIGIN, 1);
	note(all, "192.0.2.1", SUSPICIOUS_ORIGIN, 2);
	assert_false(suspicions_due(all, &at, MINUTE - 1, &due));
	at = 0;
	assert_true(suspicions_due(all, &at, MINUTE, &due));
	assert_true(addr_equal(&due.client, &one));
	assert_int_equal(due.kind, SUSPICIOUS_ORIGIN);
	assert_int_equal(due.count, 2);
	assert_false(suspicions_due(all, &at, MINUTE, &due));
	at = 0;
	assert_false(suspicions_due(all, &at, 3 * MINUTE, &due));
	assert_int_equal(
	    note(all, "192.0.2.1", SUSPICIOUS_ORIGIN, 4 * MINUTE), 1);
}

static void
the_longest_idle_is_forgotten(void **state)
{
	struct suspicions *all = *state;
	struct addr addr;

	for (unsigned i = 0; i < SUSPICIONS_MAX; i++) {
		addr = client(i);
		assert_int_equal(
		    suspicions_note(all, &addr, SUSPICIOUS_ID, 0), 1);
	}
	addr = client(0);
	assert_int_equal(suspicions_note(all, &addr, SUSPICIOUS_ID, 1), 0);
	addr = client(SUSPICIONS_MAX);
	assert_int_equal(suspicions_note(all, &addr, SUSPICIOUS_ID, 1), 1);
	addr = client(0);
	assert_int_equal(suspicions_note(all, &addr, SUSPICIOUS_ID, 1), 0);
	addr = client(2);
	assert_int_equal(suspicions_note(all, &addr, SUSPICIOUS_ID, 1), 0);
	addr = client(1);
	assert_int_equal(suspicions_note(all, &addr, SUSPICIOUS_ID, 1), 1);
}

/* Rows come and go, and every one is found again. */
static void
many_clients_come_and_go(void **state)
{
	struct suspicions *all = *state;
	struct suspicion due;
	struct addr addr;
	size_t at = 0;
	unsigned told = 0;

	for (unsigned i = 0; i < 20 * SUSPICIONS_MAX; i++) {
		addr = client(i);
		for (int64_t k = 1; k >= 0; k--)
			assert_int_equal(
			    suspicions_note(all, &addr, SUSPICIOUS_RATE, 0), k);
	}
	while (suspicions_due(all, &at, MINUTE, &due)) {
		assert_int_equal(due.count, 1);
		told++;
	}
	assert_int_equal(told, SUSPICIONS_MAX);
	at = 0;
	assert_false(suspicions_due(all, &at, 2 * MINUTE, &due));
	assert_int_equal(suspicions_note(all, &addr, SUSPICIOUS_RATE, 0), 1);
}

static void
lines_show_kind_client_count_and_request(void **state)
{
	struct suspicions *all = *state;
	struct addr addr = addr_of("192.0.2.77");
	char lines[8192];

	capture_begin();
	assert_true(suspicions_log(
	    all, &addr, SUSPICIOUS_JSON, 0, "req-1", ADDR_PREFIX));
	assert_false(suspicions_log(
	    all, &addr, SUSPICIOUS_JSON, 1, "req-2", ADDR_PREFIX));
	suspicions_tell(all, MINUTE, ADDR_FULL);
	suspicions_tell(all, 2 * MINUTE, ADDR_FULL);
	assert_true(
	    suspicions_log(all, &addr, SUSPICIOUS_RATE, 0, "req-3", ADDR_NONE));
	capture_end(lines, sizeof(lines));
	assert_non_null(strstr(lines, "level=notice event=suspicious "
				      "kind=broken_json client=192.0.2.0/24 "
				      "count=1 id=req-1\n"));
	assert_non_null(
	    strstr(lines, "kind=broken_json client=192.0.2.77 count=1\n"));
	assert_non_null(strstr(lines, "kind=rate count=1 id=req-3\n"));
	assert_null(strstr(lines, "req-2"));
}

/* Ten thousand addresses do not fill the disk either. */
static void
all_clients_together_have_so_many_lines(void **state)
{
	static char lines[1024 * 1024];
	struct suspicions *all = *state;
	struct addr addr;
	unsigned n = 0;

	capture_begin();
	for (unsigned i = 0; i < 10000; i++) {
		addr = client(i);
		suspicions_log(all, &addr, SUSPICIOUS_RATE, 0, "x", ADDR_FULL);
	}
	capture_end(lines, sizeof(lines));
	for (const char *p = lines; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	assert_in_range(n, 1, SUSPICION_LINES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(problems_have_kinds),
		TEST(a_client_a_kind_and_a_minute_make_one_line),
		TEST(a_network_of_ipv6_is_one_client),
		TEST(what_was_counted_is_told_when_nothing_follows),
		TEST(the_longest_idle_is_forgotten),
		TEST(many_clients_come_and_go),
		TEST(lines_show_kind_client_count_and_request),
		TEST(all_clients_together_have_so_many_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
