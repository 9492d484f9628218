/*
 * Visitors, each from an address of his own, and 64 clients of one address that
 * ask for sessions as fast as they are told to. Prints one line:
 *
 *	visits=N failed=N abused=N served=N visit_p50_us=N visit_p99_us=N
 *	visit_max_us=N
 *
 * A visit is timed from when it was due, so that none is left out while the
 * service is slow. failed: visits that were not answered with 200; served: what
 * the abusers got.
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

#define CONNS       64 /* of each group */
#define MAX_RATE    100000
#define MAX_VISITS  1000000
#define MAX_REPLY   (64 * 1024)
#define PATIENCE_MS 10000 /* without any event */

#define PLACE  "REMOTE_ADDR127.0.0.1" /* browser_request's */
#define ABUSER "192.0.2.6"            /* as long as the one there */

struct group;

struct conn {
	struct group *group;
	struct conn *next; /* of those that wait for a request */
	int fd;
	int64_t due_us;
	char *address; /* in the request */
	struct buf request;
	struct buf in;
};

struct group {
	struct pace pace;
	struct conn conn[CONNS];
	struct conn *idle;
	bool abuses;
	long sent, done, ok;
	struct samples reply;
};

static void
conn_open(struct group *g, struct conn *c, int ep, const char *path,
    const struct buf *message)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	c->group = g;
	c->fd = browser_connect(path);
	if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		fail("epoll_ctl");
	buf_init(&c->in, MAX_REPLY);
	buf_init(&c->request, BROWSER_MAX_REQUEST);
	if (g->abuses)
		browser_request(
		    &c->request, "POST", "/session/new", NULL, true);
	else
		browser_request(
		    &c->request, "POST", "/session/chat", message, true);
	c->address = memmem(
	    c->request.data, c->request.len, PLACE, strlen(PLACE));
	if (c->request.failed || c->address == NULL)
		fail("request");
	c->address += strlen(PLACE) - strlen(ABUSER);
	memcpy(c->address, ABUSER, strlen(ABUSER));
	c->next = g->idle;
	g->idle = c;
}

/* One of 90,000 addresses; a thousand in a row are of as many networks. */
static void
conn_move(struct conn *c, unsigned n)
{
	char text[16];

	snprintf(text, sizeof(text), "1%u.%u.%u.%u", n % 10, n / 10 % 10,
	    n / 100 % 10, 10 + n / 1000 % 90);
	memcpy(c->address, text, strlen(ABUSER));
}

static void
conn_send(struct conn *c, int64_t due_us)
{
	struct group *g = c->group;

	c->due_us = due_us;
	if (!g->abuses)
		conn_move(c, (unsigned)g->sent);
	if (send(c->fd, c->request.data, c->request.len, MSG_NOSIGNAL) !=
	    (ssize_t)c->request.len)
		fail("send");
	g->sent++;
}

static void
conn_ready(struct conn *c)
{
	static const char ok[] = "Status: 200 ";
	struct group *g = c->group;
	char *to = buf_reserve(&c->in, 4096);
	ssize_t n;

	if (to == NULL || (n = recv(c->fd, to, 4096, 0)) <= 0)
		fail("reply");
	buf_commit(&c->in, (size_t)n);
	if (!browser_has_reply(&c->in))
		return;
	if (memcmp(c->in.data + 8, ok, sizeof(ok) - 1) == 0)
		g->ok++;
	if (!g->abuses)
		samples_add(&g->reply, clock_mono_us() - c->due_us);
	g->done++;
	buf_clear(&c->in);
	c->next = g->idle;
	g->idle = c;
}

/* Send what is due. Abusers wait for their replies, visits add up. */
static void
group_send(struct group *g, long *due, long most)
{
	int64_t now = clock_mono_us();
	struct conn *c;

	for (; *due < most && pace_due(&g->pace, *due, now) <= now; ++*due) {
		if ((c = g->idle) == NULL && !g->abuses)
			return;
		if (c == NULL)
			continue;
		g->idle = c->next;
		conn_send(c, pace_due(&g->pace, *due, now));
	}
	if (*due < most)
		pace_arm(&g->pace, *due);
}

static void
run(struct group *visitors, struct group *abusers, int ep, long visits)
{
	struct epoll_event ev[64];
	long visit = 0, abuse = 0;
	int n;

	while (visitors->done < visits) {
		group_send(visitors, &visit, visits);
		if (abusers->pace.rate > 0)
			group_send(abusers, &abuse, INT32_MAX);
		if ((n = epoll_wait(ep, ev, 64, PATIENCE_MS)) <= 0)
			fail("no reply came");
		for (int i = 0; i < n; i++)
			if (ev[i].data.ptr != NULL)
				conn_ready(ev[i].data.ptr);
	}
}

static void
group_open(struct group *g, int ep, const char *path, long rate,
    const struct buf *message)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	for (int i = 0; i < CONNS; i++)
		conn_open(g, &g->conn[i], ep, path, message);
	pace_open(&g->pace, rate);
	if (epoll_ctl(ep, EPOLL_CTL_ADD, g->pace.fd, &ev) == -1)
		fail("epoll_ctl");
}

static void
group_close(struct group *g)
{
	for (int i = 0; i < CONNS; i++) {
		close(g->conn[i].fd);
		buf_free(&g->conn[i].in);
		buf_free(&g->conn[i].request);
	}
	close(g->pace.fd);
	samples_free(&g->reply);
}

int
main(int argc, char *argv[])
{
	static struct group visitors, abusers = { .abuses = true };
	static const char text[] = "{\"message\":\"Bonjour!\"}";
	struct buf message;
	long abuse_rate = 0, rate = 200, visits = 2000;
	int c, ep;

	while ((c = getopt(argc, argv, "a:r:n:")) != -1)
		if ((c != 'a' ||
			!number_read(&abuse_rate, optarg, 0, MAX_RATE)) &&
		    (c != 'r' || !number_read(&rate, optarg, 1, MAX_RATE)) &&
		    (c != 'n' || !number_read(&visits, optarg, 1, MAX_VISITS)))
			argc = 0;
	if (argc - optind != 1) {
		fprintf(stderr, "usage: abuse [-a rate] [-r visits/s] "
				"[-n visits] SOCKET\n");
		return 2;
	}
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fail("epoll_create1");
	buf_init(&message, sizeof(text));
	buf_adds(&message, text);
	group_open(&visitors, ep, argv[optind], rate, &message);
	group_open(&abusers, ep, argv[optind], abuse_rate, &message);
	run(&visitors, &abusers, ep, visits);
	printf("visits=%ld failed=%ld abused=%ld served=%ld", visitors.done,
	    visitors.done - visitors.ok, abusers.done, abusers.ok);
	samples_print(&visitors.reply, "visit");
	putchar('\n');
	group_close(&visitors);
	group_close(&abusers);
	buf_free(&message);
	close(ep);
	return visitors.ok == visitors.done ? 0 : 1;
}
