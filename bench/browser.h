/* A browser's chat as a web server passes it on. */
#ifndef BENCH_BROWSER_H
#define BENCH_BROWSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define BROWSER_MAX_REQUEST (32 * 1024)	/* bytes, with all records */

/* Write POST /session/chat with this body, as FastCGI records of request 1. */
void browser_chat(struct buf *, const struct buf *body, bool keep);

#endif
