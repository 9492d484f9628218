/*
 * Each loop is asked by mail and answers by mail, once per step; a step is over
 * when all have answered.
 */
#include "server/quiesce.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/log.h"
#include "server/acceptor.h"
#include "server/pool.h"

#define LOOK_MS 2 /* between two looks at requests that are coming */

/* One loop's part. */
struct part {
	struct quiesce *halt;
	struct pool *pool;
	struct loop_task mail;   /* to the loop */
	struct loop_task answer; /* to the control */
	struct loop_task settled;
	struct loop_task more; /* to the control */
	struct timer look;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	bool mailed; /* more */
	int *fds;    /* idle connections */
	size_t count, room;
};

struct quiesce {
	struct server *server;
	struct loop *control;
	quiesce_f *done;
	void *arg;
	quiesce_f *more;
	void *more_arg;
	unsigned awaited; /* answers of this step */
	unsigned count;
	struct part parts[];
};

#define PART_OF(task, member) \
	((struct part *)(void *)((char *)(task)-offsetof(struct part, member)))

static void
quiesce_answered(struct loop_task *task)
{
	struct quiesce *halt = PART_OF(task, answer)->halt;

	if (--halt->awaited == 0)
		halt->done(halt->arg);
}

static void
part_answer(struct part *part)
{
	loop_mail(part->halt->control, &part->answer);
}

static void
quiesce_ask(struct quiesce *halt, loop_task_f *what, quiesce_f *done, void *arg)
{
	struct part *part;

	halt->done = done;
	halt->arg = arg;
	halt->awaited = halt->count;
	for (unsigned i = 0; i < halt->count; i++) {
		part = &halt->parts[i];
		part->mail.run = what;
		loop_mail(part->pool->loop, &part->mail);
	}
}

/*
 * Standing still.
 */

static bool
keep_locked(struct part *part, int fd)
{
	size_t room = part->room == 0 ? 16 : part->room * 2;
	int *fds;

	if (part->count == part->room) {
		if ((fds = realloc(part->fds, room * sizeof(*fds))) == NULL)
			return false;
		part->fds = fds;
		part->room = room;
	}
	part->fds[part->count++] = fd;
	return true;
}

static int
take_locked(struct part *part)
{
	return part->count == 0 ? -1 : part->fds[--part->count];
}

/* The control is told, unless it has yet to look. */
static void
part_keep(void *arg, int fd)
{
	struct part *part = arg;
	bool kept, mailed;

	pthread_mutex_lock(&part->mtx);
	kept = keep_locked(part, fd);
	mailed = part->mailed;
	part->mailed = true;
	pthread_mutex_unlock(&part->mtx);
	if (!kept) {
		log_error("memory", LOG_STR("for", "connection"));
		close(fd);
	}
	if (!mailed)
		loop_mail(part->halt->control, &part->more);
}

static void
quiesce_more(struct loop_task *task)
{
	struct part *part = PART_OF(task, more);

	pthread_mutex_lock(&part->mtx);
	part->mailed = false;
	pthread_mutex_unlock(&part->mtx);
	part->halt->more(part->halt->more_arg);
}

/* After the tasks of requests that came in this very turn. */
static void
part_settled(struct loop_task *task)
{
	struct part *part = PART_OF(task, settled);
	int fd;

	while ((fd = pool_give(part->pool)) != -1)
		part_keep(part, fd);
	pool_pass(part->pool, part_keep, part);
	part_answer(part);
}

static void
part_look(struct timer *timer, void *arg)
{
	struct part *part = arg;
	struct loop *loop = part->pool->loop;

	if (pool_collects(part->pool))
		loop_timer(loop, timer, loop_now(loop) + LOOK_MS);
	else
		loop_task(loop, &part->settled);
}

static void
part_hold(struct loop_task *task)
{
	struct part *part = PART_OF(task, mail);
	struct loop *loop = part->pool->loop;

	pool_hold(part->pool);
	loop_timer(loop, &part->look, loop_now(loop) + LOOK_MS);
}

struct quiesce *
quiesce_begin(struct server *server, struct loop *control, quiesce_f *done,
    quiesce_f *more, void *arg)
{
	unsigned count = server_loops(server);
	struct quiesce *halt;
	struct part *part;

	halt = calloc(1, sizeof(*halt) + count * sizeof(*part));
	if (halt == NULL)
		return NULL;
	halt->server = server;
	halt->control = control;
	halt->more = more;
	halt->more_arg = arg;
	halt->count = count;
	for (unsigned i = 0; i < count; i++) {
		part = &halt->parts[i];
		part->halt = halt;
		part->pool = server_pool(server, i);
		part->answer.run = quiesce_answered;
		part->settled.run = part_settled;
		part->more.run = quiesce_more;
		pthread_mutex_init(&part->mtx, NULL);
		timer_init(&part->look, part_look, part);
	}
	quiesce_ask(halt, part_hold, done, arg);
	return halt;
}

int
quiesce_take(struct quiesce *halt)
{
	struct part *part;
	int fd = -1;

	for (unsigned i = 0; i < halt->count && fd == -1; i++) {
		part = &halt->parts[i];
		pthread_mutex_lock(&part->mtx);
		fd = take_locked(part);
		pthread_mutex_unlock(&part->mtx);
	}
	return fd;
}

/*
 * What comes after it.
 */

static void
part_emptied(void *arg)
{
	part_answer(arg);
}

static void
part_await_empty(struct loop_task *task)
{
	struct part *part = PART_OF(task, mail);

	pool_await_empty(part->pool, part_emptied, part);
}

void
quiesce_await_empty(struct quiesce *halt, quiesce_f *done, void *arg)
{
	quiesce_ask(halt, part_await_empty, done, arg);
}

static void
part_release(struct loop_task *task)
{
	struct part *part = PART_OF(task, mail);

	pool_release(part->pool);
	part_answer(part);
}

static void
quiesce_undone(void *arg)
{
	struct quiesce *halt = arg;
	int fd;

	while ((fd = quiesce_take(halt)) != -1)
		acceptor_connection(halt->server, fd);
	quiesce_free(halt);
}

void
quiesce_undo(struct quiesce *halt)
{
	quiesce_ask(halt, part_release, quiesce_undone, halt);
}

void
quiesce_free(struct quiesce *halt)
{
	int fd;

	if (halt == NULL)
		return;
	while ((fd = quiesce_take(halt)) != -1)
		close(fd);
	for (unsigned i = 0; i < halt->count; i++) {
		free(halt->parts[i].fds);
		pthread_mutex_destroy(&halt->parts[i].mtx);
	}
	free(halt);
}
