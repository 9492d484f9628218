/* Whether bytes from elsewhere are an index that may be searched. */
#ifndef ARTICLES_INDEX_CHECK_H
#define ARTICLES_INDEX_CHECK_H

#include <stddef.h>

#include "articles/index_layout.h"

/*
 * What is wrong with a head, given the size of the file that it begins; NULL:
 * nothing, and index_layout of it is that size.
 */
const char *index_check_head(const struct index_head *, uint64_t file_size);

/*
 * What is wrong with all of an index whose head is right; NULL: nothing. It may
 * lie at a multiple of eight. Afterwards every number in it leads to where it
 * should, every text is UTF-8 with a NUL behind it, every URL and date has its
 * form.
 */
const char *index_check(const char *bytes, size_t);

#endif
