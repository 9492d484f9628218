/* Whole numbers as bytes, the highest first (network byte order). */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* bytes: 1 to 8. */
void bytes_put(char *, uint64_t, size_t bytes);
uint64_t bytes_get(const char *, size_t bytes);

void bytes_add(struct buf *, uint64_t, size_t bytes);

#endif
