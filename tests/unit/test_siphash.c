/* The hash with a key, against the words of its paper. */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* The example of the paper, appendix A, and the same key with no message. */
static void
the_vectors_of_the_paper(void **state)
{
	const struct siphash_key key = { { UINT64_C(0x0706050403020100),
	    UINT64_C(0x0f0e0d0c0b0a0908) } };
	uint8_t message[15];

	(void)state;
	for (unsigned i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	assert_true(siphash(&key, message, sizeof(message)) ==
		    UINT64_C(0xa129ca6149be45e5));
	assert_true(siphash(&key, "", 0) == UINT64_C(0x726fdb47dd0e0e31));
}

static void
every_bit_counts(void **state)
{
	uint8_t message[33] = { 0 };
	struct siphash_key key;
	uint64_t before;

	(void)state;
	assert_true(siphash_key_make(&key));
	before = siphash(&key, message, sizeof(message));
	for (unsigned bit = 0; bit < sizeof(message) * 8; bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(siphash(&key, message, sizeof(message)) != before);
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(siphash(&key, message, sizeof(message) - 1) != before);
}

static void
keys_differ(void **state)
{
	struct siphash_key a, b;

	(void)state;
	assert_true(siphash_key_make(&a));
	assert_true(siphash_key_make(&b));
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_true(siphash(&a, "x", 1) != siphash(&b, "x", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_paper),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
