/* One client: requests in, replies at their pace, and what became of them. */
#include "upstream_conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "base/json.h"
#include "upstream_http.h"

#define CALL_PATH "/chat/completions"
#define MAX_IN    (HTTP_MAX_REQUEST + 512 * 1024)
#define MAX_OUT   (64 * 1024 * 1024)
#define MAX_STATS 1024
#define READ_SIZE (16 * 1024)
#define BATCH     (64 * 1024) /* of an answer in one write */

enum doing {
	IDLE,
	REPLYING,
	STREAMING,
	SILENT,
	ENDING, /* from here on: when all is sent */
	CLOSING,
	BREAKING,
	RESETTING,
};

struct conn {
	struct due due;
	int fd; /* -1: closed, freed after this turn */
	enum doing doing;
	bool calling;   /* a call is open */
	bool continued; /* the 100 was sent */
	int64_t at;     /* ms, when the call goes on */
	struct buf in;
	struct buf rest; /* what the socket did not take */
	struct call call;
	struct conn *next; /* among the closed */
};

void
simulator_init(struct simulator *s, int64_t now)
{
	memset(s, 0, sizeof(*s));
	plan_init(&s->usual);
	wheel_init(&s->wheel, now);
	buf_init(&s->last, MAX_IN);
	buf_init(&s->out, MAX_OUT);
	buf_init(&s->scratch, MAX_OUT);
}

static void
call_end(struct simulator *s, struct conn *c, int64_t *outcome)
{
	if (!c->calling)
		return;
	c->calling = false;
	call_free(&c->call);
	s->count.open--;
	++*outcome;
}

static void
conn_close(struct simulator *s, struct conn *c)
{
	struct linger reset = { .l_onoff = 1 };

	if (c->doing == RESETTING)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	wheel_clear(&s->wheel, &c->due);
	close(c->fd);
	c->fd = -1;
	buf_free(&c->in);
	buf_free(&c->rest);
	s->count.connections--;
	c->next = s->closed;
	s->closed = c;
}

/* The client is gone. */
static void
conn_leave(struct simulator *s, struct conn *c)
{
	buf_clear(&s->out);
	call_end(s, c, &s->count.cancelled);
	conn_close(s, c);
}

