#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sid.h"

#define SIDS_PER_FETCH 16
#define COUNT(a)       (sizeof(a) / sizeof((a)[0]))

/* The C library's getrandom is replaced by one that can do all it may do. */
static enum {
	KERNEL,
	ONES,
	ZEROS,
	ONE_BYTE_AT_A_TIME,
	INTERRUPTED_EVERY_OTHER_TIME,
	NOT_READY,
	NOT_THERE,
	FAILS_HALFWAY,
	GIVES_NOTHING,
} source;
static unsigned calls;
static unsigned flags_seen;

static ssize_t
failure(int error)
{
	errno = error;
	return -1;
}

ssize_t
getrandom(void *p, size_t n, unsigned flags)
{
	calls++;
	flags_seen = flags;
	switch (source) {
	case KERNEL:
		return syscall(SYS_getrandom, p, n, flags);
	case ONES:
		memset(p, 0xff, n);
		return (ssize_t)n;
	case ZEROS:
		memset(p, 0, n);
		return (ssize_t)n;
	case ONE_BYTE_AT_A_TIME:
		memset(p, (int)calls, 1);
		return 1;
	case INTERRUPTED_EVERY_OTHER_TIME:
		if (calls % 2 == 1)
			return failure(EINTR);
		memset(p, (int)calls, n < 5 ? n : 5);
		return n < 5 ? (ssize_t)n : 5;
	case NOT_READY:
		return failure(EAGAIN);
	case NOT_THERE:
		return failure(ENOSYS);
	case FAILS_HALFWAY:
		if (calls > 1)
			return failure(EIO);
		memset(p, 0xff, 8);
		return 8;
	case GIVES_NOTHING:
		break;
	}
	return 0;
}

/* Use up what was fetched, so that the next identifier asks the source. */
static void
use_up(void)
{
	struct sid sid;

	source = KERNEL;
	for (calls = 0; calls == 0;)
		sid_make(&sid);
	for (int left = SIDS_PER_FETCH - 1; left > 0; left--)
		sid_make(&sid);
	assert_int_equal(calls, 1);
	calls = 0;
}

static int
reset(void **state)
{
	(void)state;
	use_up();
	return 0;
}

static void
bits_come_from_the_kernel(void **state)
{
	static const struct {
		int source;
		unsigned calls;
		const char *text;
	} rows[] = {
		{ ONES, 1, "ffffffff-ffff-4fff-bfff-ffffffffffff" },
		{ ZEROS, 1, "00000000-0000-4000-8000-000000000000" },
		{ ONE_BYTE_AT_A_TIME, 256,
		    "01020304-0506-4708-890a-0b0c0d0e0f10" },
		{ INTERRUPTED_EVERY_OTHER_TIME, 104,
		    "02020202-0204-4404-8404-060606060608" },
	};
	char text[SID_TEXT_SIZE];
	struct sid sid;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		use_up();
		source = rows[i].source;
		assert_true(sid_make(&sid));
		sid_text(text, &sid);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(calls, rows[i].calls);
		assert_int_equal(flags_seen & GRND_NONBLOCK, GRND_NONBLOCK);
		assert_int_equal(flags_seen & GRND_INSECURE, 0);
	}
}

static void
without_entropy_there_is_no_identifier(void **state)
{
	const int sources[] = { NOT_READY, NOT_THERE, FAILS_HALFWAY,
		GIVES_NOTHING };
	struct sid sid;

	(void)state;
	for (size_t i = 0; i < COUNT(sources); i++) {
		calls = 0;
		source = sources[i];
		assert_false(sid_make(&sid));
	}
}

static void
no_two_are_alike(void **state)
{
	struct sid sids[500];

	(void)state;
	for (size_t i = 0; i < COUNT(sids); i++) {
		assert_true(sid_make(&sids[i]));
		for (size_t k = 0; k < i; k++)
			assert_false(sid_equal(&sids[i], &sids[k]));
	}
}

static void
any_uuid_is_read_and_written_in_lower_case(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "550e8400-e29b-41d4-a716-446655440000",
		    "550e8400-e29b-41d4-a716-446655440000" },
		{ "550E8400-E29B-41D4-A716-44665544ABCF",
		    "550e8400-e29b-41d4-a716-44665544abcf" },
		{ "C232AB00-9414-11ec-B3C8-9F6BDECED846",
		    "c232ab00-9414-11ec-b3c8-9f6bdeced846" },
		{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
		    "017f22e2-79b0-7cc3-98c4-dc0c0c07398f" },
		{ "00000000-0000-0000-0000-000000000000",
		    "00000000-0000-0000-0000-000000000000" },
		{ "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
		    "ffffffff-ffff-ffff-ffff-ffffffffffff" },
		{ "01234567-89ab-cdef-0123-456789abcdef",
		    "01234567-89ab-cdef-0123-456789abcdef" },
	};
	char in[SID_TEXT_SIZE - 1], out[SID_TEXT_SIZE];
	struct sid sid;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		memcpy(in, rows[i].in, sizeof(in));
		assert_true(sid_parse(&sid, in, sizeof(in)));
		sid_text(out, &sid);
		assert_string_equal(out, rows[i].out);
	}
	sid_parse(&sid, rows[6].in, 36);
	assert_int_equal(sid.b[0], 0x01);
	assert_int_equal(sid.b[15], 0xef);
}

