/*
 * The log's only way out, for all threads: what they have to say is written
 * where the target is, and counted when it cannot be.
 *
 * A file or syslog(3) may stand still with its disk or its daemon. So once
 * log_writer_start was called, a thread writes to these, and the others only
 * leave their lines in a queue of LOG_QUEUE_MAX bytes: nobody waits, and what
 * the queue has no room for is lost and counted. Standard error is written at
 * once, by whoever has a line; that does not block.
 *
 * Lines that are lost are told by a line event=log_dropped as soon as one gets
 * through again.
 */
#ifndef LOG_LOG_WRITER_H
#define LOG_LOG_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "log/log_line.h"
#include "log/log_target.h"

#define LOG_QUEUE_MAX	(1024 * 1024)
#define LOG_PATIENCE_MS	1000	/* for what is queued, at the end */

struct log_writer {
	/* the thread's while it runs, else guarded by mtx */
	struct log_target	 target;

	/* guarded by mtx */
	pthread_mutex_t		 mtx;
	pthread_cond_t		 wake;	/* the thread */
	pthread_cond_t		 ended;	/* for whoever awaits its end */
	struct log_style	 style;
	int64_t			 dropped;	/* lines */
	bool			 running;
	bool			 stop, reopen, done;
	char			*queue;	/* two halves: one fills up while */
	char			*spare;	/* the other one is written */
	size_t			 len;	/* of the queue */
	pthread_t		 thread;
};

/* A writer to standard error. */
#define LOG_WRITER_INIT                                                        \
	{                                                                      \
		.target = { .fd = 2 }, .mtx = PTHREAD_MUTEX_INITIALIZER,       \
		.wake = PTHREAD_COND_INITIALIZER,                              \
		.ended = PTHREAD_COND_INITIALIZER                              \
	}

/* As log_target_open, and how lines are to look from now on. */
bool log_writer_open(struct log_writer *, const char *target, enum log_format,
    struct err *err);

/*
 * Start the thread where the target needs one; signals must be blocked
 * already. False: errno says why.
 */
bool log_writer_start(struct log_writer *);

/*
 * End the thread once it has written what is queued; a target that stands still
 * is given up after LOG_PATIENCE_MS. Without a thread nothing happens.
 */
void log_writer_stop(struct log_writer *);

/* Reopen the file, soon; the log says so, or why not. */
void log_writer_reopen(struct log_writer *);

/* Write some whole lines: at most PIPE_BUF bytes. */
void log_writer_write(struct log_writer *, const char *text, size_t len,
    unsigned lines);

#endif
