/*
 * JSON in and out. Reading: our own gate lets only an object in I-JSON through
 * (RFC 8259 to the letter and RFC 7493), then json-c builds the tree; its own
 * strict mode lets too much pass. Writing: straight into a buffer, since
 * json-c's serializer loses out-of-memory errors and needs a tree first.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rc.h"

#define JSON_MAX_DEPTH 16	/* objects and arrays, the outer one too */

/*
 * Reading.
 */

struct json;			/* a value inside a parsed document */

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/*
 * Parse a document that is one object. RC_UTF8 when it is not UTF-8; RC_JSON
 * when it is anything else: a lone surrogate, a noncharacter (RFC 7493, section
 * 2.1) or a NUL, escaped or not, a duplicate name (also when written
 * differently, as "a" and "\u0061"), deeper than JSON_MAX_DEPTH, bytes behind
 * it. RC_NOMEM. *doc must be freed with json_free; the values inside live as
 * long as it.
 */
enum rc json_parse(const char *, size_t, struct json **doc);

void json_free(struct json *);

/*
 * The member of an object; NULL when absent, null, or when this is not an
 * object.
 */
const struct json *json_get(const struct json *, const char *name);

/* The element of an array; NULL past its end, when null, or no array. */
const struct json *json_at(const struct json *, size_t index);

/* The kind of a value; JSON_NULL also for NULL, an absent member. */
enum json_kind json_kind(const struct json *);

/* The text of a string (NUL-terminated as well), NULL for another kind. */
const char *json_text(const struct json *, size_t *len);

/* The value of a boolean; false for another kind. */
bool json_true(const struct json *);

/*
 * The value of a whole number (also 1.0 or 1e3) from -INT64_MAX to INT64_MAX;
 * otherwise the fallback.
 */
int64_t json_integer(const struct json *, int64_t fallback);

/*
 * Writing. Commas are set by themselves; `name` is NULL inside an array and
 * for the outermost value, before which the buffer must not end with a letter,
 * a digit, a quote or a closing bracket. Names and texts are UTF-8; letters
 * and slashes are not escaped. A failure sticks to the buffer.
 */
void json_open(struct buf *, const char *name);		/* { */
void json_close(struct buf *);				/* } */
void json_open_array(struct buf *, const char *name);	/* [ */
void json_close_array(struct buf *);			/* ] */
void json_add_text(struct buf *, const char *name, const char *, size_t);
void json_add_string(struct buf *, const char *name, const char *);
/* Part of a text, inside of quotes that are added with buf_addc. */
void json_add_part(struct buf *, const char *, size_t);
void json_add_integer(struct buf *, const char *name, int64_t);
void json_add_bool(struct buf *, const char *name, bool);

#endif
