/*
 * The table of settings and how a value is read: for conf.c, which knows where
 * values come from, and conf_doc.c, which prints. Nobody else includes this.
 */
#ifndef BASE_CONF_TABLE_H
#define BASE_CONF_TABLE_H

#include <stddef.h>

#include "base/conf.h"

#define CONF_MAX_SETTINGS 64
#define CONF_ALLOWED_SIZE 128	/* fits what conf_allowed writes */

enum conf_kind {
	CONF_WHOLE,		/* uint64_t: a number */
	CONF_BYTES,		/* uint64_t: a number, K, M or G behind it */
	CONF_MINUTES,		/* int64_t, milliseconds: fractions allowed */
	CONF_SECONDS,		/* likewise */
	CONF_YESNO,		/* bool */
	CONF_LEVEL,		/* int: enum log_level */
	CONF_BASE_PATH,		/* char *: "" when empty */
	CONF_FILE,		/* char *: NULL when empty */
	CONF_LISTEN,		/* char *: NULL when empty */
	CONF_NAME,		/* likewise */
	CONF_URL,		/* likewise; no slash at its end */
	CONF_SECRET,		/* likewise; never on the command line */
	CONF_HUNDREDTHS,	/* double: a number, two decimals */
	CONF_RESPONDER,		/* int: enum conf_responder */
	CONF_TOKENS_FIELD,	/* int: enum conf_tokens_field */
};

struct conf_setting {
	const char	*key;
	enum conf_kind	 kind;
	size_t		 offset;	/* of the member of struct conf */
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

/* Read a value into its member; nothing changes unless it returns CONF_SET. */
enum conf_result conf_set(struct conf *, const struct conf_setting *,
    const char *value);

/* What a value must be, for a person: "a whole number, 0 to 256". */
void conf_allowed(char out[CONF_ALLOWED_SIZE], const struct conf_setting *);

#endif
