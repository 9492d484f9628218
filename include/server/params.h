/*
 * Name-value pairs as PARAMS and GET_VALUES have them (FastCGI Specification
 * 1.0, section 3.4): bytes in and bytes out.
 */
#ifndef SERVER_PARAMS_H
#define SERVER_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct param {
	const char	*name, *value;	/* not NUL-terminated */
	size_t		 name_len, value_len;
};

/*
 * Take the pair at *p, before end; *p is moved behind it. The name and the
 * value stay where they are. False when the lengths do not fit the bytes that
 * are there.
 */
bool params_next(const uint8_t **p, const uint8_t *end, struct param *);

struct params_name {
	const char	*text;
	size_t		 len;		/* not 0 */
};

#define PARAMS_NAME_KEYS 64

/* At most 32 names, to be found by a few of their characters. */
struct params_names {
	const struct params_name	*list;
	uint32_t	 of_key[PARAMS_NAME_KEYS];	/* a bit for each */
};
void params_names_init(struct params_names *, const struct params_name *,
    size_t count);

/*
 * Copy from PARAMS those pairs that have one of the names and a value, in
 * their order. False when PARAMS are not name-value pairs whose lengths fit the
 * bytes that are there, or such a value holds a NUL: libfcgi aborts the process
 * on some lengths that do not fit, and cuts at a NUL. False, too, when the
 * buffer has no room for n bytes.
 */
bool params_pick(struct buf *, const void *params, size_t n,
    const struct params_names *);

/*
 * Likewise; which gets a byte for each of them, the place of its name in the
 * list.
 */
bool params_pick_noting(struct buf *, struct buf *which, const void *params,
    size_t n, const struct params_names *);

#endif
