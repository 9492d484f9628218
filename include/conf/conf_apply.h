/*
 * One setting, from wherever it comes, into the configuration. For conf.c
 * alone.
 */
#ifndef CONF_CONF_APPLY_H
#define CONF_CONF_APPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/conf.h"
#include "conf/conf_table.h"

#define CONF_PREFIX	 "CAUSERIE_"	/* of environment variables */
#define CONF_MAX_KEY	 64		/* bytes */
#define CONF_KEY_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

struct conf_loader {
	struct conf	*cf;
	struct err	*err;		/* for one line for a person */
};

/* Put a line into err; returns false. */
bool conf_refuse(struct conf_loader *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* Set a value that stands at a place; false: err says what is wrong. */
bool conf_apply(struct conf_loader *, const char *where,
    const struct conf_setting *, const char *value);

/*
 * Split "key = value", which stands at a place, without the blanks around
 * both; the line is changed. NULL: err says what is wrong.
 */
const struct conf_setting *conf_split(struct conf_loader *, const char *where,
    char *line, char **value);

/* The text without the blanks and line ends around it; it is changed. */
char *conf_trim(char *);

#endif
