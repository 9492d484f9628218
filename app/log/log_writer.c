/*
 * No thread that serves requests may wait for a disk, and a line must not get
 * lost only because its target was slow for a moment.
 */
#include "log/log_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* A line of the log's own; false when it was lost too. */
static bool
writer_tell(struct log_writer *w, enum log_level level, const char *event,
    const struct log_field *fields)
{
	struct log_line l;

	log_line_make(&l, &w->style, clock_wall_ms(), level, event, fields);
	return log_target_put(&w->target, l.text, l.len) == 0;
}

static bool
writer_tell_dropped(struct log_writer *w, int64_t lines)
{
	const struct log_field count[] = { LOG_INT("lines", lines), LOG_END };

	return writer_tell(w, LOG_LEVEL_WARN, "log_dropped", count);
}

static void
put_locked(struct log_writer *w, const char *text, size_t len)
{
	unsigned lost = log_target_put(&w->target, text, len);

	w->dropped += lost;
	if (lost == 0 && w->dropped > 0 && writer_tell_dropped(w, w->dropped))
		w->dropped = 0;
}

static void
queue_locked(struct log_writer *w, const char *text, size_t len, unsigned lines)
{
	if (len > LOG_QUEUE_MAX - w->len) {
		w->dropped += lines;
		return;
	}
	if (w->len == 0)
		pthread_cond_signal(&w->wake);
	memcpy(w->queue + w->len, text, len);
	w->len += len;
}

void
log_writer_write(
    struct log_writer *w, const char *text, size_t len, unsigned lines)
{
	pthread_mutex_lock(&w->mtx);
	if (w->running)
		queue_locked(w, text, len, lines);
	else
		put_locked(w, text, len);
	pthread_mutex_unlock(&w->mtx);
}

/* The thread: write what is queued, without the lock. */
static void
thread_put(struct log_writer *w)
{
	char *block = w->queue;
	size_t len = w->len;
	int64_t before = w->dropped;
	unsigned lost;
	bool told;

	w->queue = w->spare;
	w->spare = block;
	w->len = 0;
	pthread_mutex_unlock(&w->mtx);
	lost = log_target_put(&w->target, block, len);
	told = lost == 0 && before > 0 && writer_tell_dropped(w, before);
	pthread_mutex_lock(&w->mtx);
	w->dropped += lost;
	if (told)
		w->dropped -= before;
}

static void
thread_reopen(struct log_writer *w)
{
	const char *path = w->target.path;

	w->reopen = false;
	pthread_mutex_unlock(&w->mtx);
	if (log_target_reopen(&w->target)) {
		writer_tell(w, LOG_LEVEL_NOTICE, "log_reopened",
		    (const struct log_field[]){
			LOG_STR("target", path), LOG_END });
	} else {
		writer_tell(w, LOG_LEVEL_ERROR, "log_not_reopened",
		    (const struct log_field[]){ LOG_STR("target", path),
			LOG_STR("error", strerror(errno)), LOG_END });
	}
	pthread_mutex_lock(&w->mtx);
}

static void *
thread_main(void *arg)
{
	struct log_writer *w = arg;

	pthread_mutex_lock(&w->mtx);
	for (;;) {
		if (w->reopen)
			thread_reopen(w);
		else if (w->len > 0)
			thread_put(w);
		else if (w->stop)
			break;
		else
			pthread_cond_wait(&w->wake, &w->mtx);
	}
	w->done = true;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->mtx);
	return NULL;
}

bool
log_writer_open(struct log_writer *w, const char *target,
    enum log_format format, struct err *err)
{
	bool ok;

	pthread_mutex_lock(&w->mtx);
	ok = log_target_open(&w->target, target, err);
	w->style.format = format;
	w->style.priority = w->target.kind == LOG_TARGET_SYSLOG;
	pthread_mutex_unlock(&w->mtx);
	return ok;
}

static void
queue_free(struct log_writer *w)
{
	free(w->queue);
	free(w->spare);
	w->queue = NULL;
	w->spare = NULL;
}

bool
log_writer_start(struct log_writer *w)
{
	int error = ENOMEM;

	if (w->target.kind == LOG_TARGET_STDERR)
		return true;
	w->queue = malloc(LOG_QUEUE_MAX);
	w->spare = malloc(LOG_QUEUE_MAX);
	w->stop = false;
	w->done = false;
	if (w->queue != NULL && w->spare != NULL)
		error = pthread_create(&w->thread, NULL, thread_main, w);
	if (error != 0) {
		queue_free(w);
		errno = error;
		return false;
	}
	pthread_mutex_lock(&w->mtx);
	w->running = true;
	pthread_mutex_unlock(&w->mtx);
	return true;
}

/* False: the target stands still. */
static bool
wait_done_locked(struct log_writer *w)
{
	struct timespec until;
	int64_t end_ms = clock_mono_ms() + LOG_PATIENCE_MS;

	until.tv_sec = end_ms / 1000;
	until.tv_nsec = end_ms % 1000 * 1000000;
	while (!w->done && pthread_cond_clockwait(&w->ended, &w->mtx,
			       CLOCK_MONOTONIC, &until) != ETIMEDOUT)
		;
	return w->done;
}

void
log_writer_stop(struct log_writer *w)
{
	bool done = false;

	pthread_mutex_lock(&w->mtx);
	if (w->running) {
		w->stop = true;
		pthread_cond_signal(&w->wake);
		done = wait_done_locked(w);
		w->running = !done;
	}
	pthread_mutex_unlock(&w->mtx);
	if (!done)
		return;
	pthread_join(w->thread, NULL);
	queue_free(w);
}

void
log_writer_reopen(struct log_writer *w)
{
	pthread_mutex_lock(&w->mtx);
	if (w->running && w->target.kind == LOG_TARGET_FILE) {
		w->reopen = true;
		pthread_cond_signal(&w->wake);
	}
	pthread_mutex_unlock(&w->mtx);
}
