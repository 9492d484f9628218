/* Which program this is: two that were built of different code differ. */
#ifndef BASE_BUILD_H
#define BASE_BUILD_H

#include <stdint.h>

/* A hash of the linker's build id (ld(1), --build-id), else of the version. */
uint64_t build_id(void);

#endif
