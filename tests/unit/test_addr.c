/* Addresses as text and as bytes, whom they stand for, and sets of them. */
#include "base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "addr_of.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:c000:201", "192.0.2.1" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "::1", "::1" },
		{ "fe80::1%eth0", "fe80::1" },
		{ "fe80::1%an-interface-with-a-long-name-of-its-own",
		    "fe80::1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "1111:2222:3333:4444:5555:6666:123.123.123.123",
		    "1111:2222:3333:4444:5555:6666:7b7b:7b7b" },
		{ "::", "-" },
	};
	char out[ADDR_TEXT_SIZE];
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		addr = addr_of(rows[i].text);
		addr_text(out, &addr);
		assert_string_equal(out, rows[i].shown);
	}
}

static void
what_is_no_address_changes_nothing(void **state)
{
	static const char *const rows[] = { "", " ", "192.0.2", "192.0.2.256",
		"192.0.2.1.1", "192.0.2.1 ", " 192.0.2.1", "192.0.2.1:80",
		"192.0.2.01", "0x7f.1", "localhost", "unix:", "::1%", "%eth0",
		"192.0.2.1%eth0", "[::1]", "2001:db8::1::2",
		"12345::", "2001:db8::1/64", "::ffff:192.0.2.256", "unknown",
		"-", "1111:2222:3333:4444:5555:6666:7777:8888:9999",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"::::::::::::::::::::::::::::::::::::::::::::::::" };
	struct addr addr = addr_of("192.0.2.9"), before = addr;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(addr_parse(&addr, rows[i], strlen(rows[i])));
		assert_true(addr_equal(&addr, &before));
	}
	assert_false(addr_parse(&addr, "192.0.2.1\0", 10));
	assert_false(addr_parse(&addr, "::1\0", 4));
}

static void
the_length_ends_an_address(void **state)
{
	struct addr addr, expected = addr_of("192.0.2.1");

	(void)state;
	assert_true(addr_parse(&addr, "192.0.2.123", 9));
	assert_true(addr_equal(&addr, &expected));
}

static void
ipv6_counts_by_its_network(void **state)
{
	static const struct {
		const char *address, *key;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" },
		{ "2001:db8:1:2::", "2001:db8:1:2::" },
		{ "2001:db8:1:3::", "2001:db8:1:3::" },
	};
	struct addr addr, key;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		addr = addr_of(rows[i].address);
		addr = addr_key(&addr);
		key = addr_of(rows[i].key);
		assert_true(addr_equal(&addr, &key));
	}
}

/* But for what has an IPv4 address at its end, which inet_ntop() marks. */
static void
texts_are_those_of_the_c_library(void **state)
{
	char out[ADDR_TEXT_SIZE], expected[INET6_ADDRSTRLEN];
	struct addr addr;
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		for (size_t k = 0; k < sizeof(addr.b); k++) {
			seed = seed * 1664525 + 1013904223;
			addr.b[k] = (uint8_t)(seed >> 24);
			if (seed >> 16 & 3)
				addr.b[k] &= (uint8_t)(seed >> 18 & 1);
		}
		if (i % 4 == 0)
			memcpy(addr.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		else
			addr.b[11] |= 1;
		addr_text(out, &addr);
		inet_ntop(addr_is_v4(&addr) ? AF_INET : AF_INET6,
		    addr.b + (addr_is_v4(&addr) ? 12 : 0), expected,
		    sizeof(expected));
		assert_string_equal(out, expected);
	}
}

static void
a_shortened_address_leads_to_no_person(void **state)
{
	static const struct {
		const char *address, *shown;
	} rows[] = {
		{ "192.0.2.201", "192.0.2.0/24" },
		{ "255.255.255.255", "255.255.255.0/24" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1::/48" },
		{ "::1", "::/48" },
		{ "::", "-" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "ffff:ffff:ffff::/48" },
	};
	char out[ADDR_TEXT_SIZE];
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		addr = addr_of(rows[i].address);
		addr_text_prefix(out, &addr);
		assert_string_equal(out, rows[i].shown);
	}
}