/* Send, and say how much was taken; -1 when the client is gone. */
static ssize_t
conn_write(const struct conn *c, const struct buf *b)
{
	ssize_t n;

	if (b->len == 0)
		return 0;
	n = send(c->fd, b->data, b->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n == -1 && errno == EAGAIN ? 0 : n;
}

/* Send what this turn made; the rest stays. False: the client is gone. */
static bool
conn_send(struct simulator *s, struct conn *c)
{
	ssize_t n;

	if (s->out.failed) {
		fprintf(stderr, "upstream: an answer is too large\n");
		exit(1);
	}
	if ((n = conn_write(c, &s->out)) == -1)
		return false;
	buf_add(&c->rest, s->out.data + n, s->out.len - (size_t)n);
	buf_clear(&s->out);
	return !c->rest.failed;
}

/* Send what stayed. False: there is still some, or the client is gone. */
static bool
conn_flush(struct simulator *s, struct conn *c)
{
	ssize_t n;

	if (c->rest.len == 0)
		return true;
	if ((n = conn_write(c, &c->rest)) == -1) {
		conn_leave(s, c);
		return false;
	}
	buf_consume(&c->rest, (size_t)n);
	if (c->rest.len > 0)
		return false;
	buf_free(&c->rest);
	return true;
}

static void
conn_step(struct simulator *s, struct conn *c)
{
	struct stream *stream = &c->call.stream;
	const struct plan *plan = &stream->plan;
	int64_t sent = stream->sent;
	enum stream_next next = stream_step(stream, &s->out, &s->scratch);

	s->count.tokens += stream->sent - sent;
	switch (next) {
	case STREAM_PACE:
		c->at += plan->pace > 0 ? plan->pace : 0;
		if (c->at < s->now)
			c->at = s->now;
		break;
	case STREAM_NOW:
		break;
	case STREAM_NEVER:
		c->doing = SILENT;
		break;
	case STREAM_CUT:
		c->doing = BREAKING;
		break;
	case STREAM_RESET:
		c->doing = RESETTING;
		break;
	case STREAM_END:
		c->doing = plan->until_close ? CLOSING : ENDING;
		break;
	}
}

/* Make what is due. */
static void
conn_make(struct simulator *s, struct conn *c)
{
	if (c->at > s->now)
		return;
	if (c->doing == REPLYING) {
		call_reply(&c->call, &s->out);
		c->doing = ENDING;
	}
	while (c->doing == STREAMING && c->at <= s->now && s->out.len < BATCH)
		conn_step(s, c);
}

/* All that there was to send is sent. */
static void
conn_end(struct simulator *s, struct conn *c)
{
	if (c->doing == ENDING || c->doing == CLOSING)
		call_end(s, c, &s->count.completed);
	else
		call_end(s, c, &s->count.broken);
	if (c->doing == ENDING)
		c->doing = IDLE;
	else
		conn_close(s, c);
}

/* Go on as far as the pace and the socket allow. */
static void
conn_go(struct simulator *s, struct conn *c)
{
	if (!conn_flush(s, c))
		return;
	conn_make(s, c);
	if (!conn_send(s, c))
		conn_leave(s, c);
	else if (c->rest.len > 0)
		return;
	else if (c->doing == REPLYING || c->doing == STREAMING)
		wheel_set(
		    &s->wheel, &c->due, c->at > s->now ? c->at : s->now + 1);
	else if (c->doing >= ENDING)
		conn_end(s, c);
}

static void
call_start(struct simulator *s, struct conn *c, const struct http_request *r)
{
	int64_t first;

	buf_clear(&s->last);
	buf_add(&s->last, c->in.data, r->size);
	s->count.calls++;
	if (++s->count.open > s->count.peak)
		s->count.peak = s->count.open;
	c->calling = true;
	switch (call_read(&c->call, &s->usual, &s->keys, r->body)) {
	case CALL_STREAM:
		c->doing = STREAMING;
		stream_begin(&c->call.stream, &s->out);
		break;
	case CALL_REPLY:
		c->doing = REPLYING;
		break;
	case CALL_SILENCE:
		c->doing = SILENT;
		break;
	case CALL_HANGUP:
		c->doing = BREAKING;
		break;
	}
	first = c->call.stream.plan.first;
	c->at = s->now + (first > 0 ? first : 0);
}

static void
stats_reply(const struct simulator *s, struct buf *out)
{
	const struct counters *n = &s->count;
	struct buf b;

	buf_init(&b, MAX_STATS);
	json_open(&b, NULL);
	json_add_integer(&b, "calls", n->calls);
	json_add_integer(&b, "open", n->open);
	json_add_integer(&b, "peak", n->peak);
	json_add_integer(&b, "tokens", n->tokens);
	json_add_integer(&b, "completed", n->completed);
	json_add_integer(&b, "broken", n->broken);
	json_add_integer(&b, "cancelled", n->cancelled);
	json_add_integer(&b, "connections", n->connections);
	json_add_integer(&b, "accepted", n->accepted);
	json_close(&b);
	http_reply(out, 200, "application/json", "", b.data, b.len);
	buf_free(&b);
}

static void
reset(struct simulator *s)
{
	struct counters now = s->count;

	s->count = (struct counters){
		.open = now.open,
		.peak = now.open,
		.connections = now.connections,
	};
	s->keys.n = 0;
	buf_clear(&s->last);
}

static bool
path_is_call(struct http_text path)
{
	size_t n = strlen(CALL_PATH);

	return path.n >= n && memcmp(path.s + path.n - n, CALL_PATH, n) == 0;
}

static void
conn_request(struct simulator *s, struct conn *c, const struct http_request *r)
{
	bool get = http_is(r->method, "GET"), post = http_is(r->method, "POST");

	if (post && path_is_call(r->path))
		call_start(s, c, r);
	else if (get && http_is(r->path, "/stats"))
		stats_reply(s, &s->out);
	else if (get && http_is(r->path, "/last"))
		http_reply(&s->out, 200, "message/http", "", s->last.data,
		    s->last.len);
	else if (post && http_is(r->path, "/reset")) {
		reset(s);
		http_reply(&s->out, 200, "text/plain", "", "", 0);
	} else
		http_reply(&s->out, 404, "text/plain", "", "", 0);
}

/* One request, if there is a whole one. */
static bool
conn_serve_one(struct simulator *s, struct conn *c)
{
	struct http_request r;

	switch (http_read(&r, c->in.data, c->in.len)) {
	case HTTP_MORE:
		if (!r.expects || c->continued)
			return false;
		c->continued = true;
		buf_adds(&s->out, "HTTP/1.1 100 Continue\r\n\r\n");
		break;
	case HTTP_WHOLE:
		c->continued = false;
		conn_request(s, c, &r);
		buf_consume(&c->in, r.size);
		break;
	case HTTP_BAD:
		http_reply(
		    &s->out, 400, "text/plain", "Connection: close\r\n", "", 0);
		c->doing = CLOSING;
		break;
	}
	conn_go(s, c);
	return true;
}

static void
conn_serve(struct simulator *s, struct conn *c)
{
	while (c->fd != -1 && c->doing == IDLE && c->rest.len == 0 &&
	       c->in.len > 0 && conn_serve_one(s, c))
		;
	if (c->in.len == 0)
		buf_free(&c->in);
}

/* Read all that is there. False: the client is gone, or sends too much. */
static bool
conn_receive(struct conn *c)
{
	ssize_t n;
	char *to;

	while ((to = buf_reserve(&c->in, READ_SIZE)) != NULL) {
		if ((n = recv(c->fd, to, READ_SIZE, MSG_DONTWAIT)) == -1)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		buf_commit(&c->in, (size_t)n);
	}
	return false;
}

void
conn_ready(struct simulator *s, struct conn *c, uint32_t events)
{
	if (c->fd == -1)
		return;
	if ((events & ~(uint32_t)EPOLLOUT) != 0 && !conn_receive(c)) {
		conn_leave(s, c);
		return;
	}
	if (c->rest.len > 0)
		conn_go(s, c);
	conn_serve(s, c);
}

bool
conn_open(struct simulator *s, int fd)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
	};
	struct conn *c = calloc(1, sizeof(*c));
	int on = 1;

	if (c == NULL)
		return false;
	c->fd = fd;
	buf_init(&c->in, MAX_IN);
	buf_init(&c->rest, MAX_OUT);
	ev.data.ptr = c;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
	    epoll_ctl(s->ep, EPOLL_CTL_ADD, fd, &ev) == -1)
		return false;
	s->count.connections++;
	s->count.accepted++;
	return true;
}

void
conns_go(struct simulator *s)
{
	struct due *due;
	struct conn *c;

	while ((due = wheel_take(&s->wheel, s->now)) != NULL) {
		c = container_of(due, struct conn, due);
		conn_go(s, c);
		conn_serve(s, c);
	}
}

void
conns_free_closed(struct simulator *s)
{
	struct conn *c;

	while ((c = s->closed) != NULL) {
		s->closed = c->next;
		free(c);
	}
}
