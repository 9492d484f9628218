/* An address of a test's, by its text. */
#ifndef TESTS_ADDR_OF_H
#define TESTS_ADDR_OF_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"

static inline struct addr
addr_of(const char *text)
{
	struct addr addr;

	assert_true(addr_parse(&addr, text, strlen(text)));
	return addr;
}

#endif
