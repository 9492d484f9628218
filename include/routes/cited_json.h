/* What an answer goes by, in JSON: one writer for all replies that say it. */
#ifndef ROUTES_CITED_JSON_H
#define ROUTES_CITED_JSON_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Add members behind another one: sources, an array; and with cited_json_add
 * grounding and answered_by as well. Of cited.h's bytes; nothing of none, and
 * no sources where the answer names none.
 */
void cited_json_add_sources(struct buf *, const char *, size_t);
void cited_json_add(struct buf *, const char *, size_t);

#endif
