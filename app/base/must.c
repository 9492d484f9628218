/* A broken promise ends the process at once: nothing it would do is sound. */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

void
must_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "causerie: %s:%d: broken promise: %s\n", file, line,
	    condition);
	abort();
}
