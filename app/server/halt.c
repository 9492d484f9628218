/*
 * Each loop is asked by mail and answers by mail, once per step; a step is over
 * when all have answered.
 */
#include "server/halt.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "server/intake.h"
#include "server/pool.h"

#define LOOK_MS 2 /* between two looks at requests that are coming */

/* One loop's part. */
struct part {
	struct halt *halt;
	struct pool *pool;
	struct loop_task mail;   /* to the loop */
	struct loop_task answer; /* to the control */
	struct loop_task settled;
	struct timer look;

	/* idle connections; the loop's until it has answered */
	int *fds;
	size_t count, room;
};

struct halt {
	struct server *server;
	struct loop *control;
	halt_f *done;
	void *arg;
	unsigned awaited; /* answers of this step */
	unsigned count;
	struct part parts[];
};

#define PART_OF(task, member) \
	((struct part *)(void *)((char *)(task)-offsetof(struct part, member)))

static void
halt_answered(struct loop_task *task)
{
	struct halt *halt = PART_OF(task, answer)->halt;

	if (--halt->awaited == 0)
		halt->done(halt->arg);
}

static void
part_answer(struct part *part)
{
	loop_mail(part->halt->control, &part->answer);
}

static void
halt_ask(struct halt *halt, loop_task_f *what, halt_f *done, void *arg)
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

static void
part_keep(struct part *part, int fd)
{
	size_t room = part->room == 0 ? 16 : part->room * 2;
	int *fds;

	if (part->count == part->room) {
		if ((fds = realloc(part->fds, room * sizeof(*fds))) == NULL) {
			log_error("memory", LOG_STR("for", "connection"));
			close(fd);
			return;
		}
		part->fds = fds;
		part->room = room;
	}
	part->fds[part->count++] = fd;
}

/* After the tasks of requests that came in this very turn. */
static void
part_settled(struct loop_task *task)
{
	struct part *part = PART_OF(task, settled);
	int fd;

	while ((fd = pool_give(part->pool)) != -1)
		part_keep(part, fd);
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

struct halt *
halt_begin(struct server *server, struct loop *control, halt_f *done, void *arg)
{
	unsigned count = server_loops(server);
	struct halt *halt;
	struct part *part;

	halt = calloc(1, sizeof(*halt) + count * sizeof(*part));
	if (halt == NULL)
		return NULL;
	halt->server = server;
	halt->control = control;
	halt->count = count;
	for (unsigned i = 0; i < count; i++) {
		part = &halt->parts[i];
		part->halt = halt;
		part->pool = server_pool(server, i);
		part->answer.run = halt_answered;
		part->settled.run = part_settled;
		timer_init(&part->look, part_look, part);
	}
	halt_ask(halt, part_hold, done, arg);
	return halt;
}

int
halt_take(struct halt *halt)
{
	struct part *part;

	for (unsigned i = 0; i < halt->count; i++) {
		part = &halt->parts[i];
		if (part->count > 0)
			return part->fds[--part->count];
	}
	return -1;
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
halt_await_empty(struct halt *halt, halt_f *done, void *arg)
{
	halt_ask(halt, part_await_empty, done, arg);
}

static void
part_release(struct loop_task *task)
{
	struct part *part = PART_OF(task, mail);

	pool_release(part->pool);
	part_answer(part);
}

static void
halt_undone(void *arg)
{
	halt_free(arg);
}

void
halt_undo(struct halt *halt)
{
	int fd;

	while ((fd = halt_take(halt)) != -1)
		intake_connection(halt->server, fd);
	halt_ask(halt, part_release, halt_undone, halt);
}

void
halt_free(struct halt *halt)
{
	int fd;

	if (halt == NULL)
		return;
	while ((fd = halt_take(halt)) != -1)
		close(fd);
	for (unsigned i = 0; i < halt->count; i++)
		free(halt->parts[i].fds);
	free(halt);
}
