/*
 * The lookup belongs to two, the loop and the thread; the last to let go frees
 * it. The thread writes into it before it makes its descriptor readable, the
 * loop reads it after that.
 */
#include "chat/model/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/container.h"

#define MAX_HOST   256
#define STACK_SIZE (512 * 1024) /* libraries of name services are greedy */

struct lookup {
	atomic_int holders;
	int fd;
	char host[MAX_HOST];
	struct buf addresses; /* none: it failed */
};

static void
lookup_let_go(struct lookup *lk)
{
	if (atomic_fetch_sub(&lk->holders, 1) > 1)
		return;
	close(lk->fd);
	buf_free(&lk->addresses);
	free(lk);
}

/*
 * The thread.
 */

static const void *
address_of(const struct addrinfo *ai)
{
	const void *sa = ai->ai_addr;

	if (ai->ai_family == AF_INET)
		return &((const struct sockaddr_in *)sa)->sin_addr;
	if (ai->ai_family == AF_INET6)
		return &((const struct sockaddr_in6 *)sa)->sin6_addr;
	return NULL;
}

static void
lookup_take(struct lookup *lk, const struct addrinfo *ai)
{
	char text[INET6_ADDRSTRLEN];
	const void *address;
	int n = 0;

	for (; ai != NULL && n < RESOLVER_MAX; ai = ai->ai_next) {
		address = address_of(ai);
		if (address == NULL || inet_ntop(ai->ai_family, address, text,
					   sizeof(text)) == NULL)
			continue;
		if (n++ > 0)
			buf_addc(&lk->addresses, ',');
		buf_adds(&lk->addresses, text);
	}
}

static void *
lookup_main(void *arg)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	static const uint64_t one = 1;
	struct lookup *lk = arg;
	struct addrinfo *found = NULL;

	if (getaddrinfo(lk->host, NULL, &hints, &found) == 0) {
		lookup_take(lk, found);
		freeaddrinfo(found);
	}
	while (write(lk->fd, &one, sizeof(one)) == -1)
		;
	lookup_let_go(lk);
	return NULL;
}

static bool
thread_start(struct lookup *lk)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	ok = pthread_create(&thread, &attr, lookup_main, lk) == 0;
	pthread_attr_destroy(&attr);
	return ok;
}

static struct lookup *
lookup_new(const char *host)
{
	struct lookup *lk;

	if ((lk = calloc(1, sizeof(*lk))) == NULL)
		return NULL;
	lk->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lk->fd == -1) {
		free(lk);
		return NULL;
	}
	atomic_init(&lk->holders, 1);
	memccpy(lk->host, host, '\0', sizeof(lk->host) - 1);
	buf_init(&lk->addresses, RESOLVER_MAX * RESOLVER_ADDRESS - 1);
	return lk;
}

/*
 * The loop.
 */

static void
resolver_ready(struct loop_io *io, uint32_t events)
{
	struct resolver *r = container_of(io, struct resolver, io);
	struct lookup *lk = r->lookup;
	const char *found = NULL;
	uint64_t count;

	(void)events;
	if (read(lk->fd, &count, sizeof(count)) != sizeof(count))
		return;
	if (lk->addresses.len > 0)
		found = buf_string(&lk->addresses);
	if (found != NULL && strcmp(r->addresses, found) != 0) {
		memcpy(r->addresses, found, lk->addresses.len + 1);
		r->version++;
	}
	r->fresh_until = loop_now(r->loop) + RESOLVER_FRESH_MS;
	resolver_close(r);
	r->done(r->arg, r->version != 0);
}

static bool
resolver_begin(struct resolver *r)
{
	struct lookup *lk;

	if ((lk = lookup_new(r->host)) == NULL)
		return false;
	if (loop_watch(r->loop, &r->io, lk->fd, EPOLLIN) == -1) {
		lookup_let_go(lk);
		return false;
	}
	r->lookup = lk;
	atomic_fetch_add(&lk->holders, 1);
	if (thread_start(lk))
		return true;
	lookup_let_go(lk);
	resolver_close(r);
	return false;
}

/*
 * The interface.
 */

void
resolver_init(struct resolver *r, struct loop *loop, const char *host,
    void (*done)(void *arg, bool ok), void *arg)
{
	*r = (struct resolver){
		.loop = loop, .host = host, .done = done, .arg = arg
	};
	r->io = (struct loop_io){ resolver_ready, -1 };
}

void
resolver_close(struct resolver *r)
{
	if (r->lookup == NULL)
		return;
	loop_unwatch(r->loop, &r->io);
	lookup_let_go(r->lookup);
	r->lookup = NULL;
}

bool
resolver_ask(struct resolver *r)
{
	bool fresh = r->version != 0 && loop_now(r->loop) < r->fresh_until;

	if (fresh || r->lookup != NULL)
		return true;
	return resolver_begin(r) || r->version != 0;
}
