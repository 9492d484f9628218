/*
 * The only place where libfcgi works: it parses a request that is complete,
 * from memory (ours is the OS_Read that it calls), so that it can neither block
 * nor hold anything. What is needed is copied out before it is closed again.
 */
#ifndef SERVER_FCGI_PARSE_H
#define SERVER_FCGI_PARSE_H

#include <stdbool.h>

#include "server/cgi.h"
#include "server/fcgi_records.h"

struct parser;			/* of one loop */

/*
 * To be called once, before the first parser. SIGPIPE is ignored afterwards.
 * False when libfcgi fails, or reads past our OS_Read.
 */
bool parser_init(void);

/* NULL without memory. */
struct parser *parser_new(void);
void parser_free(struct parser *);

/*
 * The request that the reader has collected. NULL without memory. When the
 * parameters are not well-formed, or the bytes are not what libfcgi takes for
 * a request, *bad is set and NULL returned. A variable
 * that is empty is as if it had not come.
 */
struct cgi *parser_run(struct parser *, const struct fcgi_reader *, bool *bad);

#endif
