/*
 * Who talks to the owner, and what for. Everything here happens on its own
 * loop, beside those that serve requests.
 */
#include "server/owner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/listener.h"
#include "server/owner_report.h"
#include "server/owner_state.h"

#define MAX_LINKS  (2 * OWNER_MAX_LISTENERS)
#define HELLO_MS   5000 /* for the first frame of who connects */
#define SECOND_MS  1000
#define LOOP_INDEX 0

/*
 * Links.
 */

static void
links_bury(struct loop_task *task)
{
	struct owner *ow = (struct owner *)(void *)((char *)task -
						    offsetof(
							struct owner, bury));
	struct owner_link *link;

	while ((link = ow->dead) != NULL) {
		ow->dead = link->next;
		free(link);
	}
}

static void
linger_begin(struct owner *ow)
{
	if (ow->listeners == 0 && ow->state == OWNER_SERVES)
		loop_timer(ow->loop, &ow->linger,
		    loop_now(ow->loop) + ow->conf.linger_ms);
}

static void
waiter_gone(struct owner_link *link)
{
	struct owner *ow = link->owner;

	if (link->intake != NULL)
		intake_close(link->intake, true);
	else if (link->fd != -1)
		close(link->fd);
	link->intake = NULL;
	link->fd = -1;
	ow->listeners--;
	linger_begin(ow);
}

/* It is freed when nobody works with it any more. */
void
owner_link_drop(struct owner_link *link)
{
	struct owner *ow = link->owner;

	peer_close(&link->peer);
	loop_untimer(ow->loop, &link->patience);
	*(link->prev != NULL ? &link->prev->next : &ow->links) = link->next;
	if (link->next != NULL)
		link->next->prev = link->prev;
	ow->links_count--;
	link->next = ow->dead;
	ow->dead = link;
	loop_task(ow->loop, &ow->bury);
	if (link->role == LINK_WAITER)
		waiter_gone(link);
	else if (link->role == LINK_HEIR)
		owner_give_broken(ow);
	else if (link->role == LINK_OLD)
		owner_take_broken(link);
}

static void
link_gone(struct peer *peer)
{
	owner_link_drop((struct owner_link *)(void *)peer);
}

static void
link_impatient(struct timer *timer, void *arg)
{
	(void)timer;
	owner_link_drop(arg);
}

/* Who asked is answered; the heir is sent more. */
static void
link_room(struct peer *peer)
{
	struct owner_link *link = (struct owner_link *)(void *)peer;

	if (link->role == LINK_ASKS && peer_is_flushed(peer))
		owner_link_drop(link);
	else if (link->role == LINK_HEIR)
		owner_give_room(link->owner);
}

static const struct peer_events link_events = {
	.frame = owner_link_frame,
	.room = link_room,
	.gone = link_gone,
};

struct owner_link *
owner_link_add(struct owner *ow, int fd, enum link_role role)
{
	struct owner_link *link;

	if ((link = calloc(1, sizeof(*link))) == NULL ||
	    !owner_cred(fd, &link->cred) ||
	    peer_open(&link->peer, ow->loop, fd, &link_events) == -1) {
		log_error("owner", LOG_STR("failed", "link"),
		    LOG_INT("errno", errno));
		free(link);
		close(fd);
		return NULL;
	}
	link->owner = ow;
	link->role = role;
	link->fd = -1;
	timer_init(&link->patience, link_impatient, link);
	if ((link->next = ow->links) != NULL)
		link->next->prev = link;
	ow->links = link;
	ow->links_count++;
	return link;
}

/*
 * What they want.
 */

static void
link_answer(struct owner_link *link, enum wire_type type, const char *text)
{
	link->role = LINK_ASKS;
	if (!peer_send(&link->peer, type, text, strlen(text), NULL))
		owner_link_drop(link);
}

static bool
hello_listen(struct owner_link *link, int fd)
{
	struct owner *ow = link->owner;

	if (ow->listeners >= OWNER_MAX_LISTENERS || !listener_adopt(fd) ||
	    (link->intake = intake_open(ow->conf.server, fd)) == NULL) {
		close(fd);
		link_answer(link, WIRE_REFUSED,
		    ow->listeners >= OWNER_MAX_LISTENERS
			? "the owner has 1024 listeners already"
			: "descriptor 0 is no listening socket");
		return true;
	}
	link->role = LINK_WAITER;
	ow->listeners++;
	loop_untimer(ow->loop, &ow->linger);
	log_info("listener", LOG_INT("pid", link->cred.pid),
	    LOG_INT("listeners", ow->listeners));
	if (!peer_send(&link->peer, WIRE_ACCEPTED, NULL, 0, NULL))
		owner_link_drop(link);
	return true;
}

