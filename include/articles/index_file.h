/* An index as a file. */
#ifndef ARTICLES_INDEX_FILE_H
#define ARTICLES_INDEX_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "articles/index.h"
#include "articles/index_build.h"

/* Whether the file begins as an index does; it stands at its beginning again
   after that. */
bool index_file_is(int fd);

/*
 * Read an index of so many bytes into memory of its own, and check all of it:
 * the file may be replaced, cut or removed afterwards. NULL: *what says why, in
 * a few words, for as long as nothing else sets errno.
 */
struct index *index_file_read(int fd, size_t size, const struct index_limits *,
    const char **what);

/*
 * Write it, whole or not at all: into path.tmp, which then takes the place of
 * path. Everybody may read it. False: errno says why.
 */
bool index_file_write(const struct index *, const char *path);

#endif
