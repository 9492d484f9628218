/* What has come of a request, as records again: for another process' reader. */
#ifndef SERVER_FCGI_SAVE_H
#define SERVER_FCGI_SAVE_H

#include "base/buf.h"
#include "server/fcgi_records.h"

#define FCGI_SAVE_OVER (8 * 1024 * 1024)

/*
 * Add what brings a fresh reader to where this one stands, whose request is not
 * complete: what is to come continues it. A body over its limit is not kept;
 * as many bytes stand for it, up to FCGI_SAVE_OVER beyond the limit.
 */
void fcgi_save(struct buf *, const struct fcgi_reader *);

#endif
