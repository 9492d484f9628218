/*
 * A reply as server-sent events (WHATWG HTML, "Server-sent events"): status
 * and headers leave at once, each event is one data line of JSON, and a
 * comment goes out after SSE_PING_MS of silence, so that web servers notice
 * a client that has gone.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "base/buf.h"
#include "http/exchange.h"

#define SSE_PING_MS 5000

/* Send status 200 and the headers. */
void sse_open(struct exchange *);

/*
 * Send one event; the JSON holds no line end, since it escapes them. Nothing
 * is sent of one whose building has failed.
 */
void sse_send(struct exchange *, const struct buf *json);

/* End the stream and the exchange. */
void sse_close(struct exchange *);

#endif
