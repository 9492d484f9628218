/*
 * What forwarding a token costs at least: the same FastCGI request on a unix
 * socket, a call to the model's server, and the body's bytes copied to the
 * client as they come. Nothing is read that need not be: no JSON, no session,
 * no chunks, no queue for who does not read.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"

#define MAX_REQUEST 8192
#define MAX_MESSAGE 1024
#define RECEIVE     2048 /* bytes, as in Causerie's calls */
#define RECORD_HEAD 8

#define HEAD \
	"Status: 200 OK\r\n" \
	"Content-Type: text/event-stream; charset=utf-8\r\n\r\n"
#define LAST_CHUNK "0\r\n\r\n"

struct exchange;

/* What epoll points at; without an exchange it is the listener. */
struct end {
	int fd;
	struct exchange *exchange;
};

struct exchange {
	struct end client, upstream;
	char request[MAX_REQUEST];
	size_t len;
	unsigned head_end; /* how much of the blank line was seen */
	bool dead;
	struct exchange *next;
};

struct relay {
	int ep;
	struct end listener;
	struct sockaddr_in upstream;
	struct exchange *dead; /* freed when no event can point at them */
};

static void
watch(const struct relay *r, struct end *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = e };

	if (epoll_ctl(r->ep, EPOLL_CTL_ADD, e->fd, &ev) == -1)
		fail("epoll_ctl");
}

static void
exchange_end(struct relay *r, struct exchange *x)
{
	close(x->client.fd);
	if (x->upstream.fd != -1)
		close(x->upstream.fd);
	x->dead = true;
	x->next = r->dead;
	r->dead = x;
}

static void
exchange_new(struct relay *r)
{
	struct exchange *x;
	int fd = accept4(r->listener.fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd == -1 || (x = malloc(sizeof(*x))) == NULL)
		fail("accept");
	x->client = (struct end){ fd, x };
	x->upstream = (struct end){ -1, x };
	x->len = 0;
	x->head_end = 0;
	x->dead = false;
	watch(r, &x->client);
}

/* A record of the FastCGI protocol around n bytes behind its head. */
static bool
send_stdout(const struct exchange *x, uint8_t *record, size_t n)
{
	const uint8_t head[RECORD_HEAD] = { 1, 6, 0, 1, (uint8_t)(n >> 8),
		(uint8_t)n };

	memcpy(record, head, sizeof(head));
	return send(x->client.fd, record, RECORD_HEAD + n,
		   MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)(RECORD_HEAD + n);
}

/* The end of STDOUT, and END_REQUEST. */
static void
send_end(const struct exchange *x)
{
	static const uint8_t end[] = { 1, 6, 0, 1, 0, 0, 0, 0, 1, 3, 0, 1, 0, 8,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

	(void)!send(x->client.fd, end, sizeof(end), MSG_NOSIGNAL);
}

/* The message as it stands in the body's JSON. */
static bool
find_message(const struct exchange *x, const char **message, size_t *len)
{
	static const char name[] = "{\"message\":\"";
	const char *at = memmem(x->request, x->len, name, sizeof(name) - 1);
	const char *end;

	if (at == NULL)
		return false;
	at += sizeof(name) - 1;
	end = memchr(at, '"', (size_t)(x->request + x->len - at));
	*message = at;
	*len = end != NULL ? (size_t)(end - at) : 0;
	return end != NULL && *len <= MAX_MESSAGE;
}

static bool
call_upstream(struct relay *r, struct exchange *x)
{
	static const char before[] =
	    "{\"model\":\"m\",\"stream\":true,"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"";
	static const char after[] = "\"}]}";
	char call[MAX_MESSAGE + 512];
	const char *message;
	size_t len;
	int n, fd, on = 1;

	if (!find_message(x, &message, &len))
		return false;
	n = snprintf(call, sizeof(call),
	    "POST /v1/chat/completions HTTP/1.1\r\n"
	    "Host: 127.0.0.1\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n"
	    "%s%.*s%s",
	    sizeof(before) - 1 + len + sizeof(after) - 1, before, (int)len,
	    message, after);
	x->upstream.fd = fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&r->upstream, sizeof(r->upstream)) ==
		-1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
	    send(fd, call, (size_t)n, MSG_NOSIGNAL) != n)
		return false;
	watch(r, &x->upstream);
	return true;
}

