/* Whether a request's body is one that can be read. */
#ifndef HTTP_MEDIA_H
#define HTTP_MEDIA_H

#include "base/rc.h"
#include "server/cgi.h"

#define MEDIA_NAMED_SIZE 40	/* with its NUL */

/*
 * RC_OK for application/json in UTF-8 (also as utf8 and us-ascii, RFC 9110,
 * section 8.3.1) that is not compressed; else RC_MEDIA, or RC_CHARSET or
 * RC_ENCODING, and then what was said instead is in named, "" where that is
 * no token.
 */
enum rc media_check(const struct cgi *, char named[MEDIA_NAMED_SIZE]);

#endif
