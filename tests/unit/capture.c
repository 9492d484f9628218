/* Into a file and not into a pipe, so that nothing waits for a reader. */
#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static int saved;
static FILE *captured;

void
capture_begin(void)
{
	assert_non_null(captured = tmpfile());
	assert_int_not_equal(saved = dup(STDERR_FILENO), -1);
	assert_int_equal(dup2(fileno(captured), STDERR_FILENO), STDERR_FILENO);
}

void
capture_end(char *out, size_t size)
{
	size_t n;

	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(captured);
	n = fread(out, 1, size, captured);
	fclose(captured);
	assert_true(n < size);
	out[n] = '\0';
}
