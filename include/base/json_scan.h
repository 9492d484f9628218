/*
 * Reading JSON as it stands, without building a tree: for documents that come
 * by the thousand and of which little is wanted. The caller steps through the
 * members and takes what it knows; all else is passed over. Bytes in, values
 * out; nothing is allocated.
 *
 * It is made for what upstreams send, so it is lenient: numbers are looked at
 * only when asked for, NaN and Infinity are numbers, names may come twice,
 * texts may hold control characters and what is not UTF-8 (but no NUL).
 */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define JSON_SCAN_MAX_DEPTH 32	/* open objects and arrays */

struct json_scan {
	/* of the last member */
	const char	*name;		/* as written, escapes and all */
	size_t		 name_len;

	/* the scanner's own */
	const char	*p;
	const char	*end;
	unsigned	 depth;
	bool		 opened;	/* just now */
	bool		 failed;	/* not JSON: nothing more comes */
};

/* Stand before the only value of a document, which outlives the scan. */
void json_scan_init(struct json_scan *, const char *, size_t);

/* Whether the document was JSON, and ends here. */
bool json_scan_end(struct json_scan *);

/*
 * The first character of what comes next, which tells its kind; NUL when
 * nothing comes.
 */
char json_scan_kind(struct json_scan *);

/*
 * Each of these passes over one value; false, and nothing given, when it is of
 * another kind. An object that was entered must be stepped through with
 * json_scan_member until that says false, passing over one value each time; an
 * array likewise with json_scan_element.
 */
void json_scan_skip(struct json_scan *);
bool json_scan_object(struct json_scan *);
bool json_scan_array(struct json_scan *);
bool json_scan_null(struct json_scan *);

/* The bytes between the quotes, for json_scan_decode; inside the document. */
bool json_scan_string(struct json_scan *, const char **, size_t *);

/*
 * A whole number (also 1.0 or 1e3) of less than 2^53, above which a double does
 * not tell neighbours apart; otherwise the fallback.
 */
int64_t json_scan_integer(struct json_scan *, int64_t fallback);

bool json_scan_member(struct json_scan *);
bool json_scan_element(struct json_scan *);

/* Whether the last member has this name. */
static inline bool
json_scan_named(const struct json_scan *s, const char *name)
{
	size_t n = strlen(name);

	return s->name_len == n && memcmp(s->name, name, n) == 0;
}

/*
 * Add the text of a string, of json_scan_string's bytes, as clean UTF-8: a NUL,
 * a lone surrogate and what is not UTF-8 become U+FFFD each.
 */
void json_scan_decode(struct buf *, const char *, size_t);

/*
 * How many bytes at the end of a string are half a character, whose other half
 * the next string may begin with: the escape of a high surrogate, or the first
 * bytes of UTF-8; at most JSON_SCAN_MAX_HALF. 0: none.
 */
#define JSON_SCAN_MAX_HALF 6
size_t json_scan_half(const char *, size_t);

#endif
