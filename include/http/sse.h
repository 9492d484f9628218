/*
 * A reply as server-sent events (WHATWG HTML, "Server-sent events"): status
 * and headers leave at once, each event is one data line of JSON, and a
 * comment goes out after SSE_PING_MS of silence, so that web servers notice
 * a client that has gone.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "http/exchange.h"

#define SSE_PING_MS 5000

/* Send status 200 and the headers. */
void sse_open(struct exchange *);

/*
 * Send a comment, at once: a web server that keeps the headers until something
 * follows them (mod_proxy_fcgi) then lets them go.
 */
void sse_comment(struct exchange *);

/*
 * Begin an event in a buffer that is cleared first; JSON is then to be added,
 * which holds no line end, since it escapes them.
 */
void sse_begin(struct buf *event);

/* Send it, and clear it. False: its building has failed, nothing is sent. */
bool sse_send(struct exchange *, struct buf *event);

/* End the stream and the exchange. */
void sse_close(struct exchange *);

#endif
