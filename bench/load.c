/*
 * A web server as the application sees it: kept FastCGI connections with one
 * request in flight on each. Prints one line:
 *
 *	requests=N errors=N seconds=S reply_p50_us=N reply_p99_us=N
 *	reply_max_us=N
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "browser.h"
#include "measure.h"

#define MAX_CONNECTIONS 1024
#define MAX_REQUESTS    100000000
#define MAX_REPLY       (64 * 1024)
#define PATIENCE_US     10000000 /* without any reply */
#define ID_LENGTH       36

struct conn {
	int fd;
	int64_t sent_us;
	struct buf request; /* sent again and again */
	struct buf in;
};

struct load {
	/* from the command line */
	const char *path;
	bool info; /* GET .../info, else POST .../new */
	long conns, requests;

	int ep;
	struct conn *conn;
	long sent, done, errors;
	struct samples reply;
};

static void
make_request(struct buf *request, const char *method, const char *uri)
{
	buf_clear(request);
	browser_request(request, method, uri, NULL, true);
	if (request->failed)
		fail("request");
}

static void
conn_send(struct load *l, struct conn *c)
{
	c->sent_us = clock_mono_us();
	if (send(c->fd, c->request.data, c->request.len, MSG_NOSIGNAL) !=
	    (ssize_t)c->request.len)
		fail("send");
	l->sent++;
}

static void
conn_receive(struct conn *c)
{
	char *to = buf_reserve(&c->in, 4096);
	ssize_t n;

	if (to == NULL)
		fail("reply");
	if ((n = recv(c->fd, to, 4096, 0)) == -1)
		fail("recv");
	if (n == 0) {
		fprintf(stderr, "load: the server closed a connection\n");
		exit(1);
	}
	buf_commit(&c->in, (size_t)n);
}

static bool
conn_ok(const struct conn *c)
{
	const char expected[] = "Status: 200 ";

	return c->in.len > 8 + sizeof(expected) &&
	       memcmp(c->in.data + 8, expected, sizeof(expected) - 1) == 0;
}

static void
conn_ready(struct load *l, struct conn *c)
{
	conn_receive(c);
	if (!browser_has_reply(&c->in))
		return;
	if (!conn_ok(c))
		l->errors++;
	samples_add(&l->reply, clock_mono_us() - c->sent_us);
	l->done++;
	buf_clear(&c->in);
	if (l->sent < l->requests)
		conn_send(l, c);
}

/* Make a session, and ask for it from now on. */
static void
conn_make_session(struct conn *c)
{
	const char name[] = "\"session_id\":\"";
	char uri[64], *id;

	if (send(c->fd, c->request.data, c->request.len, MSG_NOSIGNAL) == -1)
		fail("send");
	while (!browser_has_reply(&c->in))
		conn_receive(c);
	id = memmem(c->in.data, c->in.len, name, sizeof(name) - 1);
	if (id == NULL) {
		fprintf(stderr, "load: no session was made\n");
		exit(1);
	}
	snprintf(uri, sizeof(uri), "/session/%.*s/info", ID_LENGTH,
	    id + sizeof(name) - 1);
	make_request(&c->request, "GET", uri);
	buf_clear(&c->in);
}

static void
conn_open(struct load *l, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	c->fd = browser_connect(l->path);
	if (epoll_ctl(l->ep, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		fail("epoll_ctl");
	buf_init(&c->in, MAX_REPLY);
	buf_init(&c->request, BROWSER_MAX_REQUEST);
	make_request(&c->request, "POST", "/session/new");
	if (l->info)
		conn_make_session(c);
}

static void
load_run(struct load *l)
{
	struct epoll_event ev[64];
	int64_t last_us;
	int i, n;
	long k;

	for (k = 0; k < l->conns && l->sent < l->requests; k++)
		conn_send(l, &l->conn[k]);
	last_us = clock_mono_us();
	while (l->done < l->requests) {
		/* polls: to wake a sleeping client is no cost of the server */
		if ((n = epoll_wait(l->ep, ev, 64, 0)) == -1)
			fail("epoll_wait");
		if (n > 0)
			last_us = clock_mono_us();
		if (n == 0 && clock_mono_us() - last_us > PATIENCE_US) {
			fprintf(stderr, "load: no reply came\n");
			exit(1);
		}
		for (i = 0; i < n; i++)
			conn_ready(l, ev[i].data.ptr);
	}
}

static bool
load_options(struct load *l, int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "c:n:")) != -1)
		if ((c != 'c' ||
			!number_read(&l->conns, optarg, 1, MAX_CONNECTIONS)) &&
		    (c != 'n' ||
			!number_read(&l->requests, optarg, 1, MAX_REQUESTS)))
			return false;
	if (argc - optind != 2)
		return false;
	l->path = argv[optind];
	l->info = strcmp(argv[optind + 1], "info") == 0;
	return l->info || strcmp(argv[optind + 1], "new") == 0;
}

int
main(int argc, char *argv[])
{
	struct load l = { .conns = 8, .requests = 10000 };
	int64_t start;
	long k;

	if (!load_options(&l, argc, argv)) {
		fprintf(stderr, "usage: load [-c connections] [-n requests] "
				"SOCKET new|info\n");
		return 2;
	}
	l.conn = calloc((size_t)l.conns, sizeof(*l.conn));
	if (l.conn == NULL || (l.ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fail("load");
	for (k = 0; k < l.conns; k++)
		conn_open(&l, &l.conn[k]);
	start = clock_mono_us();
	load_run(&l);
	start = clock_mono_us() - start;
	printf("requests=%ld errors=%ld seconds=%.6f", l.done, l.errors,
	    (double)start / 1e6);
	samples_print(&l.reply, "reply");
	putchar('\n');
	for (k = 0; k < l.conns; k++) {
		close(l.conn[k].fd);
		buf_free(&l.conn[k].in);
		buf_free(&l.conn[k].request);
	}
	free(l.conn);
	samples_free(&l.reply);
	return l.errors == 0 ? 0 : 1;
}
