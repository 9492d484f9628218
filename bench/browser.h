/* A browser's requests as a web server passes them on. */
#ifndef BENCH_BROWSER_H
#define BENCH_BROWSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define BROWSER_MAX_REQUEST (32 * 1024)	/* bytes, with all records */

/* A connection to the application; what fails ends the program. */
int browser_connect(const char *path);

/*
 * Write a request as FastCGI records of request 1. body: JSON, NULL without
 * one; keep: the connection stays open after the reply.
 */
void browser_request(struct buf *, const char *method, const char *uri,
    const struct buf *body, bool keep);

/* Whether what came is a whole reply, up to END_REQUEST. */
bool browser_has_reply(const struct buf *in);

#endif
