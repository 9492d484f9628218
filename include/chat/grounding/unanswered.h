/* What was asked for and not found, in words that the site has itself. */
#ifndef CHAT_GROUNDING_UNANSWERED_H
#define CHAT_GROUNDING_UNANSWERED_H

#include <stddef.h>

#include "articles/index.h"
#include "base/buf.h"

#define UNANSWERED_ARTICLES 3	/* that must have a word */
#define UNANSWERED_WORDS    8

/*
 * Write the stems of a message's words that stand in so many articles, sorted,
 * with blanks between them; none with a digit. How many other words it has that
 * mean something.
 */
int unanswered_words(struct buf *, const struct index *, const char *message,
    size_t);

#endif