static void
so_much_of_an_address_is_shown(void **state)
{
	struct addr addr = addr_of("192.0.2.201");
	char out[ADDR_TEXT_SIZE];

	(void)state;
	assert_string_equal(addr_show(out, &addr, ADDR_FULL), "192.0.2.201");
	assert_string_equal(addr_show(out, &addr, ADDR_PREFIX), "192.0.2.0/24");
	assert_null(addr_show(out, &addr, ADDR_NONE));
}

static void
a_set_has_what_lies_in_its_networks(void **state)
{
	static const struct {
		const char *list, *address;
		bool has;
	} rows[] = {
		{ "", "192.0.2.1", false },
		{ " ", "::", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.0", false },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "10.0.0.0/8", "10.0.0.0", true },
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false },
		{ "10.64.0.0/10", "10.127.255.255", true },
		{ "10.64.0.0/10", "10.128.0.0", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", true },
		{ "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "::1/128", "::1", true },
		{ "::1/128", "::2", false },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
		{ "192.0.2.9, 10.0.0.0/8 ,\t2001:db8::/32", "10.1.2.3", true },
		{ "192.0.2.9,10.0.0.0/8,2001:db8::/32", "2001:db8::1", true },
		{ "192.0.2.9,10.0.0.0/8,2001:db8::/32", "192.0.2.9", true },
		{ "192.0.2.9,10.0.0.0/8,2001:db8::/32", "192.0.2.8", false },
		{ "10.1.0.0/16,10.0.0.0/8,10.2.0.0/16", "10.200.0.1", true },
		{ "10.0.0.0/8,10.0.0.0/8,10.0.0.0/16", "10.200.0.1", true },
		{ "10.0.0.0/16,10.0.0.0/8", "10.200.0.1", true },
	};
	struct addr_set set;
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(addr_set_parse(&set, rows[i].list));
		addr = addr_of(rows[i].address);
		if (addr_set_has(&set, &addr) != rows[i].has)
			fail_msg("%s: %s", rows[i].list, rows[i].address);
	}
}

static void
what_is_no_list_makes_an_empty_set(void **state)
{
	static const char *const rows[] = { ",", "10.0.0.0/8,", ",10.0.0.0/8",
		"10.0.0.0/8,,10.1.0.0/16", "10.0.0.0/8 10.1.0.0/16",
		"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8a",
		"10.0.0.0/ 8", "10.0.0.0/0008", "10.0.0.1/8", "10.0.0.0/8/8",
		"10/8", "2001:db8::/129", "2001:db8::1/32", "fe80::1%eth0",
		"localhost", "10.0.0.0/8;10.1.0.0/16", "/8", "::/999" };
	struct addr_set set;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (addr_set_parse(&set, rows[i]) || set.count != 0)
			fail_msg("%s", rows[i]);
	}
}

static void
a_set_has_a_ceiling(void **state)
{
	char list[ADDR_MAX_RANGES * 16 + 32] = "";
	struct addr_set set;
	struct addr addr;
	size_t n = 0;

	(void)state;
	for (int i = ADDR_MAX_RANGES - 1; i >= 0; i--)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s10.0.%d.7",
		    n == 0 ? "" : ",", i);
	assert_true(addr_set_parse(&set, list));
	for (int i = 0; i < ADDR_MAX_RANGES; i++) {
		addr = addr_of("10.0.0.7");
		addr.b[14] = (uint8_t)i;
		assert_true(addr_set_has(&set, &addr));
		addr.b[15] = 8;
		assert_false(addr_set_has(&set, &addr));
	}
	snprintf(list + n, sizeof(list) - n, ",10.1.0.7");
	assert_false(addr_set_parse(&set, list));
	assert_int_equal(set.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(what_is_no_address_changes_nothing),
		cmocka_unit_test(the_length_ends_an_address),
		cmocka_unit_test(ipv6_counts_by_its_network),
		cmocka_unit_test(texts_are_those_of_the_c_library),
		cmocka_unit_test(a_shortened_address_leads_to_no_person),
		cmocka_unit_test(so_much_of_an_address_is_shown),
		cmocka_unit_test(a_set_has_what_lies_in_its_networks),
		cmocka_unit_test(what_is_no_list_makes_an_empty_set),
		cmocka_unit_test(a_set_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
