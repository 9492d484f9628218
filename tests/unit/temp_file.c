/* Made once, with a name that no other run has. */
#include "temp_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/causerie-test.XXXXXX";

int
temp_file_setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd == -1 ? -1 : close(fd);
}

int
temp_file_teardown(void **state)
{
	(void)state;
	return unlink(path);
}

const char *
temp_file_path(void)
{
	return path;
}

void
temp_file_write(const char *content, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(content, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}
