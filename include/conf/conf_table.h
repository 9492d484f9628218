/*
 * The table of settings and how a value is read: for conf.c, which knows where
 * values come from, and conf_doc.c, which prints. Nobody else includes this.
 */
#ifndef CONF_CONF_TABLE_H
#define CONF_CONF_TABLE_H

#include <stddef.h>

#include "conf/conf.h"
#include "conf/conf_kind.h"

#define CONF_MAX_SETTINGS 64
#define CONF_ALLOWED_SIZE 128	/* fits what conf_allowed writes */

struct conf_setting {
	const char	*key;
	enum conf_kind	 kind;
	size_t		 offset;	/* of the member of struct conf */
	size_t		 size;		/* of that member; its kind's, too */
	const char	*def;		/* written as in a file */
	const char	*min, *max;	/* likewise; NULL: no range */
	const char	*meaning;
};

enum conf_result {
	CONF_SET,
	CONF_REFUSED,			/* not what conf_allowed says */
	CONF_NOMEM,
};

extern const struct conf_setting conf_settings[];
extern const size_t conf_settings_count;

/* The row of a key; NULL when there is none. */
const struct conf_setting *conf_find(const char *key);

/*
 * What is wrong with a value, for a person who is told conf_allowed; "": that
 * says it all; NULL: nothing.
 */
const char *conf_fault(const struct conf_setting *, const char *value);

/* Read a value into its member; nothing changes unless it returns CONF_SET. */
enum conf_result conf_set(struct conf *, const struct conf_setting *,
    const char *value);

/* What a value must be, for a person: "a whole number, 0 to 256". */
void conf_allowed(char out[CONF_ALLOWED_SIZE], const struct conf_setting *);

#endif
