/*
 * A model that is not there: an OpenAI-compatible upstream for tests and
 * benchmarks, on one thread, which does to each call what its last user
 * message says (upstream_plan.h; the option -h lists the directives).
 *
 *	POST .../chat/completions	a call
 *	GET /stats			counters
 *	GET /last			the last call's request, as it came
 *	POST /reset			forget counters, keys and the last call
 */
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "upstream_conn.h"

#define BACKLOG 4096
#define EVENTS  256

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
accept_all(struct simulator *s, int listener)
{
	int fd;

	while ((fd = accept4(
		    listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1)
		if (!conn_open(s, fd))
			fail("connection");
	if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		fail("accept");
}

static void
turn(struct simulator *s, int listener)
{
	struct epoll_event ev[EVENTS];
	int n;

	n = epoll_wait(
	    s->ep, ev, EVENTS, wheel_wait(&s->wheel, clock_mono_ms()));
	if (n == -1 && errno != EINTR)
		fail("epoll_wait");
	s->now = clock_mono_ms();
	conns_go(s);
	for (int i = 0; i < n; i++) {
		if (ev[i].data.ptr == NULL)
			accept_all(s, listener);
		else
			conn_ready(s, ev[i].data.ptr, ev[i].events);
	}
	conns_free_closed(s);
}

/* A descriptor for each stream. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		fail("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		fail("setrlimit");
}

/* Say where; the listener is the event without data. */
static int
open_listener(int ep, uint16_t port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(sin);
	int on = 1;

	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, BACKLOG) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == -1)
		fail("listen");
	printf("listening on 127.0.0.1:%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	return fd;
}

static bool
parse_port(uint16_t *port, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	*port = (uint16_t)n;
	return end != text && *end == '\0' && n >= 0 && n <= UINT16_MAX;
}

static int
usage(FILE *f)
{
	fprintf(f, "usage: upstream PORT [\"[[DIRECTIVE[=VALUE] ...]]\"]\n"
		   "PORT 0 is a free one. The directives in a call's last user "
		   "message change these:\n");
	plan_help(f);
	return f == stdout ? 0 : 2;
}

int
main(int argc, char *argv[])
{
	static struct simulator s;
	char bad[PLAN_WORD];
	uint16_t port;
	int listener;

	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return usage(stdout);
	if (argc < 2 || argc > 3 || !parse_port(&port, argv[1]))
		return usage(stderr);
	simulator_init(&s, clock_mono_ms());
	if (argc == 3 && !plan_read(&s.usual, argv[2], strlen(argv[2]), bad)) {
		fprintf(
		    stderr, "upstream: no such directive or value: %s\n", bad);
		return 2;
	}
	raise_limit();
	if ((s.ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fail("epoll");
	listener = open_listener(s.ep, port);
	for (;;)
		turn(&s, listener);
}
