/*
 * A list of web origins as a person writes it: "*" for all, or
 * scheme://host[:port] (RFC 6454, section 6.2) with commas between. Browsers
 * write an origin in one form only, so that equal means equal byte by byte:
 * lower case, international names as punycode, no default port, no path.
 */
#ifndef BASE_ORIGINS_H
#define BASE_ORIGINS_H

#include <stdbool.h>

#define ORIGINS_MAX_ONE 300	/* bytes of one origin */

/* Whether it is such a list; an empty one is. */
bool origins_valid(const char *list);

/* Whether a valid list is "*". */
bool origins_any(const char *list);

/* Whether a valid list names this origin; "*" names none. */
bool origins_have(const char *list, const char *origin);

#endif