static void
client_ready(struct relay *r, struct exchange *x)
{
	static const uint8_t last[RECORD_HEAD] = { 1, 5, 0, 1 };
	uint8_t head[RECORD_HEAD + sizeof(HEAD)];
	ssize_t n = recv(x->client.fd, x->request + x->len,
	    sizeof(x->request) - x->len, MSG_DONTWAIT);

	if (n <= 0 || x->upstream.fd != -1) {
		exchange_end(r, x);
		return;
	}
	x->len += (size_t)n;
	if (x->len < sizeof(last) ||
	    memcmp(x->request + x->len - sizeof(last), last, sizeof(last)) != 0)
		return;
	memcpy(head + RECORD_HEAD, HEAD, sizeof(HEAD));
	if (!send_stdout(x, head, sizeof(HEAD) - 1) || !call_upstream(r, x))
		exchange_end(r, x);
}

/* How many of these bytes still belong to the reply's headers. */
static size_t
skip_head(struct exchange *x, const char *p, size_t n)
{
	static const char blank[] = "\r\n\r\n";
	size_t i;

	for (i = 0; i < n && x->head_end < 4; i++)
		if (p[i] == blank[x->head_end])
			x->head_end++;
		else
			x->head_end = p[i] == '\r';
	return i;
}

static void
upstream_ready(struct relay *r, struct exchange *x)
{
	static const char last[] = LAST_CHUNK;
	uint8_t record[RECORD_HEAD + RECEIVE];
	char *p = (char *)record + RECORD_HEAD;
	ssize_t n = recv(x->upstream.fd, p, RECEIVE, MSG_DONTWAIT);
	size_t len = n > 0 ? (size_t)n : 0, head = 0;
	bool end;

	if (x->head_end < 4) {
		head = skip_head(x, p, len);
		len -= head;
		memmove(p, p + head, len);
	}
	end = n <= 0 ||
	      (len >= sizeof(last) - 1 && memcmp(p + len - (sizeof(last) - 1),
					      last, sizeof(last) - 1) == 0);
	if (len > 0 && !send_stdout(x, record, len)) {
		exchange_end(r, x);
		return;
	}
	if (!end)
		return;
	send_end(x);
	exchange_end(r, x);
}

static void
relay_run(struct relay *r)
{
	struct epoll_event ev[64];
	struct exchange *x;
	struct end *e;
	int i, n;

	for (;;) {
		if ((n = epoll_wait(r->ep, ev, 64, -1)) == -1)
			fail("epoll_wait");
		for (i = 0; i < n; i++) {
			e = ev[i].data.ptr;
			if (e->exchange == NULL)
				exchange_new(r);
			else if (e->exchange->dead)
				continue;
			else if (e == &e->exchange->client)
				client_ready(r, e->exchange);
			else
				upstream_ready(r, e->exchange);
		}
		while ((x = r->dead) != NULL) {
			r->dead = x->next;
			free(x);
		}
	}
}

static void
relay_listen(struct relay *r, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, SOMAXCONN) == -1 ||
	    (r->ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fail(path);
	r->listener = (struct end){ fd, NULL };
	watch(r, &r->listener);
}

int
main(int argc, char *argv[])
{
	struct relay r = { .dead = NULL };
	long port;

	if (argc != 3 || !number_read(&port, argv[2], 1, 65535)) {
		fprintf(stderr, "usage: relay SOCKET UPSTREAM-PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	r.upstream.sin_family = AF_INET;
	r.upstream.sin_port = htons((uint16_t)port);
	r.upstream.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	relay_listen(&r, argv[1]);
	relay_run(&r);
}
