/*
 * Articles as JSON Lines: each line an object with the strings title, url (http
 * or https, in ASCII, not twice), date (2025-11-08) and text. Blank lines are
 * left out, as are a byte order mark and the line ends of Windows.
 */
#ifndef ARTICLES_ARTICLE_LINES_H
#define ARTICLES_ARTICLE_LINES_H

#include <stddef.h>

#include "articles/index.h"
#include "articles/index_build.h"
#include "base/err.h"

/*
 * Make an index of a file, or (path is NULL) of the sample articles that are
 * built into the program. NULL: err says "articles: path:line: what is wrong".
 */
struct index *article_lines_read(const char *path, const struct index_limits *,
    struct err *err);

#endif
