/*
 * The log: one line per event, on standard error, to syslog(3) or to a file.
 * What is never logged: a message's text, a whole session id, a key.
 *
 *	log_warn("config", LOG_STR("key", key), LOG_INT("line", n));
 *
 * How a line looks is told in log/log_line.h, how it leaves, and that nobody
 * waits for it, in log/log_writer.h. All functions may be called from any
 * thread and keep errno, but for those that main calls, as is said there.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "log/log_line.h"

#define LOG_MOST	10	/* lines of a warning or an error a minute */

/* Six verbs; each takes the event's name, a literal, and its fields. */
#define log_debug(event, ...) LOG_VERB(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_VERB(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_notice(event, ...) LOG_VERB(LOG_LEVEL_NOTICE, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_VERB(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_VERB(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_fatal(event, ...) LOG_VERB(LOG_LEVEL_FATAL, event, __VA_ARGS__)

#define LOG_VERB(level, event, ...)                                            \
	log_write((level), (event),                                            \
	    (const struct log_field[]) { __VA_ARGS__, LOG_END })

/*
 * Write one line; fields end with LOG_END. Of each event of level warn or
 * error, LOG_MOST lines a minute are written; log_tick tells how many more
 * there were. When the level is debug all are.
 */
void log_write(enum log_level, const char *event, const struct log_field *);

/*
 * The same rule for whoever writes another event that others can cause: whether
 * one more line of it may be written, at most `most` a minute. False: it was
 * counted, or the level leaves it out.
 */
bool log_allows(enum log_level, const char *event, unsigned most);

/*
 * From log_hold on the lines of this thread are kept, until they fill a page,
 * log_flush is called, or one of level warn or above comes.
 */
void log_hold(void);
void log_flush(void);

/* Whether this thread keeps lines that must be written. */
bool log_holds(void);

/* Lines below the level are left out; the default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level);
bool log_shows(enum log_level);

/*
 * For main. At first lines go to standard error: log_begin looks at what that
 * is, and must be called again when it was replaced. log_open sends them to
 * a target (log/log_target.h); false: err says why, for a person.
 */
void log_begin(void);
bool log_open(const char *target, enum log_format, struct err *err);

/*
 * For main, once signals are blocked: start the thread that writes; and end it
 * with what it has still to write. False: errno says why.
 */
bool log_start(void);
void log_stop(void);

/* For main: once a second, so that what was hidden is reported. */
void log_tick(void);

/* For main: reopen the file, if there is one. */
void log_reopen(void);

#endif
