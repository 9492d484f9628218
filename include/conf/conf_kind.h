/*
 * The kinds of value that a setting can have: what a person may write, and how
 * it is read. For conf_table.c alone.
 */
#ifndef CONF_CONF_KIND_H
#define CONF_CONF_KIND_H

#include <stdbool.h>
#include <stdint.h>

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
	CONF_ORIGINS,		/* char *: NULL when empty */
	CONF_TOKEN,		/* likewise */
	CONF_TOKENS_FIELD,	/* int: enum conf_tokens_field */
	CONF_RATE,		/* struct conf_rate */
	CONF_ADDRESSES,		/* char *: NULL when empty; addr_set_parse's */
	CONF_LOG_FORMAT,	/* int: enum log_format */
	CONF_LOG_TARGET,	/* char *: log_target_open's */
	CONF_LOG_CLIENT,	/* int: enum addr_shown */
};

/*
 * Read a number: true, and *out in the unit of the kind's member (hundredths
 * for CONF_HUNDREDTHS; for CONF_RATE its count, and its seconds << 32), when
 * the whole text is one; *out is undefined otherwise.
 */
typedef bool conf_number_f(uint64_t *out, const char *);

/* Whether a text is of the kind. */
typedef bool conf_text_f(const char *);

struct conf_kind_rule {
	const char	*noun;		/* for a person: "a whole number" */
	conf_number_f	*number;	/* NULL: it is a text */
	conf_text_f	*text;		/* NULL: it is a number */
};

/* By enum conf_kind. */
extern const struct conf_kind_rule conf_kinds[];

#endif