static void
nothing_else_is_read(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		"550e8400",
		"550e8400-e29b-41d4-a716-44665544000",
		"550e8400-e29b-41d4-a716-4466554400000",
		"550e8400e29b41d4a716446655440000",
		"550e8400-e29b-41d4-a716-44665544000g",
		"550e8400-e29b-41d4-a716-44665544000 ",
		" 550e8400-e29b-41d4-a716-44665544000",
		"550e8400_e29b_41d4_a716_446655440000",
		"550e840-0e29b-41d4-a716-446655440000",
		"550e8400-e29b-41d4-a7164-46655440000",
		"550e8400-e29b-41d4-a716-44665544-000",
		"------------------------------------",
		"550e8400-e29b-41d4-a716-4466554400\xc3\xa9",
		"{50e8400-e29b-41d4-a716-44665544000}",
		"{550e8400-e29b-41d4-a716-446655440000}",
		"urn:uuid:550e8400-e29b-41d4-a716-446655440000",
		"0x0e8400-e29b-41d4-a716-446655440000",
		"-50e8400-e29b-41d4-a716-446655440000",
		"+50e8400-e29b-41d4-a716-446655440000",
		"550e8400-e29b-41d4-a716-446655440000\n",
		"550e8400-e29b-41d4-a716-44665544000\n",
	};
	static const char nul[] = "550e8400-e29b-41d4-a716-446655\0"
				  "40000";
	struct sid sid;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_false(sid_parse(&sid, rows[i], strlen(rows[i])));
	assert_false(sid_parse(&sid, nul, sizeof(nul) - 1));
	assert_false(sid_parse(&sid, nul, 0));
}

static void
any_wrong_character_is_seen_at_any_place(void **state)
{
	static const char good[] = "550e8400-e29b-41d4-a716-446655440000";
	char s[sizeof(good)];
	struct sid sid;
	bool hyphen, fits;

	(void)state;
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (int c = 0; c < 256; c++) {
			hyphen = i == 8 || i == 13 || i == 18 || i == 23;
			if (hyphen)
				fits = c == '-';
			else
				fits = (c >= '0' && c <= '9') ||
				       (c >= 'a' && c <= 'f') ||
				       (c >= 'A' && c <= 'F');
			memcpy(s, good, sizeof(good));
			s[i] = (char)c;
			assert_int_equal(sid_parse(&sid, s, 36), fits);
		}
	}
}

/* Version 5 of the nil name space, as any other maker of UUIDs has it. */
static void
a_text_always_has_the_same_identifier(void **state)
{
	static const struct {
		const char *name;
		const char *sid;
	} rows[] = {
		{ "", "e129f27c-5103-5c5c-844b-cdf0a15e160d" },
		{ "k", "532a5f28-20b7-595c-9a93-15fb618a2a61" },
		{ "K", "526e5a04-da65-5131-8185-c3e3e983df39" },
		{ "3f2b8a30-5d0c-4a58-9a0e-6c1d1f7f0a11",
		    "183c919d-0967-558c-82f9-63bf8132316e" },
		{ "clé", "71724fed-9204-56fd-aef4-bd02e332bfa9" },
	};
	char text[SID_TEXT_SIZE];
	struct sid sid;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		sid_of_text(&sid, rows[i].name, strlen(rows[i].name));
		sid_text(text, &sid);
		assert_string_equal(text, rows[i].sid);
	}
}

static void
equality_looks_at_every_byte(void **state)
{
	struct sid a, b;

	(void)state;
	assert_true(sid_make(&a));
	b = a;
	assert_true(sid_equal(&a, &b));
	for (size_t i = 0; i < sizeof(a.b); i++) {
		b = a;
		b.b[i] ^= 1;
		assert_false(sid_equal(&a, &b));
		assert_int_not_equal(sid_key(&a), sid_key(&b));
	}
}

static void
every_bit_of_the_key_varies(void **state)
{
	uint64_t ones = 0, zeros = 0, key;
	struct sid sid;

	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_true(sid_make(&sid));
		key = sid_key(&sid);
		assert_int_equal(key, sid_key(&sid));
		ones |= key;
		zeros |= ~key;
	}
	assert_true(ones == UINT64_MAX);
	assert_true(zeros == UINT64_MAX);
}

static void
the_hash_shows_nothing_of_the_identifier(void **state)
{
	char hash[SID_HASH_SIZE], other[SID_HASH_SIZE], text[SID_TEXT_SIZE];
	struct sid sid, near;

	(void)state;
	assert_true(
	    sid_parse(&sid, "550e8400-e29b-41d4-a716-446655440000", 36));
	sid_text(text, &sid);
	sid_hash(hash, &sid);
	assert_int_equal(strlen(hash), 12);
	assert_int_equal(strspn(hash, "0123456789abcdef"), 12);
	sid_hash(other, &sid);
	assert_string_equal(hash, other);
	for (size_t i = 0; i + 4 <= 12; i++) {
		memcpy(other, hash + i, 4);
		other[4] = '\0';
		assert_null(strstr(text, other));
	}
	for (size_t i = 0; i < 128; i++) {
		near = sid;
		near.b[i / 8] ^= (uint8_t)(1U << i % 8);
		sid_hash(other, &near);
		assert_string_not_equal(hash, other);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bits_come_from_the_kernel, reset),
		cmocka_unit_test_setup(
		    without_entropy_there_is_no_identifier, reset),
		cmocka_unit_test_setup(no_two_are_alike, reset),
		cmocka_unit_test(any_uuid_is_read_and_written_in_lower_case),
		cmocka_unit_test(nothing_else_is_read),
		cmocka_unit_test(any_wrong_character_is_seen_at_any_place),
		cmocka_unit_test(a_text_always_has_the_same_identifier),
		cmocka_unit_test_setup(equality_looks_at_every_byte, reset),
		cmocka_unit_test_setup(every_bit_of_the_key_varies, reset),
		cmocka_unit_test(the_hash_shows_nothing_of_the_identifier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
