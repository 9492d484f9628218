/*
 * Where lines of the log go: standard error, syslog(3) or a file. No lock and
 * no thread: that is log/log_writer's.
 *
 *  - "stderr" never blocks where it is a pipe or a socket: what that does not
 *    take at once is lost.
 *  - "/path" is opened for appending, and made with mode 0640. Its directory is
 *    the operator's; the file may be moved away, and reopened.
 *  - "syslog" may block for as long as the daemon does not read, and does not
 *    say what got lost.
 */
#ifndef LOG_LOG_TARGET_H
#define LOG_LOG_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum log_target_kind {
	LOG_TARGET_STDERR,
	LOG_TARGET_SYSLOG,
	LOG_TARGET_FILE,
};

struct log_target {
	enum log_target_kind	 kind;
	const char		*path;	/* of a file; stays the caller's */
	int			 fd;	/* -1: syslog's own */
	bool			 ready;	/* takes any length without blocking
					   but for the disk */
	bool			 torn;	/* its last line is not whole */
};

/* Whether a text names a target: stderr, syslog or a path from the root. */
bool log_target_valid(const char *name);

/*
 * Whether it could be opened now; nothing is made. False: err holds a line
 * for a person.
 */
bool log_target_check(const char *name, struct err *err);

/*
 * Open; name lives as long as the target. False: err as above, and the target
 * is standard error.
 */
bool log_target_open(struct log_target *, const char *name, struct err *err);
void log_target_close(struct log_target *);

/* Reopen the file; false: errno says why, and the old one stays in use. */
bool log_target_reopen(struct log_target *);

/*
 * Write whole lines, for LOG_TARGET_SYSLOG in the style with a priority, and
 * at most PIPE_BUF bytes for LOG_TARGET_STDERR. Returns how many of them were
 * lost.
 */
unsigned log_target_put(struct log_target *, const char *text, size_t len);

#endif
