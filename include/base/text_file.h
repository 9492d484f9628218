/*
 * A text file as a person left it: perhaps with a byte order mark, its lines
 * ended as on Unix or as on Windows. What is wrong with it is told with the
 * setting that names it and the line, and never with what the line holds: the
 * file may be a secret, of which nothing stays behind here.
 */
#ifndef BASE_TEXT_FILE_H
#define BASE_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

struct text_file {
	const char	*setting;	/* that names it; stays the caller's */
	const char	*path;		/* likewise */
	size_t		 line;		/* the last one read, from 1 */
	bool		 ended;		/* it had an end of its own */
	bool		 failed;	/* err was filled */

	/* private */
	struct err	*err;
	FILE		*f;
	char		 buffer[4096];
};

/* False: err holds a line for a person, "setting: path: what". */
bool text_file_open(struct text_file *, const char *setting, const char *path,
    struct err *err);

/*
 * The next line, without its end and without the mark at the file's head. A
 * line with a NUL, one of more bytes than the buffer may hold, and UTF-16 are
 * failures. False: there is no further line, or tf->failed.
 */
bool text_file_next(struct text_file *, struct buf *line);

/*
 * Tell what is wrong with the last line, or with the whole file before the
 * first one: "setting: path:line: what". Returns false.
 */
bool text_file_refuse(struct text_file *, const char *what, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether nothing failed. What was read through the file is overwritten. */
bool text_file_close(struct text_file *);

/*
 * The one line of a file that holds one thing, such as a key: without blanks
 * around it; blank lines do not count. what is that thing, for a person.
 * False: err as above. The caller wipes the line, whatever the result.
 */
bool text_file_single(struct buf *line, const char *setting, const char *path,
    const char *what, struct err *err);

#endif
