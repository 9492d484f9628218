/* One file that the tests of a program write and have read. */
#ifndef TESTS_TEMP_FILE_H
#define TESTS_TEMP_FILE_H

#include <stddef.h>

/* cmocka's setup and teardown of a group. */
int temp_file_setup(void **state);
int temp_file_teardown(void **state);

const char *temp_file_path(void);

/* Replace its content. */
void temp_file_write(const char *, size_t);

#endif
