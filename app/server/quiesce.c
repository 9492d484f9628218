/*
 * Each loop is asked by mail and answers by mail, once per step; a step is over
 * when all have answered.
 */
#include "server/quiesce.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/container.h"
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
	int64_t end; /* of the wait for requests */

	/* guarded by mtx */
	pthread_mutex_t mtx;
	bool mailed; /* more */
	struct transits conns;
};

struct quiesce {
	struct server *server;
	struct loop *control;
	quiesce_f *done;
	void *arg;
	quiesce_f *more;
	void *more_arg;
	int wait_ms;
	unsigned awaited; /* answers of this step */
	unsigned count;
	struct part parts[];
};

static void
quiesce_answered(struct loop_task *task)
{
	struct quiesce *halt = container_of(task, struct part, answer)->halt;

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
		loop_mail(part->pool->env.loop, &part->mail);
	}
}

/*
 * Standing still.
 */

/* The control is told, unless it has yet to look. */
static void
part_keep(struct part *part, struct transit *transit)
{
	bool kept, mailed;

	pthread_mutex_lock(&part->mtx);
	kept = !transit->part.failed && transits_add(&part->conns, transit);
	mailed = part->mailed;
	part->mailed = true;
	pthread_mutex_unlock(&part->mtx);
	if (!kept) {
		log_error("memory", LOG_STR("for", "connection"));
		transit_close(transit);
	}
	if (!mailed)
		loop_mail(part->halt->control, &part->more);
}

static void
part_keep_idle(void *arg, int fd)
{
	struct transit transit;

	transit_init(&transit, fd);
	part_keep(arg, &transit);
}

static void
quiesce_more(struct loop_task *task)
{
	struct part *part = container_of(task, struct part, more);

	pthread_mutex_lock(&part->mtx);
	part->mailed = false;
	pthread_mutex_unlock(&part->mtx);
	part->halt->more(part->halt->more_arg);
}

/* After the tasks of requests that came in this very turn. */
static void
part_settled(struct loop_task *task)
{
	struct part *part = container_of(task, struct part, settled);
	struct transit transit;
	int fd;

	while (pool_give_part(part->pool, &transit))
		part_keep(part, &transit);
	while ((fd = pool_give(part->pool)) != -1)
		part_keep_idle(part, fd);
	pool_pass(part->pool, part_keep_idle, part);
	part_answer(part);
}

static void
part_look(struct timer *timer, void *arg)
{
	struct part *part = arg;
	struct loop *loop = part->pool->env.loop;

	if (pool_collects(part->pool) && loop_now(loop) < part->end)
		loop_timer(loop, timer, loop_now(loop) + LOOK_MS);
	else
		loop_task(loop, &part->settled);
}

static void
part_hold(struct loop_task *task)
{
	struct part *part = container_of(task, struct part, mail);
	struct loop *loop = part->pool->env.loop;

	pool_hold(part->pool);
	part->end = loop_now(loop) + part->halt->wait_ms;
	loop_timer(loop, &part->look, loop_now(loop) + LOOK_MS);
}

struct quiesce *
quiesce_begin(struct server *server, struct loop *control, int wait_ms,
    quiesce_f *done, quiesce_f *more, void *arg)
{
	unsigned count = server_loops(server);
	struct quiesce *halt;
	struct part *part;

	halt = calloc(1, sizeof(*halt) + count * sizeof(*part));
	if (halt == NULL)
		return NULL;
	halt->server = server;
	halt->control = control;
	halt->wait_ms = wait_ms;
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

bool
quiesce_take(struct quiesce *halt, struct transit *transit)
{
	struct part *part;
	bool found = false;

	for (unsigned i = 0; i < halt->count && !found; i++) {
		part = &halt->parts[i];
		pthread_mutex_lock(&part->mtx);
		found = transits_take(&part->conns, transit);
		pthread_mutex_unlock(&part->mtx);
	}
	return found;
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
	struct part *part = container_of(task, struct part, mail);

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
	struct part *part = container_of(task, struct part, mail);

	pool_release(part->pool);
	part_answer(part);
}

static void
quiesce_undone(void *arg)
{
	struct quiesce *halt = arg;
	struct transit transit;

	while (quiesce_take(halt, &transit))
		acceptor_connection(halt->server, &transit);
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
	if (halt == NULL)
		return;
	for (unsigned i = 0; i < halt->count; i++) {
		transits_close(&halt->parts[i].conns);
		pthread_mutex_destroy(&halt->parts[i].mtx);
	}
	free(halt);
}
