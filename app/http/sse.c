/* A stream of events to one client, kept alive while nothing happens. */
#include "http/sse.h"

#include "http/reply.h"
#include "loop/loop.h"
#include "server/conn.h"

#define MAX_HEAD   (2 * 1024) /* bytes of the headers */
#define EVENT_TYPE "text/event-stream; charset=utf-8"

static void
sse_write(struct exchange *x, const char *data, size_t n)
{
	conn_write(x->conn, data, n);
	x->sent_ms = loop_now(x->loop);
}

void
sse_comment(struct exchange *x)
{
	static const char ping[] = ": ping\n\n";

	sse_write(x, ping, sizeof(ping) - 1);
}

/* It is not set anew with every event, so it may come too early. */
static void
sse_ping(struct timer *timer, void *arg)
{
	struct exchange *x = arg;

	if (loop_now(x->loop) - x->sent_ms >= SSE_PING_MS)
		sse_comment(x);
	loop_timer(x->loop, timer, x->sent_ms + SSE_PING_MS);
}

void
sse_open(struct exchange *x)
{
	static const char least[] = "Content-Type: " EVENT_TYPE "\r\n\r\n";
	static const struct reply_head begin = {
		.status = 200,
		.content_type = EVENT_TYPE,
		.length = -1,
		.cache_control = "no-cache, no-store",
		.extra = "X-Accel-Buffering: no\r\n",
	};
	char room[MAX_HEAD];
	struct buf head = {
		.data = room, .cap = sizeof(room), .max = sizeof(room) - 1
	};

	x->status = 200;
	x->streaming = true;
	reply_head_add(&head, x, &begin);
	if (!head.failed)
		sse_write(x, head.data, head.len);
	else
		sse_write(x, least, sizeof(least) - 1);
	timer_init(&x->ping, sse_ping, x);
	loop_timer(x->loop, &x->ping, loop_now(x->loop) + SSE_PING_MS);
}

void
sse_begin(struct buf *event)
{
	buf_clear(event);
	buf_adds(event, "data: ");
}

bool
sse_send(struct exchange *x, struct buf *event)
{
	buf_adds(event, "\n\n");
	if (event->failed)
		return false;
	sse_write(x, event->data, event->len);
	buf_clear(event);
	return true;
}

void
sse_close(struct exchange *x)
{
	loop_untimer(x->loop, &x->ping);
	exchange_end(x);
}
