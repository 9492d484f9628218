/* What a part of a test writes to standard error. */
#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H

#include <stddef.h>

/* From now on it goes to a file, until capture_end. Not nested. */
void capture_begin(void);

/* What was written, as a string of less than size bytes. */
void capture_end(char *out, size_t size);

#endif
