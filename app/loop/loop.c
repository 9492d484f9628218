/*
 * One thread's world: everything that a request needs happens in the turns of
 * the loop that accepted it.
 */
#include "loop/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "log/log.h"
#include "log/metrics.h"

#define MAX_EVENTS   64  /* descriptors served in a turn */
#define LOG_DELAY_MS 50  /* lines wait so long for others */
#define MAX_TIMERS   64  /* timers fired in a turn */
#define LAG_MS       100 /* a timer is watched so often while there is work */

struct loop {
	/* immutable */
	unsigned index;
	int epoll;
	struct loop_io wakeup; /* an eventfd */
	struct metrics *metrics;

	/* the loop's thread's */
	int64_t now;
	bool stop;
	struct timers timers;
	struct timer log;
	struct timer lag;
	struct list tasks;
	unsigned tasks_count;
	bool runs;
	pthread_t thread; /* while it runs */
	struct epoll_event events[MAX_EVENTS];
	int events_at, events_count;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	struct list mail;
};

/* Empties the eventfd; the mail itself is taken once per turn. */
static void
loop_woken(struct loop_io *io, uint32_t events)
{
	uint64_t count;

	(void)events;
	while (read(io->fd, &count, sizeof(count)) == -1 && errno == EINTR)
		;
}

static void
loop_log(struct timer *timer, void *arg)
{
	(void)timer;
	(void)arg;
	log_flush();
}

static void
loop_lag(struct timer *timer, void *arg)
{
	struct loop *loop = arg;

	metrics_observe(loop->metrics, METRIC_LOOP_LAG, 0,
	    clock_mono_us() - timer->at * 1000);
}

struct loop *
loop_new(unsigned index)
{
	struct loop *loop;
	int fd = -1;

	if ((loop = calloc(1, sizeof(*loop))) == NULL)
		return NULL;
	loop->index = index;
	loop->wakeup.ready = loop_woken;
	loop->wakeup.fd = -1;
	loop->epoll = -1;
	list_init(&loop->tasks);
	list_init(&loop->mail);
	pthread_mutex_init(&loop->mtx, NULL);
	if ((loop->metrics = metrics_new()) == NULL ||
	    (loop->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1 ||
	    (fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1 ||
	    loop_watch(loop, &loop->wakeup, fd, EPOLLIN) == -1) {
		if (fd != -1)
			close(fd);
		loop_free(loop);
		return NULL;
	}
	loop->now = clock_mono_ms();
	timer_init(&loop->log, loop_log, NULL);
	timer_init(&loop->lag, loop_lag, loop);
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->wakeup.fd != -1)
		close(loop->wakeup.fd);
	if (loop->epoll != -1)
		close(loop->epoll);
	metrics_free(loop->metrics);
	pthread_mutex_destroy(&loop->mtx);
	free(loop);
}

/* How long epoll may wait: until the next timer, not at all for a task. */
static int
loop_patience(const struct loop *loop, int wait_ms)
{
	int64_t next = timers_next(&loop->timers);
	int64_t left;

	if (!list_is_empty(&loop->tasks))
		return 0;
	if (next == INT64_MAX)
		return wait_ms;
	left = next - clock_mono_ms();
	if (left <= 0)
		return 0;
	if (left > INT_MAX)
		left = INT_MAX;
	return wait_ms >= 0 && wait_ms < left ? wait_ms : (int)left;
}

static void
loop_run_mail(struct loop *loop)
{
	struct loop_task *task;
	struct list mail, *node;

	pthread_mutex_lock(&loop->mtx);
	list_move(&mail, &loop->mail);
	pthread_mutex_unlock(&loop->mtx);

	while ((node = list_take_first(&mail)) != NULL) {
		task = container_of(node, struct loop_task, node);
		task->queued = false;
		task->run(task);
	}
}

/* As many as there were at first: what these add waits for the next turn. */
static void
loop_run_tasks(struct loop *loop)
{
	unsigned left = loop->tasks_count;
	struct loop_task *task;

	while (left-- > 0 && !list_is_empty(&loop->tasks)) {
		task = container_of(loop->tasks.next, struct loop_task, node);
		loop_untask(loop, task);
		task->run(task);
	}
}

void
loop_turn(struct loop *loop, int wait_ms)
{
	struct epoll_event *event;
	struct loop_io *io;

	loop->events_count = epoll_wait(loop->epoll, loop->events, MAX_EVENTS,
	    loop_patience(loop, wait_ms));
	if (loop->events_count == -1 && errno != EINTR)
		log_error("epoll", LOG_INT("errno", errno));
	loop->now = clock_mono_ms();

	for (loop->events_at = 0; loop->events_at < loop->events_count;) {
		event = &loop->events[loop->events_at++];
		if ((io = event->data.ptr) != NULL)
			io->ready(io, event->events);
	}
	loop_run_mail(loop);
	timers_run(&loop->timers, loop->now, MAX_TIMERS);
	loop_run_tasks(loop);
	if (log_holds() && !loop->log.set)
		loop_timer(loop, &loop->log, loop->now + LOG_DELAY_MS);
	if (loop->events_count > 0 && !loop->lag.set)
		loop_timer(loop, &loop->lag, loop->now + LAG_MS);
}

void
loop_run(struct loop *loop)
{
	log_hold();
	loop->thread = pthread_self();
	loop->runs = true;
	while (!loop->stop)
		loop_turn(loop, -1);
	loop->runs = false;
	log_flush();
}

/* Before it runs, it belongs to whoever makes it. */
static bool
loop_is_ours(const struct loop *loop)
{
	return !loop->runs || pthread_equal(loop->thread, pthread_self());
}

void
loop_stop(struct loop *loop)
{
	must(loop_is_ours(loop));
	loop->stop = true;
}

unsigned
loop_index(const struct loop *loop)
{
	return loop->index;
}

struct metrics *
loop_metrics(const struct loop *loop)
{
	return loop->metrics;
}

int64_t
loop_now(const struct loop *loop)
{
	return loop->now;
}

static int
loop_control(
    struct loop *loop, int op, struct loop_io *io, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = io };

	must(loop_is_ours(loop));
	return epoll_ctl(loop->epoll, op, fd, &event);
}

