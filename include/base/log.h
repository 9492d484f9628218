/*
 * The log: one line per event, as key=value pairs (logfmt), on standard error.
 * Values are quoted when they need it and foreign bytes are escaped, so that
 * nobody can forge a line. What is never logged: a message's text, a whole
 * session id, a key.
 *
 *	log_warn("config", LOG_STR("key", key), LOG_INT("line", n));
 *
 * A line is at most LOG_LINE_MAX bytes, longer ones are cut. Writing never
 * blocks: a line that a full pipe does not take is dropped and counted, and
 * the next line that gets through is followed by the count. All functions may
 * be called from any thread and keep errno.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LINE_MAX 2048

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_FATAL,
};

enum log_kind {
	LOG_KIND_END,
	LOG_KIND_STR,
	LOG_KIND_INT,
	LOG_KIND_US,
};

struct log_field {
	enum log_kind	 kind;
	const char	*key;
	const char	*str;
	int64_t		 num;
};

/* A string; NULL is left out. */
#define LOG_STR(k, v)                                                          \
	{                                                                      \
		LOG_KIND_STR, (k), (v), 0                                      \
	}
/* A whole number. */
#define LOG_INT(k, v)                                                          \
	{                                                                      \
		LOG_KIND_INT, (k), NULL, (int64_t)(v)                          \
	}
/* A duration in microseconds, shown as milliseconds with three decimals. */
#define LOG_US(k, v)                                                           \
	{                                                                      \
		LOG_KIND_US, (k), NULL, (int64_t)(v)                           \
	}

/* Six verbs; each takes the event's name and at least one field. */
#define log_debug(event, ...) LOG_VERB(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_VERB(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_notice(event, ...) LOG_VERB(LOG_LEVEL_NOTICE, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_VERB(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_VERB(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_fatal(event, ...) LOG_VERB(LOG_LEVEL_FATAL, event, __VA_ARGS__)

#define LOG_VERB(level, event, ...)                                            \
	log_write((level), (event),                                            \
	    (const struct log_field[]) {                                       \
		__VA_ARGS__, { LOG_KIND_END, NULL, NULL, 0 } })

/* Write one line; fields end with one of kind LOG_KIND_END. */
void log_write(enum log_level, const char *event, const struct log_field *);

/*
 * From log_hold on the lines of this thread are kept, until they fill a page,
 * log_flush is called, or one of level warn or above comes.
 */
void log_hold(void);
void log_flush(void);

/* Whether this thread keeps lines that are to be written. */
bool log_holds(void);

/*
 * Look at what standard error is: for a regular file, which is always ready,
 * nothing is asked before a write. To be called again when it was replaced.
 */
void log_open(void);

/* Lines below the level are left out; the default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level);

/* The level of a name such as "info"; false when there is none. */
bool log_level_parse(enum log_level *, const char *name);

#endif
