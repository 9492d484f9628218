/* What a client would rather have (RFC 9110, section 12). */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <stdbool.h>

#include "base/rc.h"

/*
 * The language that Accept-Language prefers (section 12.5.4): English when its
 * weight is above that of French.
 */
enum lang accept_language(const char *);

/*
 * Whether Accept (section 12.5.1) names text/event-stream and would rather have
 * that than JSON: with a greater weight, or with the same where JSON is only
 * among all types. In what order they stand means nothing.
 */
bool accept_events(const char *);

#endif
