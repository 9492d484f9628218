/*
 * The documents that are made of the table of settings: the help, and what the
 * manual page and docs/operating.md say of each setting.
 */
#ifndef CONF_CONF_DOC_H
#define CONF_CONF_DOC_H

#include <stdio.h>

#define CONF_USAGE                                                             \
	"causerie [-f FILE] [-s KEY=VALUE]... [-l LISTEN] [-t] [-V] [-h]"

/* The help of -h: usage and every setting with default and range. */
void conf_help(FILE *);

/* The rows of docs/operating.md's table, and of the manual page (man(7)). */
void conf_markdown(FILE *);
void conf_man(FILE *);

#endif
