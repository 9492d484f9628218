/*
 * The log is written by every loop for every request, so the lines of a loop
 * are held for a moment and leave together.
 */
#include "log/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "log/log_limit.h"
#include "log/log_writer.h"

static atomic_int least = LOG_LEVEL_INFO;
static struct log_writer writer = LOG_WRITER_INIT;

/* What storms are counted in, and its lock. */
static pthread_mutex_t limit_mtx = PTHREAD_MUTEX_INITIALIZER;
static struct log_limit limit;

/* What this thread has to write, from log_hold on. */
static _Thread_local struct {
	bool on;
	unsigned lines;
	size_t len;
	char text[PIPE_BUF];
} held;

_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line is written at once");

static enum log_level
log_least(void)
{
	return (enum log_level)atomic_load_explicit(
	    &least, memory_order_relaxed);
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&least, (int)level, memory_order_relaxed);
}

bool
log_shows(enum log_level level)
{
	return level >= log_least();
}

static void
held_write(void)
{
	if (held.len > 0)
		log_writer_write(&writer, held.text, held.len, held.lines);
	held.len = 0;
	held.lines = 0;
}

static void
held_add(const struct log_line *l)
{
	if (held.len + l->len > sizeof(held.text))
		held_write();
	memcpy(held.text + held.len, l->text, l->len);
	held.len += l->len;
	held.lines++;
}

void
log_hold(void)
{
	held.on = true;
}

void
log_flush(void)
{
	int saved = errno;

	held_write();
	errno = saved;
}

bool
log_holds(void)
{
	return held.len > 0;
}

static void
line_write(
    enum log_level level, const char *event, const struct log_field *fields)
{
	struct log_line l;

	log_line_make(&l, &writer.style, clock_wall_ms(), level, event, fields);
	if (!held.on) {
		log_writer_write(&writer, l.text, l.len, 1);
		return;
	}
	held_add(&l);
	if (level >= LOG_LEVEL_WARN)
		held_write();
}

bool
log_allows(enum log_level level, const char *event, unsigned most)
{
	enum log_level now = log_least();
	bool allowed;

	if (now == LOG_LEVEL_DEBUG || level < now)
		return level >= now;
	pthread_mutex_lock(&limit_mtx);
	allowed = log_limit_take(&limit, event, most, clock_mono_ms());
	pthread_mutex_unlock(&limit_mtx);
	return allowed;
}

void
log_write(
    enum log_level level, const char *event, const struct log_field *fields)
{
	int saved = errno;

	if (!log_shows(level))
		return;
	if ((level == LOG_LEVEL_WARN || level == LOG_LEVEL_ERROR) &&
	    !log_allows(level, event, LOG_MOST))
		return;
	line_write(level, event, fields);
	errno = saved;
}

/* Tell what storms have hidden until a time. */
static void
storms_tell(int64_t now_ms)
{
	const char *event = NULL;
	int64_t lines;

	do {
		pthread_mutex_lock(&limit_mtx);
		lines = log_limit_told(&limit, &event, now_ms);
		pthread_mutex_unlock(&limit_mtx);
		if (lines > 0)
			line_write(LOG_LEVEL_WARN, "log_limited",
			    (const struct log_field[]){ LOG_STR("of", event),
				LOG_INT("lines", lines), LOG_END });
	} while (lines > 0);
}

void
log_tick(void)
{
	storms_tell(clock_mono_ms());
}

void
log_begin(void)
{
	log_writer_open(&writer, "stderr", LOG_FORMAT_LOGFMT, NULL);
}

bool
log_open(const char *target, enum log_format format, struct err *err)
{
	return log_writer_open(&writer, target, format, err);
}

bool
log_start(void)
{
	return log_writer_start(&writer);
}

void
log_stop(void)
{
	storms_tell(INT64_MAX);
	held_write();
	log_writer_stop(&writer);
}

void
log_reopen(void)
{
	log_writer_reopen(&writer);
}
