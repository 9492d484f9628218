/* What every reply to a request promises, for fuzz targets. */
#ifndef TESTS_REPLY_CHECK_H
#define TESTS_REPLY_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sid.h"

/*
 * Hold a whole reply of n bytes against it; no_body: it answers HEAD. When it
 * names a session, last_id becomes its id.
 */
void reply_check(const char *, size_t n, bool no_body,
    char last_id[SID_TEXT_SIZE]);

#endif
