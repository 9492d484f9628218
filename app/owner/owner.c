/*
 * The owner's life, on a loop of its own beside those that serve requests: its
 * door, its signals, its end.
 */
#include "owner/owner.h"

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
#include "base/container.h"
#include "log/log.h"
#include "owner/owner_patience.h"
#include "owner/owner_state.h"

#define SECOND_MS  1000
#define LOOP_INDEX 0

/*
 * The door.
 */

/* The directory lets nobody else in; this is for the day when it does. */
static bool
is_allowed(const struct owner *ow, uid_t uid)
{
	return uid == ow->conf.dir->uid || uid == 0;
}

static bool
has_room(const struct owner *ow)
{
	return ow->links_count < ow->listeners + ow->max_others;
}

/* Who comes then waits outside, and is not looked at again and again. */
static void
door_close(struct owner *ow)
{
	loop_unwatch(ow->loop, &ow->door);
}

void
owner_door_open(struct owner *ow)
{
	if (ow->state != OWNER_SERVES || ow->door.fd != -1 || !has_room(ow))
		return;
	if (loop_watch(ow->loop, &ow->door, ow->socket, EPOLLIN) == -1)
		log_warn("owner", LOG_STR("failed", "door"),
		    LOG_INT("errno", errno));
}

/* Without descriptors or memory the door is left alone for a while. */
static void
knock_failed(struct owner *ow)
{
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	log_warn("owner", LOG_STR("failed", "accept"), LOG_INT("errno", errno));
	door_close(ow);
}

static void
owner_knock(struct loop_io *io, uint32_t events)
{
	struct owner *ow = container_of(io, struct owner, door);
	struct owner_link *link;
	int fd;

	(void)events;
	if (!has_room(ow)) {
		door_close(ow);
		return;
	}
	fd = accept4(ow->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		knock_failed(ow);
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
	loop_timer(ow->loop, &link->patience,
	    loop_now(ow->loop) + owner_patience(PATIENCE_HELLO));
}

/*
 * Its life.
 */

static void
owner_signal(struct loop_io *io, uint32_t events)
{
	struct owner *ow = container_of(io, struct owner, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(io->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		ow->app.hangup(ow->app.arg);
	else
		owner_end(ow, "signal");
}

static void
owner_second(struct timer *timer, void *arg)
{
	struct owner *ow = arg;

	ow->app.tick(ow->app.arg);
	owner_door_open(ow);
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
owner_linger(struct owner *ow)
{
	if (ow->listeners == 0 && ow->state == OWNER_SERVES)
		loop_timer(ow->loop, &ow->linger,
		    loop_now(ow->loop) + ow->conf.linger_ms);
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

	for (link = ow->links; link != NULL; link = next) {
		next = link->next;
		if (link->fd == -1)
			continue;
		link->intake = acceptor_open(ow->conf.server, link->fd);
		if (link->intake != NULL)
			link->fd = -1;
		else
			owner_link_drop(link);
	}
	ow->state = OWNER_SERVES;
	owner_door_open(ow);
	owner_linger(ow);
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

/* A listener takes two descriptors, another link one. */
static void
divide(struct owner *ow)
{
	unsigned fds = server_other_fds(ow->conf.server), most;

	ow->max_others = fds / 4 < OWNER_MAX_OTHERS ? fds / 4
	                                            : OWNER_MAX_OTHERS;
	if (ow->max_others == 0)
		ow->max_others = 1;
	most = fds > ow->max_others ? (fds - ow->max_others) / 2 : 0;
	ow->max_listeners = most == 0                    ? 1
	                    : most < OWNER_MAX_LISTENERS ? most
	                                                 : OWNER_MAX_LISTENERS;
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
		return owner_take(ow);
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
	ow->err = err;
	ow->errsize = errsize;
	ow->lock = conf->lock;
	ow->socket = ow->signal_fd = -1;
	divide(ow);
	ow->door = (struct loop_io){ owner_knock, -1 };
	ow->signals = (struct loop_io){ owner_signal, -1 };
	ow->bury.run = owner_links_bury;
	ow->since_ms = clock_wall_ms();
	timer_init(&ow->second, owner_second, ow);
	timer_init(&ow->linger, owner_lingered, ow);
	buf_init(&ow->result, WIRE_MAX_SESSION);
	buf_guard(&ow->result);
	buf_init(&ow->spent, WIRE_MAX_SPENT);
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
		acceptor_free(link->intake);
		link->intake = NULL;
		owner_link_drop(link);
	}
	if (ow->loop != NULL)
		owner_links_bury(&ow->bury);
	quiesce_free(ow->halt);
	transits_close(&ow->conns);
	buf_wipe(&ow->result);
	buf_wipe(&ow->spent);
	loop_free(ow->loop);
	close_fd(ow->signal_fd);
	close_fd(ow->socket);
	close_fd(ow->lock);
	free(ow);
}
