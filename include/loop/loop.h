/*
 * An event loop: epoll, timers, tasks and an inbox for other threads. There is
 * one per core, all alike; what belongs to a loop is touched by its thread
 * only, except where a function says "from any thread". Callbacks must not
 * block.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/timer.h"

struct loop;
struct metrics;

/*
 * Readiness of a descriptor. Lies in its owner's struct; events are epoll's.
 * It may be unwatched and its owner freed while other events of the same turn
 * are still to come: the loop forgets them.
 */
struct loop_io;
typedef void loop_ready_f(struct loop_io *, uint32_t events);
struct loop_io {
	loop_ready_f	*ready;
	int		 fd;		/* -1: not watched */
};

/*
 * Something to do once, later: at the end of this turn of the loop
 * (loop_task), or on another thread's loop (loop_mail). Lies in its owner's
 * struct and must not be queued twice at a time.
 */
struct loop_task;
typedef void loop_task_f(struct loop_task *);
struct loop_task {
	loop_task_f		*run;
	struct list		 node;
	bool			 queued;
};

/* A new loop; index tells it from the others, from 0. NULL: errno says why. */
struct loop *loop_new(unsigned index);
void loop_free(struct loop *);

/* Run until loop_stop; the calling thread is then the loop's. */
void loop_run(struct loop *);

/* End loop_run after this turn; called on the loop's thread. */
void loop_stop(struct loop *);

/* One turn, waiting at most wait_ms for an event: for tests. */
void loop_turn(struct loop *, int wait_ms);

unsigned loop_index(const struct loop *);

/* The loop's cells; counted in on the loop's thread only. */
struct metrics *loop_metrics(const struct loop *);

/* Monotonic milliseconds, read once per turn. */
int64_t loop_now(const struct loop *);

/* Watch a descriptor, level-triggered. -1: errno says why. */
int loop_watch(struct loop *, struct loop_io *, int fd, uint32_t events);
int loop_rewatch(struct loop *, struct loop_io *, uint32_t events);

/* Stop watching; the descriptor stays open. */
void loop_unwatch(struct loop *, struct loop_io *);

void loop_timer(struct loop *, struct timer *, int64_t at);
void loop_untimer(struct loop *, struct timer *);

/*
 * Run a task at the end of this turn. A task queued by a task runs in the next
 * turn, after the descriptors had theirs, so that tasks starve nobody.
 */
void loop_task(struct loop *, struct loop_task *);
void loop_untask(struct loop *, struct loop_task *);

/*
 * From any thread: hand a task to the loop, which runs it in its next turn, in
 * the order of arrival. It cannot be taken back: its owner lives until it ran.
 */
void loop_mail(struct loop *, struct loop_task *);

#endif
