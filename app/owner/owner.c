/*
 * The owner's life, on a loop of its own beside those that serve requests: its
 * signals, its seconds, its beginning and its end.
 */
#include "owner/owner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/container.h"
#include "owner/owner_greet.h"
#include "owner/owner_link.h"
#include "owner/owner_serve.h"
#include "owner/owner_state.h"
#include "owner/owner_take.h"

#define SECOND_MS  1000
#define LOOP_INDEX 0

/* Those that are gone make room for others. */
static void
owner_bury(struct loop_task *task)
{
	struct owner *ow = container_of(task, struct owner, bury);

	owner_links_bury(ow);
	owner_door_open(ow);
}

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
owner_begin(struct owner *ow, struct err *err)
{
	if ((ow->loop = loop_new(LOOP_INDEX)) == NULL || !signals_open(ow)) {
		err_put(err, (struct err_place){ "owner", NULL, 0 }, "%s",
		    strerror(errno));
		return false;
	}
	loop_timer(ow->loop, &ow->second, loop_now(ow->loop) + SECOND_MS);
	if (ow->lock == -1)
		return owner_take(ow);
	ow->socket = owner_dir_listen(ow->conf.dir, err);
	if (ow->socket == -1)
		return false;
	owner_serve(ow);
	return true;
}

struct owner *
owner_open(
    const struct owner_conf *conf, const struct owner_app *app, struct err *err)
{
	struct owner *ow;

	if ((ow = calloc(1, sizeof(*ow))) == NULL) {
		err_put(err, (struct err_place){ "owner", NULL, 0 },
		    "out of memory");
		return NULL;
	}
	ow->conf = *conf;
	ow->app = *app;
	ow->err = err;
	ow->lock = conf->lock;
	ow->socket = ow->signal_fd = -1;
	divide(ow);
	ow->door.fd = -1;
	ow->signals = (struct loop_io){ owner_signal, -1 };
	ow->newcomer = &owner_newcomer;
	list_init(&ow->links);
	list_init(&ow->dead);
	ow->bury.run = owner_bury;
	ow->since_ms = clock_wall_ms();
	timer_init(&ow->second, owner_second, ow);
	timer_init(&ow->linger, owner_lingered, ow);
	buf_init(&ow->result, WIRE_MAX_SESSION);
	buf_guard(&ow->result);
	buf_init(&ow->spent, WIRE_MAX_SPENT);
	if (owner_begin(ow, err))
		return ow;
	owner_close(ow);
	return NULL;
}

void
owner_run(struct owner *ow)
{
	if (ow->state == OWNER_SERVES)
		loop_run(ow->loop);
	ow->app.on_heir_lost(ow->app.arg);
	owner_take_end(ow);
	owner_door_close(ow);
	loop_turn(ow->loop, 0);
}

static void
close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

static void
links_close(struct owner *ow)
{
	struct list *node, *next;
	struct owner_link *link;

	LIST_EACH(node, next, &ow->links) {
		link = container_of(node, struct owner_link, node);
		acceptor_free(link->acceptor);
		link->acceptor = NULL;
		owner_link_drop(link);
	}
	owner_links_bury(ow);
}

void
owner_close(struct owner *ow)
{
	if (ow == NULL)
		return;
	owner_to(ow, OWNER_ENDS);
	links_close(ow);
	quiesce_free(ow->quiesce);
	transits_close(&ow->conns);
	buf_wipe(&ow->result);
	buf_wipe(&ow->spent);
	loop_free(ow->loop);
	close_fd(ow->signal_fd);
	close_fd(ow->socket);
	close_fd(ow->lock);
	free(ow);
}
