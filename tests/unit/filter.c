/* One case alone: CAUSERIE_TEST=pattern, of * and ?, for all unit tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void choose(void) __attribute__((constructor));

static void
choose(void)
{
	const char *pattern = getenv("CAUSERIE_TEST");

	if (pattern != NULL && *pattern != '\0')
		cmocka_set_test_filter(pattern);
}