static void
hello_status(struct owner_link *link)
{
	struct buf text;

	buf_init(&text, WIRE_MAX_STATUS);
	owner_report(&text, link->owner);
	link->role = LINK_ASKS;
	if (text.failed ||
	    !peer_send(&link->peer, WIRE_REPORT, text.data, text.len, NULL))
		owner_link_drop(link);
	buf_free(&text);
}

static bool
is_same(const struct owner *ow, const struct wire_hello *hello)
{
	return hello->program == ow->conf.self.program &&
	       hello->conf == ow->conf.self.conf;
}

static bool
hello_take(struct owner_link *link, const struct wire_frame *frame, int fd)
{
	struct owner *ow = link->owner;
	struct wire_hello hello;

	if (!wire_hello_get(&hello, frame->data, frame->len))
		return false;
	switch (frame->type) {
	case WIRE_LISTEN:
		if (is_same(ow, &hello))
			return hello_listen(link, fd);
		close(fd);
		link_answer(link, WIRE_DIFFERS, "");
		return true;
	case WIRE_STATUS:
		hello_status(link);
		return true;
	case WIRE_STOP:
		peer_send(&link->peer, WIRE_ACCEPTED, NULL, 0, NULL);
		owner_end(ow, "stop");
		return true;
	case WIRE_FOLLOW:
		owner_give_begin(ow, link);
		return true;
	default:
		return false;
	}
}

bool
owner_link_frame(
    struct peer *peer, const struct wire_frame *frame, const int *fds)
{
	struct owner_link *link = (struct owner_link *)(void *)peer;

	switch (link->role) {
	case LINK_NEW:
		loop_untimer(link->owner->loop, &link->patience);
		return hello_take(link, frame, fds[0]);
	case LINK_HEIR:
		return owner_give_frame(link->owner, frame);
	case LINK_OLD:
		return owner_take_frame(link, frame, fds);
	default:
		return false;
	}
}

/*
 * The door.
 */

/* The directory lets nobody else in; this is for the day when it does. */
static bool
is_allowed(const struct owner *ow, uid_t uid)
{
	return uid == ow->conf.dir->uid || uid == 0;
}

