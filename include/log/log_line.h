/*
 * A line of the log as text, from its fields: logfmt (key=value pairs) or JSON
 * Lines. Nothing that a client or an upstream sends can end a line early or
 * forge a field, in either format:
 *
 *  - logfmt: a value is bare, or quoted when it needs it. Quotes, backslashes,
 *    control characters, what ends a line in Unicode (U+0085, U+2028, U+2029),
 *    what turns the direction of writing, and bytes that are not UTF-8 are then
 *    \xHH, byte by byte.
 *  - JSON (RFC 8259): the same characters are \", \\ and \uHHHH; a byte that
 *    is not UTF-8 is U+FFFD.
 *
 * Values in, bytes out: no descriptor and no clock.
 */
#ifndef LOG_LOG_LINE_H
#define LOG_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
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
#define LOG_LEVELS 6

enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON,
};

enum log_kind {
	LOG_KIND_END,
	LOG_KIND_STR,
	LOG_KIND_BARE,
	LOG_KIND_INT,
	LOG_KIND_US,
	LOG_KIND_TRUE,
};

struct log_field {
	enum log_kind	 kind;
	unsigned	 key_len;
	const char	*key;		/* [a-z_]+ */
	const char	*str;
	int64_t		 num;
};

/* The field whose key is a literal, k. */
#define LOG_FIELD(kind, k, str, num)                                           \
	{                                                                      \
		(kind), sizeof("" k) - 1, (k), (str), (int64_t)(num)           \
	}

/* A string; NULL is left out. */
#define LOG_STR(k, v) LOG_FIELD(LOG_KIND_STR, k, v, 0)
/*
 * A string of letters, digits and "-._:/" alone, as are our own hashes and
 * checked ids: it is not looked at. NULL is left out.
 */
#define LOG_BARE(k, v) LOG_FIELD(LOG_KIND_BARE, k, v, 0)
/* A whole number. */
#define LOG_INT(k, v) LOG_FIELD(LOG_KIND_INT, k, NULL, v)
/* A duration in microseconds, shown as milliseconds with three decimals. */
#define LOG_US(k, v) LOG_FIELD(LOG_KIND_US, k, NULL, v)
/* What is so. */
#define LOG_TRUE(k) LOG_FIELD(LOG_KIND_TRUE, k, NULL, 0)
/* Behind the last field. */
#define LOG_END LOG_FIELD(LOG_KIND_END, "", NULL, 0)

/* What all lines of a log have in common. */
struct log_style {
	enum log_format	 format;
	bool		 priority;	/* each begins with one of syslog(3),
					   as sd-daemon(3) has it: "<6>" */
};

struct log_line {
	size_t	 len;
	bool	 full;			/* nothing more is added */
	bool	 json;
	char	 text[LOG_LINE_MAX];	/* no NUL at its end */
};

/*
 * Write a line, its newline included: time (RFC 3339, UTC, milliseconds),
 * level, event (as LOG_BARE) and the fields up to LOG_END. It is at most
 * LOG_LINE_MAX bytes: the string that reaches the end is cut between
 * characters, what comes behind is left out, and the form stays whole.
 */
void log_line_make(struct log_line *, const struct log_style *,
    int64_t wall_ms, enum log_level, const char *event,
    const struct log_field *);

/* The level of a name such as "info"; false when there is none. */
bool log_level_parse(enum log_level *, const char *name);

#endif
