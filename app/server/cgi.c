/* The end of a request: what a visitor wrote does not stay in memory. */
#include "server/cgi.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void
cgi_free(struct cgi *cgi)
{
	if (cgi != NULL && cgi->body_own && cgi->body_len > 0)
		explicit_bzero((void *)(uintptr_t)cgi->body, cgi->body_len);
	free(cgi);
}