static void
owner_knock(struct loop_io *io, uint32_t events)
{
	struct owner *ow =
	    (struct owner *)(void *)((char *)io - offsetof(struct owner, door));
	struct owner_link *link;
	int fd;

	(void)events;
	fd = accept4(ow->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return;
	if (ow->links_count >= MAX_LINKS) {
		log_warn("owner", LOG_STR("refused", "too many links"));
		close(fd);
		return;
	}
	if ((link = owner_link_add(ow, fd, LINK_NEW)) == NULL)
		return;
	if (!is_allowed(ow, link->cred.uid)) {
		log_warn("owner", LOG_STR("refused", "stranger"),
		    LOG_INT("uid", link->cred.uid));
		owner_link_drop(link);
		return;
	}
	loop_timer(ow->loop, &link->patience, loop_now(ow->loop) + HELLO_MS);
}

/*
 * Its life.
 */

static void
owner_signal(struct loop_io *io, uint32_t events)
{
	struct owner *ow = (struct owner *)(void *)((char *)io -
						    offsetof(
							struct owner, signals));
	struct signalfd_siginfo info;

	(void)events;
	if (read(io->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		ow->app.hangup(ow->app.arg);
	else
		owner_end(ow, "signal");
}

/* Should it not open now, it is tried again. */
static void
door_open(struct owner *ow)
{
	if (ow->door.fd == -1 &&
	    loop_watch(ow->loop, &ow->door, ow->socket, EPOLLIN) == -1)
		log_warn("owner", LOG_STR("failed", "door"),
		    LOG_INT("errno", errno));
}

static void
owner_second(struct timer *timer, void *arg)
{
	struct owner *ow = arg;

	ow->app.tick(ow->app.arg);
	if (ow->state == OWNER_SERVES)
		door_open(ow);
	loop_timer(ow->loop, timer, loop_now(ow->loop) + SECOND_MS);
}

static void
owner_lingered(struct timer *timer, void *arg)
{
	struct owner *ow = arg;

	if (ow->listeners > 0 || ow->state != OWNER_SERVES)
		return;
	if (ow->app.live(ow->app.arg) == 0)
		owner_end(ow, "nobody");
	else
		loop_timer(ow->loop, timer, loop_now(ow->loop) + SECOND_MS);
}

void
owner_end(struct owner *ow, const char *why)
{
	if (ow->state != OWNER_ENDS)
		log_notice("drain", LOG_STR("why", why));
	ow->state = OWNER_ENDS;
	loop_stop(ow->loop);
}

void
owner_serve(struct owner *ow)
{
	struct owner_link *link, *next;

	door_open(ow);
	for (link = ow->links; link != NULL; link = next) {
		next = link->next;
		if (link->fd == -1)
			continue;
		link->intake = intake_open(ow->conf.server, link->fd);
		if (link->intake != NULL)
			link->fd = -1;
		else
			owner_link_drop(link);
	}
	ow->state = OWNER_SERVES;
	linger_begin(ow);
}

static bool
signals_open(struct owner *ow)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	ow->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return ow->signal_fd != -1 &&
	       loop_watch(ow->loop, &ow->signals, ow->signal_fd, EPOLLIN) == 0;
}

static bool
owner_begin(struct owner *ow, char *err, size_t errsize)
{
	if ((ow->loop = loop_new(LOOP_INDEX)) == NULL || !signals_open(ow)) {
		snprintf(err, errsize, "owner: %s", strerror(errno));
		return false;
	}
	loop_timer(ow->loop, &ow->second, loop_now(ow->loop) + SECOND_MS);
	if (ow->lock == -1)
		return owner_take(ow, err, errsize);
	ow->socket = owner_dir_listen(ow->conf.dir, err, errsize);
	if (ow->socket == -1)
		return false;
	owner_serve(ow);
	return true;
}

struct owner *
owner_open(const struct owner_conf *conf, const struct owner_app *app,
    char *err, size_t errsize)
{
	struct owner *ow;

	if ((ow = calloc(1, sizeof(*ow))) == NULL) {
		snprintf(err, errsize, "owner: out of memory");
		return NULL;
	}
	ow->conf = *conf;
	ow->app = *app;
	ow->lock = conf->lock;
	ow->socket = ow->signal_fd = -1;
	ow->door = (struct loop_io){ owner_knock, -1 };
	ow->signals = (struct loop_io){ owner_signal, -1 };
	ow->bury.run = links_bury;
	ow->since_ms = clock_wall_ms();
	timer_init(&ow->second, owner_second, ow);
	timer_init(&ow->linger, owner_lingered, ow);
	buf_init(&ow->result, WIRE_MAX_SESSION);
	if (owner_begin(ow, err, errsize))
		return ow;
	owner_close(ow);
	return NULL;
}

void
owner_run(struct owner *ow)
{
	struct owner_link *link;

	if (ow->state == OWNER_SERVES)
		loop_run(ow->loop);
	ow->app.alone(ow->app.arg);
	for (link = ow->links; link != NULL; link = link->next)
		if (link->role == LINK_OLD)
			peer_send(&link->peer, WIRE_DRAIN, NULL, 0, NULL);
	loop_unwatch(ow->loop, &ow->door);
	loop_turn(ow->loop, 0);
}

static void
close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

void
owner_close(struct owner *ow)
{
	struct owner_link *link;

	if (ow == NULL)
		return;
	ow->state = OWNER_ENDS;
	while ((link = ow->links) != NULL) {
		intake_free(link->intake);
		link->intake = NULL;
		owner_link_drop(link);
	}
	if (ow->loop != NULL)
		links_bury(&ow->bury);
	halt_free(ow->halt);
	while (ow->conns_count > 0)
		close(ow->conns[--ow->conns_count]);
	free(ow->conns);
	buf_wipe(&ow->result);
	loop_free(ow->loop);
	close_fd(ow->signal_fd);
	close_fd(ow->socket);
	close_fd(ow->lock);
	free(ow);
}

void
owner_tell(struct owner_link *link, const void *data, size_t len)
{
	peer_send(&link->peer, WIRE_TELL, data, len, NULL);
}

struct loop *
owner_link_loop(const struct owner_link *link)
{
	return link->owner->loop;
}
