/*
 * A web server as the application sees it: kept FastCGI connections with one
 * request in flight on each. Prints one line:
 *
 *	requests=N errors=N seconds=S p50_us=N p99_us=N
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "server/fcgi.h"

#define MAX_CONNECTIONS 1024
#define MAX_REQUESTS    100000000
#define MAX_REPLY       (64 * 1024)
#define MAX_REQUEST     8192
#define PATIENCE_US     10000000 /* without any reply */
#define ID_LENGTH       36
#define TYPE_END        3 /* FCGI_END_REQUEST */

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
	uint32_t *us; /* of each that is done */
};

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
add_param(struct buf *b, const char *name, const char *value)
{
	buf_addc(b, (char)strlen(name));
	buf_addc(b, (char)strlen(value));
	buf_adds(b, name);
	buf_adds(b, value);
}

/* The variables of nginx's fastcgi_params, and a browser's headers. */
static void
add_params(struct buf *b, const char *method, const char *uri)
{
	static const char *const same[][2] = {
		{ "QUERY_STRING", "" },
		{ "CONTENT_TYPE", "" },
		{ "CONTENT_LENGTH", "" },
		{ "DOCUMENT_ROOT", "/usr/share/causerie/web" },
		{ "SERVER_PROTOCOL", "HTTP/1.1" },
		{ "REQUEST_SCHEME", "http" },
		{ "GATEWAY_INTERFACE", "CGI/1.1" },
		{ "SERVER_SOFTWARE", "nginx/1.22.1" },
		{ "REMOTE_ADDR", "127.0.0.1" },
		{ "REMOTE_PORT", "52814" },
		{ "REMOTE_USER", "" },
		{ "SERVER_ADDR", "127.0.0.1" },
		{ "SERVER_PORT", "8000" },
		{ "SERVER_NAME", "localhost" },
		{ "REDIRECT_STATUS", "200" },
		{ "HTTP_HOST", "localhost:8000" },
		{ "HTTP_USER_AGENT",
		    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
		    "Gecko/20100101 Firefox/128.0" },
		{ "HTTP_ACCEPT", "*/*" },
		{ "HTTP_ACCEPT_LANGUAGE", "fr,fr-FR;q=0.8,en;q=0.3" },
		{ "HTTP_ACCEPT_ENCODING", "gzip, deflate, br" },
		{ "HTTP_REFERER", "http://localhost:8000/" },
	};
	size_t i;

	add_param(b, "REQUEST_METHOD", method);
	add_param(b, "SCRIPT_NAME", uri);
	add_param(b, "REQUEST_URI", uri);
	add_param(b, "DOCUMENT_URI", uri);
	for (i = 0; i < sizeof(same) / sizeof(*same); i++)
		add_param(b, same[i][0], same[i][1]);
}

static void
make_request(struct buf *request, const char *method, const char *uri)
{
	struct buf params;

	buf_init(&params, MAX_REQUEST);
	add_params(&params, method, uri);
	buf_clear(request);
	fcgi_add_request(request, 1, true, params.data, params.len, NULL, 0);
	if (params.failed || request->failed)
		fail("request");
	buf_free(&params);
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

/* Whether the reply is there up to END_REQUEST. */
static bool
conn_complete(const struct conn *c)
{
	const uint8_t *p = (const uint8_t *)c->in.data;
	size_t i = 0, len;

	for (; c->in.len - i >= 8; i += len) {
		len = 8 + ((size_t)p[i + 4] << 8 | p[i + 5]) + p[i + 6];
		if (c->in.len - i < len)
			return false;
		if (p[i + 1] == TYPE_END)
			return i + len == c->in.len;
	}
	return false;
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
	if (!conn_complete(c))
		return;
	if (!conn_ok(c))
		l->errors++;
	l->us[l->done++] = (uint32_t)(clock_mono_us() - c->sent_us);
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
	while (!conn_complete(c))
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
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (strlen(l->path) >= sizeof(sun.sun_path)) {
		fprintf(stderr, "load: the socket's path is too long\n");
		exit(1);
	}
	memcpy(sun.sun_path, l->path, strlen(l->path) + 1);
	if ((c->fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    epoll_ctl(l->ep, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		fail(l->path);
	buf_init(&c->in, MAX_REPLY);
	buf_init(&c->request, MAX_REQUEST);
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

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool
parse_number(long *out, const char *text, long max)
{
	char *end;

	*out = strtol(text, &end, 10);
	return *end == '\0' && *out >= 1 && *out <= max;
}

static bool
load_options(struct load *l, int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "c:n:")) != -1)
		if ((c != 'c' ||
			!parse_number(&l->conns, optarg, MAX_CONNECTIONS)) &&
		    (c != 'n' ||
			!parse_number(&l->requests, optarg, MAX_REQUESTS)))
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
	l.us = calloc((size_t)l.requests, sizeof(*l.us));
	if (l.conn == NULL || l.us == NULL ||
	    (l.ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fail("load");
	for (k = 0; k < l.conns; k++)
		conn_open(&l, &l.conn[k]);
	start = clock_mono_us();
	load_run(&l);
	start = clock_mono_us() - start;
	qsort(l.us, (size_t)l.done, sizeof(*l.us), compare);
	printf("requests=%ld errors=%ld seconds=%.3f p50_us=%u p99_us=%u\n",
	    l.done, l.errors, (double)start / 1e6, l.us[l.done / 2],
	    l.us[l.done * 99 / 100]);
	for (k = 0; k < l.conns; k++) {
		close(l.conn[k].fd);
		buf_free(&l.conn[k].in);
		buf_free(&l.conn[k].request);
	}
	free(l.conn);
	free(l.us);
	return l.errors == 0 ? 0 : 1;
}
