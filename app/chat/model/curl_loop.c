/*
 * With each transfer libcurl takes up a connection's descriptor and drops it
 * again. Of the connections that are known to be open it stays in epoll
 * meanwhile, as it was watched; only when something happens there is it taken
 * out. Other descriptors (a resolver's) come and go as libcurl says: it closes
 * them unseen.
 */
#include "chat/model/curl_loop.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"

#define FIRST_WATCHES 64

struct curl_watch {
	struct loop_io io;
	struct curl_loop *all;
	uint32_t events; /* in epoll */
	bool wanted;     /* by libcurl, now */
	bool ours;       /* its opening and closing are seen */
};

static void
curl_loop_act(struct curl_loop *cl, curl_socket_t fd, int what)
{
	CURLMcode code;
	int running;

	cl->inside = true;
	code = curl_multi_socket_action(cl->multi, fd, what, &running);
	cl->inside = false;
	cl->acted(cl->arg, code == CURLM_OK);
}

/*
 * Watches.
 */

static void
watch_ready(struct loop_io *io, uint32_t events)
{
	struct curl_watch *w = container_of(io, struct curl_watch, io);

	if (!w->wanted) {
		loop_unwatch(w->all->loop, io);
		return;
	}
	curl_loop_act(w->all, io->fd,
	    (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		(events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		(events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
}

static struct curl_watch *
watch_find(const struct curl_loop *cl, curl_socket_t fd)
{
	return (size_t)fd < cl->watches_cap ? cl->watches[fd] : NULL;
}

static bool
watches_grow(struct curl_loop *cl, size_t fd)
{
	size_t cap = cl->watches_cap == 0 ? FIRST_WATCHES : cl->watches_cap;
	struct curl_watch **watches;

	while (cap <= fd)
		cap *= 2;
	if (cap == cl->watches_cap)
		return true;
	watches = reallocarray(cl->watches, cap, sizeof(*watches));
	if (watches == NULL)
		return false;
	for (size_t i = cl->watches_cap; i < cap; i++)
		watches[i] = NULL;
	cl->watches = watches;
	cl->watches_cap = cap;
	return true;
}

static void
watch_free(struct curl_loop *cl, curl_socket_t fd)
{
	struct curl_watch *w = watch_find(cl, fd);

	if (w == NULL)
		return;
	cl->watches[fd] = NULL;
	loop_unwatch(cl->loop, &w->io);
	free(w);
}

/* A watch of a descriptor that has none, or had one before it was closed. */
static struct curl_watch *
watch_new(struct curl_loop *cl, curl_socket_t fd, bool ours)
{
	struct curl_watch *w;

	watch_free(cl, fd);
	if (!watches_grow(cl, (size_t)fd) ||
	    (w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->io = (struct loop_io){ watch_ready, -1 };
	w->all = cl;
	w->ours = ours;
	cl->watches[fd] = w;
	return w;
}

static int
watch_set(struct curl_watch *w, curl_socket_t fd, uint32_t events)
{
	int rc = 0;

	if (w->io.fd == -1)
		rc = loop_watch(w->all->loop, &w->io, fd, events);
	else if (w->events != events)
		rc = loop_rewatch(w->all->loop, &w->io, events);
	w->events = events;
	w->wanted = true;
	return rc;
}

/*
 * What libcurl calls.
 */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct curl_loop *cl = arg;
	struct curl_watch *w = watch_find(cl, fd);

	(void)easy;
	(void)assigned;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL && w->ours)
			w->wanted = false;
		else
			watch_free(cl, fd);
		return 0;
	}
	if (w == NULL && (w = watch_new(cl, fd, false)) == NULL)
		return -1;
	return watch_set(w, fd,
	    (what & CURL_POLL_IN ? EPOLLIN : 0u) |
		(what & CURL_POLL_OUT ? EPOLLOUT : 0u));
}

static int
on_timer(CURLM *multi, long wait_ms, void *arg)
{
	struct curl_loop *cl = arg;

	(void)multi;
	if (wait_ms < 0)
		loop_untimer(cl->loop, &cl->timer);
	else
		loop_timer(cl->loop, &cl->timer, loop_now(cl->loop) + wait_ms);
	return 0;
}

static void
curl_loop_due(struct timer *timer, void *arg)
{
	(void)timer;
	curl_loop_act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct curl_loop *cl = arg;
	curl_socket_t fd = socket(address->family,
	    address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	if (fd != -1 && watch_new(cl, fd, true) == NULL) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	return fd == -1 ? CURL_SOCKET_BAD : fd;
}

static int
on_close(void *arg, curl_socket_t fd)
{
	watch_free(arg, fd);
	return close(fd);
}

/*
 * The interface.
 */

void
curl_loop_open(struct curl_loop *cl, struct loop *loop, CURLM *multi,
    void (*acted)(void *arg, bool ok), void *arg)
{
	*cl = (struct curl_loop){
		.loop = loop, .multi = multi, .acted = acted, .arg = arg
	};
	timer_init(&cl->timer, curl_loop_due, cl);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, cl);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, cl);
}

void
curl_loop_close(struct curl_loop *cl)
{
	loop_untimer(cl->loop, &cl->timer);
	for (size_t fd = 0; fd < cl->watches_cap; fd++)
		watch_free(cl, (curl_socket_t)fd);
	free(cl->watches);
}

void
curl_loop_adopt(struct curl_loop *cl, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, cl);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, cl);
}