int
loop_watch(struct loop *loop, struct loop_io *io, int fd, uint32_t events)
{
	if (loop_control(loop, EPOLL_CTL_ADD, io, fd, events) == -1)
		return -1;
	io->fd = fd;
	return 0;
}

int
loop_rewatch(struct loop *loop, struct loop_io *io, uint32_t events)
{
	return loop_control(loop, EPOLL_CTL_MOD, io, io->fd, events);
}

void
loop_unwatch(struct loop *loop, struct loop_io *io)
{
	int i;

	if (io->fd == -1)
		return;
	loop_control(loop, EPOLL_CTL_DEL, io, io->fd, 0);
	io->fd = -1;
	for (i = loop->events_at; i < loop->events_count; i++) {
		if (loop->events[i].data.ptr == io)
			loop->events[i].data.ptr = NULL;
	}
}

void
loop_timer(struct loop *loop, struct timer *timer, int64_t at)
{
	must(loop_is_ours(loop));
	timers_set(&loop->timers, timer, at);
}

void
loop_untimer(struct loop *loop, struct timer *timer)
{
	must(loop_is_ours(loop));
	timers_clear(&loop->timers, timer);
}

void
loop_task(struct loop *loop, struct loop_task *task)
{
	must(loop_is_ours(loop));
	if (task->queued)
		return;
	task->queued = true;
	list_add_last(&loop->tasks, &task->node);
	loop->tasks_count++;
}

void
loop_untask(struct loop *loop, struct loop_task *task)
{
	must(loop_is_ours(loop));
	if (!task->queued)
		return;
	task->queued = false;
	list_remove(&task->node);
	loop->tasks_count--;
}

void
loop_mail(struct loop *loop, struct loop_task *task)
{
	const uint64_t one = 1;
	bool first;

	pthread_mutex_lock(&loop->mtx);
	must(!task->queued);
	task->queued = true;
	first = list_is_empty(&loop->mail);
	list_add_last(&loop->mail, &task->node);
	pthread_mutex_unlock(&loop->mtx);

	while (first && write(loop->wakeup.fd, &one, sizeof(one)) == -1 &&
	       errno == EINTR)
		;
}
