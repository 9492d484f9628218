/* A stream of events to one client, kept alive while nothing happens. */
#include "http/sse.h"

#include "http/reply.h"
#include "server/conn.h"
#include "server/loop.h"

#define MAX_HEAD   (2 * 1024) /* bytes of the headers */
#define EVENT_TYPE "text/event-stream; charset=utf-8"

static void
sse_write(struct exchange *x, const char *data, size_t n)
{
	conn_write(x->conn, data, n);
	x->sent_ms = loop_now(x->loop);
}

/* It is not set anew with every event, so it may come too early. */
static void
sse_ping(struct timer *timer, void *arg)
{
	static const char ping[] = ": ping\n\n";
	struct exchange *x = arg;

	if (loop_now(x->loop) - x->sent_ms >= SSE_PING_MS)
		sse_write(x, ping, sizeof(ping) - 1);
	loop_timer(x->loop, timer, x->sent_ms + SSE_PING_MS);
}

void
sse_open(struct exchange *x)
{
	static const char least[] = "Content-Type: " EVENT_TYPE "\r\n\r\n";
	struct buf head;

	x->status = 200;
	x->streaming = true;
	buf_init(&head, MAX_HEAD);
	reply_head(&head, x, x->status, EVENT_TYPE, -1, "no-cache, no-store",
	    "X-Accel-Buffering: no\r\n");
	if (!head.failed)
		sse_write(x, head.data, head.len);
	else
		sse_write(x, least, sizeof(least) - 1);
	buf_free(&head);
	timer_init(&x->ping, sse_ping, x);
	loop_timer(x->loop, &x->ping, loop_now(x->loop) + SSE_PING_MS);
}

void
sse_send(struct exchange *x, const struct buf *json)
{
	if (json->failed)
		return;
	sse_write(x, "data: ", 6);
	sse_write(x, json->data, json->len);
	sse_write(x, "\n\n", 2);
}

void
sse_close(struct exchange *x)
{
	loop_untimer(x->loop, &x->ping);
	exchange_end(x);
}
