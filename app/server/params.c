/*
 * The names and values of a request's PARAMS. A web server sends some thirty of
 * them with each request, so those that nobody asks for are passed by quickly.
 */
#include "server/params.h"

#include <string.h>

#define LEAST_PAIR 4 /* bytes of a pair with a name and a value */

/* A length of one byte, or of four with the highest bit set (section 3.4). */
static bool
take_length(const uint8_t **p, const uint8_t *end, size_t *len)
{
	size_t size = *p < end && (**p & 0x80) != 0 ? 4 : 1;

	if ((size_t)(end - *p) < size)
		return false;
	*len = size == 1
	           ? **p
	           : (size_t)((*p)[0] & 0x7f) << 24 | (size_t)(*p)[1] << 16 |
	                 (size_t)(*p)[2] << 8 | (*p)[3];
	*p += size;
	return true;
}

/* Nearly every pair has two short lengths. */
static inline bool
take_lengths(const uint8_t **p, const uint8_t *end, struct param *pair)
{
	if (end - *p < 2 || (((*p)[0] | (*p)[1]) & 0x80) != 0)
		return take_length(p, end, &pair->name_len) &&
		       take_length(p, end, &pair->value_len);
	pair->name_len = (*p)[0];
	pair->value_len = (*p)[1];
	*p += 2;
	return true;
}

static inline bool
take_pair(const uint8_t **p, const uint8_t *end, struct param *pair)
{
	if (!take_lengths(p, end, pair))
		return false;
	if (pair->name_len > (size_t)(end - *p) ||
	    pair->value_len > (size_t)(end - *p) - pair->name_len)
		return false;
	pair->name = (const char *)*p;
	pair->value = pair->name + pair->name_len;
	*p += pair->name_len + pair->value_len;
	return true;
}

bool
params_next(const uint8_t **p, const uint8_t *end, struct param *pair)
{
	return take_pair(p, end, pair);
}

/* What tells most names apart: their length, their middle and their end. */
static inline unsigned
name_key(const char *text, size_t len)
{
	return ((unsigned)len * 5 + (unsigned char)text[len / 2] * 3 +
		   (unsigned char)text[len - 1]) %
	       PARAMS_NAME_KEYS;
}

void
params_names_init(
    struct params_names *names, const struct params_name *list, size_t count)
{
	*names = (struct params_names){ .list = list };
	for (size_t i = 0; i < count; i++)
		names->of_key[name_key(list[i].text, list[i].len)] |=
		    UINT32_C(1) << i;
}

static inline int
names_find(const struct params_names *names, const char *text, size_t len)
{
	const struct params_name *name;
	uint32_t left;

	if (len == 0)
		return -1;
	for (left = names->of_key[name_key(text, len)]; left != 0;
	     left &= left - 1) {
		name = &names->list[__builtin_ctz(left)];
		if (name->len == len && memcmp(name->text, text, len) == 0)
			return (int)(name - names->list);
	}
	return -1;
}

bool
params_pick(struct buf *b, const void *params, size_t n,
    const struct params_names *names)
{
	return params_pick_noting(b, NULL, params, n, names);
}

bool
params_pick_noting(struct buf *b, struct buf *which, const void *params,
    size_t n, const struct params_names *names)
{
	const uint8_t *p = params, *end = n > 0 ? p + n : p, *start;
	char *to = buf_reserve(b, n), *note = NULL;
	struct param pair;
	int name;

	if (which != NULL)
		note = buf_reserve(which, n / LEAST_PAIR);
	if (to == NULL || (which != NULL && note == NULL))
		return false;
	while (p != end) {
		start = p;
		if (!take_pair(&p, end, &pair))
			return false;
		if (pair.value_len == 0 ||
		    (name = names_find(names, pair.name, pair.name_len)) == -1)
			continue;
		if (memchr(pair.value, '\0', pair.value_len) != NULL)
			return false;
		memcpy(to, start, (size_t)(p - start));
		to += p - start;
		if (note != NULL)
			*note++ = (char)name;
	}
	buf_commit(b, (size_t)(to - (b->data + b->len)));
	if (note != NULL)
		buf_commit(which, (size_t)(note - (which->data + which->len)));
	return true;
}
