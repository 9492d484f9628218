/*
 * Watching the articles' file: a thread of its own looks every few seconds, or
 * when told to, so that a new file is served without a restart.
 */
#ifndef ARTICLES_RELOAD_H
#define ARTICLES_RELOAD_H

#include "articles/articles.h"

#define RELOAD_SECONDS 5

struct reload;

/* NULL: errno says why. The articles must outlive it. */
struct reload *reload_start(struct articles *);

/* Look at once. */
void reload_now(struct reload *);	/* NULL is allowed */

/* A file that is being read is given up. */
void reload_stop(struct reload *);	/* NULL is allowed */

#endif
